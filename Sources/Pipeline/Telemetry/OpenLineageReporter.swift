import Events
import Extract
import Foundation
import Postgres
import SQLFiles
import Warehouse

/// Tells what a run reads and writes, when it begins and when it ends, to whoever the project names. That it cannot is
/// no failure of the run.
///
/// Confined to the thread of the run, like its connection.
final class OpenLineageReporter {
    private let target: OpenLineageTarget
    private let project: Project
    private let options: RunOptions
    /// The tables that a transform fills.
    private let models: [String]
    private let connection: Connection
    private let note: (String) -> Void
    private let outbox: OpenLineageOutbox
    private var known: Database?

    /// Nil where the project tells nobody.
    init?(
        _ project: Project, _ options: RunOptions, models: [String], _ connection: Connection,
        note: @escaping (String) -> Void
    ) {
        guard let target = project.definition.openLineage else { return nil }
        self.target = target
        self.project = project
        self.options = options
        self.models = models
        self.connection = connection
        self.note = note
        outbox = OpenLineageOutbox(target, directory: project.directory)
    }

    /// Tells that a run has begun; and that the one before has failed, where that was killed.
    func begin(_ pipeline: PipelineDefinition, runID: Int64) {
        tell {
            let run = try facts(of: runID)
            if let killedID = try run.getIfPresent("killed_id", as: Int64.self) {
                var event = try event(.fail, of: killedID, pipeline, at: run.get("killed_at"))
                event.error = try run.getIfPresent("killed_error")
                outbox.send(event.json)
            }
            var event = try event(.start, of: runID, pipeline, at: run.get("started_at"))
            event.nominalTime = try run.getIfPresent("nominal_at", as: String.self).flatMap { Timestamp($0) }
            event.inputs = inputs(of: pipeline)
            event.outputs = try outputs(loaded: nil, models.map { ($0, nil) })
            outbox.send(event.json)
        }
    }

    /// Tells how runs ended.
    func end(_ reports: [RunReport], _ pipelines: [PipelineDefinition]) {
        for (report, pipeline) in zip(reports, pipelines) {
            tell {
                let run = try facts(of: report.runID)
                var event = try event(
                    report.error == nil ? .complete : .fail, of: report.runID, pipeline,
                    at: run.get("ended_at"))
                event.nominalTime = try run.getIfPresent("nominal_at", as: String.self).flatMap {
                    Timestamp($0)
                }
                event.error = report.error.map { "\($0)" }
                event.inputs = inputs(of: pipeline, read: try read(by: report.runID))
                let changed =
                    report.models.isEmpty
                    ? models.map { (name: $0, rows: nil) }
                    : report.models.map { (name: $0.model, rows: $0.rowsChanged) }
                event.outputs = try outputs(loaded: report.counts.loaded, changed)
                outbox.send(event.json)
            }
        }
    }

    /// Waits a moment for what is not sent yet.
    func finish() {
        if let failure = outbox.finish() { note("openlineage: \(failure)") }
    }

    private func tell(_ body: () throws -> Void) {
        do { try body() } catch { note("openlineage: \(error)") }
    }

    // MARK: - What an event holds

    private func facts(of runID: Int64) throws -> Result.Row {
        try connection.query(SQLFiles.builtin.text("lineage/run.sql"), [runID], action: "look at the run")
            .first()
    }

    private func event(
        _ kind: OpenLineageEvent.Kind, of runID: Int64, _ pipeline: PipelineDefinition, at time: String
    ) throws -> OpenLineageEvent {
        let database = try database()
        let parent = ProcessInfo.processInfo.environment["OPENLINEAGE_PARENT_ID"]
        return OpenLineageEvent(
            kind: kind, time: Timestamp(time) ?? Timestamp(microseconds: 0),
            runID: database.runUUID(runID), namespace: target.namespace, job: pipeline.name,
            serverVersion: database.serverVersion, parent: parent.flatMap(OpenLineageEvent.Parent.init))
    }

    private func database() throws -> Database {
        let database = try known ?? Database(connection)
        known = database
        return database
    }

    /// Of a source the records and the objects that were read of it.
    private func read(by runID: Int64) throws -> [String: (rows: Int, objects: Int)] {
        let rows = try connection.query(
            SQLFiles.builtin.text("report/run_objects.sql"), [runID], action: "look what the run has read"
        ).rows
        return try Dictionary(grouping: rows) { try $0.get("source", as: String.self) }.mapValues { rows in
            (rows: try rows.reduce(0) { try $0 + $1.get("read", as: Int.self) }, objects: rows.count)
        }
    }

    /// The sources; of a run that only transforms, the events.
    private func inputs(
        of pipeline: PipelineDefinition, read: [String: (rows: Int, objects: Int)]? = nil
    ) -> [OpenLineageEvent.Dataset] {
        guard options.loads else { return (try? tables([("raw.events", nil)])) ?? [] }
        return pipeline.sources.flatMap { source -> [OpenLineageEvent.Dataset] in
            let figures = read.map { $0[source.name] ?? (rows: 0, objects: 0) }
            switch source.input {
            case .files(let files):
                return files.paths.map { path in
                    let name = path.hasPrefix("/") ? path : "\(project.directory)/\(path)"
                    var dataset = OpenLineageEvent.Dataset(namespace: "file", name: name)
                    // Which of several patterns a file matched, the ledger does not tell.
                    if files.paths.count == 1 {
                        (dataset.rows, dataset.files) = (figures?.rows, figures?.objects)
                    }
                    return dataset
                }
            case .http(let api):
                let address = OpenLineageReporter.parts(ofAddress: api.name)
                return [
                    .init(
                        namespace: address?.namespace ?? target.namespace, name: address?.name ?? api.name,
                        rows: figures?.rows)
                ]
            case .command:
                return [
                    .init(
                        namespace: target.namespace, name: "\(pipeline.name).\(source.name)",
                        rows: figures?.rows)
                ]
            }
        }
    }

    /// Scheme and host, and the path without the query: by text, for variables may stand in it.
    private static func parts(ofAddress text: String) -> (namespace: String, name: String)? {
        let address = text.prefix { $0 != "?" }
        guard let scheme = address.firstRange(of: "://") else { return nil }
        let slash = address[scheme.upperBound...].firstIndex(of: "/") ?? address.endIndex
        let name = address[slash...]
        return (String(address[..<slash]), name.isEmpty ? "/" : String(name))
    }

    private func outputs(
        loaded: Int?, _ changed: [(name: String, rows: Int?)]
    ) throws -> [OpenLineageEvent.Dataset] {
        let events = options.loads ? [(name: "raw.events", rows: loaded)] : []
        return try tables(events + (options.transforms ? changed : []))
    }

    /// Tables of the database, by the names that OpenLineage gives to those of PostgreSQL.
    private func tables(_ tables: [(name: String, rows: Int?)]) throws -> [OpenLineageEvent.Dataset] {
        let database = try database()
        let ours = tables.filter { $0.name.hasPrefix("raw.") || $0.name.hasPrefix("report.") }
        let rows = try connection.query(
            SQLFiles.builtin.text("lineage/columns.sql"), [ours.map(\.name)], action: "look at the columns"
        ).rows
        let columns = try Dictionary(grouping: rows) { try $0.get("relation", as: String.self) }
        return try ours.map { table in
            OpenLineageEvent.Dataset(
                namespace: database.namespace, name: "\(database.name).\(table.name)",
                columns: try (columns[table.name] ?? []).map {
                    .init(
                        name: try $0.get("name"), type: try $0.get("type"),
                        description: try $0.getIfPresent("description"))
                }, rows: table.rows)
        }
    }

    /// The database that a run works on.
    private struct Database {
        let name: String
        let serverVersion: String
        /// `postgres://host:port`; of a socket the machine's own name.
        let namespace: String
        private let builtAt: Int64

        init(_ connection: Connection) throws {
            let row = try connection.query(SQLFiles.builtin.text("lineage/database.sql")).first()
            name = try row.get("name")
            serverVersion = try row.get("server_version")
            builtAt = try row.get("built_at")
            let isSocket =
                connection.host.isEmpty || connection.host.hasPrefix("/") || connection.host.hasPrefix("@")
            let host = isSocket ? ProcessInfo.processInfo.hostName : connection.host
            namespace = "postgres://\(host):\(connection.port)"
        }

        /// A UUID of version 8 (RFC 9562): the first bytes of the SHA-256 of `daybook NAME BUILT RUN`, where BUILT are
        /// the microseconds since 1970 at which Daybook made the database's first table.
        func runUUID(_ runID: Int64) -> String {
            var digits = Array(SHA256.hex(Array("daybook \(name) \(builtAt) \(runID)".utf8), prefix: 16))
            digits[12] = "8"
            digits[16] = Array("89ab")[(digits[16].hexDigitValue ?? 0) & 3]
            let text = String(digits)
            var parts: [Substring] = []
            var rest = text[...]
            for length in [8, 4, 4, 4, 12] {
                parts.append(rest.prefix(length))
                rest = rest.dropFirst(length)
            }
            return parts.joined(separator: "-")
        }
    }
}

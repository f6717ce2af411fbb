import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook status`: how fresh everything is, and whether anything is stale.
enum StatusVerb: Verb {
    static let name = "status"
    static let summary =
        "shows how pipelines and sources stand, what holds the hours of an SLA back, and what the days take"
    static let options: [Option] = [
        .project, .database, .json,
        Option("--metrics", "FILE", "write OpenMetrics text to a file (- is stdout), and nothing else"),
    ]
    static let discussion = """
        Of each pipeline it tells the last run, the last that succeeded, the next by its schedule, and who holds its lock;
        of each source how old its latest event is, against the "freshness" of its definition: { "warn": "1h",
        "error": "4h" }. A source is stale when it is older than "error"; a pipeline, when its last run failed, or when
        nothing ran for a time of its schedule that is more than five minutes past. The last line says what is stale, and
        the exit code is 2 then.

        An hour is final once every source of its SLA has told of a later time: the watermark. A source that is
        silent holds it back, and is named here. Of the disk it says what the days take, as leaves and compacted, and
        what the next 30 days will add, if they are as the last seven; --json lists every day.

        --metrics writes what a monitoring system reads, for node_exporter's textfile collector; with
        "metrics": "FILE" in pipelines/project.jsonc every run does so.

        exit codes: 0 done, 2 something is stale, 64 wrong usage, 69 database out of reach, 78 bad definition
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        if let file = arguments["--metrics"] {
            guard !arguments.isJSON else {
                throw UsageError("--metrics has a format of its own; leave --json out")
            }
            let text = try Metrics.text(connection)
            if file == "-" {
                Terminal.data(String(text.dropLast()))
            } else {
                try WholeFile.write(text, to: file, for: .everybody)
            }
            return .done
        }
        let project = try? context.project()
        // A day is compacted by the first run after it has become so old.
        let definition = project?.definition
        let days = { (age: Int64) in Int(age / 86_400_000_000) + 1 }
        let compactAfter = definition?.storage == .heap ? nil : definition?.compactAfterMicroseconds.map(days)
        let retention = definition?.retention.raw.map(days)
        let definitions = try project?.read([])
        for broken in definitions ?? [] where broken.pipeline == nil {
            Terminal.error(
                "\(broken.file) has mistakes, so that nobody knows when it is to run; see: daybook check")
        }
        let pipelines = try PipelineStatus.all(definitions, connection)
        let sources = try connection.query(SQLFiles.builtin.text("report/status_sources.sql"))
        let stale = try StatusText.stale(pipelines, sources)
        if arguments.isJSON {
            JSONOutput.write(try json(pipelines, stale, compactAfter, retention, connection))
        } else {
            let disk = try connection.query(
                SQLFiles.builtin.text("report/status_disk.sql"), [compactAfter, retention]
            ).first()
            try StatusText.tell(
                pipelines, sources, slas: connection.query(SQLFiles.builtin.text("report/status_slas.sql")),
                disk: disk, isCompacting: compactAfter != nil,
                alerts: connection.query(SQLFiles.builtin.text("report/status_alerts.sql")).first(),
                outbox: connection.query(SQLFiles.builtin.text("report/status_outbox.sql")))
            if !stale.isEmpty { Terminal.out("\nstale: " + stale.map(\.message).joined(separator: "; ")) }
        }
        return stale.isEmpty ? .done : .checkFailed
    }

    private static func json(
        _ pipelines: [PipelineStatus], _ stale: [Staleness], _ compactAfter: Int?, _ retention: Int?,
        _ connection: Connection
    ) throws -> String {
        func rows(_ file: String) -> String {
            "(SELECT coalesce(json_agg(s), '[]') FROM (\(SQLFiles.builtin.text("report/\(file).sql"))) AS s)"
        }
        func row(_ file: String) -> String {
            "(SELECT row_to_json(s) FROM (\(SQLFiles.builtin.text("report/\(file).sql"))) AS s)"
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try connection.query(
            """
            SELECT json_build_object(
                'pipelines', $3::json,
                'slas', \(rows("status_slas")),
                'sources', \(rows("status_sources")),
                'disk', \(row("status_disk")),
                'days', \(rows("status_days")),
                'alerts', \(row("status_alerts")),
                'outbox', \(rows("status_outbox")),
                'stale', $4::json)
            """,
            [
                compactAfter, retention, String(decoding: try encoder.encode(pipelines), as: UTF8.self),
                String(decoding: try encoder.encode(stale), as: UTF8.self),
            ]
        ).first().get(0)
    }
}

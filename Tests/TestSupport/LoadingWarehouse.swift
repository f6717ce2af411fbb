import Events
import Foundation
import Postgres
import Warehouse

/// A warehouse of a test's own with one source and one run, and batches made of lines.
package struct LoadingWarehouse {
    package let database: TestDatabase
    package let connection: Connection
    package let sourceID: Int32
    package let runID: Int64

    package init() throws {
        database = try TestDatabase()
        connection = try Warehouse.open(database.url).connection
        let catalogue = Catalogue(connection)
        sourceID = try catalogue.sourceID(pipeline: "p", name: "s", entity: "order")
        runID = try catalogue.beginRun(pipeline: "p", host: "h", processID: 1, version: "0")!
    }

    package func problems() throws -> [String] { try Verification.problems(connection) }

    /// Loads the lines as one batch that begins at `start` of the object.
    @discardableResult
    package func load(
        _ lines: String, object: String = "a", at start: Int64 = 0, with loader: inout Loader,
        of sourceID: Int32? = nil, loadID: Int64? = nil, identity: EventIdentity = .source,
        onChange: OnChange = .keepFirst
    ) throws -> LoadCounts {
        let origin = BatchOrigin(
            loadID: try loadID ?? connection.nextLoadID(), runID: runID, pipeline: "p",
            sourceID: sourceID ?? self.sourceID, identity: identity, onChange: onChange, object: object,
            objectIdentity: object, tailHash: "")
        return try LoadingWarehouse.load(lines, at: start, from: origin, with: &loader)
    }

    /// Loads with a loader that has seen nothing yet.
    @discardableResult
    package func load(
        _ lines: String, object: String = "a", at start: Int64 = 0, of sourceID: Int32? = nil,
        loadID: Int64? = nil, identity: EventIdentity = .source, onChange: OnChange = .keepFirst
    ) throws -> LoadCounts {
        var loader = Loader(connection, recentKeys: RecentKeys())
        return try load(
            lines, object: object, at: start, with: &loader, of: sourceID, loadID: loadID, identity: identity,
            onChange: onChange)
    }

    /// Loads the lines as one batch; records are found in the lines.
    package static func load(
        _ lines: String, at start: Int64, from origin: BatchOrigin, with loader: inout Loader
    ) throws -> LoadCounts {
        var batch = try batch(lines, at: start)
        return try loader.load(&batch, from: origin) { positions in
            var records: [Int64: SourceRecord] = [:]
            var position = start
            for (index, line) in lines.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                if positions.contains(position) {
                    records[position] = SourceRecord(line: Int64(index + 1), bytes: Array(line.utf8))
                }
                position += Int64(line.utf8.count) + 1
            }
            return records
        }
    }

    package static func batch(_ lines: String, at start: Int64 = 0) throws -> EventBatch {
        var batch = EventBatch()
        let parser = NDJSONParser(try mapping())
        batch.reset(at: start, line: 1)
        parser.begin(&batch, objectIdentity: "o")
        let bytes = Array(lines.utf8)
        _ = bytes.withUnsafeBufferPointer { parser.parse($0, then: .closed, into: &batch) }
        return batch
    }

    private static func mapping() throws -> SourceMapping {
        var event = EventMapping(
            occurredAt: .init(try FieldReference(parsing: "time")),
            type: try FieldReference(parsing: "type"), defaultService: "shop", defaultEntity: "order")
        event.eventID = .reference(try FieldReference(parsing: "id"))
        event.caseID = try FieldReference(parsing: "case")
        event.entity = try FieldReference(parsing: "entity")
        event.service = try FieldReference(parsing: "service")
        event.userID = try FieldReference(parsing: "user")
        event.sequence = try FieldReference(parsing: "seq")
        event.details = try FieldReference(parsing: "details")
        return SourceMapping(
            events: [event], isList: false,
            timeRange: Timestamp(
                microseconds: -62_135_596_800_000_000)...Timestamp(
                    microseconds: 253_402_300_799_999_999))
    }
}

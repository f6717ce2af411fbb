import Events
import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing
import Warehouse

/// What a killed run leaves: loads that are missing before ones that are there. The next run reads exactly these.
@Suite
struct LedgerTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let connection: Connection

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        connection = try Warehouse.open(database.url).connection
    }

    private func define(_ path: String) throws {
        try project.write(
            "pipelines/p.jsonc",
            """
            { "pipeline": "p", "sources": [ { "name": "s", "file": { "path": "\(path)" },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type" } } ] }
            """)
    }

    private var loadsOnly: RunOptions {
        var options = RunOptions()
        options.transforms = false
        return options
    }

    /// Each load as the part of the object that it covers.
    private func ranges() throws -> [[String]] {
        try database.rows(
            """
            SELECT start_position, end_position, first_line, end_line, read, loaded, rejected FROM daybook.loads
            ORDER BY start_position
            """)
    }

    private func content() throws -> String? {
        try database.value(
            "SELECT md5(string_agg(concat_ws(',', event_id, occurred_at, position, details), E'\\n' "
                + "ORDER BY event_id)) FROM raw.events")
    }

    /// Takes loads away with all that came with them, as if they had never been committed.
    private func remove(_ condition: String) throws {
        try connection.execute(
            """
            DELETE FROM daybook.rejects WHERE load_id IN (SELECT load_id FROM daybook.loads WHERE \(condition));
            DELETE FROM raw.events_by_day WHERE load_id IN (SELECT load_id FROM daybook.loads WHERE \(condition));
            DELETE FROM daybook.loads WHERE \(condition)
            """)
    }

    /// Enough records for four batches, with a bad one in each.
    private static let records = EventBatch.maxEvents * 3 + 5_000

    private func isReadAgain(_ condition: String) throws {
        let (before, contentBefore) = (try ranges(), try content())
        try #require(before.count == 4)
        let gone = try #require(
            try database.value("SELECT sum(read) FROM daybook.loads WHERE \(condition)").flatMap { Int($0) })
        try remove(condition)
        #expect(
            try Verification.problems(connection).contains { $0.contains("a hole") } || condition == "true")
        let counts = try project.counts(on: database, loadsOnly)
        #expect(counts.read == gone && counts.duplicate == 0)
        #expect(try content() == contentBefore)
        #expect(try ranges().reduce(0) { $0 + Int($1[4])! } == before.reduce(0) { $0 + Int($1[4])! })
        #expect(try ranges().last?[3] == before.last?[3])
        #expect(try Verification.problems(connection) == [])
        #expect(try project.counts(on: database, loadsOnly).read == 0)
    }

    @Test("Loads missing in the middle and at the start of a log are read again, and nothing else")
    func holes() throws {
        try define("a.ndjson")
        var text = ""
        for number in 1...LedgerTests.records {
            text +=
                "{\"id\":\"\(number)\",\"time\":\"2026-01-0\(number % 7 + 1)\",\"type\":\"t\",\"ä\":\"€\"}\n"
            if number % EventBatch.maxEvents == 70_000 { text += "{\"id\":\n" }
        }
        try project.write("a.ndjson", text)
        let counts = try project.counts(on: database, loadsOnly)
        #expect(counts.loaded == LedgerTests.records && counts.rejected == 3)
        let starts = try ranges().map { $0[0] }
        try isReadAgain("start_position = \(starts[1])")
        try isReadAgain("start_position IN (\(starts[0]), \(starts[2]))")
    }

    @Test("A hole at the start of a CSV with a header, and one in its middle")
    func csvHoles() throws {
        try define("a.csv")
        var text = "\u{FEFF}id,time,type,note\r\n"
        for number in 1...LedgerTests.records {
            text += "\(number),2026-01-01,t,\"a\r\n\(number)\"\r\n"
            if number % EventBatch.maxEvents == 70_000 { text += "\(number),ragged\r\n" }
        }
        try project.write("a.csv", text)
        let counts = try project.counts(on: database, loadsOnly)
        #expect(counts.loaded == LedgerTests.records && counts.rejected == 3)
        let starts = try ranges().map { $0[0] }
        try isReadAgain("start_position = 0")
        try isReadAgain("start_position = \(starts[2])")
        #expect(try database.value("SELECT count(*) FROM raw.events WHERE details->>'note' IS NULL") == "0")
    }

    @Test(
        "A batch that was lost while later ones were committed keeps its place among the comings of an event",
        arguments: OnChange.allCases)
    func lostBatches(_ rule: OnChange) throws {
        try project.write(
            "pipelines/p.jsonc",
            """
            { "pipeline": "p", "sources": [ { "name": "s", "file": { "path": "*.ndjson" },
              "on_change": "\(rule.rawValue)",
              "event": { "event_id": "id", "occurred_at": "time", "type": "type" } } ] }
            """)
        for name in ["a", "b", "c"] {
            try project.write(
                "\(name).ndjson",
                "{\"id\":\"1\",\"time\":\"2026-01-01\",\"type\":\"t\",\"from\":\"\(name)\"}\n")
        }
        func stored() throws -> [[String]] {
            try database.rows("SELECT event_id, details ->> 'from' FROM raw.events")
        }
        try project.counts(on: database, loadsOnly)
        let wanted = [["1", rule == .keepFirst ? "a" : "c"]]
        #expect(try stored() == wanted)
        #expect(try database.value("SELECT count(*) FROM daybook.claims") == "0")

        // As if the run had been killed before these were committed, and after c was: their claims are there.
        for lost in ["a.ndjson", "b.ndjson"] {
            try connection.execute(
                """
                INSERT INTO daybook.claims
                SELECT source_id, object_identity, start_position, load_id, end_position FROM daybook.loads
                WHERE object = '\(lost)'
                """)
        }
        let ids = try database.rows("SELECT load_id FROM daybook.loads ORDER BY object")
        try connection.execute("DELETE FROM daybook.replacements")
        try remove("object <> 'c.ndjson'")
        let third = "(SELECT load_id FROM daybook.loads)"
        try connection.execute(
            """
            INSERT INTO raw.events_by_day (occurred_at, load_id, position, event_day, source_id, entity, case_id,
                event_id, type, service, details)
            SELECT '2026-01-01', \(third), 0, '2026-01-01', source_id, 'p', '1', '1', 't', 's', '{"from":"c"}'
            FROM daybook.sources;
            UPDATE daybook.loads SET loaded = 1, duplicate = 0, conflicting = 0
            """)
        #expect(try stored() == [["1", "c"]])
        #expect(try project.counts(on: database, loadsOnly).duplicate == 2)
        #expect(try stored() == wanted)
        #expect(try database.rows("SELECT load_id FROM daybook.loads ORDER BY object") == ids)
        #expect(try database.value("SELECT count(*) FROM daybook.claims") == "0")
        #expect(try Verification.problems(connection) == [])
    }

    @Test("Objects as the ledger tells them: ends, lines, and two holes that lie together are one")
    func objects() throws {
        let warehouse = try LoadingWarehouse()
        let size = Int64(line(1).utf8.count)
        for index in [0, 1, 4, 5, 7] {
            try warehouse.load(line(index), at: Int64(index) * size)
        }
        try warehouse.load(line(9), object: "b", at: size)
        let objects = try Ledger.objects(ofSource: warehouse.sourceID, warehouse.connection)
        #expect(objects.map(\.identity) == ["a", "b"])
        #expect(objects.map(\.endPosition) == [8 * size, 2 * size])
        #expect(
            objects[0].holes.map { [$0.start, $0.end] } == [[2 * size, 4 * size], [6 * size, 7 * size]])
        #expect(objects[1].holes.map { [$0.start, $0.end, $0.line] } == [[0, size, 1]])
        #expect(try Ledger.objects(ofSource: 4_711, warehouse.connection) == [])
    }

    @Test("Rejects of thousands and of megabytes keep their bytes")
    func rejects() throws {
        let warehouse = try LoadingWarehouse()
        let bad =
            (0..<2_500).map { "{'\($0)\"\\\n" }
            + (0..<5).map { "\($0)" + String(repeating: "é", count: 3 << 20) + "\n" }
        let counts = try warehouse.load(bad.joined() + line(1))
        #expect(counts.rejected == 2_505 && counts.loaded == 1)
        let rows = try warehouse.connection.query(
            "SELECT length(raw), convert_from(raw, 'UTF8') = $1 FROM daybook.rejects WHERE line IN (7, 2505) ORDER BY line",
            [String(bad[6].dropLast())]
        ).rows
        #expect(try rows[0].get(1) == true)
        #expect(try rows[1].get(0) == bad[2_504].utf8.count - 1)
        #expect(try warehouse.problems() == [])
    }
}

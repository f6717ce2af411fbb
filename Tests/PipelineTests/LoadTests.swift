import Extract
import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing
import Warehouse

/// Loading, again and again: what is loaded once, what is rejected, what waits.
@Suite
struct LoadTests {
    private let project: TemporaryProject
    private let database: TestDatabase

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        try define()
    }

    private func define(
        _ path: String = "logs/*.ndjson", event: String = "\"event_id\": \"id\",", time: String = "time",
        file: String = ""
    ) throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order",
              "sources": [ { "name": "shop", "file": { "path": "\(path)"\(file) },
                "event": { \(event) "occurred_at": "\(time)", "type": "type", "case_id": "order" } } ] }
            """)
    }

    private func line(_ number: Int, day: Int = 1, type: String = "order.created", extra: String = "")
        -> String
    {
        let minute = String(format: "%02d:%02d", number / 60 % 24, number % 60)
        return "{\"id\":\"e\(number)\",\"time\":\"2026-01-0\(day)T\(minute):00Z\",\"type\":\"\(type)\","
            + "\"order\":\"o\(number)\"\(extra)}\n"
    }

    private func isSound() throws {
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
    }

    @Test("A second run loads nothing; a file that grew loads what was added, and half a line waits")
    func growth() throws {
        try project.write("logs/a.ndjson", (1...10).map { line($0) }.joined())
        #expect(try project.counts(on: database).loaded == 10)
        #expect(try project.counts(on: database).read == 0)

        let half = line(14)
        try project.append("logs/a.ndjson", (11...13).map { line($0) }.joined() + half.prefix(20))
        #expect(try project.counts(on: database).loaded == 3)
        #expect(try project.counts(on: database).read == 0)

        try project.append("logs/a.ndjson", String(half.dropFirst(20)))
        #expect(try project.counts(on: database).loaded == 1)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "14")
        try isSound()
    }

    @Test("A whole object without its line end loads, and the line end that comes later is no blank line")
    func lastLine() throws {
        try project.write("logs/a.ndjson", line(1) + line(2).dropLast())
        #expect(try project.counts(on: database).loaded == 2)
        try project.append("logs/a.ndjson", "\n" + line(3))
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 1 && counts.filtered == 0)
        #expect(
            try database.rows("SELECT first_line, end_line FROM daybook.loads ORDER BY 1") == [
                ["1", "2"], ["2", "4"],
            ])
        try isSound()
    }

    @Test("A malformed line among many is one reject, with its place and its bytes")
    func malformed() throws {
        var lines = (1...20_000).map { line($0) }
        lines[9_999] = "{\"id\":\"broken\",\n"
        try project.write("logs/a.ndjson", lines.joined())
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 19_999 && counts.rejected == 1)
        let offset = lines[..<9_999].reduce(0) { $0 + $1.utf8.count }
        #expect(
            try database.rows(
                "SELECT object, line, byte_offset, reason_code, convert_from(raw, 'UTF8') FROM daybook.rejects"
            )
                == [["logs/a.ndjson", "10000", "\(offset)", "malformed_json", "{\"id\":\"broken\","]])
        try isSound()
    }

    @Test("One bad line of a source that was good before is a reject, and no failure")
    func oneBadLine() throws {
        try project.write("logs/a.ndjson", line(1))
        #expect(try project.counts(on: database).loaded == 1)
        try project.append("logs/a.ndjson", "nonsense\n")
        let report = try project.run(on: database)[0]
        #expect(report.error == nil && report.counts.rejected == 1)
        #expect(!report.models.isEmpty)
        try isSound()
    }

    @Test("Nothing but rejects fails the run and keeps the rejects")
    func nothingButRejects() throws {
        try project.write("logs/a.ndjson", "[1]\nnonsense\n")
        let report = try project.run(on: database)[0]
        #expect(report.error is NothingButRejects)
        #expect(report.counts.rejected == 2)
        #expect(try database.value("SELECT count(*) FROM daybook.rejects") == "2")
        #expect(try database.value("SELECT status FROM daybook.runs") == "failed")

        // With the mapping mended, all of it is read again.
        try project.write("logs/a.ndjson", line(1).replacingOccurrences(of: "\"time\"", with: "\"at\""))
        #expect(try project.run(on: database)[0].error is NothingButRejects)
        try define(event: "\"event_id\": \"id\",", time: "at")
        #expect(try project.counts(on: database).loaded == 1)
        #expect(try database.value("SELECT count(*) FROM daybook.rejects") == "0")
        try isSound()
    }

    @Test("An event that comes twice is a duplicate; with other content a conflicting one")
    func duplicates() throws {
        try project.write("logs/a.ndjson", line(1) + line(2) + line(1))
        var counts = try project.counts(on: database)
        #expect(counts.loaded == 2 && counts.duplicate == 1 && counts.conflicting == 0)
        try project.write(
            "logs/b.ndjson", line(1) + line(2, type: "order.paid") + line(3) + line(3, extra: ",\"n\":1"))
        counts = try project.counts(on: database)
        #expect(counts.loaded == 1 && counts.duplicate == 3 && counts.conflicting == 2)
        // What was there stays.
        #expect(try database.value("SELECT type FROM raw.events WHERE event_id = 'e2'") == "order.created")
        try isSound()
    }

    @Test("The same event with another time is a new version, and facts take the latest to arrive")
    func versions() throws {
        try project.write("logs/a.ndjson", line(1) + line(2))
        try project.counts(on: database)
        try project.write("logs/b.ndjson", line(1, day: 2))
        #expect(try project.counts(on: database).loaded == 1)
        #expect(try database.value("SELECT count(*) FROM raw.events WHERE event_id = 'e1'") == "2")
        #expect(
            try database.rows("SELECT case_id, first_at::date, events FROM report.cases ORDER BY 1")
                == [["o1", "2026-01-02", "1"], ["o2", "2026-01-01", "1"]])
    }

    @Test("Derived ids: by position each line is an event, by content equal lines are one")
    func derivedIDs() throws {
        try define(event: "")
        try project.write("logs/a.ndjson", line(1) + line(1))
        #expect(try project.counts(on: database).loaded == 2)
        try define(event: "\"event_id\": {\"derive\": \"content\"},")
        try project.write("logs/b.ndjson", line(7) + line(7))
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 1 && counts.duplicate == 1)
    }

    @Test(
        "A renamed file goes on where it was; a copy, and a file that begins alike, are objects of their own")
    func objects() throws {
        try define(event: "")
        let log = (1...60).map { line($0) }.joined()
        try project.write("logs/a.ndjson", log)
        #expect(try project.counts(on: database).loaded == 60)
        try FileManager.default.moveItem(
            atPath: project.path("logs/a.ndjson"), toPath: project.path("logs/a1.ndjson"))
        #expect(try project.counts(on: database).read == 0)
        try project.append("logs/a1.ndjson", line(61))
        #expect(try project.counts(on: database).loaded == 1)

        try project.write("logs/b.ndjson", log + line(99))
        #expect(try project.counts(on: database).loaded == 61)
        #expect(
            try database.value("SELECT count(DISTINCT object_identity) FROM daybook.loads") == "2")
        try isSound()
    }

    @Test("A truncated file is reported and read from its start as a new object")
    func truncation() throws {
        try define(event: "")
        try project.write("logs/a.ndjson", (1...50).map { line($0) }.joined())
        try project.counts(on: database)
        try project.write("logs/a.ndjson", line(70))
        var notes: [String] = []
        #expect(try project.run(on: database, notes: { notes.append($0) })[0].counts.loaded == 1)
        #expect(notes.contains { $0.contains("was truncated since it was read") })
        try isSound()
    }

    @Test("CSV: a header, quotes with line ends in them, and a file that grows")
    func csv() throws {
        try define("orders.csv")
        try project.write(
            "orders.csv", "\u{FEFF}id,time,type,order,note\r\n1,2026-01-01,a,o1,\"x\r\ny\"\r\n2,2026-01-01,")
        #expect(try project.counts(on: database).loaded == 1)
        #expect(try database.value("SELECT details->>'note' FROM raw.events") == "x\r\ny")
        try project.append("orders.csv", "a,o2,\r\nragged\r\n")
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 1 && counts.rejected == 1)
        #expect(try database.rows("SELECT line, byte_offset FROM daybook.rejects") == [["5", "74"]])
        try isSound()
    }

    @Test("With settle, the last line of a file that stands still is whole without its line end")
    func settle() throws {
        try define("orders.csv", file: ", \"settle\": \"10s\"")
        try project.write("orders.csv", "id,time,type,order\n1,2026-01-01,a,o1")
        #expect(try project.counts(on: database).read == 0)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: project.path("orders.csv"))
        #expect(try project.counts(on: database).loaded == 1)
    }

    @Test("A line longer than max_line is one reject, and the lines around it load")
    func overlong() throws {
        try define("logs/*.ndjson", file: ", \"max_line\": 2048")
        let long = line(2, extra: ",\"blob\":\"\(String(repeating: "x", count: 9 << 20))\"")
        try project.write("logs/a.ndjson", line(1) + long + line(3))
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 2 && counts.rejected == 1)
        #expect(
            try database.rows("SELECT line, reason_code FROM daybook.rejects") == [["2", "line_too_long"]])
        try isSound()
    }

    @Test("A missing literal path fails; a pattern that matches nothing is a note")
    func missing() throws {
        var notes: [String] = []
        #expect(try project.run(on: database, notes: { notes.append($0) })[0].error == nil)
        #expect(notes == ["orders/shop: no file matches logs/*.ndjson"])
        try define("logs/none.ndjson")
        let error = try project.run(on: database)[0].error as? ExtractError
        #expect(error?.kind == .missing)
    }

    @Test("Bad times, types, keys and characters each have their reason")
    func reasons() throws {
        let cases: [(String, String)] = [
            (#"{"type":"a","id":"1"}"#, "missing_time"),
            (#"{"time":"soon","type":"a","id":"1"}"#, "bad_time"),
            (#"{"time":"2399-01-01","type":"a","id":"1"}"#, "time_out_of_range"),
            (#"{"time":"2026-01-01","id":"1"}"#, "missing_type"),
            (#"{"time":"2026-01-01","type":"a"}"#, "missing_event_id"),
            (#"{"time":"2026-01-01","type":["a"],"id":"1"}"#, "not_a_scalar"),
            (#"{"time":"2026-01-01","type":"a","id":"1","x":"\u0000"}"#, "nul_character"),
            (#"{"time":"2026-01-01","type":"a","id":"1","x":"\ud800"}"#, "lone_surrogate"),
            (#"{"time":"2026-01-01","type":"a","id":"1","x":1e999999}"#, "number_out_of_range"),
            (
                #"{"time":"2026-01-01","type":"a","id":"\#(String(repeating: "k", count: 3_000))"}"#,
                "key_too_long"
            ),
            (#""text""#, "not_an_object"), (#"{"a":1"#, "malformed_json"),
        ]
        try project.write("logs/a.ndjson", cases.map { $0.0 + "\n" }.joined() + line(1))
        #expect(try project.counts(on: database).rejected == cases.count)
        #expect(
            try database.rows("SELECT reason_code FROM daybook.rejects ORDER BY line").map { $0[0] }
                == cases.map(\.1))
        try isSound()
    }

    @Test("Two runs at once: the second is told who holds the lock")
    func lock() throws {
        try project.write("logs/a.ndjson", line(1))
        try project.counts(on: database)
        let holder = try Warehouse.connect(database.url)
        try PipelineLock.acquire("orders", waitSeconds: 0, holder)
        var options = RunOptions()
        options.lockWaitSeconds = 0
        #expect(throws: WarehouseError.self) { try project.run(on: database, options) }
        try PipelineLock.release("orders", holder)
        #expect(try project.run(on: database, options)[0].error == nil)
    }
}

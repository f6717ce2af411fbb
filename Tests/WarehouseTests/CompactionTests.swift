import Events
import Foundation
import Postgres
import TestSupport
import Testing
import Warehouse

/// The forms of compacted days.
private let compactForms: [StorageForm] = [.segments, .columnar]

/// Days that are turned into columns: the same events to every reader, and late events that find what is there.
@Suite
struct CompactionTests {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }
    private var database: TestDatabase { warehouse.database }

    init() throws { warehouse = try LoadingWarehouse() }

    /// Compacts everything.
    @discardableResult
    private func compact(_ form: StorageForm = .segments) throws -> [Compaction.Outcome] {
        if form == .columnar, try StorageForm.resolve(nil, connection) != .columnar {
            try ColumnarStandIn.install(connection)
        }
        let compaction = Compaction(connection, into: form)
        try compaction.prepare(waitSeconds: 5)
        let due = try compaction.due(before: CalendarDay(daysSinceEpoch: 2_000_000))
        let outcomes = try due.map { try compaction.compact($0, waitSeconds: 5) }
        try compaction.finish()
        return outcomes
    }

    private func events() throws -> [[String]] {
        try database.rows(
            "SELECT * FROM raw.events ORDER BY occurred_at, case_id COLLATE \"C\", event_id COLLATE \"C\", source_id"
        )
    }

    @Test(
        "Events of every kind are the same before and after, and in which relation they lie no reader sees",
        arguments: compactForms)
    func everyKind(_ form: StorageForm) throws {
        let uuid = { "00000000-0000-4000-8000-\(String(repeating: "0", count: 8))\(String($0 + 1_000))" }
        let texts: [(Int) -> String] = [
            { "e\($0)" }, uuid, { uuid($0).uppercased().replacingOccurrences(of: "8000", with: "ABCD") },
            { $0 == 3 ? "00000000-0000-0000-0000-000000000000" : uuid($0) }, { "ü\\u0001\\\"\\n\($0)" },
            { String(repeating: "x", count: 36 - "\($0)".count) + "\($0)" },
        ]
        var position: Int64 = 0
        for (index, text) in texts.enumerated() {
            var lines = ""
            for number in 0..<400 {
                let user = number % 3 == 0 ? "" : ",\"user\":\"\(text(number % 7))\""
                let sequence = number % 5 == 0 ? "" : ",\"seq\":\(Int64.min + Int64(number))"
                let details = [
                    "", ",\"details\":{\"a\":1.50,\"b\":[null,\"\\u00e9\"]}", ",\"details\":null",
                    ",\"details\":\"text\"", ",\"details\":[]",
                ][number % 5]
                lines +=
                    "{\"id\":\"\(text(number))\",\"case\":\"\(text(number / 3))\",\"time\":\"2026-01-0\(1 + index)T"
                    + "\(10 + number % 4):00:00.\(100_000 + number * 7)Z\",\"type\":\"t.\(number)\","
                    + "\"service\":\"s\(number % 4)\"\(user)\(sequence)\(details)}\n"
            }
            try warehouse.load(lines, object: "o\(index)", at: position)
            position += 1_000_000_000_000
        }
        let before = try events()
        #expect(before.count == 2_400)
        let outcomes = try compact(form)
        #expect(
            try database.value("SELECT string_agg(DISTINCT form, ' ') FROM daybook.stored_days")
                == form.rawValue)
        #expect(outcomes.map(\.events) == Array(repeating: 400, count: 6))
        #expect(outcomes.map(\.isLeafDropped) == Array(repeating: true, count: 6))
        #expect(try events() == before)
        #expect(try database.value("SELECT count(*) FROM raw.events_by_day") == "0")
        #expect(try warehouse.problems() == [])
        let cases = try database.rows(
            "SELECT DISTINCT case_id FROM raw.events WHERE event_day = '2026-01-05'")
        let chosen = try #require(cases.first?[0])
        let timeline = try connection.query(
            "SELECT count(*) FROM raw.events_of_case($1, '2026-01-01', '2026-01-09')", [chosen]
        ).first().get(0, as: Int.self)
        #expect(timeline == 3)
        let between = try database.rows(
            "SELECT * FROM raw.events_between('2026-01-02 11:00Z', '2026-01-03 12:00Z') ORDER BY occurred_at")
        #expect(between == before.filter { $0[0] >= "2026-01-02 11" && $0[0] < "2026-01-03 12" })
        // Taken apart again they are what they were.
        try connection.execute(
            "SELECT daybook.reopen_segments(event_day, array_agg(segment_id)) FROM raw.event_segments GROUP BY event_day"
        )
        #expect(try events() == before)
        #expect(try database.value("SELECT count(*) FROM raw.event_segments") == "0")
    }

    @Test("A segment holds no more than is good to open at once")
    func sizes() throws {
        let lines = (0..<5_000).map {
            "{\"id\":\"e\($0)\",\"case\":\"c\($0)\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"t\"}\n"
        }.joined()
        try warehouse.load(lines)
        let long = String((0..<30_000).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement()! })
        let large = (0..<100).map {
            "{\"id\":\"e\($0)\",\"case\":\"c\($0)\",\"time\":\"2026-01-02T10:00:00Z\",\"type\":\"t\",\"details\":\"\(long)\($0)\"}\n"
        }.joined()
        try warehouse.load(large, object: "b")
        try compact()
        let sizes = try database.rows(
            "SELECT event_day, count(*), max(events) FROM raw.event_segments GROUP BY event_day ORDER BY 1")
        #expect(sizes[0] == ["2026-01-01", "3", "2000"])
        #expect((Int(sizes[1][1]) ?? 0) > 1)
    }

    @Test(
        "Late events are loaded once; what is there already is not, whoever brings it",
        arguments: compactForms)
    func late(_ form: StorageForm) throws {
        let first = (0..<50).map {
            "{\"id\":\"e\($0)\",\"case\":\"c\($0 % 9)\",\"time\":\"2026-01-01T1\($0 % 3):00:00Z\",\"type\":\"t\"}\n"
        }.joined()
        try warehouse.load(first)
        try compact(form)
        #expect(try warehouse.load(first, object: "b") == counts(duplicate: 50))
        #expect(try database.value("SELECT count(*) FROM raw.events_by_day") == "0")
        let late = "{\"id\":\"late\",\"case\":\"c1\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"t\"}\n"
        #expect(try warehouse.load(late + first, object: "c") == counts(loaded: 1, duplicate: 50))
        #expect(try warehouse.load(late, object: "d") == counts(duplicate: 1))
        #expect(try database.value("SELECT count(*) FROM raw.events") == "51")
        // Only the hour of the late event is written again.
        let untouched = try database.rows(
            "SELECT segment_id FROM raw.event_segments WHERE hour_start <> '2026-01-01 10:00Z'")
        #expect(try compact(form).map(\.events) == [18])
        #expect(
            try database.rows(
                "SELECT segment_id FROM raw.event_segments WHERE hour_start <> '2026-01-01 10:00Z'")
                == untouched)
        #expect(try warehouse.load(late + first, object: "e") == counts(duplicate: 51))
        #expect(try database.value("SELECT count(*) FROM raw.events") == "51")
        #expect(try warehouse.problems() == [])
    }

    @Test(
        "An event that comes again with another content replaces what a segment shows, or does not",
        arguments: OnChange.allCases, compactForms)
    func changed(_ onChange: OnChange, _ form: StorageForm) throws {
        func line(_ type: String) -> String {
            "{\"id\":\"e\",\"case\":\"c\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"\(type)\"}\n"
        }
        try warehouse.load(line("old"), onChange: onChange)
        try compact(form)
        #expect(
            try warehouse.load(line("new"), object: "b", onChange: onChange)
                == counts(duplicate: 1, conflicting: 1))
        let shown = onChange == .keepLast ? "new" : "old"
        #expect(try database.value("SELECT string_agg(type, ',') FROM raw.events") == shown)
        try compact(form)
        #expect(try database.value("SELECT string_agg(type, ',') FROM raw.events") == shown)
        #expect(try warehouse.problems() == [])
    }

    @Test("A day that is compacted between a look at it and the COPY into it gets nothing twice")
    func race() throws {
        let lines = (0..<20).map {
            "{\"id\":\"e\($0)\",\"case\":\"c\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"t\"}\n"
        }.joined()
        let more = "{\"id\":\"more\",\"case\":\"c\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"t\"}\n"
        // This loader has seen the day, and takes it for one with an index.
        var loader = Loader(connection, recentKeys: RecentKeys())
        try warehouse.load(more, with: &loader)
        try warehouse.load(lines, object: "b")
        try compact()
        // The leaf is gone; then it is there again, and empty.
        #expect(try warehouse.load(lines, object: "c", with: &loader) == counts(duplicate: 20))
        var other = Loader(connection, recentKeys: RecentKeys())
        try warehouse.load(
            "{\"id\":\"x\",\"case\":\"x\",\"time\":\"2026-01-02T10:00:00Z\",\"type\":\"t\"}\n", object: "d",
            with: &other)
        try warehouse.load(
            "{\"id\":\"y\",\"case\":\"y\",\"time\":\"2026-01-02T10:00:00Z\",\"type\":\"t\"}\n", object: "e")
        try Compaction(connection).prepare(waitSeconds: 5)
        try connection.execute("SELECT daybook.compact_day('2026-01-02')")
        #expect(
            try warehouse.load(
                "{\"id\":\"y\",\"case\":\"y\",\"time\":\"2026-01-02T10:00:00Z\",\"type\":\"t\"}\n",
                object: "f",
                with: &other) == counts(duplicate: 1))
        #expect(try warehouse.problems() == [])
    }

    @Test(
        "Who began to read before a compaction sees all events until the end of the transaction",
        arguments: compactForms)
    func snapshots(_ form: StorageForm) throws {
        let lines = (0..<500).map {
            "{\"id\":\"e\($0)\",\"case\":\"c\($0)\",\"time\":\"2026-01-01T10:00:00Z\",\"type\":\"t\"}\n"
        }.joined()
        // The views are changed by the first compaction.
        try warehouse.load(
            "{\"id\":\"x\",\"case\":\"x\",\"time\":\"2026-01-02T10:00:00Z\",\"type\":\"t\"}\n",
            object: "first")
        try compact(form)
        try warehouse.load(lines)
        let reader = try Connection(database.url, applicationName: "tests")
        try reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        #expect(try compact(form).map(\.isLeafDropped) == [false])
        #expect(try reader.query("SELECT count(*) FROM raw.events").first().get(0, as: Int.self) == 501)
        try reader.execute("COMMIT")
        #expect(try reader.query("SELECT count(*) FROM raw.events").first().get(0, as: Int.self) == 501)
        #expect(try compact(form).map(\.isLeafDropped) == [true])
        #expect(try reader.query("SELECT count(*) FROM raw.events").first().get(0, as: Int.self) == 501)
    }

    @Test("What a server has decides in which form days are kept, unless the project does")
    func choice() throws {
        #expect(try StorageForm.resolve(nil, connection) == .segments)
        #expect(throws: WarehouseError.self) { try StorageForm.resolve(.columnar, connection) }
        try ColumnarStandIn.install(connection)
        #expect(try StorageForm.resolve(nil, connection) == .columnar)
        #expect(try StorageForm.resolve(.segments, connection) == .segments)
        #expect(try StorageForm.resolve(.heap, connection) == .heap)
    }

    @Test("A day may have been compacted in one form and its late events in the other")
    func mixed() throws {
        let lines = { (name: String, hour: Int) in
            (0..<50).map {
                "{\"id\":\"\(name)\($0)\",\"case\":\"c\($0)\",\"time\":\"2026-01-01T\(hour + $0 % 3):00:00Z\",\"type\":\"t\"}\n"
            }.joined()
        }
        try warehouse.load(lines("a", 10))
        try compact(.segments)
        try warehouse.load(lines("b", 12), object: "b")
        try compact(.columnar)
        #expect(try database.value("SELECT count(*) FROM daybook.stored_days") == "2")
        try warehouse.load(lines("c", 14), object: "c")
        try compact(.segments)
        for (object, name, hour) in [("d", "a", 10), ("e", "b", 12), ("f", "c", 14)] {
            #expect(try warehouse.load(lines(name, hour), object: object) == counts(duplicate: 50))
        }
        #expect(try database.value("SELECT count(*) FROM raw.events") == "150")
        #expect(try database.value("SELECT count(*) FROM raw.events_of_case('c7')") == "3")
        #expect(try warehouse.problems() == [])
    }

    private func counts(loaded: Int = 0, duplicate: Int = 0, conflicting: Int = 0) -> LoadCounts {
        var counts = LoadCounts()
        (counts.loaded, counts.duplicate, counts.conflicting) = (loaded, duplicate, conflicting)
        return counts
    }
}

import Events
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Days that are dropped: whole, counted, and no day that somebody still needs.
@Suite
struct RetentionTests {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }
    private var database: TestDatabase { warehouse.database }

    init() throws { warehouse = try LoadingWarehouse() }

    private func line(_ id: String, _ time: String, _ caseID: String = "c") -> String {
        "{\"id\":\"\(id)\",\"case\":\"\(caseID)\",\"time\":\"\(time)\",\"type\":\"t\"}\n"
    }

    private func markSeen() throws {
        try connection.execute("UPDATE daybook.transforms SET seen = '{[0,)}'")
    }

    private func drop(before day: String) throws -> [Retention.Outcome?] {
        let retention = Retention(connection)
        return try retention.due(before: day).map { try retention.drop($0, waitSeconds: 5) }
    }

    @Test(
        "What a day has in any form goes together, by load, and the ledger adds up",
        arguments: StorageForm.allCases)
    func everyForm(_ form: StorageForm) throws {
        let lines = (0..<40).map { line("e\($0)", "2026-01-0\(1 + $0 % 2)T10:00:00Z", "c\($0)") }.joined()
        try warehouse.load(lines)
        if form != .heap {
            if form == .columnar { try ColumnarStandIn.install(connection) }
            let compaction = Compaction(connection, into: form)
            try compaction.prepare(waitSeconds: 5)
            for due in try compaction.due(before: CalendarDay(daysSinceEpoch: 1_000_000)) {
                _ = try compaction.compact(due, waitSeconds: 5)
            }
        }
        try warehouse.load(
            line("late", "2026-01-01T11:00:00Z") + line("new", "2026-01-03T11:00:00Z"), object: "b")
        try markSeen()
        #expect(try drop(before: "2026-01-02").map { $0?.events } == [21])
        #expect(
            try database.rows("SELECT DISTINCT event_day FROM raw.events ORDER BY 1") == [
                ["2026-01-02"], ["2026-01-03"],
            ])
        #expect(
            try database.rows("SELECT loaded, dropped FROM daybook.loads ORDER BY 1") == [
                ["2", "1"], ["40", "20"],
            ])
        #expect(try database.value("SELECT raw_from FROM daybook.retention") == "2026-01-02")
        #expect(try database.value("SELECT to_regclass('raw.events_20260101') IS NULL") == "t")
        #expect(try database.value("SELECT to_regclass('raw.columns_20260101') IS NULL") == "t")
        #expect(try warehouse.problems() == [])
        // What comes late once more is there again, until it is dropped again.
        try warehouse.load(line("later", "2026-01-01T11:00:00Z"), object: "c")
        #expect(try database.value("SELECT count(*) FROM raw.events WHERE event_day = '2026-01-01'") == "1")
        try markSeen()
        #expect(try drop(before: "2026-01-03").map { $0?.events } == [1, 20])
        #expect(try warehouse.problems() == [])
    }

    @Test("A day whose events no transform has seen stays")
    func unseen() throws {
        try warehouse.load(line("a", "2026-01-01T10:00:00Z"))
        let need = try #require(try Retention(connection).need())
        #expect(need.day == "2026-01-01" && need.reason.contains("is not transformed yet"))
        #expect(try drop(before: "2026-01-02").map { $0?.events } == [nil])
        #expect(try database.value("SELECT count(*) FROM raw.events") == "1")
        #expect(try database.value("SELECT raw_from FROM daybook.retention") == "-infinity")
        try markSeen()
        #expect(try Retention(connection).need() == nil)
        #expect(try drop(before: "2026-01-02").map { $0?.events } == [1])
    }

    @Test("A reader who holds the events is waited for, a moment at a time, and others read meanwhile")
    func readers() throws {
        try warehouse.load(line("a", "2026-01-01T10:00:00Z") + line("b", "2026-01-02T10:00:00Z"))
        try markSeen()
        let reader = try database.connect()
        try reader.execute("BEGIN")
        _ = try reader.query("SELECT count(*) FROM raw.events")
        let dropped = Mutex<Swift.Result<Int?, any Error>?>(nil)
        let group = DispatchGroup()
        let url = database.url
        DispatchQueue(label: "dropping").async(group: group) {
            let result = Swift.Result {
                let retention = Retention(try Warehouse.open(url).connection)
                return try retention.drop(try retention.due(before: "2026-01-02")[0], waitSeconds: 120)?
                    .events
            }
            dropped.withLock { $0 = result }
        }
        // Another reader gets its turn between the attempts.
        let other = try database.connect()
        for _ in 0..<20 {
            #expect(try other.query("SELECT count(*) FROM raw.events").first().get(0, as: Int.self) == 2)
            Thread.sleep(forTimeInterval: 0.02)
        }
        try reader.execute("COMMIT")
        group.wait()
        #expect(try dropped.withLock { try $0?.get() } == 1)
        #expect(try other.query("SELECT count(*) FROM raw.events").first().get(0, as: Int.self) == 1)
    }

    @Test("A load that finds its day dropped makes it anew")
    func race() throws {
        var loader = Loader(connection, recentKeys: RecentKeys())
        try warehouse.load(line("a", "2026-01-01T10:00:00Z"), with: &loader)
        try markSeen()
        _ = try drop(before: "2026-01-02")
        let counts = try warehouse.load(line("b", "2026-01-01T10:00:00Z"), object: "b", with: &loader)
        #expect(counts.loaded == 1)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "1")
        #expect(try warehouse.problems() == [])
    }

    @Test("Rejects go by their age, values that did not convert with their event, runs but for the last")
    func rejectsAndRuns() throws {
        try warehouse.load("nonsense\n" + line("a", "2026-01-01T10:00:00Z"))
        try connection.execute(
            """
            INSERT INTO daybook.rejects (load_id, pipeline, source_id, object, byte_offset, reason_code, reason, raw)
            SELECT load_id, pipeline, source_id, object, 0, 'conversion', 'is no number', 'x' FROM daybook.loads;
            UPDATE daybook.rejects SET rejected_at = now() - interval '10 days'
            """)
        let retention = Retention(connection)
        #expect(try retention.dropRejects(before: Date(timeIntervalSinceNow: -11 * 86_400)) == 0)
        #expect(try retention.dropRejects(before: Date(timeIntervalSinceNow: -9 * 86_400)) == 1)
        #expect(try database.rows("SELECT reason_code FROM daybook.rejects") == [["conversion"]])
        #expect(try warehouse.problems() == [])
        let catalogue = Catalogue(connection)
        for error in ["no", nil, "no", "no"] {
            let runID = try #require(
                try catalogue.beginRun(pipeline: "p", host: "h", processID: 1, version: "0"))
            try catalogue.endRun(runID, LoadCounts(), error: error)
        }
        try connection.execute("UPDATE daybook.runs SET ended_at = now() - interval '10 days'")
        #expect(try retention.dropRuns(before: Date(timeIntervalSinceNow: -9 * 86_400)) == 3)
        #expect(
            try database.rows("SELECT status FROM daybook.runs ORDER BY run_id") == [
                ["succeeded"], ["failed"],
            ])
    }
}

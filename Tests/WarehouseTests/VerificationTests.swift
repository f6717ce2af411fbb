import Postgres
import TestSupport
import Testing
import Warehouse

/// The proof can fail: each kind of damage is found, and named.
@Suite
struct VerificationTests {
    private let warehouse: LoadingWarehouse

    init() throws {
        warehouse = try LoadingWarehouse()
        let first = line(1) + line(2) + line(1) + "broken\n"
        try warehouse.load(first)
        try warehouse.load(line(3), at: Int64(first.utf8.count))
        #expect(try warehouse.problems() == [])
    }

    private func problems(after damage: String) throws -> [String] {
        try warehouse.connection.execute(damage)
        return try warehouse.problems()
    }

    @Test(
        "Conservation: counts that do not add up",
        arguments: ["read = read + 1", "duplicate = duplicate + 1", "filtered = filtered + 1"])
    func sums(_ change: String) throws {
        let found = try problems(
            after: """
                ALTER TABLE daybook.loads DROP CONSTRAINT loads_conserve;
                UPDATE daybook.loads SET \(change) WHERE load_id = 1
                """)
        try #require(found.count == 1)
        #expect(found[0].hasPrefix("load 1 of a: read ") && found[0].contains("but loaded 2"))
    }

    @Test("The constraint of the ledger itself refuses what does not add up")
    func constraint() throws {
        let error = try #require(throws: PostgresError.self) {
            try warehouse.connection.execute("UPDATE daybook.loads SET read = read + 1")
        }
        #expect(error.constraint == "loads_conserve")
    }

    @Test("Conservation: a reject that is gone")
    func rejects() throws {
        #expect(
            try problems(after: "DELETE FROM daybook.rejects")
                == ["load 1 of a: the ledger counts 1 rejects, daybook.rejects holds 0"])
    }

    @Test("Counts by load: a row that is gone, a row too many, rows of a load that nobody knows")
    func counts() throws {
        #expect(
            try problems(after: "DELETE FROM raw.events_by_day WHERE event_id = 'e2'")
                == ["load 1 of a: the ledger says 2 rows, raw.events holds 1"])
        #expect(
            try problems(after: "UPDATE raw.events_by_day SET load_id = 2 WHERE event_id = 'e1'")
                == [
                    "load 1 of a: the ledger says 2 rows, raw.events holds 0",
                    "load 2 of a: the ledger says 1 rows, raw.events holds 2",
                ])
        #expect(
            try problems(after: "UPDATE raw.events_by_day SET load_id = 77").contains(
                "raw.events holds 2 rows of load 77, which the ledger does not know"))
    }

    @Test("Events in their day: an event in another day's leaf, and one of another source")
    func days() throws {
        let found = try problems(
            after: """
                ALTER TABLE raw.events_20260101 DROP CONSTRAINT events_20260101_occurred_at_check;
                UPDATE raw.events_20260101 SET occurred_at = '2026-01-02' WHERE event_id = 'e3';
                UPDATE raw.events_20260101 SET source_id = 99 WHERE event_id = 'e2'
                """)
        #expect(
            found == [
                "1 event(s) of load 1 carry source 99; the load is of source 1",
                "1 event(s) of load 2 lie in raw.events_20260101, whose day is 2026-01-01, "
                    + "but happened on 2026-01-02",
            ])
    }

    @Test("Ranges: a hole, an overlap, and a beginning that is missing")
    func ranges() throws {
        let start: Int = try warehouse.connection.query(
            "SELECT start_position FROM daybook.loads WHERE load_id = 2"
        ).first().get(0)
        func message(_ begin: Int, _ end: Int, _ word: String) -> String {
            "a (a): load 2 begins at byte \(begin), where the one before ends at \(end): \(word)"
        }
        let set = "UPDATE daybook.loads SET start_position ="
        // While a run goes on, its batches are committed in any order.
        #expect(try problems(after: "\(set) \(start + 5) WHERE load_id = 2") == [])
        try warehouse.connection.execute("UPDATE daybook.runs SET status = 'succeeded'")
        #expect(
            try problems(after: "\(set) \(start + 5) WHERE load_id = 2")
                == [message(start + 5, start, "a hole")])
        #expect(
            try problems(after: "\(set) \(start - 5) WHERE load_id = 2")
                == [message(start - 5, start, "an overlap")])
        let found = try problems(
            after: """
                \(set) \(start) WHERE load_id = 2;
                DELETE FROM daybook.rejects;
                DELETE FROM raw.events_by_day WHERE load_id = 1;
                DELETE FROM daybook.loads WHERE load_id = 1
                """)
        #expect(found == [message(start, 0, "a hole")])
    }
}

import Events
import Postgres
import TestSupport
import Testing
import Warehouse

/// The leaves of raw.events: bounds, pruning, and many workers that want the same one.
@Suite
struct DayLeavesTests {
    private let database: TestDatabase
    private let connection: Connection

    init() throws {
        database = try TestDatabase()
        connection = try Warehouse.open(database.url).connection
    }

    private func day(_ year: Int, _ month: Int, _ day: Int) throws -> Int32 {
        try #require(CalendarDay(year: year, month: month, day: day)).daysSinceEpoch
    }

    private func insert(_ leaf: String, _ time: String, _ day: String) throws {
        try connection.query(
            """
            INSERT INTO \(leaf) (occurred_at, load_id, position, event_day, source_id, entity, case_id, event_id,
                type, service)
            VALUES ($1::timestamptz, 1, 0, $2::date, 1, 'e', 'c', $1, 't', 's')
            """, [time, day])
    }

    @Test("A leaf takes its day to the microsecond, and no other")
    func bounds() throws {
        var leaves = DayLeaves(connection)
        let leap = try day(2024, 2, 29)
        try leaves.ensure([leap])
        let name = DayLeaves.name(leap)
        #expect(name == "raw.events_20240229")
        try insert(name, "2024-02-29T00:00:00Z", "2024-02-29")
        try insert(name, "2024-02-29T23:59:59.999999Z", "2024-02-29")
        for (time, date) in [
            ("2024-03-01T00:00:00Z", "2024-02-29"), ("2024-02-28T23:59:59.999999Z", "2024-02-29"),
            ("2024-02-29T12:00:00Z", "2024-03-01"),
        ] {
            let error = try #require(throws: PostgresError.self) { try insert(name, time, date) }
            #expect(error.sqlState == "23514")
        }
    }

    @Test("An equal key is refused by the leaf, whatever the load")
    func key() throws {
        var leaves = DayLeaves(connection)
        try leaves.ensure([20_000])
        let name = DayLeaves.name(20_000)
        let date = CalendarDay(daysSinceEpoch: 20_000).description
        try insert(name, "\(date)T01:00:00Z", date)
        let error = try #require(throws: PostgresError.self) {
            try insert(name, "\(date)T01:00:00Z", date)
        }
        #expect(error.isUniqueViolation)
    }

    @Test("A filter on occurred_at reads only the leaves it can mean, in any time zone")
    func pruning() throws {
        var leaves = DayLeaves(connection)
        let first = try day(2026, 1, 1)
        try leaves.ensure(first..<first + 20)
        func scanned(_ condition: String) throws -> Set<String> {
            let plan = try connection.query("EXPLAIN SELECT * FROM raw.events WHERE \(condition)").rows
            return Set(
                plan.compactMap { $0.text(0) }.flatMap { $0.split(separator: " ").map(String.init) }
                    .filter { $0.hasPrefix("events_2026") && !$0.contains("idx") && !$0.contains("key") })
        }
        for zone in ["UTC", "America/Los_Angeles"] {
            try connection.execute("SET TIME ZONE '\(zone)'")
            let days = try scanned(
                "occurred_at >= '2026-01-05 00:00:00+00' AND occurred_at < '2026-01-07 00:00:00+00'")
            #expect(days.filter { !$0.contains("20260105") && !$0.contains("20260106") } == [])
            #expect(!days.isEmpty)
        }
        let byDay = try scanned("event_day = '2026-01-09'")
        #expect(byDay.allSatisfy { $0.contains("20260109") } && !byDay.isEmpty)
    }

    @Test("Four threads that want the same days at once make each once, while readers read")
    func concurrent() throws {
        let url = database.url
        let first = try day(2026, 3, 1)
        let errors = atOnce(5) { index in
            let connection = try Warehouse.connect(url)
            if index == 4 {
                for _ in 0..<40 { _ = try connection.query("SELECT count(*) FROM raw.events") }
                return
            }
            var leaves = DayLeaves(connection)
            let days = Array(first..<first + 25)
            try leaves.ensure(index % 2 == 0 ? days : days.reversed())
        }
        #expect(errors.isEmpty, "\(errors)")
        #expect(
            try database.value(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'raw.events_by_day'::regclass") == "25")
    }

    @Test("Every day that a time can have gets its leaf: the first and last of the calendar, and around 1970")
    func extremes() throws {
        var leaves = DayLeaves(connection)
        let days = [
            try day(1, 1, 1), try day(1, 1, 2), try day(1582, 10, 10), try day(1969, 12, 31),
            try day(1970, 1, 1), try day(9999, 12, 30), try day(9999, 12, 31),
        ]
        try leaves.ensure(days)
        var again = DayLeaves(connection)
        try again.ensure(days)
        try insert(DayLeaves.name(days[0]), "0001-01-01T00:00:00Z", "0001-01-01")
        try insert(DayLeaves.name(days[6]), "9999-12-31T23:59:59.999999Z", "9999-12-31")
        #expect(try database.value("SELECT count(*) FROM raw.events") == "2")
        #expect(try Verification.problems(connection).filter { $0.contains("happened") } == [])
    }
}

import Events
import Postgres

/// The tables of the days, one for each UTC day, made when its first event comes; what makes them is
/// `sql/schema/004_loading.sql`.
///
/// Readers are not blocked: a leaf is made apart and attached, and ATTACH takes no lock that a SELECT minds.
package struct DayLeaves {
    private let connection: Connection
    /// Whether new days are filled without an index, to be finished when the load ends.
    private let buildsNewDays: Bool
    /// By day, whether it is being filled without an index. A day stops building when somebody finishes it, and
    /// never begins again.
    private var isBuilding: [Int32: Bool] = [:]

    package init(_ connection: Connection, buildsNewDays: Bool = false) {
        self.connection = connection
        self.buildsNewDays = buildsNewDays
    }

    /// `raw.events_20261121`; made of digits only, so it needs no quoting.
    package static func name(_ day: Int32) -> String {
        "raw.events_\(CalendarDay(daysSinceEpoch: day).compact)"
    }

    package func isBuilding(_ day: Int32) -> Bool { isBuilding[day] ?? false }

    /// Makes the leaves that are missing. Not inside a transaction: each is committed on its own, so that no lock
    /// is held for the length of a load.
    package mutating func ensure(_ days: some Sequence<Int32>) throws {
        let unknown = days.filter { isBuilding[$0] == nil }
        guard !unknown.isEmpty else { return }
        try look(at: unknown)
        let missing = unknown.filter { isBuilding[$0] == nil }
        for day in missing {
            FailPoint.pass("make-leaf")
            try connection.query(
                "SELECT daybook.make_leaf($1::date, $2::boolean)",
                [CalendarDay(daysSinceEpoch: day).description, buildsNewDays],
                action: "create \(DayLeaves.name(day))")
        }
        try look(at: missing)
    }

    /// Forgets what is known of these days and looks again: somebody may have finished them.
    mutating func refresh(_ days: some Sequence<Int32>) throws {
        let days = Array(days)
        for day in days { isBuilding[day] = nil }
        try ensure(days)
    }

    private mutating func look(at days: [Int32]) throws {
        guard !days.isEmpty else { return }
        let found = try connection.query(
            """
            SELECT day - date '1970-01-01', daybook.is_building(day)
            FROM unnest($1::date[]) AS day
            WHERE daybook.find_leaf(day) IS NOT NULL
            """, [days.map { CalendarDay(daysSinceEpoch: $0).description }])
        for row in found.rows { isBuilding[try row.get(0)] = try row.get(1) }
    }
}

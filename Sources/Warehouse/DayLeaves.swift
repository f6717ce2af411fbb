import Events
import Postgres

/// The tables of the days, one for each UTC day, made when its first event comes; what makes them is
/// `sql/schema/020_late_events.sql`.
///
/// Readers are not blocked: a leaf is made apart and attached, and ATTACH takes no lock that a SELECT minds.
package struct DayLeaves {
    private let connection: Connection
    /// Whether new days are filled without an index, to be finished when the load ends.
    private let buildsNewDays: Bool
    private var states: [Int32: State] = [:]

    private enum State: String {
        /// Being filled without an index, until somebody finishes it.
        case building
        /// A leaf whose index tells what is there already.
        case indexed
        /// Beside the leaf there are segments, of which the index does not tell.
        case compacted
    }

    package init(_ connection: Connection, buildsNewDays: Bool = false) {
        self.connection = connection
        self.buildsNewDays = buildsNewDays
    }

    /// `raw.events_20261121`; made of digits only, so it needs no quoting.
    package static func name(_ day: Int32) -> String {
        "raw.events_\(CalendarDay(daysSinceEpoch: day).compact)"
    }

    package func isBuilding(_ day: Int32) -> Bool { states[day] == .building }

    /// Whether a row that is not in the leaf may be there all the same, in a segment.
    package func isCompacted(_ day: Int32) -> Bool { states[day] == .compacted }

    /// Makes the leaves that are missing. Not inside a transaction: each is committed on its own, so that no lock
    /// is held for the length of a load.
    package mutating func ensure(_ days: some Sequence<Int32>) throws {
        let unknown = days.filter { states[$0] == nil }
        guard !unknown.isEmpty else { return }
        try look(at: unknown)
        let missing = unknown.filter { states[$0] == nil }
        for day in missing {
            FailPoint.pass("make-leaf")
            try connection.query(
                "SELECT daybook.make_leaf($1::date, $2::boolean)",
                [CalendarDay(daysSinceEpoch: day).description, buildsNewDays],
                action: "create \(DayLeaves.name(day))")
        }
        try look(at: missing)
    }

    /// Forgets what is known of these days and looks again: somebody may have finished or compacted them.
    mutating func refresh(_ days: some Sequence<Int32>) throws {
        let days = Array(days)
        for day in days { states[day] = nil }
        try ensure(days)
    }

    private mutating func look(at days: [Int32]) throws {
        guard !days.isEmpty else { return }
        let found = try connection.query(
            """
            SELECT day - date '1970-01-01',
                CASE
                    WHEN daybook.is_building(day) THEN 'building'
                    WHEN daybook.has_segments(day) THEN 'compacted'
                    ELSE 'indexed'
                END
            FROM unnest($1::date[]) AS day
            WHERE daybook.find_leaf(day) IS NOT NULL
            """, [days.map { CalendarDay(daysSinceEpoch: $0).description }])
        for row in found.rows { states[try row.get(0)] = State(rawValue: try row.get(1)) }
    }
}

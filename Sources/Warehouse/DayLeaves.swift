import Events
import Postgres

/// The leaves of `raw.events_by_day`: one table for each UTC day, made when its first event comes.
///
/// Readers are not blocked: a leaf is made apart and attached, and ATTACH takes no lock that a SELECT minds.
package struct DayLeaves {
    private let connection: Connection
    private var known: Set<Int32> = []

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// `raw.events_20261121`; made of digits only, so it needs no quoting.
    package static func name(_ day: Int32) -> String {
        "raw.events_\(CalendarDay(daysSinceEpoch: day).compact)"
    }

    /// Makes the leaves that are missing. Not inside a transaction: each is committed on its own, so that no lock
    /// is held for the length of a load.
    package mutating func ensure(_ days: some Sequence<Int32>) throws {
        let missing = days.filter { !known.contains($0) }
        guard !missing.isEmpty else { return }
        let present = try connection.query(
            "SELECT relname FROM pg_class WHERE relnamespace = 'raw'::regnamespace AND relname = ANY ($1::text[])",
            [missing.map { DayLeaves.relation($0) }])
        let names = Set(try present.rows.map { try $0.get(0, as: String.self) })
        for day in missing {
            if !names.contains(DayLeaves.relation(day)) { try create(day) }
            known.insert(day)
        }
    }

    private static func relation(_ day: Int32) -> String {
        "events_\(CalendarDay(daysSinceEpoch: day).compact)"
    }

    private func create(_ day: Int32) throws {
        let leaf = DayLeaves.name(day)
        let date = CalendarDay(daysSinceEpoch: day).description
        let next = CalendarDay(daysSinceEpoch: day + 1).description
        // Two workers may meet here: the lock lets one pass, and the other finds the leaf made.
        try connection.execute(
            """
            DO $$
            BEGIN
                PERFORM pg_advisory_xact_lock(\(DayLeaves.lockClass), \(day));
                IF NOT EXISTS (
                    SELECT FROM pg_class
                    WHERE relnamespace = 'raw'::regnamespace AND relname = '\(DayLeaves.relation(day))'
                ) THEN
                    CREATE TABLE \(leaf) (
                        LIKE raw.events_by_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS,
                        CHECK (occurred_at >= '\(date) 00:00:00+00' AND occurred_at < '\(next) 00:00:00+00'),
                        UNIQUE (case_id, event_id, source_id, occurred_at)
                    );
                    COMMENT ON TABLE \(leaf) IS 'Events of \(date) (UTC)';
                    CREATE INDEX ON \(leaf) USING brin (load_id);
                    ALTER TABLE raw.events_by_day ATTACH PARTITION \(leaf)
                        FOR VALUES FROM ('\(date)') TO ('\(next)');
                END IF;
            END
            $$
            """, action: "create \(leaf)")
    }

    /// The first half of the advisory locks under which leaves are made; the day is the second.
    private static let lockClass: Int32 = 0x6461_7973
}

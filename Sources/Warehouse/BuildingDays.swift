import Events
import Postgres

/// Days that a large load fills without an index, and finishes when it ends.
///
/// An index that grows row by row is what a load mostly waits for; built at the end it costs a quarter. Until then
/// the events are committed, counted in the ledger, and not yet seen by readers. One run at a time fills days so; a
/// day that a killed run left is finished by the next.
package enum BuildingDays {
    /// The advisory lock of the run that fills days so; any fixed number would do.
    private static let lock: Int64 = 0x6461_7962_7569_6c64

    /// Claims the right for the session of this connection; false where another run has it.
    package static func claim(_ connection: Connection) throws -> Bool {
        try connection.query("SELECT pg_try_advisory_lock($1::bigint)", [lock]).first().get(0)
    }

    package static func release(_ connection: Connection) throws {
        try connection.query("SELECT pg_advisory_unlock($1::bigint)", [lock])
    }

    /// The days that wait to be finished: all, or those that a run wrote to.
    package static func unfinished(ofRun runID: Int64? = nil, _ connection: Connection) throws -> [Int32] {
        try connection.query(
            """
            SELECT DISTINCT event_day - date '1970-01-01' AS day
            FROM daybook.building
            WHERE $1::bigint IS NULL
                OR load_id IN (SELECT load_id FROM daybook.loads WHERE run_id = $1::bigint)
            ORDER BY day
            """, [runID]
        ).rows.map { try $0.get(0) }
    }

    /// Makes the day a leaf of `raw.events_by_day`; nothing where it is one and no event of it waits.
    package static func finish(_ day: Int32, _ connection: Connection) throws {
        let name = CalendarDay(daysSinceEpoch: day).description
        try connection.retrying {
            try connection.transaction {
                try connection.query("SELECT daybook.finish_day($1::date)", [name], action: "finish \(name)")
                FailPoint.pass("finish-day")
            }
        }
    }
}

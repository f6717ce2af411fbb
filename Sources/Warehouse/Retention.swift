import Events
import Foundation
import Postgres
import SQLFiles

/// Drops what is past its retention; what does it is `sql/schema/023_retention.sql`.
///
/// A day of events goes as a whole, in one transaction, in which the ledger notes how many of each load are gone. Readers
/// wait for a moment at its end.
package struct Retention {
    private let connection: Connection

    /// - Parameter connection: not in a transaction.
    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// A day that is past its retention.
    package struct Due: Sendable, Encodable {
        /// As the server writes it: `2026-11-21`.
        package let day: String
        /// What it takes on the disk, in all forms.
        package let bytes: Int64
    }

    /// What became of a day.
    package struct Outcome: Sendable, Encodable {
        package let day: String
        /// Events that are gone.
        package let events: Int
        /// What they took on the disk. Of compacted days the server uses it again for others.
        package let bytes: Int64
        package let seconds: Double
    }

    /// The first day that must stay, whatever its age, and why.
    package struct Need: Sendable, Encodable {
        package let day: String
        package let reason: String

        package init(day: String, reason: String) { (self.day, self.reason) = (day, reason) }
    }

    /// What still needs events: hours that are not final, and loads that were not transformed. Nil where nothing does.
    package func need() throws -> Need? {
        try connection.query(
            SQLFiles.builtin.text("storage/raw_needed_from.sql"), action: "look what is needed"
        )
        .rows.first.map { Need(day: try $0.get("day"), reason: try $0.get("reason")) }
    }

    /// Cases that are frozen since they began before the days that are kept, and went on on these.
    package func frozenActiveCases() throws -> Int {
        try connection.query(
            """
            SELECT count(*)
            FROM daybook.frozen_cases
            JOIN report.cases AS c USING (case_id, entity)
            CROSS JOIN daybook.retention AS r
            LEFT JOIN daybook.frozen_news AS n USING (case_id)
            WHERE c.last_at >= r.raw_from::timestamp AT TIME ZONE 'UTC' OR n.last_day >= r.raw_from
            """
        ).first().get(0)
    }

    /// The days before `day`.
    package func due(before day: String) throws -> [Due] {
        try connection.query(SQLFiles.builtin.text("storage/days_to_drop.sql"), [day])
            .rows.map { Due(day: try $0.get("day"), bytes: try $0.get("bytes")) }
    }

    /// Drops a day, while no transform runs.
    ///
    /// - Parameter waitSeconds: how long to wait for a load that writes to the day, and for its readers.
    /// - Returns: nil where the day must stay, since events came for it that were not transformed.
    /// - Throws: `PostgresError` with `isLockTimeout` where a load takes longer, or readers never let go.
    package func drop(_ due: Due, waitSeconds: Double) throws -> Outcome? {
        let stopwatch = Stopwatch()
        let events: Int? = try connection.retrying {
            try connection.transaction {
                try connection.execute("SET LOCAL lock_timeout = \(max(1, Int(waitSeconds * 1_000)))")
                let events: Int? = try connection.query(
                    "SELECT daybook.drop_day($1::date, $2::double precision * interval '1 second')",
                    [due.day, waitSeconds], action: "drop \(due.day)"
                ).first().getIfPresent(0)
                if events != nil {
                    try connection.query(
                        "DELETE FROM raw.original_packs WHERE event_day = $1::date", [due.day],
                        action: "drop the records of \(due.day)")
                }
                FailPoint.pass("drop-day")
                return events
            }
        }
        FailPoint.pass("dropped-day")
        return events.map {
            Outcome(day: due.day, events: $0, bytes: due.bytes, seconds: stopwatch.seconds)
        }
    }

    /// Removes the typed fields of events that are gone.
    package func dropEventFields() throws {
        try connection.query(
            "SELECT daybook.drop_event_fields()", action: "drop the typed fields of old events")
    }

    /// Removes the rejects of before a time; not conversions, which are told of events that are there.
    package func dropRejects(before time: Date) throws -> Int {
        try connection.query(
            "SELECT daybook.drop_rejects($1::timestamptz)", [Retention.text(time)], action: "drop old rejects"
        ).first().get(0)
    }

    /// Removes runs that ended before a time; the last of each pipeline stay.
    package func dropRuns(before time: Date) throws -> Int {
        try connection.query(
            "SELECT daybook.drop_runs($1::timestamptz)", [Retention.text(time)], action: "drop old runs"
        ).first().get(0)
    }

    private static func text(_ time: Date) -> String {
        Timestamp(microseconds: Int64(time.timeIntervalSince1970 * 1e6)).description
    }
}

extension FailPoint {
    /// The points at which a day is dropped, in their order.
    package static let ofRetention = ["drop-day", "dropped-day"]
}

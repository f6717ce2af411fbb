import Events
import Postgres
import SQLFiles

/// Who began a run, and which times of a schedule it stands for.
package struct RunOrigin: Sendable {
    /// `hand`, `schedule`, `deadline`, or any word.
    package var startedBy = "hand"
    package var nominal: Nominal?

    /// Times of a schedule.
    package struct Nominal: Sendable {
        package let first: Timestamp
        package let last: Timestamp
        package let count: Int
        /// Counts from 1.
        package let attempt: Int

        package init(first: Timestamp, last: Timestamp, count: Int, attempt: Int) {
            self.first = first
            self.last = last
            self.count = count
            self.attempt = attempt
        }
    }

    package init() {}
}

/// What the catalogue knows of schedules: up to when each is accounted for.
package struct Schedules {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// Up to when a schedule is accounted for.
    package struct Accounted: Sendable {
        package let until: Timestamp
        /// What the last run for it stood for, and when it ended, where another attempt is worth it.
        package let failed: (nominal: RunOrigin.Nominal, at: Timestamp)?
    }

    /// Takes the schedules that are defined now, by pipeline; those of others are forgotten.
    package func define(_ schedules: [String: String]) throws -> [String: Accounted] {
        let sorted = schedules.sorted { $0.key < $1.key }
        try connection.query(
            SQLFiles.builtin.text("schedule/define.sql"), [sorted.map(\.key), sorted.map(\.value)],
            action: "define the schedules")
        // A statement of its own: it sees what others have defined meanwhile.
        let rows = try connection.query(SQLFiles.builtin.text("schedule/accounted.sql")).rows
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                let until = Timestamp(microseconds: try row.get("accounted_until"))
                let failed = try row.getIfPresent("failed_attempt", as: Int.self).map { attempt in
                    (
                        nominal: RunOrigin.Nominal(
                            first: Timestamp(microseconds: try row.get("nominal_from")), last: until,
                            count: try row.get("nominal_times"), attempt: attempt),
                        at: Timestamp(microseconds: try row.get("ended_at"))
                    )
                }
                return (try row.get("pipeline", as: String.self), Accounted(until: until, failed: failed))
            })
    }

    /// Up to when a pipeline's schedule is accounted for, in microseconds since 1970; nil where it has none.
    package func accountedUntil(_ pipeline: String) throws -> Int64? {
        try connection.query(
            """
            SELECT (extract(epoch FROM accounted_until) * 1000000)::bigint FROM daybook.schedules
            WHERE pipeline = $1
            """, [pipeline]
        ).rows.first?.get(0)
    }

    /// The times that the last attempt at a time of the schedule stood for, and how it went; nil where there was none.
    package func lastAttempt(
        _ pipeline: String, at nominal: Timestamp
    ) throws -> (origin: RunOrigin.Nominal, hasSucceeded: Bool)? {
        let row = try connection.query(
            """
            SELECT (extract(epoch FROM nominal_from) * 1000000)::bigint, nominal_times, attempt,
                status = 'succeeded'
            FROM daybook.runs
            WHERE pipeline = $1 AND nominal_at = $2::timestamptz AND status <> 'skipped'
            ORDER BY run_id DESC
            LIMIT 1
            """, [pipeline, nominal.description]
        ).rows.first
        return try row.map { row in
            (
                RunOrigin.Nominal(
                    first: Timestamp(microseconds: try row.get(0)), last: nominal, count: try row.get(1),
                    attempt: try row.get(2)), try row.get(3)
            )
        }
    }

    /// Writes down that no run will stand for some times.
    ///
    /// - Parameter isFailure: a run should have, and could not begin.
    package func skip(
        _ pipeline: String, first: Timestamp, last: Timestamp, count: Int, reason: String, isFailure: Bool,
        host: String, processID: Int32, version: String
    ) throws {
        try connection.query(
            SQLFiles.builtin.text("schedule/skip.sql"),
            [
                pipeline, first.description, last.description, count, reason, host, processID, version,
                isFailure ? "failed" : "skipped",
            ])
    }

    /// When pipelines should look for what has come of open cases: in microseconds since 1970, and how long after such a
    /// look the next may follow.
    package func deadlines() throws -> [(pipeline: String, at: Int64, spacingSeconds: Double)] {
        try connection.query(SQLFiles.builtin.text("schedule/deadlines.sql")).rows.map {
            (
                try $0.get("pipeline", as: String.self), try $0.get("at", as: Int64.self),
                try $0.get("spacing_seconds", as: Double.self)
            )
        }
    }
}

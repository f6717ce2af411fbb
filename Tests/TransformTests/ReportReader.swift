import Foundation
import Postgres
import TestSupport

/// Reads the report tables again and again on a connection and a thread of its own, and notes what no reader may see.
final class ReportReader: @unchecked Sendable {
    struct Seen {
        var reads = 0
        var longestSeconds = 0.0
        /// The sums of the hours, each as often as they changed.
        var states: [[GrowingOrders.Sums]] = []
        var problems: [String] = []
    }

    let processID: Int32
    // Confined to the thread, once that runs.
    private let connection: Connection
    private let seen = Atomic(Seen())
    private let isStopping = Atomic(false)
    private let done = DispatchGroup()

    init(_ database: TestDatabase) throws {
        connection = try database.connect()
        processID = connection.processID
        // Whoever waits for a lock fails, so that no wait is too short to be noticed.
        try connection.execute("SET lock_timeout = '10ms'")
    }

    func start() {
        done.enter()
        Thread { [self] in
            while !isStopping.value, seen.value.problems.count < 5 {
                do {
                    try read()
                } catch {
                    seen.change { $0.problems.append("\(error)") }
                }
            }
            done.leave()
        }.start()
    }

    /// Waits for a read that begins now, and for the end of the thread.
    func stop() -> Seen {
        let reads = seen.value.reads
        let stopwatch = Stopwatch()
        while seen.value.reads < reads + 2, seen.value.problems.isEmpty, stopwatch.seconds < 60 {
            usleep(1_000)
        }
        isStopping.change { $0 = true }
        done.wait()
        return seen.value
    }

    private func read() throws {
        let stopwatch = Stopwatch()
        let sums = try texts(
            """
            SELECT count(*), sum(started), sum(completed), sum(met) FROM report.sla_hourly GROUP BY sla ORDER BY sla
            """)
        let seconds = stopwatch.seconds
        let problems = try connection.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") {
            try ReportReader.consistency.flatMap { try texts($0).map { $0[0] } }
        }
        seen.change {
            $0.reads += 1
            $0.longestSeconds = max($0.longestSeconds, seconds)
            if $0.states.last != sums { $0.states.append(sums) }
            $0.problems += problems
        }
    }

    private func texts(_ sql: String) throws -> [[String]] {
        let result = try connection.query(sql)
        return result.rows.map { row in (0..<result.columnCount).map { row.text($0) ?? "∅" } }
    }

    /// Each gives problems: hours that do not say what the facts of the same snapshot do, and hours of which the
    /// history does not hold the current row.
    private static let consistency = [
        """
        SELECT format('by %s: %s at %s: hours %s, facts %s', kind, sla, hour_start, hours, facts)
        FROM (
            SELECT 'start' AS kind, sla, hour_start, ROW (started, completed, met, late, open, breached) AS hours
            FROM report.sla_hourly
            UNION ALL
            SELECT 'end', sla, hour_start, ROW (completed, completed, met, late, 0::bigint, breached)
            FROM report.sla_hourly_by_end
        ) AS h
        FULL JOIN (
            SELECT 'start' AS kind, sla, report.hour(started_at) AS hour_start,
                ROW (
                    count(*), count(*) FILTER (WHERE status = 'completed'),
                    count(*) FILTER (WHERE status = 'completed' AND NOT breached),
                    count(*) FILTER (WHERE status = 'completed' AND breached),
                    count(*) FILTER (WHERE status = 'in_progress'), count(*) FILTER (WHERE breached)
                ) AS facts
            FROM report.fact_sla
            GROUP BY sla, report.hour(started_at)
            UNION ALL
            SELECT 'end', sla, report.hour(completed_at),
                ROW (
                    count(*), count(*), count(*) FILTER (WHERE NOT breached), count(*) FILTER (WHERE breached),
                    0::bigint, count(*) FILTER (WHERE breached)
                )
            FROM report.fact_sla
            WHERE completed_at IS NOT NULL
            GROUP BY sla, report.hour(completed_at)
        ) AS f USING (kind, sla, hour_start)
        WHERE hours IS DISTINCT FROM facts
        LIMIT 3
        """,
        """
        SELECT format('history: %s at %s', sla, hour_start)
        FROM (SELECT sla, hour_start, restated_at, started, completed FROM report.sla_hourly) AS h
        FULL JOIN (
            SELECT sla, hour_start, valid_from, started, completed FROM report.sla_hourly_history
            WHERE valid_to IS NULL
        ) AS v USING (sla, hour_start, started, completed)
        WHERE restated_at IS DISTINCT FROM valid_from
        LIMIT 3
        """,
    ]
}

import Foundation
import Postgres
import TestSupport

/// Looks all the time at what a reader waits for, and at what a transform locks, on a connection and a thread of its own.
final class LockWatch: @unchecked Sendable {
    struct Seen {
        /// Looks while a transform was under way.
        var looks = 0
        var problems: Set<String> = []
    }

    // Confined to the thread, once that runs.
    private let connection: Connection
    private let reader: Int32
    private let seen = Atomic(Seen())
    private let isStopping = Atomic(false)
    private let done = DispatchGroup()

    /// - Parameter reader: the process of the reader's session.
    init(_ database: TestDatabase, reader: Int32) throws {
        connection = try database.connect()
        self.reader = reader
    }

    func start() {
        done.enter()
        Thread { [self] in
            while !isStopping.value {
                do {
                    try look()
                } catch {
                    seen.change { $0.problems.insert("\(error)") }
                    break
                }
                usleep(1_000)
            }
            done.leave()
        }.start()
    }

    func stop() -> Seen {
        isStopping.change { $0 = true }
        done.wait()
        return seen.value
    }

    private func look() throws {
        let row = try connection.query(
            """
            SELECT
                cardinality(pg_blocking_pids($1::integer)) > 0 OR EXISTS (
                    SELECT FROM pg_stat_activity WHERE pid = $1::integer AND wait_event_type = 'Lock'
                ) AS is_waiting,
                EXISTS (
                    SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'daybook' AND state <> 'idle'
                ) AS is_under_way,
                (
                    SELECT string_agg(DISTINCT c.relname, ', ')
                    FROM pg_locks AS l
                    JOIN pg_class AS c ON c.oid = l.relation
                    JOIN pg_stat_activity AS a ON a.pid = l.pid
                    WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        AND a.application_name = 'daybook' AND l.mode = 'AccessExclusiveLock'
                        AND c.relnamespace = 'report'::regnamespace
                ) AS exclusive
            """, [reader]
        ).first()
        let isWaiting: Bool = try row.get("is_waiting")
        let isUnderWay: Bool = try row.get("is_under_way")
        let exclusive = try row.getIfPresent("exclusive", as: String.self)
        seen.change {
            if isUnderWay { $0.looks += 1 }
            if isWaiting { $0.problems.insert("the reader waits for a lock") }
            if let exclusive { $0.problems.insert("an exclusive lock on \(exclusive)") }
        }
    }
}

import Foundation
import Postgres

/// The lock that lets one run of a pipeline at a time into the database.
///
/// The server holds it for the session, and frees it when the session ends, however it ends.
package struct PipelineLock {
    /// Takes the lock, waiting up to `waitSeconds`.
    ///
    /// - Parameter check: asked while it waits; what it throws ends the waiting.
    /// - Throws: `WarehouseError.locked` with who holds it.
    package static func acquire(
        _ pipeline: String, waitSeconds: Double, _ connection: Connection, check: () throws -> Void = {}
    ) throws {
        let stopwatch = Stopwatch()
        while true {
            let isMine: Bool = try connection.query(
                "SELECT pg_try_advisory_lock($1::int, hashtext($2))", [lockClass, pipeline]
            ).first().get(0)
            if isMine, try areWorkersGone(pipeline, connection) { return }
            guard stopwatch.seconds < waitSeconds else {
                throw WarehouseError.locked(pipeline: pipeline, holder: try holder(pipeline, connection))
            }
            try check()
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    /// Lets the lock's next holder wait for this connection: a worker of a killed run may still be committing.
    ///
    /// - Parameter processID: the server process of the run's own connection.
    /// - Throws: `WarehouseError.lockLost` where that connection is gone, and another run may have the lock.
    package static func join(_ pipeline: String, heldBy processID: Int32, _ connection: Connection) throws {
        try connection.query(
            "SELECT pg_advisory_lock_shared($1::int, hashtext($2))", [workerClass, pipeline])
        let isHeld: Bool = try connection.query(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND pid = $1::int AND classid = $2::int::oid
                    AND objid::bigint = hashtext($3)::bigint & 4294967295
            )
            """, [processID, lockClass, pipeline]
        ).first().get(0)
        guard isHeld else { throw WarehouseError.lockLost(pipeline: pipeline) }
    }

    private static func areWorkersGone(_ pipeline: String, _ connection: Connection) throws -> Bool {
        let areGone: Bool = try connection.query(
            "SELECT pg_try_advisory_lock($1::int, hashtext($2))", [workerClass, pipeline]
        ).first().get(0)
        if areGone {
            try connection.query("SELECT pg_advisory_unlock($1::int, hashtext($2))", [workerClass, pipeline])
        } else {
            try release(pipeline, connection)
        }
        return areGone
    }

    package static func release(_ pipeline: String, _ connection: Connection) throws {
        try connection.query("SELECT pg_advisory_unlock($1::int, hashtext($2))", [lockClass, pipeline])
    }

    private static func holder(_ pipeline: String, _ connection: Connection) throws -> String {
        let rows = try connection.query(
            """
            SELECT format('run %s, process %s on %s, since %s UTC', r.run_id, r.process_id, r.host,
                to_char(r.started_at, 'YYYY-MM-DD HH24:MI:SS'))
            FROM daybook.runs AS r
            WHERE r.pipeline = $1 AND r.status = 'running'
            ORDER BY r.run_id DESC
            LIMIT 1
            """, [pipeline])
        return rows.count > 0 ? try rows[0].get(0) : "a run that has just begun"
    }

    /// The first half of the advisory locks; the hash of the pipeline's name is the second.
    package static let lockClass: Int32 = 0x6461_7962
    private static let workerClass: Int32 = 0x6461_7963
}

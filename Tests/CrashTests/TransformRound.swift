import Foundation
import Postgres
import TestSupport
import Testing

/// One copy of a scene's database, in which a transform is disturbed and then run again.
struct TransformRound {
    /// What a disturbance must have left of the transform.
    enum Left { case undone, done, either }

    let scene: TransformScene
    let cause: TransformScene.Cause
    /// What is told where something is not as it should be.
    let label: String

    init(_ scene: TransformScene, _ cause: TransformScene.Cause, _ label: String) {
        self.scene = scene
        self.cause = cause
        self.label = "\(label); \(cause.rawValue), seed \(CrashScale.chosen.seed)"
    }

    /// - Parameter disturb: gets the URL of the copy.
    func run(_ disturb: (String) throws -> Left) throws {
        let undisturbed = try scene.undisturbed(cause)
        try scene.withCopy(cause) { url in
            let left = try disturb(url)
            let connection = try Connection(url, applicationName: "tests")
            try awaitEnd(connection)
            let state = try ReportState(connection)
            if left == .undone || left == .either && state != undisturbed.after {
                #expect(
                    state == undisturbed.before,
                    "\(label), undone: \(state.difference(from: undisturbed.before))")
            } else {
                #expect(
                    state == undisturbed.after,
                    "\(label), done: \(state.difference(from: undisturbed.after))")
            }

            let again = try scene.transform(cause, url).outcome()
            #expect(again.status == 0 && again.signal == nil, "\(label), again: \(again.error)")
            let after = try ReportState(connection)
            #expect(
                after == undisturbed.after,
                "\(label), again: \(after.difference(from: undisturbed.after))")

            let next = try scene.run(url)
            #expect(next.status == 0 && next.signal == nil, "\(label), the next run: \(next.error)")
            let differences = try Rebuild.differences(scene.models, connection)
            #expect(differences == [], "\(label), the next run")
        }
    }

    // MARK: - Sessions

    /// The process of the transform's session, once its transaction has begun; nil where it is over before.
    func awaitBegin(of transform: RunningCommand, _ connection: Connection) throws -> Int32? {
        while transform.isRunning {
            let found = try connection.query(
                """
                SELECT l.pid
                FROM pg_locks AS l
                JOIN pg_stat_activity AS a USING (pid)
                WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()
                    AND l.classid::bigint << 32 | l.objid::bigint = $1::bigint AND a.backend_xmin IS NOT NULL
                """, [TransformRound.transformLock])
            if let row = found.rows.first { return try row.get(0) }
            usleep(1_000)
        }
        return nil
    }

    /// What TransformRunner locks.
    private static let transformLock: Int64 = 0x6461_7962_7472_6e73

    /// Waits until the sessions of what was killed have ended: until then a COMMIT may be under way.
    private func awaitEnd(_ connection: Connection) throws {
        let stopwatch = Stopwatch()
        while stopwatch.seconds < 60 {
            let sessions: Int = try connection.query(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'daybook'
                """
            ).first().get(0)
            if sessions == 0 { return }
            usleep(5_000)
        }
        Issue.record("\(label): a session goes on")
    }
}

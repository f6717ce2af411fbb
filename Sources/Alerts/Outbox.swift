import Foundation
import Postgres
import SQLFiles

/// Sends the messages that lie in the outbox, to all channels at once, those of a channel in their order. A message stays
/// there until its channel has taken it, and carries the same key on every attempt: what is sent twice, because its taking
/// could not be noted, can be known by that.
package struct Outbox: Sendable {
    private let channels: [String: any Channel]
    private let connect: @Sendable () throws -> Connection

    /// The first half of the advisory locks that let one process send to a channel at a time.
    private static let lockClass: Int32 = 0x6461_796F

    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        package var sent = 0
        /// By channel, why it did not take a message.
        package var failures: [String: String] = [:]

        package init() {}
    }

    /// How long it may go on, and what is sent.
    package struct Limits: Sendable {
        /// No message is begun after this.
        package var until = Date.distantFuture
        /// Also what has failed, and is to be tried again later.
        package var isForced = false
        package var isStopped: @Sendable () -> Bool = { false }

        package init() {}
    }

    /// - Parameter connect: a connection for each channel.
    package init(channels: [String: any Channel], connect: @escaping @Sendable () throws -> Connection) {
        self.channels = channels
        self.connect = connect
    }

    /// Sends what is due; a channel that fails is left alone until its next attempt is due, and holds back no other.
    package func deliver(_ limits: Limits = Limits()) -> Outcome {
        let results = Results()
        let group = DispatchGroup()
        for (name, channel) in channels {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                do {
                    try deliver(to: name, channel, limits, results)
                } catch {
                    results.fail(name, "\(error)")
                }
            }
        }
        group.wait()
        return results.outcome
    }

    private func deliver(
        to name: String, _ channel: any Channel, _ limits: Limits, _ results: Results
    ) throws {
        let connection = try connect()
        let isMine: Bool = try connection.query(
            "SELECT pg_try_advisory_lock($1::int, hashtext($2))", [Outbox.lockClass, name]
        ).first().get(0)
        guard isMine else { return }
        let began: String = try connection.query("SELECT now()::text").first().get(0)
        while !limits.isStopped(), Date() < limits.until,
            let message = try next(for: name, limits.isForced ? began : nil, connection)
        {
            var failure: String?
            do {
                let notification = try JSONDecoder().decode(Notification.self, from: Data(message.body.utf8))
                try channel.send(notification)
            } catch let error as DecodingError {
                failure = "message \(message.id) of the outbox cannot be read: \(error)"
            } catch {
                failure = "\(error)"
            }
            FailPoint.pass("alert-sent")
            try note(message.id, failure, connection)
            if let failure { return results.fail(name, failure) }
            results.noteSent()
        }
    }

    /// The first that waits for a channel, if it is due; one that was refused often no longer holds up those behind it.
    ///
    /// - Parameter forced: takes what was last tried before this time, due or not.
    private func next(
        for channel: String, _ forced: String?, _ connection: Connection
    ) throws -> (id: Int64, body: String)? {
        let row = try connection.query(
            """
            SELECT notification_id, body::text,
                next_attempt_at <= now() OR coalesce(tried_at < $2::timestamptz, false)
            FROM daybook.notifications
            WHERE channel = $1 AND sent_at IS NULL
            ORDER BY attempts >= 5, CASE WHEN attempts >= 5 THEN next_attempt_at END, notification_id
            LIMIT 1
            """, [channel, forced]
        ).rows.first
        guard let row, try row.get(2, as: Bool.self) else { return nil }
        return (try row.get(0), try row.get(1))
    }

    /// Notes that a message was taken, or when it is to be tried again: after half a minute, and up to an hour.
    private func note(_ id: Int64, _ failure: String?, _ connection: Connection) throws {
        try connection.query(
            """
            UPDATE daybook.notifications
            SET attempts = attempts + 1, error = $2, sent_at = CASE WHEN $2::text IS NULL THEN now() END,
                tried_at = now(),
                next_attempt_at = now()
                    + least(interval '1 hour', interval '30 seconds' * power(2, least(attempts, 10)))
            WHERE notification_id = $1::bigint
            """, [id, failure])
    }

    /// What the threads of the channels tell.
    private final class Results: @unchecked Sendable {
        private let lock = NSLock()
        private var result = Outcome()

        var outcome: Outcome { lock.withLock { result } }
        func noteSent() { lock.withLock { result.sent += 1 } }
        func fail(_ channel: String, _ failure: String) {
            lock.withLock { result.failures[channel] = failure }
        }
    }
}

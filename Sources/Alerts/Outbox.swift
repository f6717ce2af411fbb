import Foundation
import Postgres
import SQLFiles

/// Sends the messages that lie in the outbox, those of a channel in their order. A message stays there until its channel has
/// taken it, and carries the same key on every attempt: what is sent twice, because its taking could not be noted, can
/// be known by that.
package struct Outbox {
    private let connection: Connection
    private let channels: [String: any Channel]

    /// The first half of the advisory locks that let one process send to a channel at a time.
    private static let lockClass: Int32 = 0x6461_796F

    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        package var sent = 0
        /// By channel, why it did not take a message.
        package var failures: [String: String] = [:]

        package init() {}
    }

    package init(_ connection: Connection, channels: [String: any Channel]) {
        self.connection = connection
        self.channels = channels
    }

    /// Sends what is due, to all channels at once; a channel that fails is left alone until its next attempt is due.
    package func deliver() throws -> Outcome {
        var outcome = Outcome()
        let mine = try channels.keys.filter { try lock($0) }
        defer { for channel in mine { try? unlock(channel) } }
        var open = mine
        while !open.isEmpty {
            let messages = try open.compactMap { try next(for: $0) }
            open = []
            for (message, error) in send(messages) {
                FailPoint.pass("alert-sent")
                try note(message, error)
                if let error {
                    outcome.failures[message.channel] = error
                } else {
                    outcome.sent += 1
                    open.append(message.channel)
                }
            }
        }
        return outcome
    }

    /// A message of the outbox.
    private struct Message: Sendable {
        let id: Int64
        let channel: String
        let notification: Notification
    }

    /// The first that waits for a channel, if it is due; one that cannot be read is no reason to stop at it for ever.
    private func next(for channel: String) throws -> Message? {
        let row = try connection.query(
            """
            SELECT notification_id, body::text, next_attempt_at <= now()
            FROM daybook.notifications
            WHERE channel = $1 AND sent_at IS NULL
            ORDER BY notification_id
            LIMIT 1
            """, [channel]
        ).rows.first
        guard let row, try row.get(2, as: Bool.self) else { return nil }
        let body: String = try row.get(1)
        return Message(
            id: try row.get(0), channel: channel,
            notification: try JSONDecoder().decode(Notification.self, from: Data(body.utf8)))
    }

    /// Sends each to its channel, all at once.
    private func send(_ messages: [Message]) -> [(message: Message, error: String?)] {
        let (errors, channels) = (Errors(), channels)
        DispatchQueue.concurrentPerform(iterations: messages.count) { index in
            let message = messages[index]
            do {
                try channels[message.channel]?.send(message.notification)
            } catch {
                errors.note("\(error)", of: message.channel)
            }
        }
        return messages.map { ($0, errors[$0.channel]) }
    }

    private final class Errors: @unchecked Sendable {
        private let lock = NSLock()
        private var errors: [String: String] = [:]
        func note(_ error: String, of channel: String) { lock.withLock { errors[channel] = error } }
        subscript(_ channel: String) -> String? { lock.withLock { errors[channel] } }
    }

    /// Notes that a message was taken, or when it is to be tried again: after half a minute, and up to an hour.
    private func note(_ message: Message, _ error: String?) throws {
        try connection.query(
            """
            UPDATE daybook.notifications
            SET attempts = attempts + 1, error = $2, sent_at = CASE WHEN $2::text IS NULL THEN now() END,
                next_attempt_at = now()
                    + least(interval '1 hour', interval '30 seconds' * power(2, least(attempts, 10)))
            WHERE notification_id = $1::bigint
            """, [message.id, error])
    }

    private func lock(_ channel: String) throws -> Bool {
        try connection.query(
            "SELECT pg_try_advisory_lock($1::int, hashtext($2))", [Outbox.lockClass, channel]
        ).first().get(0)
    }

    private func unlock(_ channel: String) throws {
        try connection.query(
            "SELECT pg_advisory_unlock($1::int, hashtext($2))", [Outbox.lockClass, channel])
    }
}

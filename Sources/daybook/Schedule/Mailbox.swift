import Foundation

/// Where threads and signals leave what the loop is to see to.
final class Mailbox<Message: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private let arrival = DispatchSemaphore(value: 0)
    private var messages: [Message] = []

    func post(_ message: Message) {
        lock.withLock { messages.append(message) }
        arrival.signal()
    }

    /// What has come, or comes within so many seconds; then nil.
    func next(withinSeconds seconds: Double) -> Message? {
        guard arrival.wait(timeout: .now() + max(0, seconds)) == .success else { return nil }
        return lock.withLock { messages.removeFirst() }
    }
}

import Foundation

/// Lets batches be written one after another, in the order in which they were read: what a broken-off pull leaves is
/// then always all that came before some place, and the next run goes on there.
final class CommitOrder: @unchecked Sendable {
    private let lock = NSCondition()
    private var issued = 0
    private var done = 0
    private var isBroken = false

    /// A batch before this one was not written, so this one is not to be either.
    struct Broken: Error {}

    /// The place of one batch in the order.
    struct Turn {
        fileprivate let order: CommitOrder
        fileprivate let number: Int

        /// Waits until all batches before are written.
        func wait() throws(Broken) {
            order.lock.lock()
            defer { order.lock.unlock() }
            while order.done < number, !order.isBroken { order.lock.wait() }
            if order.isBroken { throw Broken() }
        }

        /// Says what became of the batch.
        func end(isWritten: Bool) {
            order.lock.withLock {
                if isWritten { order.done += 1 } else { order.isBroken = true }
                order.lock.broadcast()
            }
        }
    }

    func next() -> Turn {
        lock.withLock {
            issued += 1
            return Turn(order: self, number: issued - 1)
        }
    }
}

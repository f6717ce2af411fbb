import Foundation

/// Lets batches that are written at once be committed one after another, in the order in which they were read: what a
/// broken-off pull leaves is then always all that came before some place, and the next run goes on there.
package final class CommitOrder: @unchecked Sendable {
    private let lock = NSCondition()
    private var issued = 0
    /// Batches whose keys are noted, and batches that are committed: all up to a number.
    private var noted = 0
    private var committed = 0
    private var isBroken = false

    package init() {}

    /// A batch before this one was not written, so this one is not to be either.
    package struct Broken: Error {
        package init() {}
    }

    /// The batches before take too long: one of them may be waiting for a row that this one has written.
    package struct TooEarly: Error {}

    /// The place of one batch in the order.
    package struct Turn: Sendable {
        fileprivate let order: CommitOrder
        fileprivate let number: Int

        /// Lets `body` note the batch's keys, after those of all batches before.
        package func noteKeys<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
            try order.wait(until: nil) { $0.noted >= number }
            // A batch that is written a second time notes its keys again.
            defer { order.change { $0.noted = max($0.noted, number + 1) } }
            return try body()
        }

        /// Waits until all batches before are committed.
        ///
        /// - Throws: `TooEarly` where that takes longer.
        package func awaitCommit(until deadline: Date? = nil) throws {
            try order.wait(until: deadline) { $0.committed >= number }
        }

        /// Says what became of the batch.
        package func end(isWritten: Bool) {
            order.change { order in
                if isWritten { order.committed = number + 1 } else { order.isBroken = true }
            }
        }
    }

    package func next() -> Turn {
        lock.withLock {
            issued += 1
            return Turn(order: self, number: issued - 1)
        }
    }

    /// Whether all that was issued is committed.
    package var isComplete: Bool { lock.withLock { !isBroken && committed == issued } }

    private func wait(until deadline: Date?, _ isReached: (CommitOrder) -> Bool) throws {
        lock.lock()
        defer { lock.unlock() }
        while !isReached(self), !isBroken {
            guard let deadline else {
                lock.wait()
                continue
            }
            guard lock.wait(until: deadline) else { throw TooEarly() }
        }
        if isBroken { throw Broken() }
    }

    private func change(_ body: (CommitOrder) -> Void) {
        lock.withLock {
            body(self)
            lock.broadcast()
        }
    }
}

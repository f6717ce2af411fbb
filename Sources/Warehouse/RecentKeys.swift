import Events
import Foundation

/// The keys of the events that a run has lately loaded, shared by its workers.
///
/// Sources that send at least once repeat themselves soon. One repeated row in a batch of a hundred thousand would
/// make the server refuse the whole COPY; an event whose key was seen before is therefore set apart and inserted
/// with a look at what is there. A table of hashes, each at one place only: a newer key takes an older one's
/// place, so memory is fixed, what is forgotten is found by the server, and what is confused is only slower.
///
/// A batch whose events are looked up waits with them for the batches that brought those keys first: were it to insert
/// them earlier, the other's COPY would be refused as a whole.
package final class RecentKeys: @unchecked Sendable {
    private let lock = NSCondition()
    /// The turns of the batches that are being copied straight into leaves.
    private var copying: Set<Int> = []
    private var lastTurn = 0
    /// The upper halves of the keys' hashes; the lower half is the place.
    private let tags: UnsafeMutablePointer<UInt32>
    /// 16 MiB of tags.
    private static let placeCount = 1 << 22

    package init() {
        tags = .allocate(capacity: RecentKeys.placeCount)
        tags.initialize(repeating: 0, count: RecentKeys.placeCount)
    }

    deinit { tags.deallocate() }

    /// Notes the keys of a batch and splits it into new ones and ones that were probably seen before.
    ///
    /// A batch is taken as a whole, one after another, and gets the next turn; `settle` must follow.
    ///
    /// - Parameter scope: in which the events' ids are unique, a source id or 0.
    package func split(
        _ runs: DayRuns, of batch: borrowing EventBatch, scope: Int32
    ) -> (fresh: DayRuns, seen: DayRuns, turn: Int) {
        lock.lock()
        defer { lock.unlock() }
        lastTurn += 1
        copying.insert(lastTurn)
        let turn = lastTurn
        let (tags, base) = (tags, batch.arena.base)
        return batch.events.withUnsafeBufferPointer { events in
            let parts = runs.split { index, _ in
                let hash = RecentKeys.hash(events[Int(index)], base, scope)
                let place = Int(truncatingIfNeeded: hash) & (RecentKeys.placeCount - 1)
                let tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
                if tags[place] == tag { return false }
                tags[place] = tag
                return true
            }
            return (parts.first, parts.second, turn)
        }
    }

    /// Says that no COPY of this batch is under way any longer.
    package func settle(_ turn: Int) {
        lock.withLock {
            copying.remove(turn)
            lock.broadcast()
        }
    }

    /// Waits until the batches before this one are copied, for some seconds at most: the server sees to what comes
    /// of meeting them all the same.
    package func waitForTurns(before turn: Int) {
        let deadline = Date(timeIntervalSinceNow: 5)
        lock.lock()
        defer { lock.unlock() }
        while copying.contains(where: { $0 < turn }), lock.wait(until: deadline) {}
    }

    /// A multiplicative hash of the key, eight bytes at a time.
    @inline(__always)
    private static func hash(_ event: Event, _ base: UnsafeMutablePointer<UInt8>, _ scope: Int32) -> UInt64 {
        var hash = UInt64(bitPattern: event.occurredAt.microseconds) ^ UInt64(UInt32(bitPattern: scope)) << 32
        mix(&hash, event.caseID, base)
        mix(&hash, event.eventID, base)
        return hash
    }

    @inline(__always)
    private static func mix(_ hash: inout UInt64, _ text: TextSlice, _ base: UnsafeMutablePointer<UInt8>) {
        var place = UnsafeRawPointer(base + Int(text.offset))
        var rest = Int(text.count)
        while rest > 0 {
            var word: UInt64 = 0
            memcpy(&word, place, min(rest, 8))
            let product = (hash ^ word ^ UInt64(rest)).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
            hash = product.high ^ product.low
            place += min(rest, 8)
            rest -= 8
        }
    }
}

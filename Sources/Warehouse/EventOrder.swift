import Events

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The events of a batch in the order of their leaf's key, each key once.
///
/// Sorted rows make the unique index of a leaf grow at one end of each case, which is what makes loading into an
/// indexed table fast; the order by day first keeps workers from deadlocking across leaves.
package struct EventOrder {
    /// The first event of each key.
    package private(set) var runs = DayRuns()
    /// Events whose key came before, last with other bytes: whether they differ as JSON, the server tells.
    package private(set) var repeats = DayRuns()
    /// Events that bring, byte for byte, what their key's last coming brought.
    private(set) var duplicate = 0

    /// Most comparisons end here, without a look at the texts.
    private struct Key {
        let day: Int32
        let index: Int32
        /// The first eight bytes of the case id, as a number that sorts like them.
        let prefix: UInt64
    }

    package init(_ batch: borrowing EventBatch) {
        let base = batch.arena.base
        batch.events.withUnsafeBufferPointer { events in
            var keys = events.indices.map { index in
                Key(
                    day: events[index].occurredAt.day, index: Int32(index),
                    prefix: EventOrder.prefix(events[index].caseID, base))
            }
            keys.sort { left, right in
                if left.day != right.day { return left.day < right.day }
                if left.prefix != right.prefix { return left.prefix < right.prefix }
                let order = EventOrder.compare(events[Int(left.index)], events[Int(right.index)], base)
                // The first to come stays, so equal keys keep the order of the source.
                return order == 0 ? left.index < right.index : order < 0
            }
            runs.reserveCapacity(keys.count)
            var last: Key?
            for key in keys {
                let event = events[Int(key.index)]
                if let previous = last, previous.day == key.day,
                    EventOrder.compare(events[Int(previous.index)], event, base) == 0
                {
                    // With the one before, not with the first: of A, B, A the last coming is A.
                    if EventOrder.isSameContent(events[Int(previous.index)], event, base) {
                        duplicate += 1
                        continue
                    }
                    repeats.append(key.index, day: key.day)
                } else {
                    runs.append(key.index, day: key.day)
                }
                last = key
            }
        }
    }

    @inline(__always)
    private static func prefix(_ text: TextSlice, _ base: UnsafeMutablePointer<UInt8>) -> UInt64 {
        var bytes: UInt64 = 0
        memcpy(&bytes, base + Int(text.offset), min(Int(text.count), 8))
        return UInt64(bigEndian: bytes)
    }

    /// By (case_id, event_id, occurred_at), texts byte by byte as in collation "C".
    @inline(__always)
    private static func compare(_ left: Event, _ right: Event, _ base: UnsafeMutablePointer<UInt8>) -> Int {
        let byCase = compare(left.caseID, right.caseID, base)
        if byCase != 0 { return byCase }
        let byEvent = compare(left.eventID, right.eventID, base)
        if byEvent != 0 { return byEvent }
        return left.occurredAt == right.occurredAt ? 0 : left.occurredAt < right.occurredAt ? -1 : 1
    }

    @inline(__always)
    private static func compare(
        _ left: TextSlice, _ right: TextSlice, _ base: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let common = Int(min(left.count, right.count))
        let order = memcmp(base + Int(left.offset), base + Int(right.offset), common)
        return order != 0 ? Int(order) : Int(left.count) - Int(right.count)
    }

    private static func isSameContent(
        _ left: Event, _ right: Event, _ base: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let columns: [KeyPath<Event, TextSlice>] = [
            \.type, \.service, \.entity, \.userID, \.correlationID, \.details,
        ]
        return left.sequence == right.sequence
            && columns.allSatisfy { column in
                let (a, b) = (left[keyPath: column], right[keyPath: column])
                return a.isAbsent == b.isAbsent && (a.isAbsent || compare(a, b, base) == 0)
            }
    }
}

/// Events of a batch, as indices, in runs of one day each.
package struct DayRuns {
    /// Indices into the batch's events.
    package private(set) var indices: [Int32] = []
    /// The events of each day, as ranges of `indices`.
    package private(set) var days: [(day: Int32, range: Range<Int>)] = []

    package var isEmpty: Bool { indices.isEmpty }
    var last: (day: Int32, index: Int32)? {
        guard let day = days.last, let index = indices.last else { return nil }
        return (day.day, index)
    }

    mutating func reserveCapacity(_ count: Int) { indices.reserveCapacity(count) }

    mutating func append(_ index: Int32, day: Int32) {
        if days.last?.day == day {
            days[days.count - 1].range = days[days.count - 1].range.lowerBound..<indices.count + 1
        } else {
            days.append((day, indices.count..<indices.count + 1))
        }
        indices.append(index)
    }

    /// The events for which `isFirst` holds, and the others.
    func split(_ isFirst: (_ index: Int32, _ day: Int32) -> Bool) -> (first: DayRuns, second: DayRuns) {
        var parts = (first: DayRuns(), second: DayRuns())
        parts.first.reserveCapacity(indices.count)
        for (day, range) in days {
            for index in indices[range] {
                if isFirst(index, day) {
                    parts.first.append(index, day: day)
                } else {
                    parts.second.append(index, day: day)
                }
            }
        }
        return parts
    }

    /// The first half of the events, and the second.
    func halves() -> (first: DayRuns, second: DayRuns) {
        var rest = indices.count / 2
        return split { _, _ in
            rest -= 1
            return rest >= 0
        }
    }

    /// The events of both, day by day.
    func merged(with other: DayRuns) -> DayRuns {
        if other.isEmpty { return self }
        if isEmpty { return other }
        var all = DayRuns()
        all.reserveCapacity(indices.count + other.indices.count)
        let parts =
            (days.map { ($0.day, indices[$0.range]) } + other.days.map { ($0.day, other.indices[$0.range]) })
            .sorted { $0.0 < $1.0 }
        for (day, part) in parts {
            for index in part { all.append(index, day: day) }
        }
        return all
    }
}

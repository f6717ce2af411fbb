/// Brings the lines of all orders into the order of their arrival, one slice of time after the other.
///
/// An order under way stands in the slice of its next line; its timeline is made again there. The result does
/// not depend on the width of the slices, because (`arrivedAt`, `key`) is a total order.
struct Agenda {
    /// The lines of the current slice, in order.
    private(set) var slice: [Arrival] = []

    private let timeline: OrderTimeline
    private let orders: UInt32
    private let start: Int64
    private let sliceMilliseconds: Int64
    private var current = -1
    private var nextOrder: UInt32 = 0
    private var nextCreated: Int64
    /// Indices of orders by slice; what is past is empty.
    private var underWay: [[UInt32]] = []
    private var ofOrder: [Arrival] = []

    /// - Parameter sliceMilliseconds: nil for slices of about 4,096 lines, which sort within the cache.
    init(_ options: GeneratorOptions, timeline: OrderTimeline, sliceMilliseconds: Int64? = nil) {
        self.timeline = timeline
        orders = UInt32(options.orders)
        start = options.start * 1_000
        let slices = Int64(1 + options.orders * 6 / 4_096)
        let fitting = Int64(options.days) * OrderRhythm.dayMilliseconds / slices
        self.sliceMilliseconds = max(1_000, sliceMilliseconds ?? fitting)
        nextCreated = options.orders > 0 ? timeline.created(0) : .max
    }

    /// Goes on to the next slice of time; false once nothing is left.
    mutating func advance(_ tally: inout Tally) -> Bool {
        current += 1
        if nextOrder == orders, current >= underWay.count { return false }
        slice.removeAll(keepingCapacity: true)
        if current < underWay.count {
            let indices = underWay[current]
            underWay[current] = []
            for index in indices {
                timeline.read(index, into: &ofOrder)
                file(index)
            }
        }
        let end = start + Int64(current + 1) * sliceMilliseconds
        while nextCreated < end {
            timeline.read(nextOrder, into: &ofOrder)
            tally.countOrder(ofOrder)
            file(nextOrder)
            nextOrder += 1
            nextCreated = nextOrder < orders ? timeline.created(nextOrder) : .max
        }
        slice.sort(by: <)
        return true
    }

    /// Takes the order's lines of this slice, and files the order under the slice of its next line.
    @inline(__always)
    private mutating func file(_ index: UInt32) {
        let begin = start + Int64(current) * sliceMilliseconds
        let end = begin + sliceMilliseconds
        var next = Int64.max
        for arrival in ofOrder where arrival.arrivedAt >= begin {
            if arrival.arrivedAt < end {
                slice.append(arrival)
            } else {
                next = min(next, arrival.arrivedAt)
            }
        }
        if next == .max { return }
        let target = Int((next - start) / sliceMilliseconds)
        while underWay.count <= target { underWay.append([]) }
        underWay[target].append(index)
    }
}

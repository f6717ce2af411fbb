/// The outputs under way: one buffer of a little over 1 MiB for each.
struct LaneBuffers: ~Copyable {
    private static let flushAt = 1 << 20

    private let bases: [UnsafeMutableRawPointer]
    private var counts: [Int]

    init(count: Int) {
        bases = (0..<count).map { _ in
            .allocate(byteCount: LaneBuffers.flushAt + LineBuffer.capacity, alignment: 16)
        }
        counts = Array(repeating: 0, count: count)
    }

    deinit {
        for base in bases { base.deallocate() }
    }

    /// - Precondition: the lane is not full, and the line is shorter than `LineBuffer.capacity`.
    @inline(__always)
    mutating func append(_ line: UnsafeRawBufferPointer, to lane: Int) {
        guard let start = line.baseAddress else { return }
        (bases[lane] + counts[lane]).copyMemory(from: start, byteCount: line.count)
        counts[lane] += line.count
    }

    func isFull(_ lane: Int) -> Bool { counts[lane] >= LaneBuffers.flushAt }

    /// Valid until the lane changes.
    func bytes(_ lane: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bases[lane], count: counts[lane])
    }

    mutating func clear(_ lane: Int) { counts[lane] = 0 }
}

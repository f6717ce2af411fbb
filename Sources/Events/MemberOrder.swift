/// The members that stand at the top level of the records, in their order. A record mostly has what the one before it
/// had, some of it left out: then one comparison finds a member and passes its name, colon, white space and all.
///
/// Memory only, and so not copied and not checked for exclusive access. Belongs to one thread at a time.
final class MemberOrder {
    /// What is known by a member's name.
    struct Member {
        /// The node of the tree that has this name, or -1.
        var node: Int32 = -1
        /// The slot of the path that ends at the node, or -1.
        var slot: Int32 = -1
        /// Whether paths lead through the node.
        var isBranch = false
        /// From behind the brace or comma: where the name begins, and where the value does.
        var nameOffset: Int32 = 0
        var valueOffset: Int32 = 0
    }

    private typealias Bytes = SIMD16<UInt8>

    private struct Expectation {
        var member = Member()
        // A byte that the mask leaves out is 0 in the text. Here it is not, so that this matches nothing.
        var text: (Bytes, Bytes) = (Bytes(repeating: 0xFF), Bytes(repeating: 0xFF))
        var mask: (Bytes, Bytes) = (Bytes(), Bytes())
    }

    private let expectations: UnsafeMutablePointer<Expectation>
    private let count: UnsafeMutablePointer<Int>
    private static let capacity = 64
    private static let maxBytes = 32
    /// How many members a record may leave out together and still be followed.
    private static let reach = 4

    init() {
        expectations = .allocate(capacity: MemberOrder.capacity + MemberOrder.reach)
        expectations.initialize(repeating: Expectation(), count: MemberOrder.capacity + MemberOrder.reach)
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    deinit {
        expectations.deallocate()
        count.deallocate()
    }

    /// Whether `place`, behind a brace or comma, shows the member at `index`; 32 bytes there must be readable.
    @inline(__always)
    func shows(_ index: Int, at place: UnsafePointer<UInt8>) -> Bool {
        let expected = expectations + index
        let low = (QuickScan.load(place) as Bytes) & expected.pointee.mask.0 ^ expected.pointee.text.0
        let high = (QuickScan.load(place + 16) as Bytes) & expected.pointee.mask.1 ^ expected.pointee.text.1
        let difference = unsafeBitCast(low | high, to: SIMD2<UInt64>.self)
        return difference[0] | difference[1] == 0
    }

    @inline(__always)
    func member(_ index: Int) -> Member { expectations[index].member }

    /// The next member after the one that was expected at `index` and is not there.
    func skip(from index: Int, at place: UnsafePointer<UInt8>) -> Int? {
        (index + 1..<index + MemberOrder.reach).first { shows($0, at: place) }
    }

    /// Expects the member that `place` shows at `index` from now on, before those that were expected there and later;
    /// returns the index that is next. A member with a long name is never expected.
    func expect(_ member: Member, at place: UnsafePointer<UInt8>, _ index: Int) -> Int {
        guard member.valueOffset <= MemberOrder.maxBytes else { return index }
        var index = index
        if count.pointee == MemberOrder.capacity {
            // Names without end or order: what holds for the records from here on is learned anew.
            expectations.update(repeating: Expectation(), count: MemberOrder.capacity)
            (count.pointee, index) = (0, 0)
        }
        (expectations + index + 1).update(from: expectations + index, count: count.pointee - index)
        count.pointee += 1
        let positions = Bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
        let end = Bytes(repeating: UInt8(member.valueOffset))
        let mask = (
            Bytes(repeating: 0).replacing(with: 0xFF, where: positions .< end),
            Bytes(repeating: 0).replacing(with: 0xFF, where: positions &+ Bytes(repeating: 16) .< end)
        )
        let bytes: (Bytes, Bytes) = (QuickScan.load(place), QuickScan.load(place + 16))
        expectations[index] = Expectation(
            member: member, text: (bytes.0 & mask.0, bytes.1 & mask.1), mask: mask)
        return index + 1
    }
}

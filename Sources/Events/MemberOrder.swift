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
        /// What becomes of it in the details.
        var use = FieldTree.Use.kept
        /// From behind the brace or comma: where the name begins, and where the value does.
        var nameOffset: Int32 = 0
        var valueOffset: Int32 = 0
    }

    /// A member and the text that shows it: all from behind the brace or comma to the value.
    struct Expectation {
        fileprivate typealias Bytes = SIMD16<UInt8>

        var member = Member()
        // A byte that the mask leaves out is 0 in the text. Here it is not, so that this matches nothing.
        private var text = (Bytes(repeating: 0xFF), Bytes(repeating: 0xFF))
        private var mask = (Bytes(), Bytes())

        /// The longest text, and what can be read at every place that is compared.
        static let maxBytes = 32

        fileprivate init() {}

        fileprivate init(_ member: Member, at place: UnsafePointer<UInt8>) {
            self.member = member
            let positions = Bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
            let end = Bytes(repeating: UInt8(member.valueOffset))
            mask.0.replace(with: 0xFF, where: positions .< end)
            mask.1.replace(with: 0xFF, where: positions &+ Bytes(repeating: 16) .< end)
            let bytes: (Bytes, Bytes) = (QuickScan.load(place), QuickScan.load(place + 16))
            text = (bytes.0 & mask.0, bytes.1 & mask.1)
        }

        /// Whether `place`, behind a brace or comma, shows the member.
        @inline(__always)
        func isShown(at place: UnsafePointer<UInt8>) -> Bool {
            let (low, high): (Bytes, Bytes) = (QuickScan.load(place), QuickScan.load(place + 16))
            let difference = unsafeBitCast(
                (low & mask.0 ^ text.0) | (high & mask.1 ^ text.1), to: SIMD2<UInt64>.self)
            return difference[0] | difference[1] == 0
        }
    }

    /// What is expected next.
    typealias Cursor = UnsafeMutablePointer<Expectation>

    /// What is expected first in a record.
    let first: Cursor
    private let count: UnsafeMutablePointer<Int>
    private static let capacity = 64
    /// How many members a record may leave out together and still be followed.
    private static let reach = 4

    init() {
        first = .allocate(capacity: MemberOrder.capacity + MemberOrder.reach)
        first.initialize(repeating: Expectation(), count: MemberOrder.capacity + MemberOrder.reach)
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    deinit {
        first.deallocate()
        count.deallocate()
    }

    /// The member at `place`, where the one at `cursor` is left out.
    func skip(from cursor: Cursor, at place: UnsafePointer<UInt8>) -> Cursor? {
        (1..<MemberOrder.reach).first { cursor[$0].isShown(at: place) }.map { cursor + $0 }
    }

    /// Expects the member at `place` from now on, before the one that was expected there; returns what is next. A
    /// member with a long text is never expected.
    func expect(_ member: Member, at place: UnsafePointer<UInt8>, _ cursor: Cursor) -> Cursor {
        guard member.valueOffset <= Expectation.maxBytes else { return cursor }
        var cursor = cursor
        if count.pointee == MemberOrder.capacity {
            // Names without end or order: what holds for the records from here on is learned anew.
            first.update(repeating: Expectation(), count: MemberOrder.capacity)
            (count.pointee, cursor) = (0, first)
        }
        (cursor + 1).update(from: cursor, count: first + count.pointee - cursor)
        count.pointee += 1
        cursor.pointee = Expectation(member, at: place)
        return cursor + 1
    }
}

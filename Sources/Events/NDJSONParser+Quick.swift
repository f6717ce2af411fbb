// The way of nearly all lines: one pass by `QuickScan`, which gives up at what is not sound and plain. A line that is
// given up has left no trace in the batch and is parsed again by `JSONScanner`, from its start.

extension NDJSONParser {
    private typealias Place = QuickScan.Place

    /// The offset of the last newline that `QuickScan` can have as its sentinel, or -1.
    static func lastSentinel(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var offset = bytes.count - QuickScan.slack
        while offset >= 0, bytes[offset] != 0x0A { offset -= 1 }
        return max(offset, -1)
    }

    /// Parses the line that begins at `line`, if it is sound and plain: then returns its length with the line end,
    /// otherwise 0. A sentinel must stand behind.
    ///
    /// - Parameter readable: the bytes that can be read from `line` on.
    @inline(__always)
    func parseQuickly(
        _ line: UnsafePointer<UInt8>, readable: Int, into batch: inout EventBatch
    ) -> Int {
        let opening = QuickScan.skipSpace(line)
        guard opening.pointee == UInt8(ascii: "{") else { return 0 }
        mapper.clear()
        var kept = 0
        guard let closing = scanMembers(behind: opening, of: line, &kept) else { return 0 }
        let newline = QuickScan.skipSpace(closing + 1)
        guard newline.pointee == 0x0A else { return 0 }

        let end = newline[-1] == 0x0D ? newline - 1 : newline
        let remainder = remainder(kept, of: line, to: &batch.arena)
        mapper.map(
            UnsafeBufferPointer(start: line, count: end - line), base: line, readable: readable,
            remainder: remainder, line: batch.range.endLine, position: batch.range.end, into: &batch)
        return newline - line + 1
    }

    /// Scans the members of a top-level object; returns the place of its closing brace.
    @inline(__always)
    private func scanMembers(behind opening: Place, of line: Place, _ kept: inout Int) -> Place? {
        var place = opening + 1
        if QuickScan.skipSpace(place).pointee == UInt8(ascii: "}") { return QuickScan.skipSpace(place) }
        let values = mapper.values
        var previous = FieldTree.Use.taken
        var cursor = order.first
        while true {
            let member: MemberOrder.Member
            if cursor.pointee.isShown(at: place) {
                member = cursor.pointee.member
                cursor += 1
            } else {
                guard let (found, next) = lookUp(cursor, at: place) else { return nil }
                (member, cursor) = (found, next)
            }
            let start = place + Int(member.valueOffset)
            if !member.isBranch, member.use == .taken, start.pointee == UInt8(ascii: "\"") {
                let (closing, hasEscapes) = QuickScan.scanString(from: start + 1)
                guard let closing else { return nil }
                values[Int(member.slot)] = FieldValue(
                    form: hasEscapes ? .escapedText : .text, start: start + 1 - line, end: closing - line)
                previous = .taken
                place = closing + 1
            } else {
                guard let end = scanValue(start, of: line, member) else { return nil }
                if member.use != .taken {
                    let name = place + Int(member.nameOffset)
                    let joins = previous == .kept && member.use == .kept
                    keptRuns.note(name - line, end - line, joins: joins, &kept)
                }
                previous = member.use
                place = end
            }
            if place.pointee != UInt8(ascii: ",") {
                place = QuickScan.skipSpace(place)
                if place.pointee == UInt8(ascii: "}") { return place }
                guard place.pointee == UInt8(ascii: ",") else { return nil }
            }
            place += 1
        }
    }

    /// The member at `place`, where another was expected, and what is expected next.
    @inline(never)
    private func lookUp(
        _ cursor: MemberOrder.Cursor, at place: Place
    ) -> (MemberOrder.Member, next: MemberOrder.Cursor)? {
        if let found = order.skip(from: cursor, at: place) { return (found.pointee.member, found + 1) }
        let name = QuickScan.skipSpace(place)
        guard let (node, end) = scanName(name, below: 0) else { return nil }
        let member = member(
            node, nameOffset: name - place, valueOffset: QuickScan.skipSpace(end) - place)
        return (member, order.expect(member, at: place, cursor))
    }

    @inline(__always)
    private func member(_ node: Int32, nameOffset: Int = 0, valueOffset: Int = 0) -> MemberOrder.Member {
        guard node >= 0 else {
            return MemberOrder.Member(nameOffset: Int32(nameOffset), valueOffset: Int32(valueOffset))
        }
        return MemberOrder.Member(
            node: node, slot: tree.nodes[Int(node)].slot, isBranch: tree.nodes[Int(node)].edgeCount > 0,
            use: tree.nodes[Int(node)].use, nameOffset: Int32(nameOffset),
            valueOffset: Int32(valueOffset))
    }

    /// Passes a name and its colon, and finds its node below another.
    @inline(__always)
    private func scanName(_ key: Place, below parent: Int32) -> (node: Int32, end: Place)? {
        guard key.pointee == UInt8(ascii: "\"") else { return nil }
        let (closing, hasEscapes) = QuickScan.scanString(from: key + 1)
        guard let closing, !hasEscapes else { return nil }
        let colon = QuickScan.skipSpace(closing + 1)
        guard colon.pointee == UInt8(ascii: ":") else { return nil }
        return (tree.child(of: parent, name: key + 1, count: closing - key - 1), colon + 1)
    }

    // MARK: - Values

    /// Passes a member's value and puts it into the slots at and below the node.
    @inline(__always)
    private func scanValue(_ start: Place, of line: Place, _ member: MemberOrder.Member) -> Place? {
        if member.isBranch { return scanBranch(start, of: line, node: member.node) }
        return member.slot < 0 ? QuickScan.passValue(start) : scanLeaf(start, of: line, slot: member.slot)
    }

    @inline(__always)
    private func scanLeaf(_ start: Place, of line: Place, slot: Int32) -> Place? {
        let value = mapper.values + Int(slot)
        switch start.pointee {
        case UInt8(ascii: "\""):
            let (closing, hasEscapes) = QuickScan.scanString(from: start + 1)
            guard let closing else { return nil }
            value.pointee = FieldValue(
                form: hasEscapes ? .escapedText : .text, start: start + 1 - line, end: closing - line)
            return closing + 1
        case let byte:
            guard let end = QuickScan.passValue(start) else { return nil }
            let form: FieldValue.Form =
                switch byte {
                case UInt8(ascii: "{"), UInt8(ascii: "["): .nested
                case UInt8(ascii: "t"), UInt8(ascii: "f"): .word
                case UInt8(ascii: "n"): .absent
                default: .number
                }
            value.pointee = FieldValue(form: form, start: start - line, end: end - line)
            return end
        }
    }

    /// The value of a member that paths lead through; the recursion is as deep as the longest path.
    @inline(never)
    private func scanBranch(_ start: Place, of line: Place, node nodeIndex: Int32) -> Place? {
        let node = tree.nodes[Int(nodeIndex)]
        for slot in node.slots { mapper.values[Int(slot)].form = .absent }
        let end: Place?
        switch start.pointee {
        case UInt8(ascii: "{"): end = scanObject(start, of: line, node: nodeIndex)
        case UInt8(ascii: "["): end = scanArray(start, of: line, node: nodeIndex)
        default:
            return node.slot < 0 ? QuickScan.passValue(start) : scanLeaf(start, of: line, slot: node.slot)
        }
        guard let end else { return nil }
        if node.slot >= 0 {
            mapper.values[Int(node.slot)] = FieldValue(form: .nested, start: start - line, end: end - line)
        }
        return end
    }

    private func scanObject(_ opening: Place, of line: Place, node: Int32) -> Place? {
        var place = QuickScan.skipSpace(opening + 1)
        if place.pointee == UInt8(ascii: "}") { return place + 1 }
        while true {
            guard let (child, behindName) = scanName(place, below: node) else { return nil }
            let start = QuickScan.skipSpace(behindName)
            guard let end = scanValue(start, of: line, member(child)) else { return nil }
            place = QuickScan.skipSpace(end)
            guard place.pointee == UInt8(ascii: ",") else { break }
            place = QuickScan.skipSpace(place + 1)
        }
        return place.pointee == UInt8(ascii: "}") ? place + 1 : nil
    }

    private func scanArray(_ opening: Place, of line: Place, node: Int32) -> Place? {
        var place = QuickScan.skipSpace(opening + 1)
        if place.pointee == UInt8(ascii: "]") { return place + 1 }
        var index = 0
        while true {
            let child = tree.child(of: node, index: index)
            guard let end = scanValue(place, of: line, member(child)) else { return nil }
            index += 1
            place = QuickScan.skipSpace(end)
            guard place.pointee == UInt8(ascii: ",") else { break }
            place = QuickScan.skipSpace(place + 1)
        }
        return place.pointee == UInt8(ascii: "]") ? place + 1 : nil
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Parses newline-delimited JSON: one object a line. Blank lines are records that yield nothing.
package final class NDJSONParser: RecordParser {
    let tree: FieldTree
    let mapper: RecordMapper
    let keptRuns = KeptRuns()
    let order = MemberOrder()
    private let rewriter: RecordRewriter?
    /// Filters records before they are redacted: what is hashed or dropped could not be compared.
    private let sieve: NDJSONParser?

    package init(_ mapping: SourceMapping) {
        var mapping = mapping
        sieve =
            mapping.filter != nil && !mapping.redactions.isEmpty
            ? NDJSONParser(mapping.withoutRedactions) : nil
        if sieve != nil { mapping.filter = nil }
        tree = FieldTree(mapping.paths, fallbacks: mapping.fallbacks, looks: mapping.looks)
        mapper = RecordMapper(mapping, tree: tree)
        rewriter = mapping.isRewriting ? RecordRewriter(mapping) : nil
    }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        mapper.begin(&batch, objectIdentity: objectIdentity)
    }

    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var start = 0
        let lastSentinel = rewriter == nil ? NDJSONParser.lastSentinel(bytes) : -1
        while start < bytes.count, !batch.isFull {
            if start <= lastSentinel {
                let length = parseQuickly(base + start, readable: bytes.count - start, into: &batch)
                if length > 0 {
                    start += length
                    batch.range.endLine += 1
                    batch.range.end += Int64(length)
                    continue
                }
            }
            let rest = bytes.count - start
            let newline = memchr(base + start, 0x0A, rest).map {
                UnsafeRawPointer(base).distance(to: UnsafeRawPointer($0))
            }
            if let newline {
                parseLine(base, start, newline, isComplete: true, &batch)
                start = newline + 1
                batch.range.endLine += 1
            } else {
                switch continuation {
                case .more, .overlong: return start
                case .closed: parseLine(base, start, bytes.count, isComplete: true, &batch)
                case .open:
                    guard parseLine(base, start, bytes.count, isComplete: false, &batch) else { return start }
                }
                start = bytes.count
            }
            batch.range.end += Int64(start - (bytes.count - rest))
        }
        return start
    }

    /// Parses the line in `start..<end`; false where it is not complete and no whole object either.
    @discardableResult
    @inline(__always)
    private func parseLine(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, isComplete: Bool, _ batch: inout EventBatch
    ) -> Bool {
        let isMarked =
            batch.range.end == 0 && end - start >= 3 && base[start] == byteOrderMark[0]
            && base[start + 1] == byteOrderMark[1] && base[start + 2] == byteOrderMark[2]
        let content = isMarked ? start + byteOrderMark.count : start
        var scanner = JSONScanner(base, from: content, to: end)
        let line = withoutCarriageReturn(UnsafeBufferPointer(start: base + content, count: end - content))
        let kept: Int
        do {
            let first = try scanner.next()
            if scanner.position == end {
                if isComplete { batch.filtered += 1 }
                return isComplete
            }
            guard first == UInt8(ascii: "{") else {
                _ = try scanner.scanValue()
                try scanner.expectEnd()
                if isComplete {
                    reject(line, .notAnObject, "the line is valid JSON, but not an object", &batch)
                }
                return isComplete
            }
            if rewriter != nil {
                let object = try scanner.scanValue()
                try scanner.expectEnd()
                parseTranslated(
                    UnsafeBufferPointer(start: base + object.start, count: object.end - object.start),
                    of: line,
                    line: batch.range.endLine, position: batch.range.end, &batch)
                return true
            }
            mapper.clear()
            kept = try scanRecord(&scanner)
            try scanner.expectEnd()
        } catch {
            guard isComplete else { return false }
            reject(line, error, start, &batch)
            return true
        }
        map(
            line, line, kept, scanner, columnsFrom: start, line: batch.range.endLine, at: batch.range.end,
            &batch)
        return true
    }

    /// Parses the element of an array that begins, behind white space and a comma, at `start`.
    ///
    /// - Returns: the place behind it.
    func parseItem(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, maxBytes: Int, _ batch: inout EventBatch
    ) -> Int {
        var scanner = JSONScanner(base, from: start, to: end)
        var itemStart = start
        var kept = 0
        var isObject = false
        do {
            if try scanner.next() == UInt8(ascii: ",") { scanner.position += 1 }
            let first = try scanner.next()
            itemStart = scanner.position
            if itemStart == end { return end }
            isObject = first == UInt8(ascii: "{")
            mapper.clear()
            if isObject, rewriter == nil {
                kept = try scanRecord(&scanner)
            } else {
                _ = try scanner.scanValue()
            }
        } catch {
            // No further item can be told from what follows.
            reject(
                UnsafeBufferPointer(start: base + itemStart, count: end - itemStart), error, itemStart, &batch
            )
            return end
        }
        let item = UnsafeBufferPointer(start: base + itemStart, count: scanner.position - itemStart)
        let position = batch.range.end + Int64(itemStart - start)
        if item.count > maxBytes {
            batch.rejectOverlong(item, line: batch.range.endLine, position: position, maxBytes: maxBytes)
        } else if isObject, rewriter != nil {
            parseTranslated(item, of: item, line: batch.range.endLine, position: position, &batch)
        } else if isObject {
            map(
                item, item, kept, scanner, columnsFrom: itemStart, line: batch.range.endLine, at: position,
                &batch)
        } else {
            batch.reject(
                item, line: batch.range.endLine, position: position, code: .notAnObject,
                reason: "the item is valid JSON, but not an object")
        }
        return scanner.position
    }

    /// Maps an object that a record of another format was turned into.
    ///
    /// - Parameter record: as its source has it.
    func parseTranslated(
        _ object: UnsafeBufferPointer<UInt8>, of record: UnsafeBufferPointer<UInt8>, line: Int64,
        position: Int64, _ batch: inout EventBatch
    ) {
        guard let rewriter else { return mapTranslated(object, of: record, record, line, position, &batch) }
        do {
            if let sieve, try !sieve.passes(object) {
                batch.filtered += 1
                return
            }
            let rewritten = try rewriter.rewrite(object)
            mapTranslated(
                rewritten, of: rewriter.isRedacting ? rewritten : record, record, line, position, &batch)
        } catch {
            batch.reject(record, line: line, position: position, code: .malformedJSON, reason: error.reason)
        }
    }

    /// Whether an object passes the filter.
    private func passes(_ object: UnsafeBufferPointer<UInt8>) throws(RecordRewriter.Problem) -> Bool {
        let object = try rewriter?.rewrite(object) ?? object
        guard let base = object.baseAddress else { return true }
        var scanner = JSONScanner(base, from: 0, to: object.count)
        mapper.clear()
        guard (try? scanner.next()) != nil, (try? scanRecord(&scanner)) != nil else { return true }
        return mapper.passes(base: base, readable: object.count)
    }

    private func mapTranslated(
        _ object: UnsafeBufferPointer<UInt8>, of record: UnsafeBufferPointer<UInt8>,
        _ original: UnsafeBufferPointer<UInt8>, _ line: Int64, _ position: Int64, _ batch: inout EventBatch
    ) {
        guard let base = object.baseAddress else { return }
        var scanner = JSONScanner(base, from: 0, to: object.count)
        do {
            _ = try scanner.next()
            mapper.clear()
            let kept = try scanRecord(&scanner)
            try scanner.expectEnd()
            map(
                record, original, kept, scanner, columnsFrom: nil, line: line, at: position, &batch)
        } catch {
            batch.reject(
                record, line: line, position: position, code: .malformedJSON,
                reason: "\(error.problem.rawValue), in what the record was turned into")
        }
    }

    /// Maps a scanned object, of which `kept` runs of members are named by no mapping.
    ///
    /// - Parameter start: what columns count from; nil where the object is not what its source holds.
    @inline(__always)
    private func map(
        _ record: UnsafeBufferPointer<UInt8>, _ original: UnsafeBufferPointer<UInt8>, _ kept: Int,
        _ scanner: JSONScanner, columnsFrom start: Int?, line: Int64, at position: Int64,
        _ batch: inout EventBatch
    ) {
        if let hazard = scanner.hazard {
            let (code, place, what) = describe(hazard)
            batch.reject(
                record, line: line, position: position, code: code, isRedacted: true,
                reason: (start.map { "column \(place - $0 + 1): " } ?? "") + what)
            return
        }
        let remainder = remainder(kept, of: scanner.base, to: &batch.arena)
        mapper.map(
            record, original: original, base: scanner.base, readable: scanner.end, remainder: remainder,
            line: line, position: position, into: &batch)
    }

    /// The details that are left over: `kept` runs, without the fallbacks that are taken.
    @inline(__always)
    func remainder(_ kept: Int, of base: UnsafePointer<UInt8>, to arena: inout ByteArena) -> TextSlice {
        guard mapper.wantsRemainder else { return .absent }
        var kept = kept
        if mapper.hasFallbacks {
            mapper.eachTakenFallback { place in keptRuns.remove(place, &kept) }
        }
        return keptRuns.append(kept, of: base, to: &arena)
    }

    private func reject(
        _ record: UnsafeBufferPointer<UInt8>, _ error: JSONError, _ start: Int, _ batch: inout EventBatch
    ) {
        let code = error.problem == .invalidUTF8 ? RejectCode.invalidUTF8 : .malformedJSON
        reject(record, code, "column \(error.offset - start + 1): \(error.problem.rawValue)", &batch)
    }

    private func reject(
        _ record: UnsafeBufferPointer<UInt8>, _ code: RejectCode, _ reason: String, _ batch: inout EventBatch
    ) {
        batch.reject(
            record, line: batch.range.endLine, position: batch.range.end, code: code, reason: reason)
    }

    private func describe(_ hazard: JSONScanner.Hazard) -> (RejectCode, Int, String) {
        switch hazard {
        case .nulCharacter(let place):
            (.nulCharacter, place, "\\u0000 is a character that PostgreSQL cannot store")
        case .loneSurrogate(let place): (.loneSurrogate, place, "half of a surrogate pair is no character")
        case .numberOutOfRange(let place):
            (.numberOutOfRange, place, "the number has more digits than PostgreSQL's numeric can hold")
        case .tooDeep(let place): (.nestedTooDeep, place, "the value is nested deeper than PostgreSQL reads")
        }
    }

    private func withoutCarriageReturn(_ line: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        line.last == 0x0D ? UnsafeBufferPointer(rebasing: line.dropLast()) : line
    }

    // MARK: - The object

    /// Scans the top-level object at the scanner's position; values of the tree's paths go to their slots.
    ///
    /// - Returns: the number of runs of members that stay; a fallback is a run of its own.
    @inline(__always)
    private func scanRecord(_ scanner: inout JSONScanner) throws(JSONError) -> Int {
        scanner.position += 1
        guard try scanner.next() != UInt8(ascii: "}") else {
            scanner.position += 1
            return 0
        }
        var kept = 0
        var previous = FieldTree.Use.taken
        repeat {
            let key = try scanner.scanKey()
            let node = child(of: 0, key, scanner.base)
            if node < 0 {
                _ = try scanner.scanValue()
            } else {
                try scanInto(node, &scanner)
            }
            let use = node < 0 ? .kept : tree.nodes[Int(node)].use
            if use != .taken {
                let joins = previous == .kept && use == .kept
                keptRuns.note(key.start - 1, scanner.position, joins: joins, &kept)
            }
            previous = use
        } while try scanner.advanceInContainer(isObject: true)
        return kept
    }

    @inline(__always)
    private func child(of node: Int32, _ key: JSONScanner.Token, _ base: UnsafePointer<UInt8>) -> Int32 {
        guard key.hasEscapes else {
            return tree.child(of: node, name: base + key.start, count: key.end - key.start)
        }
        var arena = ByteArena()
        JSONText.appendUnescaped(base, from: key.start, to: key.end, into: &arena)
        return tree.child(of: node, name: arena.base, count: arena.count)
    }

    /// Scans the value of a member that some path names or leads through. A member given twice counts as its
    /// last, as in jsonb.
    private func scanInto(_ nodeIndex: Int32, _ scanner: inout JSONScanner) throws(JSONError) {
        let node = tree.nodes[Int(nodeIndex)]
        for slot in node.slots { mapper.values[Int(slot)].form = .absent }
        let byte = try scanner.next()
        let start = scanner.position
        if node.edgeCount > 0, byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            try scanChildren(nodeIndex, isObject: byte == UInt8(ascii: "{"), &scanner)
            store(.nested, start, scanner.position, node.slot)
            return
        }
        let token = try scanner.scanValue()
        switch token.kind {
        case .string: store(token.hasEscapes ? .escapedText : .text, token.start, token.end, node.slot)
        case .number: store(.number, token.start, token.end, node.slot)
        case .literal where scanner.base[token.start] == UInt8(ascii: "n"): break
        case .literal: store(.word, token.start, token.end, node.slot)
        case .object, .array: store(.nested, token.start, token.end, node.slot)
        }
    }

    @inline(__always)
    private func store(_ form: FieldValue.Form, _ start: Int, _ end: Int, _ slot: Int32) {
        if slot >= 0 { mapper.values[Int(slot)] = FieldValue(form: form, start: start, end: end) }
    }

    /// Descends into a container that paths lead through; the recursion is as deep as the longest path.
    private func scanChildren(
        _ node: Int32, isObject: Bool, _ scanner: inout JSONScanner
    ) throws(JSONError) {
        scanner.position += 1
        guard try scanner.next() != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            scanner.position += 1
            return
        }
        var index = 0
        repeat {
            let next: Int32
            if isObject {
                next = child(of: node, try scanner.scanKey(), scanner.base)
            } else {
                next = tree.child(of: node, index: index)
                index += 1
            }
            if next < 0 {
                _ = try scanner.scanValue()
            } else {
                try scanInto(next, &scanner)
            }
        } while try scanner.advanceInContainer(isObject: isObject)
    }
}

/// The stretches of a top-level object that no mapping names, as offsets. Memory only: the count is the caller's,
/// in a local, which costs no check of exclusive access.
final class KeptRuns {
    private let runs: UnsafeMutablePointer<(start: Int, end: Int)>
    private static let capacity = 64

    init() { runs = .allocate(capacity: KeptRuns.capacity) }
    deinit { runs.deallocate() }

    /// Notes a member; members that follow each other are one run, commas and all, so that they are copied as they
    /// were written.
    ///
    /// Where a strange object has more runs than fit, the last run grows over what should be left out: a field
    /// then also stands in `details`, which loses nothing.
    @inline(__always)
    func note(_ start: Int, _ end: Int, joins: Bool, _ count: inout Int) {
        if joins || count == KeptRuns.capacity {
            runs[count - 1].end = end
        } else {
            runs[count] = (start, end)
            count += 1
        }
    }

    /// Removes the run that `place` stands in, if it is that of one member.
    @inline(never)
    func remove(_ place: Int, _ count: inout Int) {
        // The last run of a strange object may have grown over others.
        let last = count == KeptRuns.capacity ? count - 1 : count
        guard let index = (0..<last).first(where: { runs[$0].start <= place && place < runs[$0].end }) else {
            return
        }
        (runs + index).update(from: runs + index + 1, count: count - index - 1)
        count -= 1
    }

    /// Appends an object of the first `count` runs.
    @inline(__always)
    func append(_ count: Int, of base: UnsafePointer<UInt8>, to arena: inout ByteArena) -> TextSlice {
        let mark = arena.count
        arena.append(UInt8(ascii: "{"))
        for index in 0..<count {
            if index > 0 { arena.append(UInt8(ascii: ",")) }
            arena.append(base + runs[index].start, runs[index].end - runs[index].start)
        }
        arena.append(UInt8(ascii: "}"))
        return arena.slice(from: mark)
    }
}

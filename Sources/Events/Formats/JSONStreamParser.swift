/// Parses JSON objects that follow each other, or are elements of arrays: a file that is one array, an array at a path in
/// an object, one object, or a mixture of such lines. Each object is a record. Nothing is held but the record at hand.
///
/// Behind an object that is malformed, reading goes on where its braces end, or else with the next line that begins with
/// an object; what is passed is one reject.
package final class JSONStreamParser: RecordParser {
    private let records: NDJSONParser
    private let path: [String]
    private var place = Place.unknown

    private enum Place {
        /// Reading has begun in the middle: what comes next tells.
        case unknown
        /// Between values; in front of the path, where there is one.
        case outside
        case inArray
        /// Behind the array at the path, where nothing counts any more.
        case behind
    }

    /// - Parameter path: where the array stands; nil: all objects on the outside, and the elements of all arrays there.
    package init(_ mapping: SourceMapping, path: FieldPath?) {
        records = NDJSONParser(mapping)
        self.path = path?.steps ?? []
    }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        records.begin(&batch, objectIdentity: objectIdentity)
        if batch.range.start == 0 { place = .outside }
    }

    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int {
        var start = 0
        if batch.range.end == 0, bytes.starts(with: byteOrderMark) {
            advance(&start, to: byteOrderMark.count, bytes, &batch)
        }
        while start < bytes.count, !batch.isFull {
            let next = step(bytes, from: start, continuation, &batch)
            guard next > start else { break }
            advance(&start, to: next, bytes, &batch)
        }
        return start
    }

    private func advance(
        _ start: inout Int, to next: Int, _ bytes: UnsafeBufferPointer<UInt8>, _ batch: inout EventBatch
    ) {
        batch.range.endLine += bytes.newlines(in: start..<next)
        batch.range.end += Int64(next - start)
        start = next
    }

    /// Passes white space and a bracket, a comma or a record; returns the place behind it, `start` where more bytes are
    /// needed.
    private func step(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        if place == .behind { return bytes.count }
        let first = bytes[start...].firstIndex { !isSpace($0) } ?? bytes.count
        guard first < bytes.count else {
            guard place == .inArray, continuation == .closed else { return bytes.count }
            reject(bytes, first..<first, from: start, .malformedJSON, "the array is never closed", &batch)
            return bytes.count
        }
        if place == .unknown {
            let isInArray = !path.isEmpty || [UInt8(ascii: ","), UInt8(ascii: "]")].contains(bytes[first])
            place = isInArray ? .inArray : .outside
        }
        if place == .outside, !path.isEmpty { return enter(bytes, from: start, first, continuation, &batch) }
        switch bytes[first] {
        case UInt8(ascii: "[") where place == .outside:
            // An array and its first element go together, so that nothing ends between them.
            let element = bytes[(first + 1)...].firstIndex { !isSpace($0) }
            guard let element else { return continuation == .closed ? opened(first + 1) : start }
            if bytes[element] == UInt8(ascii: "]") { return element + 1 }
            place = .inArray
            let next = record(bytes, element, from: start, continuation, &batch)
            if next == start { place = .outside }
            return next
        case UInt8(ascii: ",") where place == .inArray:
            let element = bytes[(first + 1)...].firstIndex { !isSpace($0) }
            guard let element else { return continuation == .closed ? first + 1 : start }
            return record(bytes, element, from: start, continuation, &batch)
        case UInt8(ascii: "]") where place == .inArray:
            place = path.isEmpty ? .outside : .behind
            return first + 1
        default: return record(bytes, first, from: start, continuation, &batch)
        }
    }

    private func opened(_ next: Int) -> Int {
        place = .inArray
        return next
    }

    // MARK: - A record

    /// Maps the record that begins at `first`; returns the place behind it, `start` where more bytes are needed.
    private func record(
        _ bytes: UnsafeBufferPointer<UInt8>, _ first: Int, from start: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        var scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
        do {
            let token = try scanner.scanValue()
            // What follows tells whether a number or an array is at its end.
            guard scanner.position < bytes.count || continuation == .closed || token.kind == .object else {
                return start
            }
            let range = first..<scanner.position
            guard token.kind == .object else {
                reject(
                    bytes, range, from: start, .notAnObject, "this is valid JSON, but not an object", &batch)
                return range.upperBound
            }
            let object = UnsafeBufferPointer(rebasing: bytes[range])
            records.parseTranslated(
                object, of: object, line: batch.range.endLine + bytes.newlines(in: start..<first),
                position: batch.range.end + Int64(first - start), &batch)
            return range.upperBound
        } catch {
            let isCut =
                error.problem == .unexpectedEnd || error.problem == .unterminatedString
                || error.offset + JSONStreamParser.longestToken >= bytes.count
            if isCut, continuation != .closed { return start }
            guard let end = end(of: bytes, first, error.offset, continuation) else { return start }
            let code = error.problem == .invalidUTF8 ? RejectCode.invalidUTF8 : .malformedJSON
            reject(
                bytes, first..<end, from: start, code,
                "byte \(error.offset - first + 1): \(error.problem.rawValue)", &batch)
            return end
        }
    }

    /// An error this near the end may come from what is not there yet: of a word, an escape, a character.
    private static let longestToken = 12

    /// Where a malformed record ends; nil where that cannot be told yet.
    private func end(
        of bytes: UnsafeBufferPointer<UInt8>, _ first: Int, _ offset: Int, _ continuation: Continuation
    ) -> Int? {
        if let end = braces(bytes, first, offset) { return end }
        var place = offset
        while place > first, isSpace(bytes[place - 1]) { place -= 1 }
        while let newline = bytes.firstNewline(from: place) {
            guard let next = bytes[(newline + 1)...].firstIndex(where: { !isSpace($0) }) else { break }
            if bytes[next] == UInt8(ascii: "{") { return newline + 1 }
            place = next
        }
        return continuation == .closed ? bytes.count : nil
    }

    /// Where the braces of a malformed record are even again, not far behind the mistake. A string ends with its line.
    private func braces(_ bytes: UnsafeBufferPointer<UInt8>, _ first: Int, _ offset: Int) -> Int? {
        var depth = 0
        var isInString = false
        var place = first
        let limit = min(bytes.count, offset + (64 << 10))
        while place < limit {
            switch bytes[place] {
            case UInt8(ascii: "\\") where isInString: place += 1
            case UInt8(ascii: "\""): isInString.toggle()
            case 0x0A: isInString = false
            case UInt8(ascii: "{") where !isInString, UInt8(ascii: "[") where !isInString: depth += 1
            case UInt8(ascii: "}") where !isInString, UInt8(ascii: "]") where !isInString:
                depth -= 1
                if depth <= 0 { return place >= offset ? max(place + (depth == 0 ? 1 : 0), first + 1) : nil }
            case UInt8(ascii: ",") where !isInString && depth == 0 && place > first: return max(place, offset)
            default: break
            }
            place += 1
        }
        return nil
    }

    private func reject(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, from start: Int, _ code: RejectCode,
        _ reason: String, _ batch: inout EventBatch
    ) {
        batch.reject(
            UnsafeBufferPointer(rebasing: bytes[range]),
            line: batch.range.endLine + bytes.newlines(in: start..<range.lowerBound),
            position: batch.range.end + Int64(range.lowerBound - start), code: code, reason: reason)
    }

    private func isSpace(_ byte: UInt8) -> Bool {
        // The last separates texts (RFC 7464).
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 || byte == 0x1E
    }

    // MARK: - The way to the array

    /// Goes down the path, and into the array there; returns the place behind its bracket.
    private func enter(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ first: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        func fail(_ reason: String) -> Int {
            reject(bytes, first..<bytes.count, from: start, .malformedJSON, reason, &batch)
            place = .behind
            return bytes.count
        }
        let name = "\"\(path.joined(separator: "."))\" (data_path)"
        var scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
        do {
            guard try descend(path[...], &scanner) else { return fail("there is no array at \(name)") }
            // The bracket and the first element go together, as above.
            guard scanner.position < bytes.count else {
                return continuation == .closed ? opened(bytes.count) : start
            }
            place = .inArray
            let element = bytes[scanner.position...].firstIndex { !isSpace($0) }
            guard let element else {
                place = .outside
                return continuation == .closed ? opened(bytes.count) : start
            }
            if bytes[element] == UInt8(ascii: "]") {
                place = .behind
                return element + 1
            }
            let next = record(bytes, element, from: start, continuation, &batch)
            if next == start { place = .outside }
            return next
        } catch {
            let isCut =
                error.problem == .unexpectedEnd || error.problem == .unterminatedString
                || error.offset + JSONStreamParser.longestToken >= bytes.count
            if isCut, continuation == .more || continuation == .open { return start }
            return fail(
                "byte \(error.offset - first + 1), on the way to \(name): \(error.problem.rawValue)")
        }
    }

    /// Leaves the scanner behind the opening bracket; false where there is no array.
    private func descend(_ path: ArraySlice<String>, _ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        let byte = try scanner.next()
        guard let step = path.first else {
            guard byte == UInt8(ascii: "[") else { return false }
            scanner.position += 1
            return true
        }
        guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") else { return false }
        let isObject = byte == UInt8(ascii: "{")
        scanner.position += 1
        if try scanner.next() == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return false }
        var index = 0
        repeat {
            let name = isObject ? text(try scanner.scanKey(), scanner.base) : String(index)
            index += 1
            if name == step { return try descend(path.dropFirst(), &scanner) }
            _ = try scanner.scanValue()
        } while try scanner.advanceInContainer(isObject: isObject)
        return false
    }

    private func text(_ token: JSONScanner.Token, _ base: UnsafePointer<UInt8>) -> String {
        var arena = ByteArena(capacity: token.end - token.start)
        JSONText.appendUnescaped(base, from: token.start, to: token.end, into: &arena)
        return arena.string(of: arena.slice(from: 0))
    }
}

/// Parses JSON objects that follow each other, or are elements of arrays: a file that is one array, an array at a path in
/// an object, one object, or a mixture of such lines. Each object is a record. Nothing is held but the record at hand.
///
/// Behind an object that is malformed, reading goes on where its braces end, or with the next line that begins with an
/// object and is not indented deeper, whichever comes first; what is passed is one reject. A comma or a closing bracket
/// that stands where none should be is passed over.
package final class JSONStreamParser: RecordParser {
    private let records: NDJSONParser
    private let path: [String]
    private var place = Place.unknown
    private var passing = Passing()

    /// How far a record is passed that is longer than it may be.
    private struct Passing {
        var depth = 0
        var isInString = false
        var isEscaped = false
        /// Whether it is a line of its own, so that another line that begins with an object is another record.
        var isLine = false
        var isAtLineStart = false
    }

    private enum Place {
        /// Reading has begun in the middle: what comes next tells.
        case unknown
        /// Between values; with a path, between documents.
        case outside
        case inArray
        /// In a document of which more surrounds the array than a record may have: nothing counts any more.
        case lost
    }

    /// - Parameter path: where the array stands in each document; nil: all objects on the outside, and the elements of
    ///   all arrays there.
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
        if place == .lost { return bytes.count }
        let first = visible(bytes, from: start)
        guard first < bytes.count else { return passBlank(bytes, from: start, continuation, &batch) }
        if !path.isEmpty {
            if place == .unknown, let next = recognise(bytes, from: start, first, continuation) {
                return next
            }
            if place == .outside { return enter(bytes, from: start, first, continuation, &batch) }
        }
        switch bytes[first] {
        case UInt8(ascii: "[") where place != .inArray && path.isEmpty:
            return beginArray(bytes, from: start, first + 1, continuation, &batch)
        case UInt8(ascii: ","):
            // A comma and its element go together, so that nothing ends between them.
            let element = visible(bytes, from: first + 1)
            guard element < bytes.count else {
                return passBlank(bytes, from: start, continuation == .closed ? .closed : .more, &batch)
            }
            return record(bytes, element, from: start, continuation, &batch)
        case UInt8(ascii: "]"):
            if !path.isEmpty { return leave(bytes, from: start, first, continuation, &batch) }
            place = .outside
            return first + 1
        default: return record(bytes, first, from: start, continuation, &batch)
        }
    }

    /// Passes white space that nothing follows. Inside an array it waits, for there it is the end of nothing; so what is
    /// read again by its place alone gives the same.
    private func passBlank(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        switch continuation {
        case .more: return start
        case .open: return place == .inArray ? start : bytes.count
        case .overlong: return bytes.count
        case .closed:
            if place == .inArray {
                let end = bytes.count..<bytes.count
                reject(bytes, end, from: start, .malformedJSON, "the array is never closed", &batch)
            }
            return bytes.count
        }
    }

    /// Passes the bracket that ends before `behind`, together with the first element or the bracket that closes it.
    private func beginArray(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ behind: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        let before = place
        place = .inArray
        let element = visible(bytes, from: behind)
        var next = start
        if element == bytes.count {
            if continuation == .closed { next = passBlank(bytes, from: start, .closed, &batch) }
        } else if bytes[element] == UInt8(ascii: "]") {
            next = element
        } else {
            next = record(bytes, element, from: start, continuation, &batch)
        }
        if next == start { place = before }
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
            if isCut(error, bytes), continuation != .closed { return start }
            return pass(error, bytes, first, from: start, continuation, &batch)
        }
    }

    // MARK: - What is malformed

    /// Whether the error may come from what is not there yet: so near the end, of a word, an escape, a character.
    private func isCut(_ error: JSONError, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        error.problem == .unexpectedEnd || error.problem == .unterminatedString
            || error.offset + 12 >= bytes.count
    }

    /// Rejects what begins at `first` and is malformed; returns the place behind it, `start` where that cannot be told
    /// yet.
    private func pass(
        _ error: JSONError, _ bytes: UnsafeBufferPointer<UInt8>, _ first: Int, from start: Int,
        _ continuation: Continuation, _ batch: inout EventBatch
    ) -> Int {
        guard let end = end(of: bytes, first, from: start, error.offset, continuation) else { return start }
        var last = end
        // On a line with others, a comma stands between the two.
        let isInLine = bytes[end - 1] != 0x0A && end < bytes.count && bytes[end] == UInt8(ascii: "{")
        while last > first + 1, isSpace(bytes[last - 1]) || isInLine && bytes[last - 1] == UInt8(ascii: ",") {
            last -= 1
        }
        let isSwallowing = error.offset >= end && end < bytes.count
        reject(
            bytes, first..<last, from: start,
            error.problem == .invalidUTF8 ? .invalidUTF8 : .malformedJSON,
            isSwallowing
                ? "the object has no end before the next one begins"
                : "byte \(error.offset - first + 1): \(error.problem.rawValue)", &batch)
        return end
    }

    /// Where a malformed record ends: where its braces are even, or where another begins; nil where that cannot be told
    /// yet. It depends on nothing behind that place, so that it is the same however many bytes are there.
    private func end(
        of bytes: UnsafeBufferPointer<UInt8>, _ first: Int, from start: Int, _ offset: Int,
        _ continuation: Continuation
    ) -> Int? {
        let limit = min(bytes.count, offset + JSONStreamParser.reach)
        let isAllThere = limit < bytes.count || continuation == .closed
        let next = nextLine(bytes, behind: first, from: start, to: limit)
        switch braces(bytes, first, offset, to: next ?? limit, isAllThere || next != nil) {
        case .at(let place): return place
        case .unknown: return nil
        case .nowhere: break
        }
        if let next { return next }
        for place in offset..<limit where bytes[place] == UInt8(ascii: "{") && place > first {
            guard follows(UInt8(ascii: ","), bytes, place, behind: first) else { continue }
            switch isObject(bytes, place, isAllThere: continuation == .closed) {
            case true?: return place
            case nil: return nil
            case false?: continue
            }
        }
        guard isAllThere else { return nil }
        return nextLine(bytes, behind: first, from: start, to: bytes.count)
            ?? (continuation == .closed ? bytes.count : nil)
    }

    /// How far behind a mistake the end of its record is looked for by its braces.
    private static let reach = 64 << 10

    /// The line that begins with an object and is not indented deeper than the line of the one at `first`.
    private func nextLine(
        _ bytes: UnsafeBufferPointer<UInt8>, behind first: Int, from start: Int, to limit: Int
    ) -> Int? {
        let lineStart = bytes[start..<first].lastIndex(of: 0x0A).map { $0 + 1 } ?? start
        var place = first
        while let newline = bytes.firstNewline(from: place), newline < limit {
            let next = visible(bytes, from: newline + 1)
            guard next < bytes.count else { return nil }
            let isBeginning = bytes[next] == UInt8(ascii: "{") || bytes[next] == UInt8(ascii: "[")
            let indented = bytes[newline..<next].lastIndex(of: 0x0A).map { next - $0 - 1 } ?? 0
            if isBeginning, indented <= first - lineStart { return newline + 1 }
            place = next
        }
        return nil
    }

    private enum End {
        case at(Int)
        case nowhere
        /// More bytes would tell.
        case unknown
    }

    /// Where the braces of a malformed record are even again, not far behind the mistake. A string ends with its line; one
    /// that seems to hold a whole object behind a comma is none, but what stands between two strings: a quote is missing.
    private func braces(
        _ bytes: UnsafeBufferPointer<UInt8>, _ first: Int, _ offset: Int, to limit: Int, _ isAllThere: Bool
    ) -> End {
        if [UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "}"), UInt8(ascii: "]")].contains(bytes[first])
        {
            return .at(first + 1)
        }
        var open: [UInt8] = []
        var isInString = false
        var place = first
        while place < limit {
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\\") where isInString: place += 1
            case UInt8(ascii: "\""): isInString.toggle()
            case 0x0A: isInString = false
            case UInt8(ascii: "{") where isInString && place > offset:
                guard follows(UInt8(ascii: ","), bytes, place, behind: first) else { break }
                switch isObject(bytes, place, isAllThere: isAllThere) {
                case true?: return .at(place)
                case nil: return .unknown
                case false?: break
                }
            case UInt8(ascii: "{") where !isInString, UInt8(ascii: "[") where !isInString: open.append(byte)
            case UInt8(ascii: "}") where !isInString, UInt8(ascii: "]") where !isInString:
                // A brace is two behind its opening one in ASCII, a bracket too.
                guard let opening = open.popLast() else {
                    return place >= offset ? .at(max(place, first + 1)) : .nowhere
                }
                guard byte == opening + 2 else { return .nowhere }
                if open.isEmpty { return place >= offset ? .at(place + 1) : .nowhere }
            case UInt8(ascii: ",") where !isInString && open.isEmpty && place > first:
                return .at(max(place, offset))
            default: break
            }
            place += 1
        }
        return isAllThere ? .nowhere : .unknown
    }

    /// Whether the byte before `place` that is no white space is this one.
    private func follows(
        _ byte: UInt8, _ bytes: UnsafeBufferPointer<UInt8>, _ place: Int, behind first: Int
    ) -> Bool {
        bytes[first..<place].last { !isSpace($0) } == byte
    }

    /// Whether a whole object with members stands at `place`, and an array goes on behind it; nil where more bytes would
    /// tell.
    private func isObject(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int, isAllThere: Bool) -> Bool? {
        let member = visible(bytes, from: place + 1)
        guard member < bytes.count else { return isAllThere ? false : nil }
        guard bytes[member] == UInt8(ascii: "\"") else { return false }
        var scanner = JSONScanner(bytes.baseAddress!, from: place, to: bytes.count)
        do {
            _ = try scanner.scanValue()
        } catch {
            return isCut(error, bytes) && !isAllThere ? nil : false
        }
        let behind = visible(bytes, from: scanner.position)
        guard behind < bytes.count else { return isAllThere ? true : nil }
        return [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "{")].contains(bytes[behind])
    }

    // MARK: - A record that is longer than it may be

    /// An object may stand on one line with thousands of others: it ends where its braces are even.
    package func passOverlong(
        _ bytes: UnsafeBufferPointer<UInt8>, isFirst: Bool
    ) -> (count: Int, isEnd: Bool) {
        var place = isFirst ? beginPassing(bytes) : 0
        while place < bytes.count {
            let byte = bytes[place]
            if passing.isAtLineStart, passing.isLine, byte == UInt8(ascii: "{") { return (place, true) }
            passing.isAtLineStart = byte == 0x0A
            place += 1
            if passing.isInString {
                // A string ends with its line.
                if byte == UInt8(ascii: "\"") && !passing.isEscaped || byte == 0x0A {
                    passing.isInString = false
                }
                passing.isEscaped = byte == UInt8(ascii: "\\") && !passing.isEscaped
                if !passing.isInString, passing.depth == 0 { return (place, true) }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): (passing.isInString, passing.isEscaped) = (true, false)
            case UInt8(ascii: "{"), UInt8(ascii: "["): passing.depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                passing.depth -= 1
                if passing.depth <= 0 { return (max(1, passing.depth < 0 ? place - 1 : place), true) }
            case UInt8(ascii: ",") where passing.depth == 0: return (max(1, place - 1), true)
            default: break
            }
        }
        return (place, false)
    }

    /// Passes what stands before the record and was to go together with it; returns where the record begins.
    private func beginPassing(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        passing = Passing()
        let first = visible(bytes, from: 0)
        guard first < bytes.count else { return first }
        if !path.isEmpty, place == .outside {
            var scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
            guard (try? descend(path[...], &scanner)) == true else { return first }
            place = .inArray
            return visible(bytes, from: scanner.position)
        }
        switch bytes[first] {
        case UInt8(ascii: "[") where place != .inArray && path.isEmpty: place = .inArray
        case UInt8(ascii: ","): break
        default:
            passing.isLine = first == 0 || bytes[first - 1] == 0x0A
            return first
        }
        return visible(bytes, from: first + 1)
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

    /// The first byte that is no white space, or the end.
    private func visible(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        bytes[start...].firstIndex { !isSpace($0) } ?? bytes.count
    }

    private func isSpace(_ byte: UInt8) -> Bool {
        // The last separates texts (RFC 7464).
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 || byte == 0x1E
    }

    // MARK: - Documents with an array at a path

    /// Tells whether reading has begun in an array or between documents; returns `start` where that needs more bytes.
    /// An object without an array at the path tells nothing: it is taken for an element, which loses none.
    private func recognise(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ first: Int, _ continuation: Continuation
    ) -> Int? {
        guard bytes[first] == UInt8(ascii: "{") || bytes[first] == UInt8(ascii: "[") else {
            place = .inArray
            return nil
        }
        var scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
        do {
            if try descend(path[...], &scanner) { place = .outside }
        } catch {
            if isCut(error, bytes), continuation == .more || continuation == .open { return start }
        }
        return nil
    }

    /// Goes down the path, and into the array there; returns the place behind its bracket and its first element. A
    /// document without it is rejected.
    private func enter(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ first: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        let name = "\"\(path.joined(separator: "."))\" (data_path)"
        var scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
        do {
            if try descend(path[...], &scanner) {
                return beginArray(bytes, from: start, scanner.position, continuation, &batch)
            }
            scanner = JSONScanner(bytes.baseAddress!, from: first, to: bytes.count)
            let token = try scanner.scanValue()
            guard scanner.position < bytes.count || continuation == .closed || token.kind == .object else {
                return start
            }
            let range = first..<scanner.position
            reject(bytes, range, from: start, .malformedJSON, "there is no array at \(name)", &batch)
            return range.upperBound
        } catch {
            guard isCut(error, bytes) else {
                return pass(error, bytes, first, from: start, continuation, &batch)
            }
            switch continuation {
            case .more, .open: return start
            case .closed: return pass(error, bytes, first, from: start, continuation, &batch)
            case .overlong:
                let reason = "the way to \(name) is longer than a record may be; the rest is passed over"
                reject(bytes, first..<bytes.count, from: start, .lineTooLong, reason, &batch)
                place = .lost
                return bytes.count
            }
        }
    }

    /// Passes the array's closing bracket with what surrounds the array, to the end of the document, so that nothing
    /// begins in the middle of it.
    private func leave(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ bracket: Int, _ continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        var scanner = JSONScanner(bytes.baseAddress!, from: bracket + 1, to: bytes.count)
        do {
            try scanSurroundings(&scanner)
            place = .outside
            return scanner.position
        } catch {
            if isCut(error, bytes), continuation != .closed {
                guard continuation == .overlong else { return start }
                place = .lost
                return bytes.count
            }
            let next = nextLine(bytes, behind: bracket, from: start, to: bytes.count)
            guard let end = next ?? (continuation == .closed ? bytes.count : nil) else { return start }
            reject(
                bytes, bracket..<end, from: start, .malformedJSON,
                "byte \(error.offset - bracket + 1), behind the array: \(error.problem.rawValue)", &batch)
            place = .outside
            return end
        }
    }

    private func scanSurroundings(_ scanner: inout JSONScanner) throws(JSONError) {
        var depth = path.count
        while depth > 0 {
            switch try scanner.next() {
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                scanner.position += 1
                depth -= 1
            case UInt8(ascii: ","):
                scanner.position += 1
                let token = try scanner.scanValue()
                guard token.kind == .string, try scanner.next() == UInt8(ascii: ":") else { continue }
                scanner.position += 1
                _ = try scanner.scanValue()
            default: throw scanner.failure(.expectedCommaOrBrace)
            }
        }
    }

    /// Leaves the scanner behind the opening bracket; false where there is no array.
    private func descend(_ path: ArraySlice<String>, _ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        let byte = try scanner.next()
        guard scanner.position < scanner.end else { throw scanner.failure(.unexpectedEnd) }
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

import Events
import Foundation

/// What a page says besides its events: where its items stand, how many they are, what surrounds them.
///
/// The whole answer is looked at before any of it is loaded: an answer that is broken in its middle yields nothing.
package struct PageScan {
    /// The bytes of the answer that hold the items.
    private(set) var content = 0..<0
    package private(set) var count = 0
    /// Of CSV.
    package private(set) var columns: [String] = []
    /// The answer without its items; of formats without anything around them, null.
    package private(set) var envelope = JSONValue(.null)
    /// The last item as JSON; null where there is none.
    package private(set) var lastItem = JSONValue(.null)
    /// Tells the items from those of another page; empty where there are none.
    private(set) var signature = ""
    /// The highest value of the cursor field.
    package private(set) var mark: CursorValue?

    /// More around the items is no page.
    private static let maxEnvelope = 16 << 20

    /// A page without items.
    init() {}

    /// - Throws: `unsupported` where the answer is not what the source says.
    package init(_ body: HTTPAnswerBody, of source: HTTPSource) throws(ExtractError) {
        switch source.format {
        case .json: try scanJSON(body, source)
        case .ndjson: try scanLines(body, source)
        case .csv: try scanCSV(body, source)
        }
        if count > 0 { sign(body) }
    }

    /// Two pages with the same beginning, the same end and as much between them are one: to hash all costs more than it
    /// tells.
    private mutating func sign(_ body: HTTPAnswerBody) {
        let bytes = UnsafeBufferPointer(rebasing: body.bytes[content])
        let ends = Array(bytes.prefix(1_024)) + Array(bytes.suffix(1_024))
        signature = SHA256.hex(ends + Array("\(count)/\(bytes.count)".utf8), prefix: 8)
    }

    // MARK: - JSON

    private mutating func scanJSON(_ body: HTTPAnswerBody, _ source: HTTPSource) throws(ExtractError) {
        let bytes = body.bytes
        guard let base = bytes.baseAddress else {
            throw source.nonsense("the answer is empty; JSON was expected")
        }
        var mark = 0
        if bytes.starts(with: byteOrderMark) { mark = byteOrderMark.count }
        var scanner = JSONScanner(base, from: mark, to: bytes.count)
        var isFound = false
        do {
            isFound = try descend((source.dataPath?.steps ?? [])[...], &scanner, body, source)
            try scanner.expectEnd()
        } catch let error as JSONError {
            throw source.nonsense(
                "the answer is not JSON: byte \(error.offset + 1): \(error.problem.rawValue); it begins: "
                    + body.excerpt(source.secrets))
        } catch let error as ExtractError {
            throw error
        } catch {
            throw source.nonsense("\(error)")
        }
        guard bytes.count - content.count <= PageScan.maxEnvelope else {
            throw source.nonsense(
                "the answer has more than \(PageScan.maxEnvelope >> 20) MiB beside its items")
        }
        let around =
            isFound ? Array(bytes[..<content.lowerBound]) + bytes[content.upperBound...] : Array(bytes)
        guard let envelope = (try? JSONDocument(around, isLenient: false))?.root else {
            throw source.nonsense("what stands around the items is nested too deep")
        }
        self.envelope = envelope
        try refuseError(source)
        guard isFound else { throw source.nonsense(missing(source, body)) }
    }

    /// Goes down the path to the array of items, and passes all that surrounds it.
    private mutating func descend(
        _ path: ArraySlice<String>, _ scanner: inout JSONScanner, _ body: HTTPAnswerBody, _ source: HTTPSource
    ) throws -> Bool {
        let byte = try scanner.next()
        guard let step = path.first else {
            guard byte == UInt8(ascii: "[") else {
                let token = try scanner.scanValue()
                // Some write null for a list without items.
                content = token.start..<token.start
                return token.kind == .literal && scanner.base[token.start] == UInt8(ascii: "n")
                    && source.dataPath != nil
            }
            try scanItems(&scanner, body, source)
            return true
        }
        guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") else {
            _ = try scanner.scanValue()
            return false
        }
        let isObject = byte == UInt8(ascii: "{")
        scanner.position += 1
        guard try scanner.next() != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            scanner.position += 1
            return false
        }
        var isFound = false
        var index = 0
        repeat {
            let name = isObject ? scanner.text(try scanner.scanKey()) : String(index)
            index += 1
            if name == step, !isFound {
                isFound = try descend(path.dropFirst(), &scanner, body, source)
            } else {
                _ = try scanner.scanValue()
            }
        } while try scanner.advanceInContainer(isObject: isObject)
        return isFound
    }

    private mutating func scanItems(
        _ scanner: inout JSONScanner, _ body: HTTPAnswerBody, _ source: HTTPSource
    ) throws {
        scanner.position += 1
        let start = scanner.position
        guard try scanner.next() != UInt8(ascii: "]") else {
            content = start..<scanner.position
            scanner.position += 1
            return
        }
        var last = 0..<0
        let field = source.incremental?.field.steps
        var released = start
        repeat {
            _ = try scanner.next()
            let itemStart = scanner.position
            _ = try scanner.scanValue()
            last = itemStart..<scanner.position
            count += 1
            if let field { note(try scanner.value(field[...], in: last), source) }
            if scanner.position - released > 8 << 20 {
                released = scanner.position
                body.release(before: released)
            }
        } while try scanner.advanceInContainer(isObject: false)
        content = start..<scanner.position - 1
        lastItem = PageScan.tree(UnsafeBufferPointer(rebasing: body.bytes[last]))
    }

    private mutating func note(_ value: CursorValue?, _ source: HTTPSource) {
        guard let value else { return }
        if let time = value.time, let latest = source.latestMark, time > latest { return }
        if let mark, !(mark < value) { return }
        mark = value
    }

    private func refuseError(_ source: HTTPSource) throws(ExtractError) {
        guard let path = source.errorPath, let value = envelope[path.steps] else { return }
        if let text = value.text, ["", "false", "0"].contains(text) { return }
        if case .array(let elements) = value.content, elements.isEmpty { return }
        throw source.nonsense(
            "the answer is an error: \"\(path.text)\" is \(source.secrets.hidden(value.json).prefix(300))")
    }

    private func missing(_ source: HTTPSource, _ body: HTTPAnswerBody) -> String {
        var arrays: [String] = []
        func look(_ value: JSONValue, _ path: [String]) {
            switch value.content {
            case .array: arrays.append(path.joined(separator: "."))
            case .object(let members) where path.count < 3:
                for member in members { look(member.value, path + [member.name]) }
            default: break
            }
        }
        look(envelope, [])
        let there = arrays.filter { !$0.isEmpty }
        let hint =
            there.isEmpty
            ? "it begins: \(body.excerpt(source.secrets))"
            : "there is an array at " + there.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
                + "; say so with \"data_path\""
        let what = source.dataPath.map { "has no array at \"\($0.text)\" (data_path)" } ?? "is no array"
        return "the answer \(what); \(hint)"
    }

    private static func tree(_ bytes: UnsafeBufferPointer<UInt8>) -> JSONValue {
        (try? JSONDocument(Array(bytes), isLenient: false))?.root ?? JSONValue(.null)
    }

    // MARK: - Lines

    private mutating func scanLines(_ body: HTTPAnswerBody, _ source: HTTPSource) throws(ExtractError) {
        let bytes = body.bytes
        let start = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
        content = start..<bytes.count
        try refuseMarkup(body, source)
        var last = 0..<0
        var place = start
        while place < bytes.count {
            let end = bytes.firstNewline(from: place) ?? bytes.count
            let line = UnsafeBufferPointer(rebasing: bytes[place..<end])
            if line.contains(where: { $0 > 0x20 }) {
                count += 1
                last = place..<end
                if let field = source.incremental?.field.steps, let base = line.baseAddress {
                    // A line that is no JSON is rejected when it is loaded, and has no mark.
                    var scanner = JSONScanner(base, from: 0, to: line.count)
                    if (try? scanner.scanValue()) != nil {
                        note(try? scanner.value(field[...], in: 0..<line.count), source)
                    }
                }
            }
            place = end + 1
        }
        if !last.isEmpty { lastItem = PageScan.tree(UnsafeBufferPointer(rebasing: bytes[last])) }
    }

    /// A page for people, of a proxy or a login, is no answer.
    private func refuseMarkup(_ body: HTTPAnswerBody, _ source: HTTPSource) throws(ExtractError) {
        guard body.bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "<") else { return }
        throw source.nonsense(
            "the answer is no \(source.format.rawValue); it begins: \(body.excerpt(source.secrets))")
    }

    // MARK: - CSV

    private mutating func scanCSV(_ body: HTTPAnswerBody, _ source: HTTPSource) throws(ExtractError) {
        let bytes = body.bytes
        try refuseMarkup(body, source)
        content = 0..<bytes.count
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        let header = try CSVHeader(bytes, name: source.name, isWhole: true, isSettled: true)
        guard header.isWhole else {
            guard bytes.contains(where: { $0 > 0x20 }) else { return }
            throw source.nonsense("the header has no end; the answer begins: \(body.excerpt(source.secrets))")
        }
        content = header.bytes..<bytes.count
        columns = header.columns
        let field = source.incremental.flatMap { CSVParser.column(of: $0.field, in: header.columns) }
        var scanner = CSVScanner()
        var place = header.bytes
        while place < bytes.count {
            guard
                case .record(let end, let next, _) = scanner.scan(
                    base, from: place, to: bytes.count, isLast: true)
            else {
                // It is rejected when it is loaded.
                count += 1
                place = (bytes.firstNewline(from: place) ?? bytes.count) + 1
                continue
            }
            if end > place {
                count += 1
                let texts = field != nil || next >= bytes.count ? scanner.texts(base) : []
                if let field, field < texts.count, !texts[field].isEmpty {
                    note(CursorValue(quoted(texts[field])), source)
                }
                if next >= bytes.count, texts.count == header.columns.count {
                    let members = zip(header.columns, texts).map { name, text in
                        JSONValue.Member(name: name, value: JSONValue(.string(text)))
                    }
                    lastItem = JSONValue(.object(members))
                }
            }
            place = next
        }
    }
}

extension JSONScanner {
    /// The text of a scanned string.
    fileprivate func text(_ token: Token) -> String {
        var arena = ByteArena(capacity: token.end - token.start)
        JSONText.appendUnescaped(base, from: token.start, to: token.end, into: &arena)
        return arena.string(of: arena.slice(from: 0))
    }

    /// The value at a path in an object that was scanned before; nil where there is none.
    fileprivate func value(_ path: ArraySlice<String>, in range: Range<Int>) throws(JSONError) -> CursorValue?
    {
        var inner = JSONScanner(base, from: range.lowerBound, to: range.upperBound)
        for (depth, step) in path.enumerated() {
            guard try inner.next() == UInt8(ascii: "{") else { return nil }
            inner.position += 1
            if try inner.next() == UInt8(ascii: "}") { return nil }
            while true {
                let key = try inner.scanKey()
                let isMeant =
                    key.hasEscapes
                    ? text(key) == step
                    : step.utf8.elementsEqual(
                        UnsafeBufferPointer(start: base + key.start, count: key.end - key.start))
                if isMeant { break }
                _ = try inner.scanValue()
                guard try inner.advanceInContainer(isObject: true) else { return nil }
            }
            guard depth == path.count - 1 else { continue }
            let token = try inner.scanValue()
            switch token.kind {
            case .number:
                let text = self.text(token)
                return CursorValue(text: text, json: text)
            case .string:
                let text = self.text(token)
                return CursorValue(text: text, json: quoted(text))
            default: return nil
            }
        }
        return nil
    }
}

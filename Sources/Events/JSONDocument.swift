/// A JSON text as a tree in which every value knows where it stands; for definitions, not for data.
///
/// With `isLenient`, comments and trailing commas are allowed (JSONC).
package struct JSONDocument: Sendable {
    package let root: JSONValue
    private let lineStarts: [Int]
    private let bytes: [UInt8]

    /// A place for a person: both from 1, the column in characters.
    package struct Place: Sendable, Equatable {
        package let line: Int
        package let column: Int
    }

    package struct Failure: Error {
        package let problem: String
        package let place: Place
    }

    package init(_ bytes: [UInt8], isLenient: Bool) throws(Failure) {
        let hasBOM = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let bytes = hasBOM ? Array(bytes.dropFirst(3)) : bytes
        let lineStarts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
        var outcome: Result<JSONValue, JSONError> = .failure(JSONError(problem: .expectedValue, offset: 0))
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            var builder = TreeBuilder(
                scanner: JSONScanner(buffer.baseAddress!, from: 0, to: bytes.count, isLenient: isLenient))
            outcome = Result { () throws(JSONError) in try builder.document() }
        }
        self.bytes = bytes
        self.lineStarts = lineStarts
        switch outcome {
        case .success(let value): root = value
        case .failure(let error):
            throw Failure(
                problem: JSONDocument.problem(of: error, in: bytes),
                place: JSONDocument.place(of: error.offset, in: bytes, lineStarts: lineStarts))
        }
    }

    /// What a person has probably done, where the byte tells; else what the scanner says.
    private static func problem(of error: JSONError, in bytes: [UInt8]) -> String {
        let byte = error.offset < bytes.count ? bytes[error.offset] : 0
        return switch (error.problem, byte) {
        case (.controlCharacter, 0x0A), (.controlCharacter, 0x0D):
            "this string is not closed on its line; a double quote is missing"
        case (.expectedValue, UInt8(ascii: "'")): "a string stands in double quotes, not in single ones"
        default: error.problem.rawValue
        }
    }

    package func place(of value: JSONValue) -> Place { place(ofOffset: value.offset) }

    package func place(ofOffset offset: Int) -> Place {
        JSONDocument.place(of: offset, in: bytes, lineStarts: lineStarts)
    }

    private static func place(of offset: Int, in bytes: [UInt8], lineStarts: [Int]) -> Place {
        let line = (lineStarts.lastIndex { $0 <= offset }) ?? 0
        let column = bytes[lineStarts[line]..<min(offset, bytes.count)].count { $0 & 0xC0 != 0x80 }
        return Place(line: line + 1, column: column + 1)
    }
}

/// A value of a `JSONDocument` and the offset at which it begins.
package struct JSONValue: Sendable {
    package struct Member: Sendable {
        package let name: String
        package let nameOffset: Int
        package let value: JSONValue

        package init(name: String, nameOffset: Int = 0, value: JSONValue) {
            (self.name, self.nameOffset, self.value) = (name, nameOffset, value)
        }
    }

    package indirect enum Content: Sendable {
        case object([Member])
        case array([JSONValue])
        case string(String)
        /// As written.
        case number(String)
        case bool(Bool)
        case null
    }

    package let content: Content
    package let offset: Int

    package init(_ content: Content, offset: Int = 0) { (self.content, self.offset) = (content, offset) }

    /// What a person would call it: `an object`, `a number`.
    package var typeName: String {
        switch content {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "true or false"
        case .null: "null"
        }
    }
}

private struct TreeBuilder {
    var scanner: JSONScanner
    /// A definition nests a handful of levels; this bounds the recursion of whatever else is handed in.
    private var depth = 0
    private static let maxDepth = 200

    init(scanner: JSONScanner) { self.scanner = scanner }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        try scanner.expectEnd()
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        let byte = try scanner.next()
        let offset = scanner.position
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            guard depth <= TreeBuilder.maxDepth else { throw scanner.failure(.expectedValue) }
            defer { depth -= 1 }
            let content = byte == UInt8(ascii: "{") ? try object() : try array()
            return JSONValue(content, offset: offset)
        default:
            let token = try scanner.scanValue()
            return JSONValue(scalar(token), offset: offset)
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue.Content {
        scanner.position += 1
        var members: [JSONValue.Member] = []
        guard try scanner.next() != UInt8(ascii: "}") else {
            scanner.position += 1
            return .object([])
        }
        repeat {
            let key = try scanner.scanKey()
            members.append(
                JSONValue.Member(name: text(key), nameOffset: key.start - 1, value: try value()))
        } while try scanner.advanceInContainer(isObject: true)
        return .object(members)
    }

    private mutating func array() throws(JSONError) -> JSONValue.Content {
        scanner.position += 1
        var elements: [JSONValue] = []
        guard try scanner.next() != UInt8(ascii: "]") else {
            scanner.position += 1
            return .array([])
        }
        repeat {
            elements.append(try value())
        } while try scanner.advanceInContainer(isObject: false)
        return .array(elements)
    }

    private func scalar(_ token: JSONScanner.Token) -> JSONValue.Content {
        switch token.kind {
        case .string: return .string(text(token))
        case .number: return .number(text(token))
        default:
            switch scanner.base[token.start] {
            case UInt8(ascii: "t"): return .bool(true)
            case UInt8(ascii: "f"): return .bool(false)
            default: return .null
            }
        }
    }

    private func text(_ token: JSONScanner.Token) -> String {
        var arena = ByteArena(capacity: token.end - token.start)
        JSONText.appendUnescaped(scanner.base, from: token.start, to: token.end, into: &arena)
        return arena.string(of: arena.slice(from: 0))
    }
}

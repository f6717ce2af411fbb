/// What is wrong with a JSON text, and where.
package struct JSONError: Error, Equatable {
    package enum Problem: String, Sendable {
        case unexpectedEnd = "the text ends in the middle of a value"
        case expectedValue = "a value is expected here"
        case expectedKey = "a member name in double quotes is expected here"
        case expectedColon = "a colon is expected here"
        case expectedCommaOrBrace = "a comma or } is expected here"
        case expectedCommaOrBracket = "a comma or ] is expected here"
        case unterminatedString = "this string is not closed"
        case controlCharacter = "a control character must be escaped in a string"
        case badEscape = "this escape does not exist in JSON"
        case badNumber = "this is not a number as JSON writes them"
        case badLiteral = "only true, false and null are words of JSON"
        case invalidUTF8 = "these bytes are not UTF-8"
        case trailingText = "there is more text after the value"
        case unterminatedComment = "this comment is not closed"
    }

    package let problem: Problem
    /// The byte offset from the start of the scanned buffer.
    package let offset: Int
}

/// Validates JSON (RFC 8259) and UTF-8 (RFC 3629) over a buffer and yields the places of its tokens; builds
/// nothing. With `isLenient`, comments and trailing commas are allowed (JSONC), for definitions.
///
/// The buffer must outlive the scanner. Nesting is bounded by memory only.
package struct JSONScanner {
    package enum Kind: UInt8, Sendable { case string, number, literal, object, array }

    /// The place of a value: of a string without its quotes.
    package struct Token {
        package var kind: Kind
        package var hasEscapes = false
        package var start: Int
        package var end: Int
    }

    /// What is well-formed JSON and yet no value of PostgreSQL's `jsonb`; the offset of the first such place.
    package enum Hazard: Sendable, Equatable {
        case nulCharacter(Int)
        case loneSurrogate(Int)
        case numberOutOfRange(Int)
        case tooDeep(Int)
    }

    /// PostgreSQL reads jsonb by recursion and gives up at about 13,000 levels with its default stack.
    private static let maxDepth = 5_000

    package let base: UnsafePointer<UInt8>
    package var position: Int
    package let end: Int
    package var hazard: Hazard?
    private let isLenient: Bool

    package init(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isLenient: Bool = false) {
        self.base = base
        self.position = start
        self.end = end
        self.isLenient = isLenient
    }

    @inline(__always)
    package func failure(_ problem: JSONError.Problem, at offset: Int? = nil) -> JSONError {
        JSONError(problem: problem, offset: offset ?? position)
    }

    // MARK: - White space

    /// The byte at the next token, 0 at the end.
    @inline(__always)
    package mutating func next() throws(JSONError) -> UInt8 {
        if position < end {
            let byte = base[position]
            if byte > 0x20, byte != UInt8(ascii: "/") { return byte }
        }
        return try skipSpace()
    }

    private mutating func skipSpace() throws(JSONError) -> UInt8 {
        while position < end {
            switch base[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            case UInt8(ascii: "/") where isLenient && position + 1 < end:
                if base[position + 1] == UInt8(ascii: "/") {
                    while position < end, base[position] != 0x0A { position += 1 }
                } else if base[position + 1] == UInt8(ascii: "*") {
                    try skipBlockComment()
                } else {
                    return base[position]
                }
            case let byte: return byte
            }
        }
        return 0
    }

    private mutating func skipBlockComment() throws(JSONError) {
        let start = position
        position += 2
        while position + 1 < end {
            if base[position] == UInt8(ascii: "*"), base[position + 1] == UInt8(ascii: "/") {
                position += 2
                return
            }
            position += 1
        }
        throw failure(.unterminatedComment, at: start)
    }

    /// Whether the text is at its end but for white space.
    package mutating func expectEnd() throws(JSONError) {
        _ = try next()
        guard position == end else { throw failure(.trailingText) }
    }

    // MARK: - Values

    /// Scans the value that begins at the next token, however deep, and returns its place.
    package mutating func scanValue() throws(JSONError) -> Token {
        let byte = try next()
        let start = position
        switch byte {
        case UInt8(ascii: "\""): return try scanString()
        case UInt8(ascii: "{"):
            try skipNested()
            return Token(kind: .object, start: start, end: position)
        case UInt8(ascii: "["):
            try skipNested()
            return Token(kind: .array, start: start, end: position)
        default: return try scanScalar(byte)
        }
    }

    /// Scans an object or array at `position`, with all that is in it.
    ///
    /// A loop over a stack of bits (1: object), not a recursion: depth costs memory, never the stack.
    private mutating func skipNested() throws(JSONError) {
        var kinds: UInt64 = 0
        var depth = 0
        var outerKinds: [UInt64] = []
        nextValue: while true {
            let byte = try next()
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth & 63 == 0, depth > 0 { outerKinds.append(kinds) }
                let isObject = byte == UInt8(ascii: "{")
                kinds = kinds << 1 | (isObject ? 1 : 0)
                depth += 1
                if depth > JSONScanner.maxDepth, hazard == nil { hazard = .tooDeep(position) }
                position += 1
                let following = try next()
                if following != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    if isObject { _ = try scanKey() }
                    continue nextValue
                }
                position += 1
                depth -= 1
                kinds = depth & 63 == 0 && depth > 0 ? outerKinds.removeLast() : kinds >> 1
            case UInt8(ascii: "\""): _ = try scanString()
            default: _ = try scanScalar(byte)
            }
            while depth > 0 {
                let isObject = kinds & 1 == 1
                guard try advanceInContainer(isObject: isObject) else {
                    depth -= 1
                    kinds = depth & 63 == 0 && depth > 0 ? outerKinds.removeLast() : kinds >> 1
                    continue
                }
                if isObject { _ = try scanKey() }
                continue nextValue
            }
            return
        }
    }

    /// After a value: passes the comma and says true, or the closing bracket and says false.
    @inline(__always)
    package mutating func advanceInContainer(isObject: Bool) throws(JSONError) -> Bool {
        let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        let byte = try next()
        if byte == UInt8(ascii: ",") {
            position += 1
            if isLenient, try next() == closing {
                position += 1
                return false
            }
            return true
        }
        guard byte == closing else {
            if position >= end { throw failure(.unexpectedEnd) }
            throw failure(isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket)
        }
        position += 1
        return false
    }

    /// Scans a member's name and the colon after it.
    @inline(__always)
    package mutating func scanKey() throws(JSONError) -> Token {
        guard try next() == UInt8(ascii: "\"") else {
            throw failure(position >= end ? .unexpectedEnd : .expectedKey)
        }
        let key = try scanString()
        guard try next() == UInt8(ascii: ":") else {
            throw failure(position >= end ? .unexpectedEnd : .expectedColon)
        }
        position += 1
        return key
    }

    // MARK: - Strings

    /// Scans the string whose opening quote is at `position`.
    ///
    /// Eight bytes at a time: a byte is special where it is below 0x20, a quote, a backslash, or above 0x7F.
    /// The arithmetic may mark a byte above a special one wrongly, never the lowest, which is the one used.
    @inline(__always)
    package mutating func scanString() throws(JSONError) -> Token {
        let opening = position
        var place = position + 1
        var hasEscapes = false
        let ones: UInt64 = 0x0101_0101_0101_0101
        while true {
            while place + 8 <= end {
                let word = UInt64(
                    littleEndian: UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self))
                let quotes = word ^ (ones &* 0x22)
                let backslashes = word ^ (ones &* 0x5C)
                let special =
                    ((quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
                        | (word &- ones &* 0x20) & ~word | word) & (ones &* 0x80)
                if special != 0 {
                    place += special.trailingZeroBitCount >> 3
                    break
                }
                place += 8
            }
            guard place < end else { throw failure(.unterminatedString, at: opening) }
            let byte = base[place]
            switch byte {
            case UInt8(ascii: "\""):
                position = place + 1
                return Token(kind: .string, hasEscapes: hasEscapes, start: opening + 1, end: place)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                place = try scanEscape(at: place, opening: opening)
            case 0..<0x20: throw failure(.controlCharacter, at: place)
            case 0x80...: place = try scanMultibyte(at: place)
            default: place += 1
            }
        }
    }

    /// Validates the escape at `place`; notes what jsonb cannot hold; returns the place behind it.
    private mutating func scanEscape(at place: Int, opening: Int) throws(JSONError) -> Int {
        guard place + 1 < end else { throw failure(.unterminatedString, at: opening) }
        switch base[place + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place + 2
        case UInt8(ascii: "u"):
            guard let unit = hexUnit(base, at: place + 2, end: end) else {
                throw failure(.badEscape, at: place)
            }
            if unit == 0, hazard == nil { hazard = .nulCharacter(place) }
            guard (0xD800...0xDFFF).contains(unit) else { return place + 6 }
            if unit < 0xDC00, place + 7 < end, base[place + 6] == UInt8(ascii: "\\"),
                base[place + 7] == UInt8(ascii: "u"), let low = hexUnit(base, at: place + 8, end: end),
                (0xDC00...0xDFFF).contains(low)
            {
                return place + 12
            }
            if hazard == nil { hazard = .loneSurrogate(place) }
            return place + 6
        default: throw failure(.badEscape, at: place)
        }
    }

    /// Validates the multi-byte character at `place` (RFC 3629, section 4); returns the place behind it.
    private func scanMultibyte(at place: Int) throws(JSONError) -> Int {
        let length = utf8Length(base + place, available: end - place)
        guard length > 0 else { throw failure(.invalidUTF8, at: place) }
        return place + length
    }

    // MARK: - Numbers and words

    @inline(__always)
    package mutating func scanScalar(_ byte: UInt8) throws(JSONError) -> Token {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return try scanNumber()
        case UInt8(ascii: "t"): return try scanWord("true")
        case UInt8(ascii: "f"): return try scanWord("false")
        case UInt8(ascii: "n"): return try scanWord("null")
        default:
            if position >= end { throw failure(.unexpectedEnd) }
            let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
            throw failure(isLetter ? .badLiteral : .expectedValue)
        }
    }

    private mutating func scanWord(_ word: StaticString) throws(JSONError) -> Token {
        let start = position
        guard end - start >= word.utf8CodeUnitCount else {
            throw failure(.badLiteral)
        }
        for index in 0..<word.utf8CodeUnitCount where base[start + index] != word.utf8Start[index] {
            throw failure(.badLiteral)
        }
        position = start + word.utf8CodeUnitCount
        return Token(kind: .literal, start: start, end: position)
    }

    private mutating func scanNumber() throws(JSONError) -> Token {
        let start = position
        var place = position
        if base[place] == UInt8(ascii: "-") { place += 1 }
        let integerStart = place
        while place < end, isDigit(base[place]) { place += 1 }
        let integerDigits = place - integerStart
        guard integerDigits == 1 || integerDigits > 1 && base[integerStart] != UInt8(ascii: "0") else {
            throw failure(.badNumber)
        }
        var fractionDigits = 0
        if place < end, base[place] == UInt8(ascii: ".") {
            let fractionStart = place + 1
            place = fractionStart
            while place < end, isDigit(base[place]) { place += 1 }
            fractionDigits = place - fractionStart
            guard fractionDigits > 0 else { throw failure(.badNumber) }
        }
        var exponent = 0
        if place < end, base[place] | 0x20 == UInt8(ascii: "e") {
            place += 1
            var isNegative = false
            if place < end, base[place] == UInt8(ascii: "+") || base[place] == UInt8(ascii: "-") {
                isNegative = base[place] == UInt8(ascii: "-")
                place += 1
            }
            let exponentStart = place
            while place < end, isDigit(base[place]) {
                exponent = min(exponent * 10 + Int(base[place] & 15), 1 << 30)
                place += 1
            }
            guard place > exponentStart else { throw failure(.badNumber) }
            if isNegative { exponent = -exponent }
        }
        // The limits of PostgreSQL's numeric, which jsonb stores: 131,072 digits before the point, 16,383 after.
        if integerDigits + exponent > 131_072 || fractionDigits - exponent > 16_383, hazard == nil {
            hazard = .numberOutOfRange(start)
        }
        position = place
        return Token(kind: .number, start: start, end: place)
    }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

/// The UTF-16 unit that four hexadecimal digits at `place` stand for.
func hexUnit(_ base: UnsafePointer<UInt8>, at place: Int, end: Int) -> UInt16? {
    guard place + 4 <= end else { return nil }
    var unit: UInt16 = 0
    for index in 0..<4 {
        let byte = base[place + index]
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
        default: return nil
        }
        unit = unit << 4 | UInt16(digit)
    }
    return unit
}

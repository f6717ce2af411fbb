/// Writes the values of OTLP (opentelemetry-proto, common/v1) as plain JSON: an `AnyValue` as what is in it, a list of
/// `KeyValue`s as an object. The text has been scanned before, so nothing is malformed.
struct OTLPWriter {
    private(set) var scanner: JSONScanner
    /// Whether a value was left out because it nests too deeply: the recursion must end.
    private(set) var isTooDeep = false
    /// As deep as readers of Protocol Buffers go by default.
    static let maxDepth = 100

    /// Begins at a value's place.
    init(_ scanner: JSONScanner, at place: Int) {
        self.scanner = scanner
        self.scanner.position = place
    }

    // MARK: - Members

    /// Writes the members of the object here; `body` is given each one's name and must write, or pass, the value.
    @inline(__always)
    mutating func eachMember(
        _ body: (inout OTLPWriter, JSONScanner.Token) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try scanner.next() == UInt8(ascii: "{") else {
            _ = try scanner.scanValue()
            return
        }
        scanner.position += 1
        guard try scanner.next() != UInt8(ascii: "}") else {
            scanner.position += 1
            return
        }
        repeat {
            let key = try scanner.scanKey()
            try body(&self, key)
        } while try scanner.advanceInContainer(isObject: true)
    }

    mutating func pass() throws(JSONError) { _ = try scanner.scanValue() }

    /// Writes the name of a member, as it is written, with its colon.
    @inline(__always)
    func writeName(_ key: JSONScanner.Token, _ json: inout ByteArena) {
        OTLPWriter.separate(&json)
        write(key, &json)
        json.append(UInt8(ascii: ":"))
    }

    @inline(__always)
    static func separate(_ json: inout ByteArena) {
        let last = json.base[json.count - 1]
        if last != UInt8(ascii: "{"), last != UInt8(ascii: "[") { json.append(UInt8(ascii: ",")) }
    }

    /// Writes a value as it is written.
    @inline(__always)
    func write(_ token: JSONScanner.Token, _ json: inout ByteArena) {
        let quote = token.kind == .string ? 1 : 0
        let (start, end) = (token.start - quote, token.end + quote)
        json.append(scanner.base + start, end - start, readable: scanner.end - start)
    }

    /// Writes a member with a value of any kind, as it is written.
    mutating func writeAsItIs(_ key: JSONScanner.Token, _ json: inout ByteArena) throws(JSONError) {
        let value = try scanner.scanValue()
        writeName(key, &json)
        write(value, &json)
    }

    /// Writes a text member; an empty one is absent, for Protocol Buffers do not tell the two apart.
    mutating func writeText(_ key: JSONScanner.Token, _ json: inout ByteArena) throws(JSONError) -> Bool {
        let value = try scanner.scanValue()
        if scanner.isNull(value) || value.kind == .string && value.start == value.end { return false }
        writeName(key, &json)
        write(value, &json)
        return true
    }

    /// Writes a number; 0 is absent, for Protocol Buffers do not tell the two apart.
    ///
    /// - Returns: the digits, or what stands instead of a number.
    mutating func writeNumber(
        _ key: JSONScanner.Token, _ json: inout ByteArena
    ) throws(JSONError) -> JSONScanner.Token? {
        let value = number(try scanner.scanValue())
        if scanner.isNull(value) || value.start == value.end { return nil }
        if value.end - value.start == 1, scanner.base[value.start] == UInt8(ascii: "0") { return nil }
        writeName(key, &json)
        write(value, &json)
        return value
    }

    /// The number in a string, as JSON of Protocol Buffers holds 64 bits; what is no number, as it is.
    @inline(__always)
    private func number(_ token: JSONScanner.Token) -> JSONScanner.Token {
        guard token.kind == .string, token.end > token.start, !token.hasEscapes else { return token }
        let first = scanner.base[token.start]
        guard isDigit(first) || first == UInt8(ascii: "-") else { return token }
        var inner = JSONScanner(scanner.base, from: token.start, to: token.end)
        guard let number = try? inner.scanScalar(first), number.end == token.end, inner.hazard == nil else {
            return token
        }
        return number
    }

    // MARK: - Values

    /// Writes an `AnyValue`; plain JSON in its place is written as it is.
    mutating func writeValue(_ json: inout ByteArena, depth: Int = 0) throws(JSONError) {
        let mark = json.count
        json.append("null".utf8)
        guard try scanner.next() == UInt8(ascii: "{") else {
            let value = try scanner.scanValue()
            json.truncate(to: mark)
            write(value, &json)
            return
        }
        if depth > OTLPWriter.maxDepth {
            isTooDeep = true
            try pass()
            return
        }
        try eachMember { (writer, key) throws(JSONError) in
            try writer.writeContent(key, from: mark, &json, depth: depth)
        }
    }

    @inline(__always)
    private mutating func writeContent(
        _ key: JSONScanner.Token, from mark: Int, _ json: inout ByteArena, depth: Int
    ) throws(JSONError) {
        if scanner.isKey(key, "stringValue") || scanner.isKey(key, "boolValue")
            || scanner.isKey(key, "bytesValue")
        {
            let value = try scanner.scanValue()
            json.truncate(to: mark)
            write(value, &json)
        } else if scanner.isKey(key, "intValue") || scanner.isKey(key, "doubleValue") {
            let value = number(try scanner.scanValue())
            json.truncate(to: mark)
            write(value, &json)
        } else if scanner.isKey(key, "arrayValue") {
            json.truncate(to: mark)
            json.append(UInt8(ascii: "["))
            try eachMember { (writer, key) throws(JSONError) in
                guard writer.scanner.isKey(key, "values") else { return try writer.pass() }
                try writer.eachElement { (writer) throws(JSONError) in
                    OTLPWriter.separate(&json)
                    try writer.writeValue(&json, depth: depth + 1)
                }
            }
            json.append(UInt8(ascii: "]"))
        } else if scanner.isKey(key, "kvlistValue") {
            json.truncate(to: mark)
            json.append(UInt8(ascii: "{"))
            try eachMember { (writer, key) throws(JSONError) in
                guard writer.scanner.isKey(key, "values") else { return try writer.pass() }
                _ = try writer.writePairs(&json, depth: depth + 1)
            }
            json.append(UInt8(ascii: "}"))
        } else {
            try pass()
        }
    }

    /// Passes what is not an array.
    @inline(__always)
    private mutating func eachElement(_ body: (inout OTLPWriter) throws(JSONError) -> Void) throws(JSONError)
    {
        guard try scanner.next() == UInt8(ascii: "[") else { return try pass() }
        scanner.position += 1
        guard try scanner.next() != UInt8(ascii: "]") else {
            scanner.position += 1
            return
        }
        repeat {
            try body(&self)
        } while try scanner.advanceInContainer(isObject: false)
    }

    // MARK: - Attributes

    /// Writes an array of `KeyValue`s as an object.
    ///
    /// - Returns: where the value of `event.name` stands in `json`.
    mutating func writeAttributes(_ json: inout ByteArena) throws(JSONError) -> TextSlice {
        json.append(UInt8(ascii: "{"))
        let eventName = try writePairs(&json)
        json.append(UInt8(ascii: "}"))
        return eventName
    }

    /// Writes an array of `KeyValue`s as the members of an object that has begun.
    mutating func writePairs(_ json: inout ByteArena, depth: Int = 0) throws(JSONError) -> TextSlice {
        var eventName = TextSlice.absent
        try eachElement { (writer) throws(JSONError) in
            let slice = try writer.writePair(&json, depth: depth)
            if !slice.isAbsent { eventName = slice }
        }
        return eventName
    }

    /// The value may stand before the key, and then is passed and come back to.
    private mutating func writePair(_ json: inout ByteArena, depth: Int) throws(JSONError) -> TextSlice {
        var name: JSONScanner.Token?
        var valuePlace: Int?
        var value = TextSlice.absent
        guard try scanner.next() == UInt8(ascii: "{") else {
            try pass()
            return .absent
        }
        try eachMember { (writer, key) throws(JSONError) in
            if writer.scanner.isKey(key, "key") {
                let token = try writer.scanner.scanValue()
                if token.kind == .string, value.isAbsent { name = token }
            } else if writer.scanner.isKey(key, "value"), let name, value.isAbsent {
                value = try writer.writeMember(name, &json, depth: depth)
            } else {
                if writer.scanner.isKey(key, "value") {
                    _ = try writer.scanner.next()
                    valuePlace = writer.scanner.position
                }
                try writer.pass()
            }
        }
        guard let name else { return .absent }
        if value.isAbsent {
            let end = scanner.position
            if let valuePlace {
                scanner.position = valuePlace
                value = try writeMember(name, &json, depth: depth)
                scanner.position = end
            } else {
                writeName(name, &json)
                json.append("null".utf8)
            }
        }
        return scanner.isKey(name, "event.name") ? value : .absent
    }

    @inline(__always)
    private mutating func writeMember(
        _ name: JSONScanner.Token, _ json: inout ByteArena, depth: Int
    ) throws(JSONError) -> TextSlice {
        writeName(name, &json)
        let mark = json.count
        try writeValue(&json, depth: depth)
        return json.slice(from: mark)
    }
}

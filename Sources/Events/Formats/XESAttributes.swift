#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes XES attributes as members of JSON objects (IEEE 1849-2016, section 4.3: the attributes of logs, traces and
/// events).
///
/// `string`, `date` and `id` become strings; `int` and `float` numbers as they are written, or strings where JSON has
/// no such number; `boolean` true or false. A `list` becomes an array with an object for each value, for its values
/// have keys; a `container` an object. Attributes of an attribute stand in an object beside it: `"key.meta"`.
struct XESAttributes {
    let tokens: XMLTokens
    private var base: UnsafePointer<UInt8> { tokens.base }

    /// Deeper attributes are rejected: writing them recurs.
    private static let maxDepth = 64

    private enum ValueType { case text, number, boolean, list, container }

    init(_ tokens: XMLTokens) { self.tokens = tokens }

    /// Writes the attribute that `tag` begins, with the attributes that it has itself.
    ///
    /// - Parameter prefix: stands before its key.
    /// - Returns: the place behind it.
    @inline(__always)
    func write(
        _ tag: XMLTokens.Token, prefix: StaticString, depth: Int = 0, into json: inout ByteArena
    ) throws(XMLProblem) -> Int {
        let (key, value) = try keyAndValue(of: tag)
        let type = valueType(tag.name)
        guard tag.kind == .emptyTag, type != .list, type != .container else {
            return try writeDeep(tag, type, key, value, prefix: prefix, depth: depth, into: &json)
        }
        try write(key, prefix: prefix, next: tag.range.upperBound, into: &json)
        try write(value, type, next: tag.range.upperBound, into: &json)
        return tag.range.upperBound
    }

    // MARK: - Attributes with contents

    /// Writes an attribute that has attributes itself.
    @inline(never)
    private func writeDeep(
        _ tag: XMLTokens.Token, _ type: ValueType, _ key: Range<Int>, _ value: Range<Int>?,
        prefix: StaticString, depth: Int, into json: inout ByteArena
    ) throws(XMLProblem) -> Int {
        guard depth < XESAttributes.maxDepth else {
            var problem = XMLProblem(
                tag.range.lowerBound, next: tag.range.upperBound,
                "attributes are nested deeper than \(XESAttributes.maxDepth) levels")
            problem.code = .nestedTooDeep
            throw problem
        }
        var children = Children()
        let end = try read(tag, isCollection: type == .list || type == .container, depth, into: &children)
        let next = tag.range.upperBound
        try write(key, prefix: prefix, next: next, into: &json)
        switch type {
        case .list:
            json.append(UInt8(ascii: "["))
            children.append(children.contents, isEachObject: true, to: &json)
            json.append(UInt8(ascii: "]"))
        case .container:
            json.append(UInt8(ascii: "{"))
            children.append(children.contents, isEachObject: false, to: &json)
            json.append(UInt8(ascii: "}"))
        default: try write(value, type, next: next, into: &json)
        }
        let meta = type == .list || type == .container ? children.meta : children.direct
        guard !meta.isEmpty else { return end }
        json.append(UInt8(ascii: ","))
        try write(key, prefix: prefix, suffix: ".meta", next: next, into: &json)
        json.append(UInt8(ascii: "{"))
        children.append(meta, isEachObject: false, to: &json)
        json.append(UInt8(ascii: "}"))
        return end
    }

    /// The attributes inside an attribute, as members of objects.
    private struct Children: ~Copyable {
        var json = ByteArena(capacity: 256)
        /// Those directly inside.
        var direct: [TextSlice] = []
        /// Those inside `<values>`; nil where there is none. In a container of IEEE 1849 there is none.
        var values: [TextSlice]?

        /// What a list or a container holds.
        var contents: [TextSlice] { values ?? direct }
        /// What is told about a list or a container beside what it holds.
        var meta: [TextSlice] { values == nil ? [] : direct }

        func append(_ members: [TextSlice], isEachObject: Bool, to target: inout ByteArena) {
            for (index, slice) in members.enumerated() {
                if index > 0 { target.append(UInt8(ascii: ",")) }
                if isEachObject { target.append(UInt8(ascii: "{")) }
                target.append(json.base + Int(slice.offset), Int(slice.count))
                if isEachObject { target.append(UInt8(ascii: "}")) }
            }
        }
    }

    /// Reads what stands between the tag and its end tag.
    ///
    /// - Returns: the place behind the end tag.
    private func read(
        _ tag: XMLTokens.Token, isCollection: Bool, _ depth: Int, into children: inout Children
    ) throws(XMLProblem) -> Int {
        guard tag.kind == .startTag else { return tag.range.upperBound }
        var place = tag.range.upperBound
        var values: XMLTokens.Token?
        while true {
            let token = try self.token(at: place)
            place = token.range.upperBound
            switch token.kind {
            case .ignored: continue
            case .text, .characterData: try requireBlank(token)
            case .endTag:
                if let open = values, isSame(open.name, token.name) {
                    values = nil
                } else if values == nil, isSame(tag.name, token.name) {
                    return place
                } else {
                    throw unexpected(token)
                }
            case .startTag, .emptyTag:
                guard !isOfRecord(token) else { throw unexpected(token) }
                if isCollection, values == nil, isNamed(token.name, "values") {
                    children.values = children.values ?? []
                    if token.kind == .startTag { values = token }
                    continue
                }
                let mark = children.json.count
                place = try write(token, prefix: "", depth: depth + 1, into: &children.json)
                let slice = children.json.slice(from: mark)
                if values == nil { children.direct.append(slice) } else { children.values?.append(slice) }
            }
        }
    }

    // MARK: - Tokens

    /// The token at `place`, which must be a sound one.
    func token(at place: Int) throws(XMLProblem) -> XMLTokens.Token {
        switch tokens.token(at: place) {
        case .token(let token): return token
        case .unfinished: throw XMLProblem(place, next: tokens.end, "what begins here has no end")
        case .malformed(let at, let next, let reason): throw XMLProblem(at, next: next, "\(reason)")
        }
    }

    func requireBlank(_ text: XMLTokens.Token) throws(XMLProblem) {
        let range = text.kind == .text ? text.range : text.name
        for place in range where !XMLTokens.isBlank(base[place]) {
            throw XMLProblem(place, next: text.range.upperBound, "text stands where attributes should")
        }
    }

    func unexpected(_ tag: XMLTokens.Token) -> XMLProblem {
        let sign = tag.kind == .endTag ? "</" : "<"
        return XMLProblem(
            tag.range.lowerBound, next: tag.range.lowerBound,
            "\(sign)\(text(of: tag.name))> stands where it may not")
    }

    func text(of range: Range<Int>) -> String {
        String(
            decoding: UnsafeBufferPointer(start: base + range.lowerBound, count: range.count), as: UTF8.self)
    }

    /// Whether the tag is of a trace or an event.
    @inline(__always)
    func isOfRecord(_ tag: XMLTokens.Token) -> Bool {
        isNamed(tag.name, "event") || isNamed(tag.name, "trace")
    }

    /// Whether an element's name, without its prefix, is this one.
    @inline(__always)
    func isNamed(_ name: Range<Int>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        let start = name.upperBound - count
        guard start >= name.lowerBound, base[start] == text.utf8Start[0],
            memcmp(base + start, text.utf8Start, count) == 0
        else { return false }
        return start == name.lowerBound || base[start - 1] == UInt8(ascii: ":")
    }

    @inline(__always)
    func isSame(_ name: Range<Int>, _ other: Range<Int>) -> Bool {
        name.count == other.count && memcmp(base + name.lowerBound, base + other.lowerBound, name.count) == 0
    }

    private func valueType(_ name: Range<Int>) -> ValueType {
        switch base[name.upperBound - 1] {
        case UInt8(ascii: "t"):
            isNamed(name, "int") || isNamed(name, "float")
                ? .number : isNamed(name, "list") ? .list : .text
        case UInt8(ascii: "n"): isNamed(name, "boolean") ? .boolean : .text
        case UInt8(ascii: "r"): isNamed(name, "container") ? .container : .text
        default: .text
        }
    }

    // MARK: - Key and value

    /// The two attributes that the tag of an XES attribute has, in whatever order; others are passed over.
    @inline(__always)
    private func keyAndValue(
        of tag: XMLTokens.Token
    ) throws(XMLProblem) -> (key: Range<Int>, value: Range<Int>?) {
        var (key, value): (Range<Int>?, Range<Int>?)
        let next = tag.range.upperBound
        // Without the > or />, which ends every loop below.
        let end = next - (tag.kind == .emptyTag ? 2 : 1)
        var place = tag.name.upperBound
        while true {
            let blank = place
            while XMLTokens.isBlank(base[place]) { place += 1 }
            if place >= end { break }
            let nameStart = place
            while XMLTokens.isInName(base[place]) { place += 1 }
            let name = nameStart..<place
            while XMLTokens.isBlank(base[place]) { place += 1 }
            guard !name.isEmpty, nameStart > blank, base[place] == UInt8(ascii: "=") else {
                throw XMLProblem(nameStart, next: next, "the tag holds something else than name=\"value\"")
            }
            place += 1
            while XMLTokens.isBlank(base[place]) { place += 1 }
            let quote = base[place]
            guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
                let closing = closingQuote(quote, from: place + 1, to: end)
            else { throw XMLProblem(place, next: next, "a value stands without its quotes") }
            let contents = place + 1..<closing
            place = closing + 1
            if name.count == 3, memcmp(base + name.lowerBound, "key", 3) == 0 {
                guard key == nil else { throw XMLProblem(nameStart, next: next, "key is given twice") }
                key = contents
            } else if name.count == 5, memcmp(base + name.lowerBound, "value", 5) == 0 {
                guard value == nil else { throw XMLProblem(nameStart, next: next, "value is given twice") }
                value = contents
            }
        }
        guard let key else { throw XMLProblem(tag.range.lowerBound, next: next, "an attribute has no key") }
        return (key, value)
    }

    @inline(__always)
    private func closingQuote(_ quote: UInt8, from start: Int, to end: Int) -> Int? {
        let closing = tokens.findAny(of: quote, quote, quote, quote, from: start)
        return closing < end ? closing : nil
    }

    @inline(__always)
    private func write(
        _ key: Range<Int>, prefix: StaticString, suffix: StaticString = "", next: Int,
        into json: inout ByteArena
    ) throws(XMLProblem) {
        json.append(UInt8(ascii: "\""))
        json.append(prefix.utf8Start, prefix.utf8CodeUnitCount)
        try XMLValue.append(key, of: tokens, next: next, into: &json)
        json.append(suffix.utf8Start, suffix.utf8CodeUnitCount)
        json.append(UInt8(ascii: "\""))
        json.append(UInt8(ascii: ":"))
    }

    /// An attribute without a value is null.
    @inline(__always)
    private func write(
        _ value: Range<Int>?, _ type: ValueType, next: Int, into json: inout ByteArena
    ) throws(XMLProblem) {
        guard let value else { return json.append("null".utf8) }
        switch type {
        case .number:
            if let number = number(in: value) { return json.append(base + number.lowerBound, number.count) }
        case .boolean:
            if let word = word(in: value) { return json.append(word.utf8Start, word.utf8CodeUnitCount) }
        default: break
        }
        json.append(UInt8(ascii: "\""))
        try XMLValue.append(value, of: tokens, next: next, into: &json)
        json.append(UInt8(ascii: "\""))
    }

    /// The value without white space around it, where it is a number of JSON (RFC 8259, section 6).
    private func number(in value: Range<Int>) -> Range<Int>? {
        let trimmed = trimmed(value)
        guard !trimmed.isEmpty else { return nil }
        var scanner = JSONScanner(base, from: trimmed.lowerBound, to: trimmed.upperBound)
        guard let token = try? scanner.scanValue(), token.kind == .number, (try? scanner.expectEnd()) != nil
        else { return nil }
        return trimmed
    }

    /// The four words of XML Schema's boolean (XML Schema 1.1, part 2, section 3.3.2).
    private func word(in value: Range<Int>) -> StaticString? {
        let trimmed = trimmed(value)
        let text = UnsafeBufferPointer(start: base + trimmed.lowerBound, count: trimmed.count)
        if text.elementsEqual("true".utf8) || text.elementsEqual("1".utf8) { return "true" }
        if text.elementsEqual("false".utf8) || text.elementsEqual("0".utf8) { return "false" }
        return nil
    }

    private func trimmed(_ value: Range<Int>) -> Range<Int> {
        var (start, end) = (value.lowerBound, value.upperBound)
        while start < end, XMLTokens.isBlank(base[start]) { start += 1 }
        while end > start, XMLTokens.isBlank(base[end - 1]) { end -= 1 }
        return start..<end
    }
}

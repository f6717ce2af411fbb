/// Passes over the fields of a line of an access log: bare ones, which end at a blank, quoted and bracketed ones.
/// The line must outlive it.
struct AccessLogScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    func failure(_ problem: String) -> MalformedLine { MalformedLine(offset: position, problem: problem) }

    // MARK: - Fields

    /// The byte at which the next field begins; nil at the end.
    @inline(__always)
    mutating func next() -> UInt8? {
        while position < bytes.count, isBlank(position) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    @inline(__always)
    mutating func scanBare() -> Range<Int> {
        let start = position
        while position < bytes.count, !isBlank(position) { position += 1 }
        return start..<position
    }

    /// A bare field in which quotes may hold blanks: `ua="curl 8"`.
    mutating func scanBareWithQuotes() throws(MalformedLine) -> Range<Int> {
        let start = position
        while position < bytes.count, !isBlank(position) {
            if bytes[position] == UInt8(ascii: "\"") { try passQuoted() } else { position += 1 }
        }
        return start..<position
    }

    /// The quoted field at the position, without its quotes.
    mutating func scanQuoted() throws(MalformedLine) -> Range<Int> {
        let start = position + 1
        try passQuoted()
        guard position == bytes.count || isBlank(position) else {
            throw failure("text follows a closing quote; a quote inside is written \\\"")
        }
        return start..<position - 1
    }

    /// The field in brackets at the position, without them.
    mutating func scanBracketed() throws(MalformedLine) -> Range<Int> {
        let start = position + 1
        guard let closing = bytes[start...].firstIndex(of: UInt8(ascii: "]")) else {
            throw failure("the bracket that opens here is never closed")
        }
        position = closing + 1
        return start..<closing
    }

    private mutating func passQuoted() throws(MalformedLine) {
        let base = bytes.baseAddress!
        var place = position + 1
        while true {
            place = LoggedText.plainEnd(base, from: place, to: bytes.count)
            guard place < bytes.count else { throw failure("the quote that opens here is never closed") }
            if base[place] == UInt8(ascii: "\"") { break }
            // Behind a backslash a quote closes nothing.
            place += base[place] == UInt8(ascii: "\\") && place + 1 < bytes.count ? 2 : 1
        }
        position = place + 1
    }

    @inline(__always)
    private func isBlank(_ place: Int) -> Bool { bytes[place] == 0x20 || bytes[place] == 0x09 }

    // MARK: - What a field says

    @inline(__always)
    func isAbsent(_ field: Range<Int>) -> Bool {
        field.isEmpty || field.count == 1 && bytes[field.lowerBound] == UInt8(ascii: "-")
    }

    /// Whether it is `name:port` and not an address of IPv6, which has more colons.
    func isNameAndPort(_ field: Range<Int>) -> Bool {
        guard let colon = bytes[field].lastIndex(of: UInt8(ascii: ":")), colon + 1 < field.upperBound,
            colon > field.lowerBound, bytes[colon + 1..<field.upperBound].allSatisfy(isDigit)
        else { return false }
        return bytes[colon - 1] == UInt8(ascii: "]")
            || !bytes[field.lowerBound..<colon].contains(UInt8(ascii: ":"))
    }

    /// The parts of a request line (RFC 9112, section 3), nil where it is none. A target may hold blanks: servers log
    /// what was sent.
    func split(request: Range<Int>) -> (method: Range<Int>, path: Range<Int>, proto: Range<Int>)? {
        let request = bytes[request]
        guard let first = request.firstIndex(of: 0x20), let last = request.lastIndex(of: 0x20),
            last > first + 1,
            first > request.startIndex, request[..<first].allSatisfy(isMethodByte)
        else { return nil }
        let proto = request[(last + 1)...]
        guard let slash = proto.firstIndex(of: UInt8(ascii: "/")), slash > proto.startIndex,
            slash + 1 < proto.endIndex, proto[..<slash].allSatisfy(isLetter),
            proto[(slash + 1)...].allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return (request.startIndex..<first, first + 1..<last, proto.startIndex..<proto.endIndex)
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    private func isMethodByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    /// Appends a field as the contents of a JSON string.
    @inline(__always)
    func appendText(_ field: Range<Int>, hasEscapes: Bool, into json: inout ByteArena) {
        let base = bytes.baseAddress!
        var place = field.lowerBound
        while true {
            let special = LoggedText.plainEnd(base, from: place, to: field.upperBound)
            json.append(base + place, special - place, readable: bytes.count - place)
            if special == field.upperBound { return }
            if hasEscapes, base[special] == UInt8(ascii: "\\"),
                let next = LoggedText.appendEscape(base, at: special, to: field.upperBound, into: &json)
            {
                place = next
            } else {
                LoggedText.appendASCII(base[special], into: &json)
                place = special + 1
            }
        }
    }
}

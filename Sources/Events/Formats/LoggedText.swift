/// Texts as logs hold them, between quotes or bare, on their way into JSON strings.
enum LoggedText {
    /// The first byte in `start..<end` that no JSON string holds as it is: a quote, a backslash or a control
    /// character; `end` where there is none.
    @inline(__always)
    static func plainEnd(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var place = start
        while place + 8 <= end {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // A borrow marks bytes above the first one only.
            let special =
                ((quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
                    | (word &- ones &* 0x20) & ~word) & (ones &* 0x80)
            if special != 0 { return place + special.trailingZeroBitCount >> 3 }
            place += 8
        }
        while place < end, base[place] >= 0x20, base[place] != UInt8(ascii: "\""),
            base[place] != UInt8(ascii: "\\")
        {
            place += 1
        }
        return place
    }

    /// Appends `start..<end`, which is UTF-8, as the contents of a JSON string; a backslash is itself.
    @inline(__always)
    static func append(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, into arena: inout ByteArena
    ) {
        var place = start
        while true {
            let special = plainEnd(base, from: place, to: end)
            arena.append(base + place, special - place, readable: end - place)
            if special == end { return }
            appendASCII(base[special], into: &arena)
            place = special + 1
        }
    }

    /// Appends one character as the contents of a JSON string.
    static func appendASCII(_ byte: UInt8, into arena: inout ByteArena) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0..<0x20: JSONText.appendEscape(byte, into: &arena)
        default: arena.append(byte)
        }
    }

    /// Appends what the escape that begins at `place` stands for, as the contents of a JSON string; returns the place
    /// behind it, or nil where there is no such escape.
    ///
    /// The escapes are those of Go and JSON strings, which hold those of Apache and nginx. One that stands for
    /// nothing a text of PostgreSQL can hold stays as it is written: a zero, bytes that are not UTF-8, half of a
    /// surrogate pair.
    static func appendEscape(
        _ base: UnsafePointer<UInt8>, at place: Int, to end: Int, into arena: inout ByteArena
    ) -> Int? {
        guard place + 1 < end else { return nil }
        switch base[place + 1] {
        case UInt8(ascii: "n"): appendASCII(0x0A, into: &arena)
        case UInt8(ascii: "t"): appendASCII(0x09, into: &arena)
        case UInt8(ascii: "r"): appendASCII(0x0D, into: &arena)
        case UInt8(ascii: "a"): appendASCII(0x07, into: &arena)
        case UInt8(ascii: "b"): appendASCII(0x08, into: &arena)
        case UInt8(ascii: "f"): appendASCII(0x0C, into: &arena)
        case UInt8(ascii: "v"): appendASCII(0x0B, into: &arena)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"):
            appendASCII(base[place + 1], into: &arena)
        case UInt8(ascii: "x"): return appendBytes(base, at: place, to: end, into: &arena)
        case UInt8(ascii: "u"): return appendUnits(base, at: place, to: end, into: &arena)
        case UInt8(ascii: "U"):
            guard let high = hexUnit(base, at: place + 2, end: end),
                let low = hexUnit(base, at: place + 6, end: end)
            else { return nil }
            append(UInt32(high) << 16 | UInt32(low), writtenAs: base + place, 10, into: &arena)
            return place + 10
        default: return nil
        }
        return place + 2
    }

    /// A character of several bytes is several escapes: `\xc3\xa9`.
    private static func appendBytes(
        _ base: UnsafePointer<UInt8>, at place: Int, to end: Int, into arena: inout ByteArena
    ) -> Int? {
        guard let first = hexByte(base, at: place, end: end) else { return nil }
        if first < 0x80 {
            append(UInt32(first), writtenAs: base + place, 4, into: &arena)
            return place + 4
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4) { bytes in
            var count = 0
            while count < 4, let byte = hexByte(base, at: place + 4 * count, end: end) {
                bytes.initializeElement(at: count, to: byte)
                count += 1
            }
            let length = utf8Length(bytes.baseAddress!, available: count)
            guard length > 0 else {
                append(base + place, from: 0, to: 4, into: &arena)
                return place + 4
            }
            arena.append(bytes.baseAddress!, length)
            return place + 4 * length
        }
    }

    /// A character beyond the first 65,536 is two escapes, as in JSON.
    private static func appendUnits(
        _ base: UnsafePointer<UInt8>, at place: Int, to end: Int, into arena: inout ByteArena
    ) -> Int? {
        guard let unit = hexUnit(base, at: place + 2, end: end) else { return nil }
        if (0xD800..<0xDC00).contains(unit), place + 8 <= end, base[place + 6] == UInt8(ascii: "\\"),
            base[place + 7] == UInt8(ascii: "u"), let low = hexUnit(base, at: place + 8, end: end),
            (0xDC00...0xDFFF).contains(low)
        {
            let scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            append(scalar, writtenAs: base + place, 12, into: &arena)
            return place + 12
        }
        append(UInt32(unit), writtenAs: base + place, 6, into: &arena)
        return place + 6
    }

    private static func append(
        _ scalar: UInt32, writtenAs escape: UnsafePointer<UInt8>, _ count: Int, into arena: inout ByteArena
    ) {
        guard scalar != 0, let character = Unicode.Scalar(scalar) else {
            return append(escape, from: 0, to: count, into: &arena)
        }
        if scalar < 0x80 { return appendASCII(UInt8(scalar), into: &arena) }
        arena.append(UTF8.encode(character).unsafelyUnwrapped)
    }

    /// The byte that `\xHH` at `place` stands for.
    private static func hexByte(_ base: UnsafePointer<UInt8>, at place: Int, end: Int) -> UInt8? {
        guard place + 4 <= end, base[place] == UInt8(ascii: "\\"), base[place + 1] == UInt8(ascii: "x"),
            let high = hexDigit(base[place + 2]), let low = hexDigit(base[place + 3])
        else { return nil }
        return high << 4 | low
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

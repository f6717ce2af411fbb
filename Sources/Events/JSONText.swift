/// The contents of JSON strings: from escapes to text and back.
package enum JSONText {
    /// Appends the text that an escaped, already validated string stands for (RFC 8259, section 7).
    ///
    /// A lone surrogate, which no UTF-8 can hold, becomes U+FFFD; scanners report it as a hazard before.
    package static func appendUnescaped(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, into arena: inout ByteArena
    ) {
        arena.reserve(end - start)
        var place = start
        while place < end {
            guard base[place] == UInt8(ascii: "\\") else {
                arena.append(base[place])
                place += 1
                continue
            }
            let escape = base[place + 1]
            place += 2
            switch escape {
            case UInt8(ascii: "b"): arena.append(0x08)
            case UInt8(ascii: "f"): arena.append(0x0C)
            case UInt8(ascii: "n"): arena.append(0x0A)
            case UInt8(ascii: "r"): arena.append(0x0D)
            case UInt8(ascii: "t"): arena.append(0x09)
            case UInt8(ascii: "u"):
                let unit = hexUnit(base, at: place, end: end) ?? 0xFFFD
                place += 4
                var scalar = UInt32(unit)
                if (0xD800..<0xDC00).contains(unit), place + 6 <= end, base[place] == UInt8(ascii: "\\"),
                    base[place + 1] == UInt8(ascii: "u"), let low = hexUnit(base, at: place + 2, end: end),
                    (0xDC00...0xDFFF).contains(low)
                {
                    scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
                    place += 6
                }
                arena.append(UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}").unsafelyUnwrapped)
            default: arena.append(escape)
            }
        }
    }

    /// Appends text as a JSON string with its quotes; the bytes must be UTF-8.
    package static func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, into arena: inout ByteArena) {
        arena.reserve(text.count + 2)
        arena.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0..<0x20: JSONText.appendEscape(byte, into: &arena)
            default: arena.append(byte)
            }
        }
        arena.append(UInt8(ascii: "\""))
    }
}

/// Passes over JSON that is sound and plain, several bytes at a time, and gives up at everything else.
///
/// No scan here says what is wrong: nil means only that `JSONScanner`, which tells malformed text, hazards and rare
/// forms apart, must look at the line from its start. So nothing may pass here that the scanner refuses; what is
/// given up without need costs time only.
///
/// A newline is the sentinel. No token holds one and no scan passes one, so none looks for the end of the memory:
/// whoever calls must know that a newline stands at the place or after it, and that `slack` bytes can be read
/// from that newline on.
package enum QuickScan {
    package typealias Place = UnsafePointer<UInt8>

    /// How far behind a newline the scans may read: they load 32 bytes at once.
    package static let slack = 32

    /// Deeper values are left to the scanner; this one recurs.
    private static let maxDepth = 64
    /// Longer numbers are left to the scanner, which knows what is too large for `jsonb`.
    private static let maxNumberBytes = 1_000

    // MARK: - White space

    /// The place of the next byte that is no white space within a line.
    ///
    /// Without white space, or with one blank as many writers put it behind commas and colons, no loop begins.
    @inline(__always)
    static func skipSpace(_ place: Place) -> Place {
        if place.pointee > 0x20 { return place }
        if place.pointee == 0x20, place[1] > 0x20 { return place + 1 }
        return skipAllSpace(place)
    }

    @inline(never)
    private static func skipAllSpace(_ start: Place) -> Place {
        var place = start
        while place.pointee == 0x20 || place.pointee == 0x09 || place.pointee == 0x0D { place += 1 }
        return place
    }

    // MARK: - Values

    /// Passes the value at `place`; white space before it is passed already, that behind it is not.
    @inline(__always)
    package static func passValue(_ place: Place, depth: Int = 0) -> Place? {
        let byte = place.pointee
        // Strings and numbers first, each by a branch of its own: a jump by a table is mispredicted more often.
        if byte == UInt8(ascii: "\"") {
            guard let closing = findClosingQuote(from: place + 1) else { return nil }
            return closing + 1
        }
        if isDigit(byte) { return passNumber(place) }
        switch byte {
        case UInt8(ascii: "{"): return passObject(place, depth: depth)
        case UInt8(ascii: "["): return passArray(place, depth: depth)
        case UInt8(ascii: "-"): return passNumber(place)
        default: return passWord(place, byte)
        }
    }

    private static func passWord(_ place: Place, _ byte: UInt8) -> Place? {
        switch byte {
        case UInt8(ascii: "n"): load(place) as UInt32 == 0x6C6C_756E ? place + 4 : nil
        case UInt8(ascii: "t"): load(place) as UInt32 == 0x6575_7274 ? place + 4 : nil
        case UInt8(ascii: "f"): load(place + 1) as UInt32 == 0x6573_6C61 ? place + 5 : nil
        default: nil
        }
    }

    @inline(never)
    private static func passObject(_ opening: Place, depth: Int) -> Place? {
        var place = skipSpace(opening + 1)
        if place.pointee == UInt8(ascii: "}") { return place + 1 }
        guard depth < maxDepth else { return nil }
        while true {
            guard place.pointee == UInt8(ascii: "\""), let closing = findClosingQuote(from: place + 1) else {
                return nil
            }
            place = skipSpace(closing + 1)
            guard place.pointee == UInt8(ascii: ":"),
                let end = passValue(skipSpace(place + 1), depth: depth &+ 1)
            else { return nil }
            place = skipSpace(end)
            guard place.pointee == UInt8(ascii: ",") else { break }
            place = skipSpace(place + 1)
        }
        return place.pointee == UInt8(ascii: "}") ? place + 1 : nil
    }

    @inline(never)
    private static func passArray(_ opening: Place, depth: Int) -> Place? {
        var place = skipSpace(opening + 1)
        if place.pointee == UInt8(ascii: "]") { return place + 1 }
        guard depth < maxDepth else { return nil }
        while true {
            guard let end = passValue(place, depth: depth &+ 1) else { return nil }
            place = skipSpace(end)
            guard place.pointee == UInt8(ascii: ",") else { break }
            place = skipSpace(place + 1)
        }
        return place.pointee == UInt8(ascii: "]") ? place + 1 : nil
    }

    // MARK: - Strings

    /// The quote that closes the string whose contents begin at `start`.
    @inline(__always)
    static func findClosingQuote(from start: Place) -> Place? {
        let special = findSpecial(from: start)
        return special.pointee == UInt8(ascii: "\"") ? special : findClosingQuote(behind: special).closing
    }

    /// The quote that closes the string, and whether an escape stands before it.
    @inline(__always)
    static func scanString(from start: Place) -> (closing: Place?, hasEscapes: Bool) {
        let special = findSpecial(from: start)
        guard special.pointee != UInt8(ascii: "\"") else { return (special, false) }
        return findClosingQuote(behind: special)
    }

    /// The first byte that is a quote, a backslash, a control character, or part of a longer character.
    ///
    /// As signed numbers the last two are those below 0x20. The marks of 16 bytes become four bits each of one word:
    /// SSE2 and NEON both do that in a few instructions, and the standard library has no shorter way.
    @inline(__always)
    private static func findSpecial(from start: Place) -> Place {
        var place = start
        while true {
            let bytes = load(place) as SIMD16<Int8>
            let isLow: SIMDMask<SIMD16<Int8>> = bytes .< SIMD16<Int8>(repeating: 0x20)
            let isQuote: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0x22)
            let isBackslash: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0x5C)
            let pairs = unsafeBitCast(isLow .| isQuote .| isBackslash, to: SIMD8<UInt16>.self)
            let marks = unsafeBitCast(
                SIMD8<UInt8>(truncatingIfNeeded: pairs &>> SIMD8<UInt16>(repeating: 4)), to: UInt64.self)
            if marks != 0 { return place + UInt64(littleEndian: marks).trailingZeroBitCount &>> 2 }
            place += 16
        }
    }

    /// Goes on at a special byte: passes escapes and characters of several bytes.
    @inline(never)
    private static func findClosingQuote(behind special: Place) -> (closing: Place?, hasEscapes: Bool) {
        var place = special
        var hasEscapes = false
        while true {
            let length: Int
            switch place.pointee {
            case UInt8(ascii: "\""): return (place, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                length = escapeLength(place)
            case 0x80...: length = utf8Length(place, available: 4)
            default: length = 0
            }
            guard length > 0 else { return (nil, false) }
            place += length
            // Text that is not English has one special byte after the other.
            if place.pointee < 0x80 { place = findSpecial(from: place) }
        }
    }

    /// 0 for what is no escape, and for those that `jsonb` cannot hold.
    private static func escapeLength(_ place: Place) -> Int {
        switch place[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard let unit = hexUnit(place, at: 2, end: 6), unit != 0 else { return 0 }
            guard (0xD800...0xDFFF).contains(unit) else { return 6 }
            guard unit < 0xDC00, place[6] == UInt8(ascii: "\\"), place[7] == UInt8(ascii: "u"),
                let low = hexUnit(place, at: 8, end: 12), (0xDC00...0xDFFF).contains(low)
            else { return 0 }
            return 12
        default: return 0
        }
    }

    // MARK: - Numbers

    @inline(__always)
    private static func passNumber(_ start: Place) -> Place? {
        let integer = start.pointee == UInt8(ascii: "-") ? start + 1 : start
        var place = skipDigits(integer)
        guard place > integer, integer.pointee != UInt8(ascii: "0") || place == integer + 1 else {
            return nil
        }
        if place.pointee == UInt8(ascii: ".") {
            let fraction = place + 1
            place = skipDigits(fraction)
            guard place > fraction else { return nil }
        }
        guard place - start <= maxNumberBytes else { return nil }
        return place.pointee | 0x20 == UInt8(ascii: "e") ? passExponent(place) : place
    }

    /// At most three digits: with them no number of `maxNumberBytes` is too large.
    @inline(never)
    private static func passExponent(_ letter: Place) -> Place? {
        let isSigned = letter[1] == UInt8(ascii: "+") || letter[1] == UInt8(ascii: "-")
        let digits = letter + (isSigned ? 2 : 1)
        let end = skipDigits(digits)
        return (1...3).contains(end - digits) ? end : nil
    }

    /// Eight at a time: a digit's value and 0x76 stay below 0x80. A carry marks bytes above the first other only.
    @inline(__always)
    private static func skipDigits(_ start: Place) -> Place {
        var place = start
        while true {
            let values = UInt64(littleEndian: load(place)) ^ 0x3030_3030_3030_3030
            let others = (values | (values &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080
            if others != 0 { return place + others.trailingZeroBitCount &>> 3 }
            place += 8
        }
    }

    @inline(__always)
    static func load<Word: BitwiseCopyable>(_ place: Place) -> Word {
        UnsafeRawPointer(place).loadUnaligned(as: Word.self)
    }
}

extension JSONText {
    /// Appends text as the contents of a JSON string, without quotes; the bytes must be UTF-8. What needs no escape is
    /// copied as it is, so that only the bytes that do are looked at one by one.
    ///
    /// - Parameter readable: the bytes that can be read from `start` on.
    @inline(__always)
    static func appendContents(
        _ start: UnsafePointer<UInt8>, _ count: Int, readable: Int, into arena: inout ByteArena
    ) {
        let run = plainRun(start, count, readable: readable)
        arena.append(start, run, readable: readable)
        if run < count { appendRest(start + run, count - run, readable: readable - run, into: &arena) }
    }

    /// Goes on at a byte that needs an escape.
    @inline(never)
    private static func appendRest(
        _ start: UnsafePointer<UInt8>, _ count: Int, readable: Int, into arena: inout ByteArena
    ) {
        var place = 0
        while place < count {
            appendEscape(start[place], into: &arena)
            place += 1
            let run = plainRun(start + place, count - place, readable: readable - place)
            arena.append(start + place, run, readable: readable - place)
            place += run
        }
    }

    /// Appends the escape of a byte that stands in no JSON string as it is.
    static func appendEscape(_ byte: UInt8, into arena: inout ByteArena) {
        let digits: StaticString = "0123456789abcdef"
        arena.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): arena.append(byte)
        case 0x0A: arena.append(UInt8(ascii: "n"))
        case 0x0D: arena.append(UInt8(ascii: "r"))
        case 0x09: arena.append(UInt8(ascii: "t"))
        default:
            arena.append("u00".utf8)
            arena.append(digits.utf8Start[Int(byte >> 4)])
            arena.append(digits.utf8Start[Int(byte & 15)])
        }
    }

    /// The bytes before the first that needs an escape.
    @inline(__always)
    private static func plainRun(_ start: UnsafePointer<UInt8>, _ count: Int, readable: Int) -> Int {
        var place = 0
        while place < count {
            guard readable &- place >= 16 else { return place + slowRun(start + place, count - place) }
            let bytes = UnsafeRawPointer(start + place).loadUnaligned(as: SIMD16<Int8>.self)
            // As signed numbers, the bytes of longer characters are below zero.
            let isLow: SIMDMask<SIMD16<Int8>> = bytes .< SIMD16<Int8>(repeating: 0x20)
            let isMultibyte: SIMDMask<SIMD16<Int8>> = bytes .< SIMD16<Int8>(repeating: 0)
            let isQuote: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0x22)
            let isBackslash: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0x5C)
            let isSpecial = isLow .^ isMultibyte .| isQuote .| isBackslash
            let pairs = unsafeBitCast(isSpecial, to: SIMD8<UInt16>.self)
            let bits = SIMD8<UInt8>(truncatingIfNeeded: pairs &>> SIMD8<UInt16>(repeating: 4))
            let marks = UInt64(littleEndian: unsafeBitCast(bits, to: UInt64.self))
            if marks != 0 { return min(count, place &+ marks.trailingZeroBitCount &>> 2) }
            place &+= 16
        }
        return count
    }

    @inline(never)
    private static func slowRun(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var place = 0
        while place < count, start[place] >= 0x20, start[place] != UInt8(ascii: "\""),
            start[place] != UInt8(ascii: "\\")
        {
            place += 1
        }
        return place
    }
}

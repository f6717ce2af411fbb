/// Finds the bytes that mean something in CSV, one after the other, by looking at 16 at a time. Reads none behind the end.
struct CSVMarks {
    /// What it finds: a dialect's separator, quote and escape, and line feeds.
    struct Kinds {
        let separator: UInt8
        fileprivate let separators: SIMD16<Int8>
        fileprivate let quotes: SIMD16<Int8>
        fileprivate let escapes: SIMD16<Int8>

        init(_ dialect: CSVDialect) {
            separator = dialect.separator
            separators = SIMD16(repeating: Int8(bitPattern: dialect.separator))
            // What a dialect does not have is looked for in vain, as one of those that it has.
            quotes = SIMD16(repeating: Int8(bitPattern: dialect.quote ?? 0x0A))
            escapes = SIMD16(repeating: Int8(bitPattern: dialect.escape ?? 0x0A))
        }
    }

    private let base: UnsafePointer<UInt8>
    private let end: Int
    private let kinds: Kinds
    /// The last place where 16 bytes can be read.
    private let lastWhole: Int
    /// Where the bytes stand that were looked at last.
    private var block: Int
    /// Four bits for each of these bytes, of which the lowest is set where the byte is yet to be found.
    private var marks: UInt64 = 0
    private var allBits = SIMD16<Int8>(repeating: 0)
    private var zeros = SIMDMask<SIMD16<Int8>>(repeating: false)

    @inline(__always)
    init(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, _ kinds: Kinds) {
        (self.base, self.end, self.kinds) = (base, end, kinds)
        lastWhole = end &- 16
        block = start &- 16
    }

    /// The place of the next byte to be found, or the end.
    @inline(__always)
    mutating func next() -> Int {
        while marks == 0 {
            block &+= 16
            if block <= lastWhole {
                marks = mark(UnsafeRawPointer(base + block).loadUnaligned(as: SIMD16<Int8>.self))
            } else {
                guard block < end else { return end }
                let rest = end &- block
                marks = mark(CSVMarks.lastBytes(base + block, rest))
                marks &= 1 &<< UInt64(truncatingIfNeeded: rest &* 4) &- 1
            }
        }
        let place = block &+ marks.trailingZeroBitCount &>> 2
        marks &= marks &- 1
        return place
    }

    /// The same, where speed matters less than that little code is made of it.
    @inline(never)
    mutating func nextInCell() -> Int { next() }

    /// False where all bytes before the last one found are surely ASCII. Bytes behind it may have been seen, too.
    @inline(__always)
    var mayHoldMultibyte: Bool {
        let halves = unsafeBitCast(allBits, to: SIMD2<UInt64>.self)
        return (halves[0] | halves[1]) & 0x8080_8080_8080_8080 != 0
    }

    /// False where surely none of the bytes before the last one found is zero.
    @inline(__always)
    var mayHoldZero: Bool {
        let halves = unsafeBitCast(zeros, to: SIMD2<UInt64>.self)
        return halves[0] | halves[1] != 0
    }

    /// Less than 16 bytes, filled up with blanks.
    @inline(never)
    private static func lastBytes(_ start: UnsafePointer<UInt8>, _ count: Int) -> SIMD16<Int8> {
        var bytes = SIMD16<Int8>(repeating: 0x20)
        for index in 0..<count { bytes[index] = Int8(bitPattern: start[index]) }
        return bytes
    }

    /// For the bits, and the types that are spelled out, see `QuickScan.findSpecial`.
    @inline(__always)
    private mutating func mark(_ bytes: SIMD16<Int8>) -> UInt64 {
        allBits |= bytes
        let isZero: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0)
        zeros .|= isZero
        let isSeparator: SIMDMask<SIMD16<Int8>> = bytes .== kinds.separators
        let isQuote: SIMDMask<SIMD16<Int8>> = bytes .== kinds.quotes
        let isEscape: SIMDMask<SIMD16<Int8>> = bytes .== kinds.escapes
        let isLineFeed: SIMDMask<SIMD16<Int8>> = bytes .== SIMD16<Int8>(repeating: 0x0A)
        let pairs = unsafeBitCast(
            isSeparator .| isQuote .| isEscape .| isLineFeed, to: SIMD8<UInt16>.self)
        let bits = SIMD8<UInt8>(truncatingIfNeeded: pairs &>> SIMD8<UInt16>(repeating: 4))
        return UInt64(littleEndian: unsafeBitCast(bits, to: UInt64.self)) & 0x1111_1111_1111_1111
    }
}

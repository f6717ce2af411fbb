/// The values of XML attributes: what their references and line ends stand for (XML 1.0, sections 3.3.3, 4.1 and 4.6).
enum XMLValue {
    /// Appends what stands in a JSON string for the value in `range`, without quotes.
    ///
    /// Of the characters that XML forbids, only those are refused that no JSON can hold.
    ///
    /// - Parameter next: where the next tag may begin, should the value be wrong.
    @inline(__always)
    static func append(
        _ range: Range<Int>, of tokens: XMLTokens, next: Int, into json: inout ByteArena
    ) throws(XMLProblem) {
        let plain = findSpecial(tokens.base, from: range.lowerBound, to: range.upperBound, tokens.end)
        json.append(
            tokens.base + range.lowerBound, plain - range.lowerBound,
            readable: tokens.end - range.lowerBound)
        if plain < range.upperBound {
            try appendRest(plain..<range.upperBound, of: tokens, next: next, into: &json)
        }
    }

    @inline(never)
    private static func appendRest(
        _ range: Range<Int>, of tokens: XMLTokens, next: Int, into json: inout ByteArena
    ) throws(XMLProblem) {
        let base = tokens.base
        var place = range.lowerBound
        while place < range.upperBound {
            let byte = base[place]
            switch byte {
            case UInt8(ascii: "&"):
                let (scalar, behind) = try reference(at: place, to: range.upperBound, base, next: next)
                append(scalar, into: &json)
                place = behind
                continue
            case 0x0D:
                json.append(0x20)
                if place + 1 < range.upperBound, base[place + 1] == 0x0A { place += 1 }
            case 0x09, 0x0A: json.append(0x20)
            case 0..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"): append(Unicode.Scalar(byte), into: &json)
            default:
                let plain = findSpecial(base, from: place, to: range.upperBound, tokens.end)
                json.append(base + place, plain - place)
                place = plain
                continue
            }
            place += 1
        }
    }

    /// The first byte that is a `&`, a quote, a backslash or a control character, or `end`.
    @inline(__always)
    private static func findSpecial(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, _ readable: Int
    ) -> Int {
        var place = start
        while place < end, place + 16 <= readable {
            let bytes = UnsafeRawPointer(base + place).loadUnaligned(as: SIMD16<UInt8>.self)
            let found =
                (bytes .< XMLTokens.splat(0x20)) .| (bytes .== XMLTokens.splat(UInt8(ascii: "&")))
                .| (bytes .== XMLTokens.splat(UInt8(ascii: "\"")))
                .| (bytes .== XMLTokens.splat(UInt8(ascii: "\\")))
            let marks = XMLTokens.marks(found)
            if marks != 0 { return min(end, place + marks.trailingZeroBitCount &>> 2) }
            place += 16
        }
        while place < end {
            let byte = base[place]
            if byte < 0x20 || byte == UInt8(ascii: "&") || byte == UInt8(ascii: "\"")
                || byte == UInt8(ascii: "\\")
            {
                return place
            }
            place += 1
        }
        return end
    }

    // MARK: - References

    /// Longer ones are no reference: `&#x0010FFFF;` is the longest that means something, with zeros to spare.
    private static let maxReferenceBytes = 16

    /// What the reference at `place` stands for, and the place behind it.
    private static func reference(
        at place: Int, to end: Int, _ base: UnsafePointer<UInt8>, next: Int
    ) throws(XMLProblem) -> (Unicode.Scalar, behind: Int) {
        let near = UnsafeBufferPointer(start: base + place, count: min(end - place, maxReferenceBytes))
        guard let length = near.firstIndex(of: UInt8(ascii: ";")) else {
            throw XMLProblem(place, next: next, "a & that begins no reference is written &amp;")
        }
        let name = near[1..<length]
        guard name.first == UInt8(ascii: "#") else {
            for (known, scalar) in entities where name.elementsEqual(known.utf8) {
                return (scalar, place + length + 1)
            }
            throw XMLProblem(
                place, next: next,
                "&\(String(decoding: name, as: UTF8.self)); is none of &lt; &gt; &amp; &quot; &apos;")
        }
        let isHex = name.dropFirst().first == UInt8(ascii: "x")
        let digits = String(decoding: name.dropFirst(isHex ? 2 : 1), as: UTF8.self)
        guard digits.first != "+", let number = UInt32(digits, radix: isHex ? 16 : 10), number != 0,
            let scalar = Unicode.Scalar(number)
        else {
            throw XMLProblem(
                place, next: next, "&\(String(decoding: name, as: UTF8.self)); stands for no character")
        }
        return (scalar, place + length + 1)
    }

    private static let entities: [(String, Unicode.Scalar)] = [
        ("lt", "<"), ("gt", ">"), ("amp", "&"), ("quot", "\""), ("apos", "'"),
    ]

    private static func append(_ scalar: Unicode.Scalar, into json: inout ByteArena) {
        switch scalar {
        case "\"", "\\":
            json.append(UInt8(ascii: "\\"))
            json.append(UInt8(ascii: scalar))
        case "\0"..<" ":
            let digits: StaticString = "0123456789abcdef"
            json.append("\\u00".utf8)
            json.append(digits.utf8Start[Int(scalar.value >> 4)])
            json.append(digits.utf8Start[Int(scalar.value & 15)])
        default: json.append(UTF8.encode(scalar).unsafelyUnwrapped)
        }
    }
}

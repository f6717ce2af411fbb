#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Cuts XML into tags and what stands between them (XML 1.0, fifth edition, sections 2.4 to 2.8 and 3.1).
///
/// For formats whose elements are known: it keeps no stack of open elements and reads no document type. Behind what is
/// malformed it goes on at the next tag. Borrows the bytes.
struct XMLTokens {
    enum Kind {
        case startTag, emptyTag, endTag, text
        /// The contents of a CDATA section, which are text.
        case characterData
        /// A comment, a processing instruction, a declaration.
        case ignored
    }

    struct Token {
        let kind: Kind
        let range: Range<Int>
        /// Of a tag its name, with its prefix; of a CDATA section its contents.
        let name: Range<Int>
    }

    enum Outcome {
        case token(Token)
        /// The bytes end before the token does, or where one would begin.
        case unfinished
        /// No token; the next tag may begin at `next`.
        case malformed(at: Int, next: Int, StaticString)
    }

    let base: UnsafePointer<UInt8>
    let end: Int

    init(_ base: UnsafePointer<UInt8>, to end: Int) { (self.base, self.end) = (base, end) }

    /// The token that begins at `place`, which is not inside another.
    @inline(__always)
    func token(at place: Int) -> Outcome {
        guard place < end else { return .unfinished }
        guard base[place] == UInt8(ascii: "<") else {
            let next = find("<", from: place) ?? end
            return .token(Token(kind: .text, range: place..<next, name: place..<place))
        }
        guard place + 1 < end else { return .unfinished }
        return XMLTokens.beginsName(base[place + 1]) ? startTag(at: place) : other(at: place)
    }

    // MARK: - Tags

    @inline(__always)
    private func startTag(at place: Int) -> Outcome {
        let nameEnd = nameEnd(from: place + 1)
        switch tagEnd(from: nameEnd) {
        case .token(let token):
            let isEmpty = base[token.range.upperBound - 2] == UInt8(ascii: "/")
            return .token(
                Token(
                    kind: isEmpty ? .emptyTag : .startTag, range: place..<token.range.upperBound,
                    name: place + 1..<nameEnd))
        case let outcome: return outcome
        }
    }

    /// What is no start tag: an end tag, a comment, a CDATA section, an instruction, a declaration.
    @inline(__always)
    private func other(at place: Int) -> Outcome {
        switch base[place + 1] {
        case UInt8(ascii: "/"):
            let nameEnd = nameEnd(from: place + 2)
            guard case .token(let token) = tagEnd(from: nameEnd) else {
                guard let next = find("<", from: place + 1) else { return .unfinished }
                return .malformed(at: place, next: next, "the tag has no end")
            }
            return .token(
                Token(kind: .endTag, range: place..<token.range.upperBound, name: place + 2..<nameEnd))
        case UInt8(ascii: "?"): return ignored(place, closing: "?>", from: place + 2)
        case UInt8(ascii: "!"): return declaration(at: place)
        default:
            guard let next = find("<", from: place + 1) else { return .unfinished }
            return .malformed(at: place, next: next, "a < that begins no tag is written &lt;")
        }
    }

    /// The end of the tag whose name or attributes stand before `start`.
    ///
    /// No `<` may stand in a value, but some writers forget that. It is taken for a part of the value where the closing
    /// quote is followed by what may follow one; else a quote is missing, which must not cost all that follows.
    @inline(__always)
    private func tagEnd(from start: Int) -> Outcome {
        var place = start
        while true {
            place = findAny(of: ">", "\"", "'", "<", from: place)
            guard place < end else { return .unfinished }
            let byte = base[place]
            if byte == UInt8(ascii: ">") {
                return .token(Token(kind: .endTag, range: start..<place + 1, name: start..<start))
            }
            guard byte != UInt8(ascii: "<") else {
                return .malformed(at: place, next: place, "a < stands in a tag")
            }
            let opening = place
            place = findAny(of: byte, "<", from: place + 1)
            guard place < end else { return .unfinished }
            if base[place] == UInt8(ascii: "<") {
                let next = place
                guard let closing = find(byte, from: place), closing + 1 < end else { return .unfinished }
                let follower = base[closing + 1]
                guard
                    XMLTokens.isBlank(follower) || follower == UInt8(ascii: "/")
                        || follower == UInt8(ascii: ">")
                else { return .malformed(at: opening, next: next, "a value has no closing quote") }
                place = closing
            }
            place += 1
        }
    }

    @inline(__always)
    private func nameEnd(from start: Int) -> Int {
        var place = start
        while place < end, XMLTokens.isInName(base[place]) { place += 1 }
        return place
    }

    // MARK: - Comments, CDATA, declarations

    @inline(never)
    private func declaration(at place: Int) -> Outcome {
        for (opening, closing) in [("<!--", "-->"), ("<![CDATA[", "]]>")] as [(StaticString, StaticString)] {
            guard let begins = self.begins(opening, at: place) else { return .unfinished }
            guard begins else { continue }
            let start = place + opening.utf8CodeUnitCount
            guard closing.utf8CodeUnitCount == 3, base[place + 2] == UInt8(ascii: "[") else {
                return ignored(place, closing: closing, from: start)
            }
            guard let contentsEnd = find(closing, from: start) else { return .unfinished }
            return .token(
                Token(kind: .characterData, range: place..<contentsEnd + 3, name: start..<contentsEnd))
        }
        return documentType(at: place)
    }

    /// Passes a document type with what stands in its brackets (section 2.8).
    private func documentType(at place: Int) -> Outcome {
        var (rest, depth) = (place + 2, 0)
        while rest < end {
            switch base[rest] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard let closing = find(base[rest], from: rest + 1) else { return .unfinished }
                rest = closing
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "<"):
                guard let isComment = begins("<!--", at: rest) else { return .unfinished }
                guard isComment else { break }
                guard let closing = find("-->", from: rest + 4) else { return .unfinished }
                rest = closing + 2
            case UInt8(ascii: ">") where depth <= 0:
                return .token(Token(kind: .ignored, range: place..<rest + 1, name: place..<place))
            default: break
            }
            rest += 1
        }
        return .unfinished
    }

    private func ignored(_ place: Int, closing: StaticString, from start: Int) -> Outcome {
        guard let found = find(closing, from: start) else { return .unfinished }
        let range = place..<found + closing.utf8CodeUnitCount
        return .token(Token(kind: .ignored, range: range, name: place..<place))
    }

    // MARK: - Finding

    /// Whether the text stands at `place`; nil where the bytes end before that is known.
    private func begins(_ text: StaticString, at place: Int) -> Bool? {
        let count = min(text.utf8CodeUnitCount, end - place)
        guard memcmp(base + place, text.utf8Start, count) == 0 else { return false }
        return count == text.utf8CodeUnitCount ? true : nil
    }

    func find(_ byte: UInt8, from start: Int) -> Int? {
        guard start < end else { return nil }
        return memchr(base + start, Int32(byte), end - start).map {
            UnsafeRawPointer(base).distance(to: UnsafeRawPointer($0))
        }
    }

    @inline(__always)
    private func find(_ character: Unicode.Scalar, from start: Int) -> Int? {
        // White space between tags is short.
        var place = start
        let near = min(end, start + 16)
        while place < near {
            if base[place] == UInt8(ascii: character) { return place }
            place += 1
        }
        return find(UInt8(ascii: character), from: place)
    }

    private func find(_ text: StaticString, from start: Int) -> Int? {
        find(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), from: start)
    }

    /// Looks for the first and the last byte of the text together, sixteen places at a time: glibc shows Swift no
    /// `memmem`.
    func find(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let needle = text.baseAddress else { return nil }
        let last = text.count - 1
        var place = start
        while place + last + 16 <= end {
            let heads = UnsafeRawPointer(base + place).loadUnaligned(as: SIMD16<UInt8>.self)
            let tails = UnsafeRawPointer(base + place + last).loadUnaligned(as: SIMD16<UInt8>.self)
            var marks = XMLTokens.marks(
                (heads .== XMLTokens.splat(needle[0])) .& (tails .== XMLTokens.splat(needle[last])))
            while marks != 0 {
                let index = marks.trailingZeroBitCount &>> 2
                if memcmp(base + place + index, needle, text.count) == 0 { return place + index }
                marks &= ~(0xF &<< UInt64(index &<< 2))
            }
            place += 16
        }
        while place + last < end {
            if memcmp(base + place, needle, text.count) == 0 { return place }
            place += 1
        }
        return nil
    }

    @inline(__always)
    private func findAny(of first: UInt8, _ second: Unicode.Scalar, from start: Int) -> Int {
        findAny(of: first, UInt8(ascii: second), first, first, from: start)
    }

    @inline(__always)
    private func findAny(
        of first: Unicode.Scalar, _ second: Unicode.Scalar, _ third: Unicode.Scalar, _ fourth: Unicode.Scalar,
        from start: Int
    ) -> Int {
        findAny(
            of: UInt8(ascii: first), UInt8(ascii: second), UInt8(ascii: third), UInt8(ascii: fourth),
            from: start)
    }

    /// The place of the first of four bytes, or the end. Sixteen bytes at a time, as `QuickScan` does it.
    @inline(__always)
    func findAny(
        of first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, from start: Int
    ) -> Int {
        var place = start
        while place + 16 <= end {
            let bytes = UnsafeRawPointer(base + place).loadUnaligned(as: SIMD16<UInt8>.self)
            let found =
                (bytes .== XMLTokens.splat(first)) .| (bytes .== XMLTokens.splat(second))
                .| (bytes .== XMLTokens.splat(third)) .| (bytes .== XMLTokens.splat(fourth))
            let marks = XMLTokens.marks(found)
            if marks != 0 { return place + marks.trailingZeroBitCount &>> 2 }
            place += 16
        }
        while place < end {
            let byte = base[place]
            if byte == first || byte == second || byte == third || byte == fourth { return place }
            place += 1
        }
        return end
    }

    /// The byte sixteen times. Of a byte that is no constant, `SIMD16(repeating:)` is compiled to a loop.
    @inline(__always)
    static func splat(_ byte: UInt8) -> SIMD16<UInt8> {
        let eight = UInt64(byte) &* 0x0101_0101_0101_0101
        return unsafeBitCast(SIMD2<UInt64>(eight, eight), to: SIMD16<UInt8>.self)
    }

    /// Four bits for each byte.
    @inline(__always)
    static func marks(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt64 {
        let pairs = unsafeBitCast(mask, to: SIMD8<UInt16>.self)
        return UInt64(
            littleEndian: unsafeBitCast(
                SIMD8<UInt8>(truncatingIfNeeded: pairs &>> SIMD8<UInt16>(repeating: 4)), to: UInt64.self))
    }

    // MARK: - Characters

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
    }

    /// Names are not looked at more closely: any byte of a longer character may stand in one.
    @inline(__always)
    private static func beginsName(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
            || byte >= 0x80
    }

    @inline(__always)
    static func isInName(_ byte: UInt8) -> Bool {
        beginsName(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }
}

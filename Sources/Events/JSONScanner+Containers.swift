#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension JSONScanner {
    /// Scans the object at `position`; `body` is given each member's name, and must scan its value.
    @inline(__always)
    mutating func scanMembers(
        _ body: (inout JSONScanner, Token) throws(JSONError) -> Void
    ) throws(JSONError) {
        position += 1
        guard try next() != UInt8(ascii: "}") else {
            position += 1
            return
        }
        repeat {
            let key = try scanKey()
            try body(&self, key)
        } while try advanceInContainer(isObject: true)
    }

    /// Scans the array at `position`; `body` must scan each element.
    @inline(__always)
    mutating func scanElements(_ body: (inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        position += 1
        guard try next() != UInt8(ascii: "]") else {
            position += 1
            return
        }
        repeat {
            try body(&self)
        } while try advanceInContainer(isObject: false)
    }

    /// Whether a member's name is `name`, which must be ASCII.
    @inline(__always)
    func isKey(_ key: Token, _ name: StaticString) -> Bool {
        guard !key.hasEscapes else { return isEscapedKey(key, name) }
        return key.end - key.start == name.utf8CodeUnitCount
            && memcmp(base + key.start, name.utf8Start, name.utf8CodeUnitCount) == 0
    }

    @inline(never)
    private func isEscapedKey(_ key: Token, _ name: StaticString) -> Bool {
        var text = ByteArena()
        JSONText.appendUnescaped(base, from: key.start, to: key.end, into: &text)
        return text.count == name.utf8CodeUnitCount && memcmp(text.base, name.utf8Start, text.count) == 0
    }

    /// Whether a value is `null`.
    @inline(__always)
    func isNull(_ value: Token) -> Bool { value.kind == .literal && base[value.start] == UInt8(ascii: "n") }
}

/// Writes a record anew before it is mapped: strings that hold JSON are opened, and what must not be stored is dropped or
/// hashed. Belongs to one thread at a time.
final class RecordRewriter {
    /// Why a record cannot be written anew.
    struct Problem: Error {
        let reason: String
    }

    /// Whether anything is left out, so that the record as it came must not be stored.
    let isRedacting: Bool
    private let root: RewritingNode
    private var written = ByteArena()

    init(_ mapping: SourceMapping) {
        isRedacting = !mapping.redactions.isEmpty
        root = RewritingNode(mapping)
    }

    /// - Parameter object: valid JSON.
    /// - Returns: the object as it is to be mapped; it lasts until the next is written.
    func rewrite(_ object: UnsafeBufferPointer<UInt8>) throws(Problem) -> UnsafeBufferPointer<UInt8> {
        written.removeAll()
        guard let base = object.baseAddress else { return object }
        var scanner = JSONScanner(base, from: 0, to: object.count)
        do {
            try write(&scanner, root)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(reason: "\(error)")
        }
        return written.bytes(of: written.slice(from: 0))
    }

    /// Writes the value at the scanner's position. An array is passed through: a path goes into each of its elements.
    ///
    /// - Parameter opens: whether strings are opened that are to be; what stands in one is not opened again.
    private func write(_ scanner: inout JSONScanner, _ node: RewritingNode, opens: Bool = true) throws {
        let opens = opens && node.isOpened
        let byte = try scanner.next()
        switch byte {
        case UInt8(ascii: "{") where node.leadsOn: try writeObject(&scanner, node)
        case UInt8(ascii: "[") where node.leadsOn || opens:
            try writeArray(&scanner, node, opens: opens)
        case UInt8(ascii: "\"") where opens: try open(try scanner.scanString(), scanner.base, node)
        case UInt8(ascii: "\"") where node.isRedactedBelow:
            let token = try scanner.scanString()
            guard node.isRedactedBelowAsWritten || mayHoldJSON(token, scanner.base) else {
                return copy(token, scanner.base)
            }
            throw Problem(
                reason:
                    "\"\(node.name)\" is a string, and what is to be redacted would stand below it; does it hold "
                    + "JSON? then open it with \"parse\": \"json\"")
        default: copy(try scanner.scanValue(), scanner.base)
        }
    }

    private func writeObject(_ scanner: inout JSONScanner, _ node: RewritingNode) throws {
        scanner.position += 1
        written.append(UInt8(ascii: "{"))
        if try scanner.next() == UInt8(ascii: "}") {
            scanner.position += 1
            return written.append(UInt8(ascii: "}"))
        }
        var isFirst = true
        repeat {
            let key = try scanner.scanKey()
            let child = node.child(text(key, scanner.base))
            if child?.action == .drop {
                _ = try scanner.scanValue()
                continue
            }
            if !isFirst { written.append(UInt8(ascii: ",")) }
            isFirst = false
            written.append(scanner.base + key.start - 1, key.end - key.start + 2)
            written.append(UInt8(ascii: ":"))
            if let child {
                try writeMember(&scanner, child)
            } else {
                copy(try scanner.scanValue(), scanner.base)
            }
        } while try scanner.advanceInContainer(isObject: true)
        written.append(UInt8(ascii: "}"))
    }

    private func writeMember(_ scanner: inout JSONScanner, _ node: RewritingNode) throws {
        guard case .hash(let key)? = node.action else { return try write(&scanner, node) }
        let token = try scanner.scanValue()
        if token.kind == .literal, scanner.base[token.start] == UInt8(ascii: "n") {
            return copy(token, scanner.base)
        }
        let value =
            token.kind == .string
            ? Array(text(token, scanner.base).utf8)
            : Array(UnsafeBufferPointer(start: scanner.base + token.start, count: token.end - token.start))
        written.append("\"\(SHA256.keyed(value, key: key, prefix: 16))\"".utf8)
    }

    private func writeArray(_ scanner: inout JSONScanner, _ node: RewritingNode, opens: Bool) throws {
        scanner.position += 1
        written.append(UInt8(ascii: "["))
        if try scanner.next() == UInt8(ascii: "]") {
            scanner.position += 1
            return written.append(UInt8(ascii: "]"))
        }
        var index = 0
        repeat {
            if index > 0 { written.append(UInt8(ascii: ",")) }
            let element = node.element(index)
            if element === node {
                try write(&scanner, node, opens: opens)
            } else if element.action == .drop {
                _ = try scanner.scanValue()
                written.append("null".utf8)
            } else {
                try writeMember(&scanner, element)
            }
            index += 1
        } while try scanner.advanceInContainer(isObject: false)
        written.append(UInt8(ascii: "]"))
    }

    /// Writes what a string holds; of an empty one, null.
    private func open(_ token: JSONScanner.Token, _ base: UnsafePointer<UInt8>, _ node: RewritingNode) throws
    {
        var content = ByteArena(capacity: max(token.end - token.start, 64))
        JSONText.appendUnescaped(base, from: token.start, to: token.end, into: &content)
        guard content.count > 0 else { return written.append("null".utf8) }
        var scanner = JSONScanner(content.base, from: 0, to: content.count)
        do {
            _ = try scanner.scanValue()
            try scanner.expectEnd()
        } catch {
            throw Problem(
                reason:
                    "\"\(node.name)\" holds no JSON: its byte \(error.offset + 1): \(error.problem.rawValue)")
        }
        var inner = JSONScanner(content.base, from: 0, to: content.count)
        try write(&inner, node, opens: false)
    }

    /// Whether an object or an array may stand in a string: one that begins like it, or with an escape.
    private func mayHoldJSON(_ token: JSONScanner.Token, _ base: UnsafePointer<UInt8>) -> Bool {
        let contents = UnsafeBufferPointer(start: base + token.start, count: token.end - token.start)
        guard let first = contents.first(where: { $0 > 0x20 }) else { return false }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "\\")
    }

    private func copy(_ token: JSONScanner.Token, _ base: UnsafePointer<UInt8>) {
        let quotes = token.kind == .string ? 1 : 0
        written.append(base + token.start - quotes, token.end - token.start + 2 * quotes)
    }

    private func text(_ token: JSONScanner.Token, _ base: UnsafePointer<UInt8>) -> String {
        let bytes = UnsafeBufferPointer(start: base + token.start, count: token.end - token.start)
        guard token.hasEscapes else { return String(decoding: bytes, as: UTF8.self) }
        var arena = ByteArena(capacity: max(bytes.count, 64))
        JSONText.appendUnescaped(base, from: token.start, to: token.end, into: &arena)
        return arena.string(of: arena.slice(from: 0))
    }
}

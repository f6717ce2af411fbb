/// The names with a schema (`raw.events`) in a text of SQL; those in strings and comments are none.
///
/// A text that is no SQL gives whatever it gives: the server will refuse it.
package struct RelationNames {
    package struct Occurrence {
        /// Folded as the server folds it: `raw.events`.
        package let name: String
        fileprivate let range: Range<Int>
        /// Whether a parenthesis follows: a function's name.
        package let isCall: Bool
        var schema: String { String(name.prefix { $0 != "." }) }
    }

    private let text: [UInt8]
    package private(set) var occurrences: [Occurrence] = []
    /// Behind the last token that is no semicolon.
    private var end = 0

    package init(in text: String) {
        self.text = Array(text.utf8)
        scan()
    }

    /// The text with some names in place of others; its lines stay where they are.
    package func replacing(_ replacements: [String: String]) -> String {
        var result: [UInt8] = []
        var position = 0
        for occurrence in occurrences where !occurrence.isCall {
            guard let replacement = replacements[occurrence.name] else { continue }
            result += text[position..<occurrence.range.lowerBound]
            result += replacement.utf8
            position = occurrence.range.upperBound
        }
        return String(decoding: result + text[position...], as: UTF8.self)
    }

    /// The text without the semicolon that psql needs at its end, and what stands behind it.
    var withoutEnd: String { String(decoding: text[..<end], as: UTF8.self) }

    /// The line, from 1, on which a name stands.
    func line(of occurrence: Occurrence) -> Int {
        text[..<occurrence.range.lowerBound].count { $0 == UInt8(ascii: "\n") } + 1
    }

    // MARK: - Scanning

    private mutating func scan() {
        var position = 0
        /// The identifier before, if the one that follows a dot belongs to it.
        var previous: (name: String, range: Range<Int>, parts: Int)?
        while position < text.count {
            let start = position
            switch text[position] {
            case UInt8(ascii: "'"):
                position = endOfString(at: position, escapes: isEscaped(at: position))
            case UInt8(ascii: "-") where byte(position + 1) == UInt8(ascii: "-"):
                position = text[position...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
                continue
            case UInt8(ascii: "/") where byte(position + 1) == UInt8(ascii: "*"):
                position = endOfComment(at: position)
                continue
            case UInt8(ascii: "$") where endOfDollarQuote(at: position) != nil:
                position = endOfDollarQuote(at: position)!
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0C:
                position += 1
                continue
            case UInt8(ascii: "."):
                position += 1
                end = position
                continue
            case UInt8(ascii: "\""):
                position = endOfString(at: position, escapes: false, quote: UInt8(ascii: "\""))
                meet(unquoted(start..<position), start..<position, &previous)
                end = position
                continue
            case let first where isLetter(first):
                while position < text.count, isLetter(text[position]) || isDigit(text[position]) {
                    position += 1
                }
                meet(folded(start..<position), start..<position, &previous)
                end = position
                continue
            case let first where isDigit(first):
                while position < text.count, isLetter(text[position]) || isDigit(text[position]) {
                    position += 1
                }
            default:
                position += 1
            }
            if text[start] != UInt8(ascii: ";") { end = position }
            previous = nil
        }
    }

    /// An identifier; with one before and a dot between, the two are a name. A third part is a column.
    private mutating func meet(
        _ name: String, _ range: Range<Int>, _ previous: inout (name: String, range: Range<Int>, parts: Int)?
    ) {
        guard let before = previous, isDot(between: before.range.upperBound, and: range.lowerBound) else {
            previous = (name, range, 1)
            return
        }
        if before.parts == 1 {
            let next = text[range.upperBound...].first { !isBlank($0) }
            occurrences.append(
                Occurrence(
                    name: "\(before.name).\(name)", range: before.range.lowerBound..<range.upperBound,
                    isCall: next == UInt8(ascii: "(")))
        }
        previous = (name, range, before.parts + 1)
    }

    private func isDot(between start: Int, and end: Int) -> Bool {
        let between = text[start..<end].filter { !isBlank($0) }
        return between.elementsEqual([UInt8(ascii: ".")])
    }

    private func byte(_ position: Int) -> UInt8? { position < text.count ? text[position] : nil }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || byte == UInt8(ascii: "$") }
    private func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    /// The server folds letters of ASCII only.
    private func folded(_ range: Range<Int>) -> String {
        String(decoding: text[range].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private func unquoted(_ range: Range<Int>) -> String {
        String(decoding: text[range.dropFirst().dropLast()], as: UTF8.self).split(
            separator: "\"\"", omittingEmptySubsequences: false
        ).joined(separator: "\"")
    }

    /// Whether the string that begins here is an `E'…'`, in which a backslash escapes.
    private func isEscaped(at position: Int) -> Bool {
        guard position > 0, text[position - 1] | 0x20 == UInt8(ascii: "e") else { return false }
        return position < 2 || !(isLetter(text[position - 2]) || isDigit(text[position - 2]))
    }

    /// Behind the closing quote; a doubled one closes nothing.
    private func endOfString(at start: Int, escapes: Bool, quote: UInt8 = UInt8(ascii: "'")) -> Int {
        var position = start + 1
        while position < text.count {
            if text[position] == quote {
                guard byte(position + 1) == quote else { return position + 1 }
                position += 1
            } else if escapes, text[position] == UInt8(ascii: "\\") {
                position += 1
            }
            position += 1
        }
        return text.count
    }

    /// Behind a comment, which may hold others.
    private func endOfComment(at start: Int) -> Int {
        var (position, depth) = (start, 0)
        while position < text.count {
            if text[position] == UInt8(ascii: "/"), byte(position + 1) == UInt8(ascii: "*") {
                depth += 1
                position += 2
            } else if text[position] == UInt8(ascii: "*"), byte(position + 1) == UInt8(ascii: "/") {
                depth -= 1
                position += 2
                if depth == 0 { return position }
            } else {
                position += 1
            }
        }
        return text.count
    }

    /// Behind `$tag$…$tag$`; nil where none begins here.
    private func endOfDollarQuote(at start: Int) -> Int? {
        guard let close = text[(start + 1)...].firstIndex(of: UInt8(ascii: "$")),
            text[(start + 1)..<close].allSatisfy({ isLetter($0) || (0x30...0x39).contains($0) }),
            !(0x30...0x39).contains(text[start + 1])
        else { return nil }
        let tag = text[start...close]
        var position = close + 1
        while position + tag.count <= text.count {
            if text[position] == UInt8(ascii: "$"), text[position..<position + tag.count] == tag {
                return position + tag.count
            }
            position += 1
        }
        return text.count
    }
}

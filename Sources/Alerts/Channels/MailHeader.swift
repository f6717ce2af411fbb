import Foundation

/// Fields of a message's head, folded, with CRLF at their ends (RFC 5322, section 2.2); what is not ASCII is in encoded
/// words (RFC 2047).
enum MailHeader {
    private static let lineLength = 76
    /// What is longer would not fit into a line.
    private static let wordLength = 60
    /// Bytes in an encoded word.
    private static let encodedBytes = 36

    /// A field whose value is text for people.
    static func text(_ name: String, _ value: String) -> String { folded(name, words(value)) }

    /// A field whose value is for programs, not all of which read on in the next line.
    static func plain(_ name: String, _ value: String) -> String { "\(name): \(value)\r\n" }

    static func addresses(_ name: String, _ addresses: [MailAddress]) -> String {
        let words = addresses.enumerated().flatMap { index, address in
            let comma = index < addresses.count - 1 ? "," : ""
            guard let called = address.name else { return ["\(address.address)\(comma)"] }
            return phrase(called) + ["<\(address.address)>\(comma)"]
        }
        return folded(name, words)
    }

    /// Puts a line end before each word that would make its line too long.
    private static func folded(_ name: String, _ words: [String]) -> String {
        var result = "\(name):"
        var length = result.utf8.count
        for word in words {
            if length + 1 + word.utf8.count > lineLength {
                result += "\r\n"
                length = 0
            }
            result += " \(word)"
            length += 1 + word.utf8.count
        }
        return result + "\r\n"
    }

    private static func words(_ text: String) -> [String] {
        let words = text.oneLine.split(separator: " ").map(String.init)
        let isPlain = words.allSatisfy { word in
            word.utf8.count <= wordLength && word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                && !word.contains("=?")
        }
        return isPlain ? words : encoded(words.joined(separator: " "))
    }

    /// A name in front of an address.
    private static func phrase(_ name: String) -> [String] {
        let words = words(name)
        let specials = "()<>[]:;@\\,.\""
        guard words.allSatisfy({ $0.allSatisfy(\.isASCII) && !$0.hasPrefix("=?") }),
            name.contains(where: specials.contains)
        else { return words }
        let quoted = words.joined(separator: " ").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return ["\"\(quoted)\""]
    }

    /// No character is cut in two; readers drop the spaces between encoded words.
    private static func encoded(_ text: String) -> [String] {
        var parts: [[UInt8]] = [[]]
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if parts[parts.count - 1].count + bytes.count > encodedBytes { parts.append([]) }
            parts[parts.count - 1] += bytes
        }
        return parts.map { "=?UTF-8?B?\(Data($0).base64EncodedString())?=" }
    }
}

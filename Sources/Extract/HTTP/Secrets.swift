import Foundation

/// Values that must not be seen: in no error, no note, no ledger. A word stands for each where it would be.
package final class Secrets: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [String: String] = [:]
    /// What may be met of them, longer ones first: the value itself, and as base64.
    private var forms: [(bytes: [UInt8], word: [UInt8])] = []

    package init() {}

    /// - Parameter word: what is seen in the value's place, as `${SHOP_TOKEN}`.
    package func add(_ value: String, word: String) {
        guard value.utf8.count >= Secrets.shortest else { return }
        lock.withLock {
            if values[word] == nil { values[word] = value }
            for form in [value, Data(value.utf8).base64EncodedString()]
            where !forms.contains(where: { $0.bytes == Array(form.utf8) }) {
                forms.append((Array(form.utf8), Array(word.utf8)))
            }
            forms.sort { $0.bytes.count > $1.bytes.count }
        }
    }

    /// Adds a value that takes the place of the one before.
    func renew(_ value: String, word: String) {
        lock.withLock {
            values[word] = nil
            forms.removeAll { $0.word == Array(word.utf8) }
        }
        add(value, word: word)
    }

    /// The text with words in place of secrets, however they are escaped.
    package func hidden(_ text: String) -> String {
        let forms = lock.withLock { self.forms }
        guard !forms.isEmpty else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var place = 0
        while place < bytes.count {
            if let (end, word) = Secrets.match(forms, bytes, at: place) {
                result += word
                place = end
            } else {
                result.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func match(
        _ forms: [(bytes: [UInt8], word: [UInt8])], _ text: [UInt8], at start: Int
    ) -> (end: Int, word: [UInt8])? {
        for form in forms {
            var place = start
            if form.bytes.allSatisfy({ pass($0, text, &place) }) { return (place, form.word) }
        }
        return nil
    }

    /// Passes a byte as it is, percent-encoded (a space as a plus, too), or behind a backslash.
    private static func pass(_ byte: UInt8, _ text: [UInt8], _ place: inout Int) -> Bool {
        guard place < text.count else { return false }
        if text[place] == byte || byte == 0x20 && text[place] == UInt8(ascii: "+") {
            place += 1
            return true
        }
        if text[place] == UInt8(ascii: "%"), place + 2 < text.count,
            UInt8(String(decoding: text[place + 1...place + 2], as: UTF8.self), radix: 16) == byte
        {
            place += 3
            return true
        }
        if text[place] == UInt8(ascii: "\\"), place + 1 < text.count, text[place + 1] == byte {
            place += 2
            return true
        }
        return false
    }

    /// The text as it may be stored: secrets are named, and what looks like such a name is told from it.
    ///
    /// - Returns: nil where a secret stands in it in a form that could not be told from the name.
    package func stored(_ text: String) -> String? {
        let values = lock.withLock { self.values }.sorted {
            ($1.value.utf8.count, $0.key) < ($0.value.utf8.count, $1.key)
        }
        var stored = text.replacingOccurrences(of: "$", with: "$$")
        for (word, value) in values {
            for (form, mark) in Secrets.forms(of: value) {
                let escaped = form.replacingOccurrences(of: "$", with: "$$")
                stored = stored.replacingOccurrences(of: escaped, with: "$<\(mark)\(word)>")
            }
        }
        return hidden(stored) == stored ? stored : nil
    }

    /// What `stored` was made of; a secret has the value that it has now.
    ///
    /// - Returns: nil where a secret is named that there is none of any more.
    package func restored(_ stored: String) -> String? {
        let values = lock.withLock { self.values }
        var result = ""
        var rest = Substring(stored)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            switch rest.popFirst() {
            case "$": result += "$"
            case "<":
                guard let end = rest.firstIndex(of: ">"), let mark = rest.popFirst(),
                    let value = values[String(rest[..<end])],
                    let form = Secrets.forms(of: value).first(where: { $0.mark == mark })
                else { return nil }
                result += form.text
                rest = rest[rest.index(after: end)...]
            default: return nil
            }
        }
        return result + rest
    }

    /// The forms of a value that can be told back: as it is, percent-encoded, and as base64.
    private static func forms(of value: String) -> [(text: String, mark: Character)] {
        [(value.percentEncoded, "%"), (value, "="), (Data(value.utf8).base64EncodedString(), "6")]
    }

    /// Shorter values are no secrets, and would be found everywhere.
    private static let shortest = 4
}

extension String {
    /// All but the characters that RFC 3986 calls unreserved is encoded.
    package var percentEncoded: String {
        addingPercentEncoding(withAllowedCharacters: unreserved) ?? self
    }
}

private let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

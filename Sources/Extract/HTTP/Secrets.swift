import Foundation

/// Values that must not be seen: in no error, no note, no ledger. A word stands for each where it would be.
package final class Secrets: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [String: String] = [:]
    /// Every form in which a value may be met, longer ones first.
    private var forms: [(text: String, word: String)] = []

    package init() {}

    /// - Parameter word: what is seen in the value's place, as `${SHOP_TOKEN}`.
    package func add(_ value: String, word: String) {
        guard value.utf8.count >= Secrets.shortest else { return }
        lock.withLock {
            values[word] = value
            let known = Set(forms.map(\.text))
            let met = [value, value.percentEncoded, Data(value.utf8).base64EncodedString()]
            forms += Set(met).subtracting(known).map { ($0, word) }
            forms.sort { ($1.text.utf8.count, $0.text) < ($0.text.utf8.count, $1.text) }
        }
    }

    /// The text with words in place of secrets.
    package func hidden(_ text: String) -> String {
        lock.withLock { forms }.reduce(text) { text, form in
            text.contains(form.text) ? text.replacingOccurrences(of: form.text, with: form.word) : text
        }
    }

    /// The text with secrets in place of words.
    ///
    /// - Parameter isURL: whether they are to be percent-encoded.
    package func revealed(_ text: String, isURL: Bool = false) -> String {
        guard text.contains("${") else { return text }
        return lock.withLock { values }.reduce(text) { text, secret in
            text.replacingOccurrences(
                of: secret.key, with: isURL ? secret.value.percentEncoded : secret.value)
        }
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

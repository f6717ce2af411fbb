/// A value sent beside a statement, never inside its text. The server gives it the type that the statement asks for.
package protocol PostgresParameter {
    /// PostgreSQL's text input of the value; nil is SQL null.
    var postgresText: String? { get }
}

extension String: PostgresParameter {
    package var postgresText: String? { self }
}
extension Int: PostgresParameter {
    package var postgresText: String? { String(self) }
}
extension Int64: PostgresParameter {
    package var postgresText: String? { String(self) }
}
extension Int32: PostgresParameter {
    package var postgresText: String? { String(self) }
}
extension Double: PostgresParameter {
    package var postgresText: String? { String(self) }
}
extension Bool: PostgresParameter {
    package var postgresText: String? { self ? "t" : "f" }
}
extension Optional: PostgresParameter where Wrapped: PostgresParameter {
    package var postgresText: String? { self?.postgresText }
}

/// An array parameter, in the text form of PostgreSQL's documentation, section 8.15.2.
extension Array: PostgresParameter where Element: PostgresParameter {
    package var postgresText: String? {
        let elements = map { element in
            guard let text = element.postgresText else { return "NULL" }
            var quoted = "\""
            for character in text.unicodeScalars {
                if character == "\"" || character == "\\" { quoted += "\\" }
                quoted.unicodeScalars.append(character)
            }
            return quoted + "\""
        }
        return "{" + elements.joined(separator: ",") + "}"
    }
}

/// Bytes for a `bytea` parameter, sent in hex.
package struct Bytea: PostgresParameter {
    package var bytes: [UInt8]
    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package var postgresText: String? {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = [UInt8(ascii: "\\"), UInt8(ascii: "x")]
        text.reserveCapacity(2 + bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Quotes an identifier for use in the text of a statement: `"` is doubled, so no name can end the quoting.
package func quoteIdentifier(_ name: String) -> String {
    "\"" + doubling("\"", in: name) + "\""
}

/// Quotes a text as a literal, for the few statements that take no parameters (DDL).
package func quoteLiteral(_ text: String) -> String {
    let quotes = doubling("'", in: text)
    guard quotes.unicodeScalars.contains("\\") else { return "'\(quotes)'" }
    return "E'" + doubling("\\", in: quotes) + "'"
}

/// By scalars and not by characters: a quote with an accent after it is one character, and ends a quoting all the same.
private func doubling(_ scalar: Unicode.Scalar, in text: String) -> String {
    var result = String.UnicodeScalarView()
    for next in text.unicodeScalars {
        if next == scalar { result.append(next) }
        result.append(next)
    }
    return String(result)
}

import Foundation

/// One JSON document for machines.
enum JSONOutput {
    static func print(_ value: some Encodable) throws { write(try text(value)) }

    static func text(
        _ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = keys
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return safe(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// A document on stdout.
    static func write(_ document: String) { Terminal.data(safe(document)) }

    /// What could steer a terminal stands in the strings of a document by its number (RFC 8259, section 7): it is the same
    /// document, and may be shown.
    static func safe(_ document: String) -> String {
        guard document.unicodeScalars.contains(where: isEscaped) else { return document }
        var text = String.UnicodeScalarView()
        for scalar in document.unicodeScalars {
            guard isEscaped(scalar) else {
                text.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16)
            text.append(
                contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
        }
        return String(text)
    }

    /// A carriage return can only stand between what is written.
    private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && Terminal.isUnsafe(scalar)
    }
}

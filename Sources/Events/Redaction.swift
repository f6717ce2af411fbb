/// A field that must not be stored as it came. In arrays, it is that of each element; names that are joined by dots
/// count as steps, and steps as such names.
package struct Redaction: Sendable {
    package enum Action: Sendable, Equatable {
        /// The field is left out.
        case drop
        /// A hash takes its place: equal values stay equal. With a key, it is an HMAC, and nobody without the key can try
        /// values until one fits.
        case hash(key: String?)
    }

    package let path: FieldPath
    package let action: Action
    /// As the definition names it, where it names a field of the details; nil where it names a column.
    package let name: String?

    package init(_ path: FieldPath, _ action: Action, name: String? = nil) {
        (self.path, self.action, self.name) = (path, action, name)
    }

    /// Whether a field, or what it stands in, is redacted.
    package func meets(_ field: FieldPath) -> Bool { field.parts.starts(with: path.parts) }
}

extension SHA256 {
    /// The HMAC of a message (RFC 2104) in hexadecimal digits; without a key, its plain hash.
    ///
    /// - Parameter prefix: how many bytes of it.
    static func keyed(_ message: [UInt8], key: String?, prefix: Int) -> String {
        guard let key else { return hex(message, prefix: prefix) }
        var block = Array(key.utf8)
        if block.count > 64 { block = block.withUnsafeBufferPointer { Array(digest($0)) } }
        block += [UInt8](repeating: 0, count: 64 - block.count)
        let inner = (block.map { $0 ^ 0x36 } + message).withUnsafeBufferPointer { Array(digest($0)) }
        return hex(block.map { $0 ^ 0x5C } + inner, prefix: prefix)
    }
}

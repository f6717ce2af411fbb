/// A field that must not be stored as it came. In arrays, it is that of each element.
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

    package init(_ path: FieldPath, _ action: Action) { (self.path, self.action) = (path, action) }
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

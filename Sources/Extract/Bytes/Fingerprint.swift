import Events

/// What makes a file the same when its name changes, or when it is compressed: the length and hash of its first
/// min(size, 1,024) bytes, uncompressed.
///
/// As text: `1024-9f86d081884c7d65`, and `1024-9f86d081884c7d65#2` where another object has the first already.
struct Fingerprint: Equatable {
    let length: Int64
    let hash: String

    static let maxLength: Int64 = 1_024

    /// - Parameter start: the first bytes of a file, `maxLength` of them where it has so many.
    init(_ start: [UInt8]) { (length, hash) = (Int64(start.count), SHA256.hex(start, prefix: 8)) }

    /// Reads the text form, with or without an ordinal; nil where it is none.
    init?(identity: String) {
        let parts = identity.split(separator: "#")[0].split(separator: "-")
        guard parts.count == 2, let length = Int64(parts[0]) else { return nil }
        self.length = length
        hash = String(parts[1])
    }

    var text: String { "\(length)-\(hash)" }
}

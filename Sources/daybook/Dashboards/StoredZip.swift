/// A ZIP archive whose files are stored as they are (APPNOTE 6.3.10, method 0), the same bytes for the same files.
struct StoredZip {
    private var content: [UInt8] = []
    private var directory: [UInt8] = []
    private var count: UInt16 = 0

    /// - Parameter path: with slashes; of fewer than 65,536 bytes in UTF-8.
    mutating func add(_ path: String, _ text: String) {
        let (name, bytes) = (Array(path.utf8), Array(text.utf8))
        let size = UInt32(bytes.count)
        // Version 2.0, names in UTF-8, stored, 1 January 1980, the sum, both sizes, the name's length.
        let shared: [UInt8] =
            two(20) + two(0x0800) + two(0) + two(0) + two(0x0021) + four(CRC32.sum(bytes)) + four(size)
            + four(size) + two(UInt16(name.count)) + two(0)
        directory +=
            [0x50, 0x4B, 0x01, 0x02] + two(20) + shared + two(0) + two(0) + two(0) + four(0)
            + four(UInt32(content.count)) + name
        content += [0x50, 0x4B, 0x03, 0x04] + shared + name + bytes
        count += 1
    }

    /// The whole archive, with a comment at its end.
    func bytes(comment: String) -> [UInt8] {
        let comment = Array(comment.utf8)
        return content + directory + [0x50, 0x4B, 0x05, 0x06] + two(0) + two(0) + two(count) + two(count)
            + four(UInt32(directory.count)) + four(UInt32(content.count)) + two(UInt16(comment.count))
            + comment
    }

    private func two(_ number: UInt16) -> [UInt8] { [UInt8(number & 0xFF), UInt8(number >> 8)] }
    private func four(_ number: UInt32) -> [UInt8] {
        two(UInt16(number & 0xFFFF)) + two(UInt16(number >> 16))
    }
}

/// The check sum of ZIP (ISO 3309).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { start in
        (0..<8).reduce(UInt32(start)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
    }

    static func sum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
    }
}

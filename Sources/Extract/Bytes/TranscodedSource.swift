import Foundation

/// How the text of a source is written, where that is not UTF-8.
package enum TextEncoding: String, Sendable, CaseIterable {
    /// UTF-16 where a byte order mark says so, else UTF-8.
    case utf8 = "utf-8"
    /// ISO 8859-1: each byte is the character of its number.
    case latin1 = "latin-1"
    /// By its byte order mark; big-endian without one (RFC 2781, section 4.3).
    case utf16 = "utf-16"
    case utf16LittleEndian = "utf-16le"
    case utf16BigEndian = "utf-16be"

    /// What a source that begins with these bytes is to be turned into UTF-8 by; nil where it is UTF-8.
    fileprivate func converter(_ start: [UInt8]) -> TranscodedSource.Unit? {
        let mark: TranscodedSource.Unit? =
            start.starts(with: [0xFF, 0xFE]) ? .little : start.starts(with: [0xFE, 0xFF]) ? .big : nil
        switch self {
        case .utf8: return mark
        case .latin1: return .byte
        case .utf16: return mark ?? .big
        case .utf16LittleEndian: return .little
        case .utf16BigEndian: return .big
        }
    }
}

/// A source in another encoding, as UTF-8. Positions are those of the UTF-8 text, in which the byte order mark of UTF-16
/// is three bytes. To read backwards begins anew.
///
/// Half of a surrogate pair becomes bytes that are no UTF-8, so that the record that it stands in is rejected.
final class TranscodedSource: ByteSource, @unchecked Sendable {
    /// What a character is made of.
    enum Unit { case byte, little, big }

    let name: String
    private let inner: any ByteSource
    private let unit: Unit
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var innerPosition: Int64 = 0
    private var position: Int64 = 0
    /// Converted and not handed out: `converted[handedOut...]`.
    private var converted: [UInt8] = []
    private var handedOut = 0

    private static let blockBytes = 256 << 10

    private init(_ inner: any ByteSource, _ unit: Unit) {
        name = inner.name
        self.inner = inner
        self.unit = unit
    }

    /// The source as UTF-8; itself, where it is that.
    static func utf8(of source: any ByteSource, _ encoding: TextEncoding) throws(ExtractError)
        -> any ByteSource
    {
        guard let unit = encoding.converter(try source.bytes(0..<2)) else { return source }
        return TranscodedSource(source, unit)
    }

    var size: Int64? { nil }
    var damage: String? { inner.damage }

    func read(into buffer: UnsafeMutableRawBufferPointer, at start: Int64) throws(ExtractError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        if start < position { (innerPosition, position, converted, handedOut) = (0, 0, [], 0) }
        while position < start {
            if handedOut == converted.count, try !convertMore() { return 0 }
            let step = min(converted.count - handedOut, Int(start - position))
            handedOut += step
            position += Int64(step)
        }
        var total = 0
        while total < buffer.count {
            if handedOut == converted.count, try !convertMore() { break }
            let step = min(converted.count - handedOut, buffer.count - total)
            converted.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[total..<total + step]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[handedOut..<handedOut + step]))
            }
            handedOut += step
            position += Int64(step)
            total += step
        }
        return total
    }

    /// Converts the next block; false at the end.
    private func convertMore() throws(ExtractError) -> Bool {
        let block = try inner.bytes(innerPosition..<innerPosition + Int64(TranscodedSource.blockBytes))
        var used = block.count
        converted.removeAll(keepingCapacity: true)
        handedOut = 0
        switch unit {
        case .byte:
            for byte in block { append(UInt32(byte)) }
        case .little, .big:
            let (low, high) = unit == .little ? (0, 1) : (1, 0)
            used = block.count & ~1
            var place = 0
            while place < used {
                let first = UInt32(block[place + low]) | UInt32(block[place + high]) << 8
                if first & 0xFC00 == 0xD800 {
                    guard place + 3 < block.count else {
                        // The other half is in the next block, if there is one.
                        if block.count == TranscodedSource.blockBytes {
                            used = place
                            break
                        }
                        append(first)
                        place += 2
                        continue
                    }
                    let second = UInt32(block[place + 2 + low]) | UInt32(block[place + 2 + high]) << 8
                    if second & 0xFC00 == 0xDC00 {
                        append(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))
                        place += 4
                        continue
                    }
                }
                append(first)
                place += 2
            }
        }
        innerPosition += Int64(used)
        inner.forget(before: innerPosition)
        return !converted.isEmpty
    }

    /// Appends the UTF-8 of a code point; of a surrogate, the three bytes that no decoder takes.
    private func append(_ scalar: UInt32) {
        switch scalar {
        case 0..<0x80: converted.append(UInt8(scalar))
        case 0x80..<0x800:
            converted.append(UInt8(0xC0 | scalar >> 6))
            converted.append(UInt8(0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            converted.append(UInt8(0xE0 | scalar >> 12))
            converted.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            converted.append(UInt8(0x80 | scalar & 0x3F))
        default:
            converted.append(UInt8(0xF0 | scalar >> 18))
            converted.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            converted.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            converted.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}

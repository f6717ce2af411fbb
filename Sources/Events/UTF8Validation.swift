/// The length of the well-formed UTF-8 character that begins at `start` (RFC 3629, section 4); 0 where it is none.
@inline(__always)
func utf8Length(_ start: UnsafePointer<UInt8>, available: Int) -> Int {
    @inline(__always) func continues(_ index: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
        start[index] >= low && start[index] <= high
    }
    guard available > 0 else { return 0 }
    switch start[0] {
    case 0..<0x80: return 1
    case 0xC2...0xDF: return available >= 2 && continues(1) ? 2 : 0
    case 0xE0: return available >= 3 && continues(1, 0xA0) && continues(2) ? 3 : 0
    case 0xED: return available >= 3 && continues(1, 0x80, 0x9F) && continues(2) ? 3 : 0
    case 0xE1...0xEF: return available >= 3 && continues(1) && continues(2) ? 3 : 0
    case 0xF0: return available >= 4 && continues(1, 0x90) && continues(2) && continues(3) ? 4 : 0
    case 0xF1...0xF3: return available >= 4 && continues(1) && continues(2) && continues(3) ? 4 : 0
    case 0xF4: return available >= 4 && continues(1, 0x80, 0x8F) && continues(2) && continues(3) ? 4 : 0
    default: return 0
    }
}

/// The offset of the first byte that is no part of well-formed UTF-8, or nil.
package func firstInvalidUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var place = 0
    while place < bytes.count {
        if base[place] < 0x80 {
            // Eight at a time, as long as all are ASCII.
            while bytes.count - place >= 8 {
                let high =
                    UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080
                guard high == 0 else {
                    place += UInt64(littleEndian: high).trailingZeroBitCount / 8
                    break
                }
                place += 8
            }
            if place == bytes.count { return nil }
        }
        let length = utf8Length(base + place, available: bytes.count - place)
        if length == 0 { return place }
        place += length
    }
    return nil
}

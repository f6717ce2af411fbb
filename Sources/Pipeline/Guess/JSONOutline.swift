import Events

/// The values that stand one after the other in a text of JSON of which the end may be missing.
struct JSONOutline {
    /// The first; of one that is cut, what is whole in it.
    private(set) var first: JSONValue?
    /// Whether another follows.
    private(set) var hasMore = false
    private let bytes: [UInt8]
    /// Where each of the values ends.
    private var ends: [Int] = []

    init(_ start: ArraySlice<UInt8>, isWhole: Bool) {
        bytes = Array(start)
        var open: [UInt8] = []
        /// Behind the last value in a container, and how many containers are open there.
        var lastWhole = (place: 0, depth: 0)
        var (isInString, isEscaped) = (false, false)
        for (place, byte) in bytes.enumerated() {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
            case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard open.popLast() == byte else { break }
                lastWhole = (place + 1, open.count)
                if open.isEmpty { ends.append(place + 1) }
            default: break
            }
        }
        if let end = ends.first {
            first = try? JSONDocument(Array(bytes[..<end]), isLenient: false).root
            hasMore = bytes[end...].contains { $0 > 0x20 }
        } else if !isWhole, lastWhole.place > 0 {
            let closed = Array(bytes[..<lastWhole.place]) + open.prefix(lastWhole.depth).reversed()
            first = try? JSONDocument(closed, isLenient: false).root
        }
    }

    /// The values behind the first.
    func others(_ most: Int) -> [JSONValue] {
        zip(ends, ends.dropFirst()).prefix(most).compactMap { start, end in
            try? JSONDocument(Array(bytes[start..<end]), isLenient: false).root
        }
    }
}

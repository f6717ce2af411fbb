/// Text as mail carries it, in lines of ASCII of at most 76 characters (RFC 2045, section 6.7).
enum QuotedPrintable {
    private static let lineLength = 76
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// With CRLF at the end of each line. A dot that begins a line and the `From ` of mailboxes are encoded too: either
    /// means something to some programs.
    static func encoded(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count * 5 / 4)
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            append(Array(line), to: &result)
        }
        return result
    }

    private static func append(_ line: [UInt8], to result: inout [UInt8]) {
        let isFrom = line.starts(with: "From ".utf8)
        var column = 0
        for (index, byte) in line.enumerated() {
            let isLast = index == line.count - 1
            let isBlank = byte == 0x20 || byte == 0x09
            let isPlain = byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "=") || isBlank && !isLast
            let length = isPlain ? 1 : 3
            // A line that goes on ends with "=".
            if column + length > lineLength - (isLast ? 0 : 1) {
                result += [UInt8(ascii: "="), 0x0D, 0x0A]
                column = 0
            }
            if isPlain, column > 0 || byte != UInt8(ascii: "."), index > 0 || !isFrom {
                result.append(byte)
                column += 1
            } else {
                result += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                column += 3
            }
        }
        result += [0x0D, 0x0A]
    }
}

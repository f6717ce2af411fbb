import Events

/// The first record of a CSV file: the names of its columns.
package struct CSVHeader: Sendable {
    package let columns: [String]
    /// What the header takes of the file, with a byte order mark and the line end.
    package let bytes: Int
    package let lines: Int
    /// False in a file whose first line has no end yet: then nothing can be read.
    package let isWhole: Bool

    /// Reads the header of a file.
    package init(_ file: FoundFile) throws(ExtractError) {
        try self.init(try OpenFile(file), isSettled: true, maxLine: 1 << 20)
    }

    init(_ file: OpenFile, isSettled: Bool, maxLine: Int) throws(ExtractError) {
        var length: Int64 = 64 << 10
        while true {
            let start = try file.bytes(0..<min(length, file.size))
            let isWhole = Int64(start.count) >= file.size
            let mark = start.starts(with: byteOrderMark) ? byteOrderMark.count : 0
            var scanner = CSVScanner()
            let (outcome, columns) = start.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else {
                    return (CSVScanner.Outcome.unfinished(isQuoted: false), [String]())
                }
                let outcome = scanner.scan(base, from: mark, to: buffer.count, isLast: isWhole && isSettled)
                return (outcome, scanner.texts(base))
            }
            switch outcome {
            case .record(_, let next, let lines):
                self.columns = columns
                bytes = next
                self.lines = next > 0 && start[next - 1] == 0x0A ? lines : lines - 1
                self.isWhole = true
                return
            case .malformed(let offset, let problem):
                throw ExtractError(
                    kind: .unsupported, object: file.name,
                    message: "the header, column \(offset + 1): \(problem)")
            case .unfinished where isWhole:
                (self.columns, bytes, lines, self.isWhole) = ([], 0, 0, false)
                return
            case .unfinished:
                guard length < Int64(maxLine) else {
                    throw ExtractError(
                        kind: .unsupported, object: file.name,
                        message: "the header has no end in its first \(length) bytes; is this CSV?")
                }
                length *= 4
            }
        }
    }
}

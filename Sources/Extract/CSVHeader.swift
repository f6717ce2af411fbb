import Events

/// The names of a CSV file's columns: its first record, or those that its dialect gives.
package struct CSVHeader: Sendable {
    package let columns: [String]
    /// What stands in the file before the records: a byte order mark, skipped lines, and the header with the comments
    /// before it and its line end.
    package let bytes: Int
    package let lines: Int
    /// False in a file where not all of that has come yet: then nothing can be read.
    package let isWhole: Bool

    /// Reads the header of a file.
    package init(_ file: FoundFile, dialect: CSVDialect = .rfc4180, encoding: TextEncoding = .utf8)
        throws(ExtractError)
    {
        try self.init(
            try OpenedFile(file, encoding).source, isSettled: true, maxLine: 1 << 20, dialect: dialect)
    }

    init(
        _ source: any ByteSource, isSettled: Bool, maxLine: Int, dialect: CSVDialect = .rfc4180
    ) throws(ExtractError) {
        var length: Int64 = 64 << 10
        var header: CSVHeader
        var isWhole: Bool
        repeat {
            let start = try source.bytes(0..<length)
            isWhole = Int64(start.count) < length
            let outcome = start.withUnsafeBufferPointer { [isWhole] bytes in
                Result { () throws(ExtractError) in
                    try CSVHeader(
                        bytes, name: source.name, isWhole: isWhole, isSettled: isSettled, dialect: dialect)
                }
            }
            header = try outcome.get()
            guard header.isWhole || isWhole || length < Int64(maxLine) else {
                throw ExtractError(
                    kind: .unsupported, object: source.name,
                    message: "the header has no end in its first \(length) bytes; is this CSV?")
            }
            length *= 4
        } while !header.isWhole && !isWhole
        self = header
    }

    /// Reads the header that these bytes begin with.
    ///
    /// - Parameters:
    ///   - isWhole: no bytes follow.
    ///   - isSettled: no bytes ever will.
    init(
        _ start: UnsafeBufferPointer<UInt8>, name: String, isWhole: Bool, isSettled: Bool,
        dialect: CSVDialect = .rfc4180
    ) throws(ExtractError) {
        let isAtEnd = isWhole && isSettled
        guard let base = start.baseAddress, isAtEnd || !CSVHeader.mayBecomeMark(start),
            let (skipped, skippedLines) = CSVHeader.skip(dialect.skippedLines, of: start, isAtEnd: isAtEnd)
        else {
            (columns, bytes, lines, self.isWhole) = ([], 0, 0, false)
            return
        }
        if case .given(let names) = dialect.header {
            (columns, bytes, lines, self.isWhole) = (names, skipped, skippedLines, true)
            return
        }
        var scanner = CSVScanner(dialect)
        var (place, line) = (skipped, skippedLines)
        while true {
            switch scanner.scan(base, from: place, to: start.count, isLast: isAtEnd) {
            case .record(let end, let next, let count):
                line += next > end && start[next - 1] == 0x0A ? count : count - 1
                // Else it is a comment.
                if scanner.cellCount > 0 || next == start.count && isAtEnd {
                    columns = scanner.texts(base)
                    (bytes, lines, self.isWhole) = (next, line, true)
                    return
                }
                place = next
            case .malformed(let offset, let problem):
                let inLine = line > 0 ? "line \(line + 1), " : ""
                let column = line > 0 ? offset - place : offset
                throw ExtractError(
                    kind: .unsupported, object: name,
                    message: "the header, \(inLine)column \(column + 1): \(problem)")
            case .unfinished:
                (columns, bytes, lines, self.isWhole) = ([], 0, 0, false)
                return
            }
        }
    }

    /// Whether these are the first bytes of a byte order mark, and more may come.
    private static func mayBecomeMark(_ start: UnsafeBufferPointer<UInt8>) -> Bool {
        start.count < byteOrderMark.count && byteOrderMark.starts(with: start)
    }

    /// The place behind a byte order mark and a number of lines; nil where they have not all come yet.
    private static func skip(
        _ count: Int, of start: UnsafeBufferPointer<UInt8>, isAtEnd: Bool
    ) -> (place: Int, lines: Int)? {
        var place = start.starts(with: byteOrderMark) ? byteOrderMark.count : 0
        for skipped in 0..<max(0, count) {
            guard let newline = start.firstNewline(from: place) else {
                return isAtEnd ? (start.count, skipped) : nil
            }
            place = newline + 1
        }
        return (place, max(0, count))
    }
}

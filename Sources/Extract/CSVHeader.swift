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
        try self.init(try OpenedFile(file, .utf8).source, isSettled: true, maxLine: 1 << 20)
    }

    init(_ source: any ByteSource, isSettled: Bool, maxLine: Int) throws(ExtractError) {
        var length: Int64 = 64 << 10
        var header: CSVHeader
        var isWhole: Bool
        repeat {
            let start = try source.bytes(0..<length)
            isWhole = Int64(start.count) < length
            let outcome = start.withUnsafeBufferPointer { [isWhole] bytes in
                Result { () throws(ExtractError) in
                    try CSVHeader(bytes, name: source.name, isWhole: isWhole, isSettled: isSettled)
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
        _ start: UnsafeBufferPointer<UInt8>, name: String, isWhole: Bool, isSettled: Bool
    ) throws(ExtractError) {
        let mark = start.starts(with: byteOrderMark) ? byteOrderMark.count : 0
        var scanner = CSVScanner()
        guard let base = start.baseAddress else {
            (columns, bytes, lines, self.isWhole) = ([], 0, 0, false)
            return
        }
        switch scanner.scan(base, from: mark, to: start.count, isLast: isWhole && isSettled) {
        case .record(_, let next, let lines):
            columns = scanner.texts(base)
            bytes = next
            self.lines = next > 0 && start[next - 1] == 0x0A ? lines : lines - 1
            self.isWhole = true
        case .malformed(let offset, let problem):
            throw ExtractError(
                kind: .unsupported, object: name, message: "the header, column \(offset + 1): \(problem)")
        case .unfinished: (columns, bytes, lines, self.isWhole) = ([], 0, 0, false)
        }
    }
}

import Events
import Foundation

/// The formats in which a file source may be written.
package enum FileFormat: String, Sendable, CaseIterable {
    case ndjson
    case csv
}

/// Reads one stretch of a file, batch by batch.
///
/// Holds one block of the file, which grows only for a record that does not fit, up to `maxLine`; so memory is
/// bounded whatever the file's size. Belongs to one thread at a time.
package final class FileReader {
    package let name: String
    package let identity: String
    private let file: OpenFile
    private let parser: any RecordParser
    private let end: Int64
    /// What follows the end.
    private let ending: Continuation
    private let maxLine: Int
    /// Bytes of the file that the block holds: `block[consumed..<filled]` are not parsed yet.
    private var block: UnsafeMutableRawBufferPointer
    private var consumed = 0
    private var filled = 0
    /// The file's offset of `block[filled]`.
    private var readPosition: Int64
    private var line: Int64
    /// What comes before the first record and is no record: a byte order mark, a header.
    private var preamble: (bytes: Int, lines: Int64) = (0, 0)
    /// Whether the file has no whole header yet.
    private var isWaiting = false

    private static let blockSize = 4 << 20

    /// - Parameters:
    ///   - isSettled: the file will not grow any more, so its last line is whole even without a line end.
    ///   - maxLine: the longest record that is read, in bytes.
    package init(
        _ plan: ReadPlan, _ stretch: ReadPlan.Stretch, format: FileFormat, mapping: SourceMapping,
        isSettled: Bool, maxLine: Int
    ) throws(ExtractError) {
        name = plan.file.name
        identity = plan.identity
        file = try OpenFile(plan.file)
        end = stretch.end
        ending = stretch.isTail && !isSettled ? .open : .closed
        self.maxLine = maxLine
        readPosition = stretch.start
        line = stretch.line
        if stretch.start == 0 { try FileReader.refuseCompressed(file) }
        switch format {
        case .ndjson: parser = NDJSONParser(mapping)
        case .csv:
            let header = try CSVHeader(file, isSettled: isSettled, maxLine: maxLine)
            parser = CSVParser(mapping, header: header.columns)
            isWaiting = !header.isWhole
            if stretch.start == 0 { preamble = (header.bytes, Int64(header.lines)) }
        }
        block = .allocate(byteCount: FileReader.blockSize, alignment: 16)
        if stretch.start > 0 { try skipLineEnd() }
    }

    /// Reads what a batch covered once more.
    package convenience init(
        _ plan: ReadPlan, _ range: ReadRange, format: FileFormat, mapping: SourceMapping, maxLine: Int
    ) throws(ExtractError) {
        let stretch = ReadPlan.Stretch(
            start: range.start, end: range.end, line: range.firstLine, isTail: false)
        try self.init(plan, stretch, format: format, mapping: mapping, isSettled: true, maxLine: maxLine)
    }

    deinit { block.deallocate() }

    /// The offset behind what was parsed.
    package var position: Int64 { readPosition - Int64(filled - consumed) }
    /// Bytes at the end of the stretch that are no whole record yet.
    package var rest: Int64 { end - position }

    /// Fills a batch with what comes next; false where nothing more can be read now.
    ///
    /// - Parameter limit: an offset; the batch ends with the last record that is whole before it, although it has
    ///   room. Where the first record is longer than that, there is no limit.
    package func fill(_ batch: inout EventBatch, upTo limit: Int64 = .max) throws(ExtractError) -> Bool {
        batch.reset(at: position, line: line)
        parser.begin(&batch, objectIdentity: identity)
        var limit = limit
        while !batch.isFull, !isWaiting, position < limit {
            if preamble.bytes > 0 {
                guard try passPreamble(&batch) else { break }
            }
            // A record never sees more than it may have, so that none is taken for being in a block by luck.
            let window = min(filled - consumed, maxLine + 1, Int(clamping: limit - position))
            let isAtEnd = readPosition >= end && window == filled - consumed
            let continuation: Continuation = isAtEnd ? ending : .more
            if parse(window, continuation, &batch) > 0 { continue }
            if position + Int64(window) == limit, !isAtEnd {
                guard batch.isEmpty else { break }
                limit = .max
                continue
            }
            if isAtEnd && window <= maxLine { break }
            if window > maxLine {
                if parse(window, .overlong, &batch) > 0 { continue }
                guard try passOverlongLine(&batch) else { break }
                continue
            }
            try readMore()
        }
        line = batch.range.endLine
        return !batch.isEmpty
    }

    /// The hash of the KiB before the end of the last batch.
    package func tailHash(before position: Int64) throws(ExtractError) -> String {
        try file.tailHash(before: position) ?? ""
    }

    /// Reads the records at these positions once more; those that yield an event are found.
    ///
    /// - Parameter range: what the records' batch covers.
    package static func records(
        at positions: Set<Int64>, in range: ReadRange, of plan: ReadPlan, format: FileFormat,
        mapping: SourceMapping, maxLine: Int
    ) throws(ExtractError) -> [Int64: SourceRecord] {
        let reader = try FileReader(plan, range, format: format, mapping: mapping, maxLine: maxLine)
        var found: [Int64: SourceRecord] = [:]
        var batch = EventBatch(capacity: 1)
        while found.count < positions.count, try reader.fill(&batch) {
            guard let position = batch.events.first?.position, positions.contains(position) else { continue }
            var bytes = try reader.file.bytes(position..<batch.range.end)
            let lines = Int64(bytes.count(where: { $0 == 0x0A }))
            while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
            found[position] = SourceRecord(line: batch.range.endLine - lines, bytes: bytes)
        }
        return found
    }

    private func parse(_ length: Int, _ continuation: Continuation, _ batch: inout EventBatch) -> Int {
        let bytes = UnsafeBufferPointer(
            start: block.baseAddress!.assumingMemoryBound(to: UInt8.self) + consumed, count: length)
        let count = parser.parse(bytes, then: continuation, into: &batch)
        consumed += count
        return count
    }

    /// Moves what is unparsed to the block's start and fills the rest; a block full of one record doubles.
    private func readMore() throws(ExtractError) {
        let unparsed = filled - consumed
        if unparsed > block.count / 2 {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: block.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[consumed..<filled]))
            block.deallocate()
            block = larger
        } else if consumed > 0 {
            memmove(block.baseAddress!, block.baseAddress! + consumed, unparsed)
        }
        consumed = 0
        filled = unparsed
        let wanted = Int(min(Int64(block.count - filled), end - readPosition))
        let count = try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: block[filled..<filled + wanted]), at: readPosition)
        guard count > 0 else {
            throw ExtractError(
                kind: .unreadable, object: name,
                message: "became shorter while it was read, at byte \(readPosition); run again")
        }
        filled += count
        readPosition += Int64(count)
    }

    /// Counts the bytes before the first record as read; false at the end of the file.
    private func passPreamble(_ batch: inout EventBatch) throws(ExtractError) -> Bool {
        while filled - consumed < preamble.bytes {
            guard readPosition < end else { return false }
            try readMore()
        }
        consumed += preamble.bytes
        batch.range.end += Int64(preamble.bytes)
        batch.range.endLine += preamble.lines
        preamble = (0, 0)
        return true
    }

    /// Rejects the line that the block begins with and goes on behind it; false where its end is not there yet.
    private func passOverlongLine(_ batch: inout EventBatch) throws(ExtractError) -> Bool {
        let kept = UnsafeBufferPointer(
            start: block.baseAddress!.assumingMemoryBound(to: UInt8.self) + consumed,
            count: min(EventBatch.keptOfOverlong, filled - consumed))
        let lineStart = batch.range.end
        let (rejectLine, rejectPosition) = (batch.range.endLine, lineStart)
        let prefix = Array(kept)
        while true {
            let unparsed = block.baseAddress! + consumed
            if let newline = memchr(unparsed, 0x0A, filled - consumed) {
                consumed += UnsafeRawPointer(unparsed).distance(to: newline) + 1
                batch.range.endLine += 1
                break
            }
            consumed = filled
            guard readPosition < end else {
                // An unfinished line stays unread; the next run looks at it again.
                guard ending == .closed else {
                    (readPosition, consumed, filled) = (lineStart, 0, 0)
                    return false
                }
                break
            }
            try readMore()
        }
        batch.range.end = position
        prefix.withUnsafeBufferPointer { bytes in
            batch.rejectOverlong(bytes, line: rejectLine, position: rejectPosition, maxBytes: maxLine)
        }
        return true
    }

    /// A last line that was loaded without its line end may have got it since: that is no blank line.
    private func skipLineEnd() throws(ExtractError) {
        let around = try file.bytes(position - 1..<min(position + 2, end))
        guard around[0] != 0x0A else { return }
        let ending = around.dropFirst()
        let count = ending.starts(with: [0x0A]) ? 1 : ending.starts(with: [0x0D, 0x0A]) ? 2 : 0
        if count > 0 { preamble = (count, 1) }
    }

    /// Compressed files are known by their first bytes, whatever their name.
    private static func refuseCompressed(_ file: OpenFile) throws(ExtractError) {
        let start = try file.bytes(0..<min(10, file.size))
        // "BZh" alone could begin a CSV's header: behind the level stands the mark of the first block.
        let isBzip2 =
            start.starts(with: [0x42, 0x5A, 0x68])
            && start.dropFirst(4).starts(with: [0x31, 0x41, 0x59, 0x26])
        let magics: [(name: String, isMeant: Bool)] = [
            ("gzip", start.starts(with: [0x1F, 0x8B])),
            ("zstd", start.starts(with: [0x28, 0xB5, 0x2F, 0xFD])),
            ("xz", start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A])), ("bzip2", isBzip2),
        ]
        for magic in magics where magic.isMeant {
            throw ExtractError(
                kind: .unsupported, object: file.name,
                message: "is compressed with \(magic.name), which is not read yet; decompress it first")
        }
    }
}

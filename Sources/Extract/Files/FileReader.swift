import Events
import Foundation

/// How the records of a source are to be read.
package struct RecordForm: Sendable {
    package var format: RecordFormat
    package var encoding = TextEncoding.utf8
    /// The longest record, in bytes.
    package var maxLine = defaultMaxLine

    package static let defaultMaxLine = 16 << 20

    package init(
        _ format: RecordFormat, encoding: TextEncoding = .utf8, maxLine: Int = RecordForm.defaultMaxLine
    ) {
        (self.format, self.encoding, self.maxLine) = (format, encoding, maxLine)
    }
}

/// Reads one stretch of a source, batch by batch.
///
/// Holds one block of it, which grows only for a record that does not fit, up to `maxLine`; so memory is bounded
/// whatever the source's size. Belongs to one thread at a time.
package final class FileReader {
    package let name: String
    package let identity: String
    /// What it reads; others may read records of it once more.
    package let source: any ByteSource
    private let parser: any RecordParser
    /// Where the stretch ends; where that is the source's end, it is known once it was met.
    private var end: Int64
    private let isTail: Bool
    /// Whether what follows the end is nothing, ever.
    private let isSettled: Bool
    private let form: RecordForm
    private var maxLine: Int { form.maxLine }
    /// Bytes of the source: `block[consumed..<filled]` are not parsed yet; before them stands the KiB that was parsed
    /// last, as far as there is one.
    private var block: UnsafeMutableRawBufferPointer
    private var consumed = 0
    private var filled = 0
    /// The source's offset of `block[filled]`.
    private var readPosition: Int64
    private var line: Int64
    /// What comes before the first record and is no record: a byte order mark, a header.
    private var preamble: (bytes: Int, lines: Int64) = (0, 0)
    private var isAsFound = true
    /// The names of the columns, of CSV.
    package let columns: [String]
    private var batchStart: Int64 = 0
    /// Whether the source has no whole header yet.
    private var isWaiting = false

    private static let blockSize = 4 << 20
    /// What comes slowly is not held back for longer than this.
    private static let patienceSeconds = 5.0
    /// Of what was parsed, to tell by whether it is still the same.
    private static let kept = Int(Fingerprint.maxLength)

    /// - Parameter isSettled: the file will not grow any more, so its last line is whole even without a line end; nothing
    ///   else is ever true of a compressed file.
    /// - Throws: `missing` where another file has the name by now, or this one other bytes.
    package convenience init(
        _ plan: ReadPlan, _ stretch: ReadPlan.Stretch, form: RecordForm, mapping: SourceMapping,
        isSettled: Bool
    ) throws(ExtractError) {
        let file = try OpenedFile(plan.file, form.encoding)
        try self.init(
            file.source, identity: plan.identity, stretch, form: form, mapping: mapping,
            isSettled: isSettled || file.isCompressed)
        if stretch.isTail, let tailHash = plan.tailHash, try self.tailHash() != tailHash {
            throw ExtractError(
                kind: .missing, object: name,
                message: "was truncated or overwritten since the run began; run again")
        }
        // What is read to an end that only reading tells may be more than was there.
        isAsFound = file.source.size != nil || file.status == plan.file.status
    }

    /// Reads what a batch covered once more.
    package convenience init(
        _ plan: ReadPlan, _ range: ReadRange, form: RecordForm, mapping: SourceMapping
    ) throws(ExtractError) {
        try self.init(plan, ReadPlan.Stretch(range), form: form, mapping: mapping, isSettled: true)
    }

    /// - Parameter columns: the names of the columns, where they are known already.
    package init(
        _ source: any ByteSource, identity: String, _ stretch: ReadPlan.Stretch, form: RecordForm,
        mapping: SourceMapping, isSettled: Bool, columns known: [String]? = nil
    ) throws(ExtractError) {
        name = source.name
        self.identity = identity
        self.source = source
        self.isSettled = isSettled
        isTail = stretch.isTail
        end = stretch.isTail ? source.size.map { min($0, stretch.end) } ?? .max : stretch.end
        self.form = form
        readPosition = stretch.start
        line = stretch.line
        var columns = known ?? []
        if let dialect = form.format.dialect, known == nil || stretch.start == 0 {
            let header = try CSVHeader(source, isSettled: isSettled, maxLine: form.maxLine, dialect: dialect)
            columns = header.columns
            isWaiting = !header.isWhole
            if stretch.start == 0 { preamble = (header.bytes, Int64(header.lines)) }
        }
        self.columns = columns
        do {
            parser = try form.format.parser(mapping, header: columns)
        } catch {
            throw ExtractError(kind: .unsupported, object: source.name, message: "\(error)")
        }
        block = .allocate(byteCount: FileReader.blockSize, alignment: 16)
        if stretch.start > 0 { try lookBack() }
    }

    deinit { block.deallocate() }

    /// The offset behind what was parsed.
    package var position: Int64 { readPosition - Int64(filled - consumed) }
    /// Bytes at the end of the stretch that are no whole record yet. Known once the end was met.
    package var rest: Int64 { end == .max ? 0 : end - position }
    /// Why the end that was met is none; see `ByteSource`.
    package var damage: String? { isTail ? source.damage : nil }
    /// Whether all is read that the file held when it was found.
    package var isAtEndOfFile: Bool {
        isTail && isAsFound && readPosition >= end && (rest == 0 || damage != nil)
    }

    /// Fills a batch with what comes next; false where nothing more can be read now.
    ///
    /// - Parameter limit: an offset; the batch ends with the last record that is whole before it, although it has
    ///   room. Where the first record is longer than that, there is no limit.
    package func fill(_ batch: inout EventBatch, upTo limit: Int64 = .max) throws(ExtractError) -> Bool {
        batch.reset(at: position, line: line)
        batchStart = position
        source.forget(before: position - Int64(FileReader.kept))
        parser.begin(&batch, objectIdentity: identity)
        var limit = limit
        let patience = source.size == nil ? Date().addingTimeInterval(FileReader.patienceSeconds) : nil
        while !batch.isFull, !isWaiting, position < limit {
            if preamble.bytes > 0 {
                guard try passPreamble(&batch) else { break }
            }
            // A record never sees more than it may have, so that none is taken for being in a block by luck.
            let window = min(filled - consumed, maxLine + 1, Int(clamping: limit - position))
            let isAtEnd = readPosition >= end && window == filled - consumed
            if parse(window, isAtEnd ? ending : .more, &batch) > 0 { continue }
            if position + Int64(window) == limit, !isAtEnd {
                guard batch.isEmpty else { break }
                limit = .max
                continue
            }
            if isAtEnd && window <= maxLine { break }
            if window > maxLine {
                if parse(window, .overlong, &batch) > 0 { continue }
                guard try passOverlongRecord(&batch) else { break }
                continue
            }
            if let patience, !batch.isEmpty, Date() > patience { break }
            try readMore()
        }
        line = batch.range.endLine
        return !batch.isEmpty
    }

    /// What follows the end, once it was met.
    private var ending: Continuation {
        isTail && (!isSettled || source.damage != nil) ? .open : .closed
    }

    /// The hash of the KiB before the end of the last batch.
    package func tailHash() throws(ExtractError) -> String {
        let start = max(0, position - Fingerprint.maxLength)
        let inBlock = consumed - Int(position - start)
        guard inBlock >= 0 else { return try source.tailHash(before: position) ?? "" }
        return SHA256.hex(Array(block[inBlock..<consumed]), prefix: 16)
    }

    /// Reads records of a batch once more, by their positions, in the range that the batch covers; those that yield an
    /// event are found. While it is loaded the next one may be read.
    package func lookup(
        mapping: SourceMapping
    ) -> @Sendable (_ positions: Set<Int64>, _ range: ReadRange) throws -> [Int64: SourceRecord] {
        let source = self.source.kept(from: batchStart - Int64(FileReader.kept))
        return { [identity, form, columns] positions, range in
            let reader = try FileReader(
                source, identity: identity, ReadPlan.Stretch(range), form: form, mapping: mapping,
                isSettled: true, columns: columns)
            var batch = EventBatch()
            batch.sought = positions
            while batch.found.count < positions.count, try reader.fill(&batch) {}
            return batch.found
        }
    }

    private func parse(_ length: Int, _ continuation: Continuation, _ batch: inout EventBatch) -> Int {
        let bytes = UnsafeBufferPointer(
            start: block.baseAddress!.assumingMemoryBound(to: UInt8.self) + consumed, count: length)
        let count = parser.parse(bytes, then: continuation, into: &batch)
        consumed += count
        return count
    }

    /// Moves what is unparsed to the block's start, behind some of what was parsed, and fills the rest; a block full of
    /// one record doubles. At the end of a source of unknown size, that is known afterwards.
    private func readMore() throws(ExtractError) {
        let start = max(0, consumed - FileReader.kept)
        let held = filled - start
        if held > block.count / 2 {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: block.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[start..<filled]))
            block.deallocate()
            block = larger
        } else if start > 0 {
            memmove(block.baseAddress!, block.baseAddress! + start, held)
        }
        consumed -= start
        filled = held
        let wanted = Int(min(Int64(block.count - filled), end - readPosition))
        let count = try source.read(
            into: UnsafeMutableRawBufferPointer(rebasing: block[filled..<filled + wanted]), at: readPosition)
        filled += count
        readPosition += Int64(count)
        if end == .max {
            if count == 0 { end = readPosition }
        } else if count == 0 {
            throw ExtractError(
                kind: .missing, object: name,
                message: "became shorter while it was read, at byte \(readPosition); run again")
        }
    }

    /// Counts the bytes before the first record as read; false at the end of the source.
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

    /// Rejects the record that the block begins with and goes on behind it; false where its end is not there yet.
    private func passOverlongRecord(_ batch: inout EventBatch) throws(ExtractError) -> Bool {
        let kept = UnsafeBufferPointer(
            start: block.baseAddress!.assumingMemoryBound(to: UInt8.self) + consumed,
            count: min(EventBatch.keptOfOverlong, filled - consumed))
        let recordStart = batch.range.end
        let (rejectLine, rejectPosition) = (batch.range.endLine, recordStart)
        let prefix = Array(kept)
        var isFirst = true
        while true {
            let unparsed = UnsafeRawBufferPointer(rebasing: block[consumed..<filled])
            let passed = parser.passOverlong(unparsed.assumingMemoryBound(to: UInt8.self), isFirst: isFirst)
            isFirst = false
            countLines(consumed..<consumed + passed.count, &batch)
            consumed += passed.count
            if passed.isEnd { break }
            guard readPosition < end else {
                // An unfinished record stays unread; the next run looks at it again.
                guard ending == .closed else {
                    batch.range.endLine = rejectLine
                    (readPosition, consumed, filled) = (recordStart, 0, 0)
                    return false
                }
                countLines(consumed..<filled, &batch)
                consumed = filled
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

    private func countLines(_ range: Range<Int>, _ batch: inout EventBatch) {
        let bytes = UnsafeRawBufferPointer(rebasing: block[range]).assumingMemoryBound(to: UInt8.self)
        batch.range.endLine += bytes.newlines(in: 0..<bytes.count)
    }

    /// Reads the KiB before the stretch, and a line end that a last line may have got since it was loaded without: that is
    /// no blank line.
    private func lookBack() throws(ExtractError) {
        let kept = min(Int(readPosition), FileReader.kept)
        let around = try source.bytes(
            readPosition - Int64(kept)..<max(readPosition, min(readPosition + 2, end)))
        guard around.count >= kept, kept > 0 else { return }
        block.copyBytes(from: around[..<kept])
        (consumed, filled) = (kept, kept)
        guard around[kept - 1] != 0x0A else { return }
        let ending = around[kept...]
        let count = ending.starts(with: [0x0A]) ? 1 : ending.starts(with: [0x0D, 0x0A]) ? 2 : 0
        if count > 0 { preamble = (count, 1) }
    }
}

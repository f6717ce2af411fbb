import Events
import Extract
import Foundation

/// The start of a file of which nothing is known, in UTF-8.
struct GuessedSample {
    /// As a person knows it.
    let name: String
    /// Without a byte order mark.
    let bytes: [UInt8]
    /// Whether nothing follows.
    let isWhole: Bool
    let encoding: TextEncoding
    /// Whether a last line lacks its end.
    let lacksLineEnd: Bool
    let isCompressed: Bool

    /// The records of a case may stand far apart.
    private static let maxBytes = 16 << 20
    /// What is looked at to tell a format.
    static let startBytes = 1 << 20

    init(_ file: FoundFile) throws(ExtractError) {
        var sample = try FileSample(file, maxBytes: GuessedSample.maxBytes)
        var encoding = TextEncoding.utf8
        if let other = GuessedSample.otherEncoding(sample) {
            encoding = other
            sample = try FileSample(file, encoding: other, maxBytes: GuessedSample.maxBytes)
        }
        if sample.bytes.isEmpty, let damage = sample.damage {
            throw ExtractError(kind: .unsupported, object: file.name, message: damage)
        }
        self.init(
            sample.bytes, name: file.name, isWhole: sample.isWhole && sample.damage == nil,
            encoding: encoding, isCompressed: sample.isCompressed)
    }

    init(
        _ bytes: [UInt8], name: String, isWhole: Bool = true, encoding: TextEncoding = .utf8,
        isCompressed: Bool = false
    ) {
        self.name = name
        self.bytes = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
        (self.isWhole, self.encoding, self.isCompressed) = (isWhole, encoding, isCompressed)
        lacksLineEnd = isWhole && bytes.last != 0x0A
    }

    /// The first bytes, as many as tell a format.
    var start: ArraySlice<UInt8> { bytes.prefix(GuessedSample.startBytes) }
    /// Whether `start` ends with the file.
    var isStartWhole: Bool { isWhole && bytes.count <= GuessedSample.startBytes }

    /// The first lines that are whole and not blank, without their ends.
    func lines(_ most: Int) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var place = start.startIndex
        while place < start.endIndex, lines.count < most {
            guard let end = start[place...].firstIndex(of: 0x0A) ?? (isStartWhole ? start.endIndex : nil)
            else { break }
            var line = start[place..<end]
            if line.last == 0x0D { line.removeLast() }
            if line.contains(where: { $0 > 0x20 }) { lines.append(line) }
            place = end + 1
        }
        return lines
    }

    // MARK: - Encodings

    /// The encoding of bytes that are no UTF-8 and have no mark; nil of UTF-8, and of what is no text.
    private static func otherEncoding(_ sample: FileSample) -> TextEncoding? {
        let start = sample.bytes.prefix(startBytes)
        let zeros = start.indices.filter { start[$0] == 0 }
        if zeros.count * 4 > start.count {
            // Of most texts, every other byte is the high one of a Latin letter.
            let odd = zeros.count { $0 & 1 == 1 }
            if odd * 10 > zeros.count * 9 { return .utf16LittleEndian }
            if odd * 10 < zeros.count { return .utf16BigEndian }
        }
        guard zeros.isEmpty, !start.contains(where: isControl) else { return nil }
        let invalid = Array(start).withUnsafeBufferPointer { firstInvalidUTF8($0) }
        // The last character may be cut.
        guard let invalid, invalid < start.count - 3 || sample.bytes.count == start.count && sample.isWhole
        else { return nil }
        // Beside a single broken line the rest of a file is UTF-8: then that line is to be rejected.
        let lines = start.split(separator: 0x0A).prefix(2_000)
        let multibyte = lines.filter { $0.contains { $0 >= 0x80 } }
        let broken = multibyte.count { line in
            Array(line).withUnsafeBufferPointer { firstInvalidUTF8($0) } != nil
        }
        return broken * 2 > multibyte.count ? .latin1 : nil
    }

    /// Whether there are bytes that no text holds.
    var isBinary: Bool {
        let controls = start.count(where: GuessedSample.isControl)
        return controls > 0 && controls * 200 > start.count
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D && byte != 0x0C && byte != 0x1B
    }

    // MARK: - Records

    /// Reads records as a run would, batch by batch.
    ///
    /// - Parameter maxBytes: what is read, from the start on.
    func read(
        _ format: RecordFormat, _ mapping: SourceMapping, maxBytes: Int = .max,
        _ take: (borrowing EventBatch) -> Bool
    ) throws {
        let length = min(bytes.count, maxBytes)
        let isWhole = isWhole && length == bytes.count
        let reader = try FileReader(
            SampledBytes(name, bytes, length), identity: "sample",
            ReadPlan.Stretch(start: 0, end: Int64(length), line: 1, isTail: true), form: RecordForm(format),
            mapping: mapping, isSettled: isWhole)
        var batch = EventBatch()
        while try reader.fill(&batch), take(batch) {}
    }

    /// The first records as trees, each with all of its fields, and how many are rejected.
    ///
    /// - Parameter opened: fields that hold JSON in a string.
    func records(
        _ format: RecordFormat, opened: [FieldPath] = [], most: Int, maxBytes: Int
    ) -> (items: [JSONValue], rejects: Int, firstReject: Reject?) {
        var mapping = GuessedSample.wholeRecords
        mapping.opened = opened
        var items: [JSONValue] = []
        var rejects = 0
        var first: Reject?
        try? read(format, mapping, maxBytes: maxBytes) { batch in
            rejects += batch.rejects.count
            first = first ?? batch.rejects.first
            for event in batch.events where items.count < most && !event.details.isAbsent {
                let text = Array(batch.arena.bytes(of: event.details))
                if let tree = try? JSONDocument(text, isLenient: false).root { items.append(tree) }
            }
            return items.count < most
        }
        return (items, rejects, first)
    }

    /// Every record is an event whose details are all of it.
    private static let wholeRecords = SourceMapping(
        events: [
            EventMapping(
                occurredAt: EventMapping.Time(.constant("2000-01-01")), type: .constant("record"),
                defaultService: "guess", defaultEntity: "guess")
        ], isList: false,
        timeRange: Timestamp(microseconds: .min)...Timestamp(microseconds: .max))
}

/// Bytes that were read before, as a source.
private final class SampledBytes: ByteSource {
    let name: String
    private let bytes: [UInt8]
    private let length: Int

    init(_ name: String, _ bytes: [UInt8], _ length: Int) {
        (self.name, self.bytes, self.length) = (name, bytes, length)
    }

    var size: Int64? { Int64(length) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) -> Int {
        let start = min(Int(position), length)
        let count = min(buffer.count, length - start)
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
        }
        return count
    }
}

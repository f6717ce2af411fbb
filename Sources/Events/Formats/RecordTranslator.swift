/// Reads a format that is neither NDJSON nor CSV: cuts the bytes into chunks, and turns each chunk into records, written
/// as JSON objects. What a mapping reads of such a record, and what goes into its details, are members of that object.
///
/// A chunk is the smallest stretch that can be understood without what stands before it: a line, a trace of a process
/// log. So reading can go on behind any chunk.
package protocol RecordTranslator {
    /// Finds the chunk that begins at `start`; by default it is a line.
    ///
    /// - Parameter continuation: what follows the bytes; only `closed` makes a whole chunk of one that has no end.
    mutating func frame(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, then continuation: Continuation
    ) -> Frame

    /// Adds the records of a chunk, in their order. What is no record is rejected, with its place in the chunk.
    ///
    /// The chunk is UTF-8 without zero bytes, and not blank.
    mutating func translate(_ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords)

    /// What a chunk ends with: behind it, reading goes on where one is longer than it may be.
    var chunkEnd: [UInt8] { get }
}

/// What a translator found at a place.
package enum Frame: Equatable {
    /// A chunk, without its line end, and the place behind it.
    case chunk(Range<Int>, next: Int)
    /// Nothing that counts, up to here: what stands around the records.
    case nothing(next: Int)
    /// The bytes end before the chunk does.
    case unfinished
    /// A stretch that is nothing of the format, and the place where reading goes on.
    case broken(Range<Int>, next: Int, RejectCode, reason: String)
}

extension RecordTranslator {
    package func frame(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, then continuation: Continuation
    ) -> Frame {
        line(bytes, from: start, then: continuation)
    }

    /// The line that begins at `start`, as a chunk.
    func line(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, then continuation: Continuation
    ) -> Frame {
        if let end = bytes.firstNewline(from: start) {
            let hasReturn = end > start && bytes[end - 1] == 0x0D
            return .chunk(start..<(hasReturn ? end - 1 : end), next: end + 1)
        }
        guard continuation == .closed, start < bytes.count else { return .unfinished }
        return .chunk(start..<bytes.count, next: bytes.count)
    }

    package var chunkEnd: [UInt8] { [0x0A] }
}

/// The records of one chunk. Owns its memory; emptied for the next chunk.
package struct TranslatedRecords: ~Copyable {
    package struct Record {
        /// Where it stands in the chunk.
        package let range: Range<Int>
        /// The object, in `json`; absent where there is a problem instead.
        package let object: TextSlice
        package let problem: (code: RejectCode, reason: String)?
    }

    /// What the objects are written to.
    package var json = ByteArena()
    package private(set) var records: [Record] = []

    package init() {}

    package mutating func removeAll() {
        json.removeAll()
        records.removeAll(keepingCapacity: true)
    }

    /// Adds the record that stands at `range` and was written to `json` since `mark`, an earlier `json.count`.
    package mutating func add(_ range: Range<Int>, from mark: Int) {
        records.append(Record(range: range, object: json.slice(from: mark), problem: nil))
    }

    /// Rejects what stands at `range`, and takes back what was written since `mark`.
    package mutating func reject(_ range: Range<Int>, from mark: Int, _ code: RejectCode, _ reason: String) {
        json.truncate(to: mark)
        records.append(Record(range: range, object: .absent, problem: (code, reason)))
    }
}

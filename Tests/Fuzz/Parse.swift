import Events

/// What a parser made of the pieces of one object, byte for byte, so that two ways to it can be compared.
struct Parse: Equatable {
    /// An event or a reject: its place, and its columns spelled out.
    struct Record: Equatable {
        let position: Int64
        /// Of a reject; an event does not keep its line.
        let line: Int64?
        let code: RejectCode?
        let columns: [[UInt8]?]
    }

    var events: [Record] = []
    var rejects: [Record] = []
    var read = 0
    var filtered = 0
    var end: Int64 = 0
    var endLine: Int64 = 1

    /// Adds what a batch holds, that begins where the one before it ended.
    mutating func add(_ batch: borrowing EventBatch) {
        func bytes(_ slice: TextSlice) -> [UInt8]? {
            slice.isAbsent ? nil : Array(batch.arena.bytes(of: slice))
        }
        for event in batch.events {
            events.append(
                Record(
                    position: event.position, line: nil, code: nil,
                    columns: [
                        Array("\(event.occurredAt)".utf8), event.sequence.map { Array("\($0)".utf8) },
                        bytes(event.entity), bytes(event.caseID), bytes(event.eventID), bytes(event.type),
                        bytes(event.service), bytes(event.userID), bytes(event.correlationID),
                        bytes(event.details),
                    ]))
        }
        for reject in batch.rejects {
            rejects.append(
                Record(
                    position: reject.position, line: reject.line, code: reject.code,
                    columns: [Array(reject.reason.utf8), bytes(reject.raw)]))
        }
        read += batch.read
        filtered += batch.filtered
        end = batch.range.end
        endLine = batch.range.endLine
    }
}

/// An object that a parser is given in pieces, as a reader of a file would. Belongs to one thread.
///
/// Each piece stands alone in memory of its exact size, so that the address sanitizer sees a read behind it.
struct Feed: ~Copyable {
    let object: ArraySlice<UInt8>
    let parser: any RecordParser
    var batch: EventBatch
    private let isSpare: Bool
    private var lineEnds: Int64 = 0
    private var result = Parse()

    /// The batch of the feed before, since a new one takes longer than the parsing of a short object.
    nonisolated(unsafe) private static var spare: EventBatch?

    /// - Parameter capacity: of each batch, in events or rejects; nil: more than an input has.
    init(_ object: ArraySlice<UInt8>, to parser: any RecordParser, capacity: Int? = nil) {
        self.object = object
        self.parser = parser
        isSpare = capacity == nil
        batch = capacity.map(EventBatch.init(capacity:)) ?? Feed.spare.take() ?? EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
    }

    /// The offset in the object of what was not parsed yet.
    var position: Int { Int(batch.range.end) }

    /// Parses from `position` to `end`.
    ///
    /// - Returns: the number of bytes parsed.
    @discardableResult
    mutating func parse(to end: Int, then continuation: Continuation) throws(Violation) -> Int {
        let before = batch.range.end
        let piece = object[(object.startIndex + position)..<(object.startIndex + end)]
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: piece.count)
        defer { copy.deallocate() }
        _ = copy.initialize(from: piece)
        let count = parser.parse(UnsafeBufferPointer(copy), then: continuation, into: &batch)
        guard (0...piece.count).contains(count) else {
            throw Violation("\(count) bytes parsed of \(piece.count)")
        }
        guard batch.range.end == before + Int64(count) else {
            throw Violation("the range moved from \(before) to \(batch.range.end) over \(count) bytes")
        }
        lineEnds += Int64(piece.prefix(count).count { $0 == 0x0A })
        guard batch.range.endLine == 1 + lineEnds else {
            throw Violation("line \(batch.range.endLine) stands at \(position), not \(1 + lineEnds)")
        }
        return count
    }

    /// Parses from `position` to `end` all that is whole, in as many batches as it takes.
    mutating func parseAll(to end: Int, then continuation: Continuation) throws(Violation) {
        while true {
            let count = try parse(to: end, then: continuation)
            if batch.isFull {
                endBatch()
            } else if count == 0 || position == end {
                return
            }
        }
    }

    /// Ends the batch, and begins the next one where it ended.
    mutating func endBatch() {
        result.add(batch)
        batch.reset(at: batch.range.end, line: batch.range.endLine)
        parser.begin(&batch, objectIdentity: "obj")
    }

    /// Passes a line end that belongs to a record already parsed, as `FileReader` does after an open end.
    mutating func passLineEnd() {
        guard position > 0, object[object.startIndex + position - 1] != 0x0A else { return }
        let rest = object.dropFirst(position)
        let count = rest.starts(with: [0x0A]) ? 1 : rest.starts(with: [0x0D, 0x0A]) ? 2 : 0
        guard count > 0 else { return }
        batch.range.end += Int64(count)
        batch.range.endLine += 1
        lineEnds += 1
    }

    consuming func finish() -> Parse {
        result.add(batch)
        let result = result
        if isSpare { Feed.spare = consume batch }
        return result
    }
}

/// A property that does not hold, in words.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

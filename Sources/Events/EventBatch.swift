/// One event as it goes into `raw.events`, without what all events of a batch share (source, load).
///
/// Texts are slices of the batch's arena. The columns of one event stand together, not one array a column:
/// a batch is sorted by key before it is copied, and then a row costs two cache lines instead of twelve.
package struct Event: Sendable {
    package var occurredAt: Timestamp
    /// Byte offset of the record in the uncompressed object, or number of the item.
    package var position: Int64
    /// The emitter's own order, where it has one.
    package var sequence: Int64?
    package var entity: TextSlice
    package var caseID: TextSlice
    package var eventID: TextSlice
    package var type: TextSlice
    package var service: TextSlice
    package var userID: TextSlice
    package var correlationID: TextSlice
    /// JSON text; absent is SQL null.
    package var details: TextSlice
}

/// A record, or one event of it, that could not become a row of `raw.events`.
package struct Reject: Sendable {
    /// The first physical line of the record, from 1.
    package var line: Int64
    /// Byte offset of the record in the uncompressed object.
    package var position: Int64
    package var code: RejectCode
    /// The reason in words, for a person.
    package var reason: String
    /// The record's bytes, in the batch's arena.
    package var raw: TextSlice
    /// Whether the bytes lack what the source must not store.
    package var isRedacted = false
    /// Of a record that was sound, in a source with a list of events: which of these was rejected, from 0.
    package var eventIndex: Int?
}

/// A record of which events were made, as it came.
package struct OriginalRecord: Sendable {
    package var position: Int64
    /// A UTC day of its events, since 1970-01-01.
    package var day: Int32
    /// Its bytes, in the batch's arena.
    package var bytes: TextSlice
}

/// Why a record was rejected; the raw values are stored in `daybook.rejects.reason_code`.
package enum RejectCode: String, Sendable, CaseIterable {
    case malformedJSON = "malformed_json"
    case malformedCSV = "malformed_csv"
    /// A line that is not of its format, be it logfmt, an access log's, or of a regular expression.
    case malformedLine = "malformed_line"
    case malformedXML = "malformed_xml"
    case notAnObject = "not_an_object"
    case invalidUTF8 = "invalid_utf8"
    case nulCharacter = "nul_character"
    case loneSurrogate = "lone_surrogate"
    case numberOutOfRange = "number_out_of_range"
    case nestedTooDeep = "nested_too_deep"
    case lineTooLong = "line_too_long"
    case missingTime = "missing_time"
    case badTime = "bad_time"
    case timeOutOfRange = "time_out_of_range"
    case missingType = "missing_type"
    case missingEventID = "missing_event_id"
    case badSequence = "bad_sequence"
    case notAScalar = "not_a_scalar"
    case keyTooLong = "key_too_long"
    case refusedByServer = "refused_by_server"
}

/// A stretch of one object and the position behind it, as the ledger records it.
package struct ReadRange: Sendable, Equatable {
    /// Byte offsets of the uncompressed stream: from the first byte read, to the first not read.
    package var start: Int64
    package var end: Int64
    /// The physical lines, from 1, that stand at `start` and at `end`.
    package var firstLine: Int64
    package var endLine: Int64

    package init(start: Int64, end: Int64, firstLine: Int64, endLine: Int64) {
        self.start = start
        self.end = end
        self.firstLine = firstLine
        self.endLine = endLine
    }
}

/// The events and rejects of one stretch of one object: what is loaded in one transaction.
///
/// Belongs to one thread at a time; it is handed on whole.
package struct EventBatch: ~Copyable {
    package var events: [Event] = []
    package var rejects: [Reject] = []
    package var arena: ByteArena
    package var range = ReadRange(start: 0, end: 0, firstLine: 1, endLine: 1)
    /// Records that yielded neither an event nor a reject.
    package var filtered = 0
    /// Positions of records that somebody wants to see as their source holds them; those that yield an event are found.
    package var sought: Set<Int64> = []
    package internal(set) var found: [Int64: SourceRecord] = [:]
    /// The values of the source's cursor field, of all records in their order.
    package internal(set) var cursors: [TextSlice] = []
    /// Of a source that keeps them: the records that yielded events, once for each day of these.
    package internal(set) var originals: [OriginalRecord] = []
    /// Whether what a record holds is not to be stored, unless it was redacted.
    var withholdsRecords = false
    private let capacity: Int

    /// A batch of this many events sorts and copies as one. Larger ones load faster into an index, up to about
    /// 130,000; a worker holds one, and this many keep three workers below 200 MB.
    package static let maxEvents = 98_304
    /// Bounds the memory of a batch of very long records.
    package static let maxBytes = 32 << 20

    /// - Parameter capacity: the events, or rejects, after which it takes no further record.
    package init(capacity: Int = maxEvents) {
        self.capacity = capacity
        arena = ByteArena(capacity: min(1 << 20, capacity << 10))
    }

    package var isFull: Bool {
        events.count >= capacity || arena.count >= EventBatch.maxBytes || rejects.count >= capacity
    }

    /// Each event and each reject alone, and each record that yielded neither.
    package var read: Int { events.count + rejects.count + filtered }
    package var isEmpty: Bool { range.start == range.end }

    /// Makes the batch empty, to begin at `position`; keeps its memory.
    package mutating func reset(at position: Int64, line: Int64) {
        events.removeAll(keepingCapacity: true)
        rejects.removeAll(keepingCapacity: true)
        arena.removeAll()
        cursors.removeAll(keepingCapacity: true)
        originals.removeAll(keepingCapacity: true)
        filtered = 0
        range = ReadRange(start: position, end: position, firstLine: line, endLine: line)
    }

    /// - Parameter isRedacted: whether the bytes may be stored though the source redacts fields.
    package mutating func reject(
        _ record: UnsafeBufferPointer<UInt8>, line: Int64, position: Int64, code: RejectCode,
        isRedacted: Bool = false, reason: String
    ) {
        let mark = arena.count
        let isWithheld = withholdsRecords && !isRedacted
        if let start = record.baseAddress, !isWithheld { arena.append(start, record.count) }
        rejects.append(
            Reject(
                line: line, position: position, code: code,
                reason: isWithheld
                    ? reason + " (the bytes are not kept, for the source redacts fields)" : reason,
                raw: arena.slice(from: mark), isRedacted: withholdsRecords))
    }

    /// Keeps a record whose events are those from `first` on.
    @inline(never)
    mutating func keepOriginal(
        _ record: UnsafeBufferPointer<UInt8>, position: Int64, eventsFrom first: Int
    ) {
        guard first < events.count, let start = record.baseAddress else { return }
        let mark = arena.count
        arena.append(start, record.count)
        let bytes = arena.slice(from: mark)
        let kept = originals.count
        for event in events[first...] {
            let day = event.occurredAt.day
            // A record has few events, of fewer days.
            if originals[kept...].contains(where: { $0.day == day }) { continue }
            originals.append(OriginalRecord(position: position, day: day, bytes: bytes))
        }
    }

    /// Rejects a record that has more than `maxBytes`; its first KiB is kept.
    package mutating func rejectOverlong(
        _ record: UnsafeBufferPointer<UInt8>, line: Int64, position: Int64, maxBytes: Int
    ) {
        reject(
            UnsafeBufferPointer(rebasing: record.prefix(EventBatch.keptOfOverlong)), line: line,
            position: position,
            code: .lineTooLong,
            reason:
                "the record has more than \(maxBytes) bytes (max_line)"
                + (withholdsRecords ? "" : "; its first \(EventBatch.keptOfOverlong) are kept")
        )
    }

    package static let keptOfOverlong = 1_024

    /// The types that its events have, by entity.
    package var types: [String: Set<String>] {
        var types: [String: Set<String>] = [:]
        for index in events.indices {
            types[arena.string(of: events[index].entity), default: []].insert(
                arena.string(of: events[index].type))
        }
        return types
    }
}

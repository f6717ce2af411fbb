import Events

/// What a parser made of an object, spelled out so that tables can tell it and two ways to it can be compared.
struct ParsedRecords: Equatable {
    struct Row: Equatable {
        var time: String
        var position: Int64
        var sequence: Int64?
        var entity: String?
        var caseID: String?
        var eventID: String?
        var type: String?
        var service: String?
        var userID: String?
        var correlationID: String?
        var details: String?
    }

    struct Refused: Equatable {
        var code: RejectCode
        var line: Int64
        var position: Int64
        var reason: String
        var raw: String
    }

    var rows: [Row] = []
    var rejects: [Refused] = []
    let filtered: Int
    let read: Int
    /// Behind what was parsed.
    let end: Int64
    let endLine: Int64

    init(_ batch: borrowing EventBatch) {
        filtered = batch.filtered
        read = batch.read
        end = batch.range.end
        endLine = batch.range.endLine
        for event in batch.events {
            func text(_ slice: TextSlice) -> String? { slice.isAbsent ? nil : batch.arena.string(of: slice) }
            rows.append(
                Row(
                    time: "\(event.occurredAt)", position: event.position, sequence: event.sequence,
                    entity: text(event.entity), caseID: text(event.caseID), eventID: text(event.eventID),
                    type: text(event.type), service: text(event.service), userID: text(event.userID),
                    correlationID: text(event.correlationID), details: text(event.details)))
        }
        for reject in batch.rejects {
            rejects.append(
                Refused(
                    code: reject.code, line: reject.line, position: reject.position, reason: reject.reason,
                    raw: batch.arena.string(of: reject.raw)))
        }
    }

    var codes: [RejectCode] { rejects.map(\.code) }
    var types: [String?] { rows.map(\.type) }
    var details: [String?] { rows.map(\.details) }

    /// Parses a whole object, or its first bytes; `line` and `position` are where they stand.
    static func parse(
        _ bytes: [UInt8], with parser: some RecordParser, then continuation: Continuation = .closed,
        at position: Int64 = 0, line: Int64 = 1
    ) -> ParsedRecords {
        var batch = EventBatch()
        batch.reset(at: position, line: line)
        parser.begin(&batch, objectIdentity: "obj")
        let count = feed(bytes[...], to: parser, then: continuation, &batch)
        precondition(Int64(count) == batch.range.end - position, "what was parsed and the range differ")
        return ParsedRecords(batch)
    }

    /// Parses an object of which first only `cut` bytes are there, then all.
    static func parse(
        _ bytes: [UInt8], cutAt cut: Int, first continuation: Continuation, with parser: some RecordParser
    ) -> ParsedRecords {
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        let count = feed(bytes[..<cut], to: parser, then: continuation, &batch)
        _ = feed(bytes[count...], to: parser, then: .closed, &batch)
        return ParsedRecords(batch)
    }

    /// Parses an object that arrives byte by byte.
    static func parse(byByte bytes: [UInt8], with parser: some RecordParser) -> ParsedRecords {
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        var start = 0
        for end in bytes.indices { start += feed(bytes[start..<end], to: parser, then: .more, &batch) }
        _ = feed(bytes[start...], to: parser, then: .closed, &batch)
        return ParsedRecords(batch)
    }

    /// Parses an object that arrives in pieces that end with lines.
    static func parse(pieces: [[UInt8]], with parser: some RecordParser) -> ParsedRecords {
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: "obj")
        for piece in pieces {
            let count = feed(piece[...], to: parser, then: .closed, &batch)
            precondition(count == piece.count, "a piece was not parsed whole")
        }
        return ParsedRecords(batch)
    }

    /// The bytes stand alone in memory of their exact size, so that a tool that watches memory sees a read
    /// behind them.
    private static func feed(
        _ bytes: ArraySlice<UInt8>, to parser: some RecordParser, then continuation: Continuation,
        _ batch: inout EventBatch
    ) -> Int {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        defer { copy.deallocate() }
        _ = copy.initialize(from: bytes)
        return parser.parse(UnsafeBufferPointer(copy), then: continuation, into: &batch)
    }
}

extension SourceMapping {
    /// One event a record, its time in `time` and its type in `kind` unless told otherwise.
    static func event(_ configure: (inout EventMapping) -> Void = { _ in }) -> SourceMapping {
        SourceMapping(events: [.sample(configure)], isList: false, timeRange: sampleRange)
    }

    /// Several events a record, as `events` lists them.
    static func events(_ events: [EventMapping]) -> SourceMapping {
        SourceMapping(events: events, isList: true, timeRange: sampleRange)
    }

    /// The years 2000 to 2099.
    static let sampleRange =
        Timestamp(microseconds: 946_684_800_000_000)...Timestamp(microseconds: 4_102_444_800_000_000)
}

extension EventMapping {
    static func sample(_ configure: (inout EventMapping) -> Void = { _ in }) -> EventMapping {
        var mapping = EventMapping(
            occurredAt: Time(field("time")), type: field("kind"), defaultService: "shop",
            defaultEntity: "order")
        configure(&mapping)
        return mapping
    }
}

/// A field as a definition writes it.
func field(_ text: String) -> FieldReference {
    do { return try FieldReference(parsing: text) } catch { preconditionFailure(error.message) }
}

/// The first of these fields that is present.
func first(_ texts: String...) -> FieldReference { .firstPresent(texts.map(field)) }

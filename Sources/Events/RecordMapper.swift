/// A value that a scanner found for a path: its form and its place in the record's buffer.
struct FieldValue {
    enum Form: UInt8 {
        case absent
        /// Of a JSON string, without its quotes; `escapedText` holds escapes.
        case text, escapedText
        case number
        /// `true` or `false`.
        case word
        /// A JSON object or array.
        case nested
        /// Of a CSV cell, without its quotes; `quotedCell` holds doubled quotes.
        case cell, quotedCell
    }

    var form = Form.absent
    var start = 0
    var end = 0
}

/// Turns the values that a scanner found in one record into events, by the mapping of the source.
///
/// Compiled once a source; `begin` must be called on each batch before the first record goes into it.
final class RecordMapper {
    /// What the scanner found, by slot; `clear` before each record.
    let values: UnsafeMutablePointer<FieldValue>
    let slotCount: Int
    /// Whether any event takes the details that are left over.
    let wantsRemainder: Bool

    private let entries: [Entry]
    private let isList: Bool
    private let timeRange: ClosedRange<Timestamp>
    private let constants: [[UInt8]]
    private let composed: [Composed]
    /// Where the batch holds each constant; raw memory, because it is read for every event.
    private let constantSlices: UnsafeMutablePointer<TextSlice>
    private var objectIdentity: [UInt8] = []

    /// A trivial value: no reference counting in the loop over records.
    private enum Extractor {
        case none
        case slot(Int)
        case constant(Int)
        case composed(Int)
    }

    private enum Composed {
        case firstPresent([Extractor])
        case template([Extractor])
    }

    private enum EventID {
        case extractor(Extractor)
        case position
        case content
    }

    private struct Entry {
        let occurredAt: Extractor
        let timeFormat: TimeFormat?
        let timeZone: TimeZoneRules?
        let timeName: String
        let type: Extractor
        let eventID: EventID
        let caseID: Extractor
        let service: Extractor
        let entity: Extractor
        let userID: Extractor
        let correlationID: Extractor
        let sequence: Extractor
        let details: Extractor
    }

    /// The longest case id and event id together, in bytes: PostgreSQL's index rows end at 2,704.
    private static let maxKeyBytes = 2_500

    init(_ mapping: SourceMapping, tree: FieldTree) {
        slotCount = tree.slotCount
        values = .allocate(capacity: max(slotCount, 1))
        values.initialize(repeating: FieldValue(), count: max(slotCount, 1))
        isList = mapping.isList
        timeRange = mapping.timeRange
        wantsRemainder = mapping.events.contains { $0.details == nil }
        var compiler = Compiler(tree: tree)
        entries = mapping.events.map { compiler.compile($0) }
        constants = compiler.constants
        constantSlices = .allocate(capacity: max(compiler.constants.count, 1))
        composed = compiler.composed
    }

    deinit {
        values.deallocate()
        constantSlices.deallocate()
    }

    /// Puts the mapping's constants into a batch that was reset; derived ids of its events begin with `identity`.
    func begin(_ batch: inout EventBatch, objectIdentity: String) {
        self.objectIdentity = Array(objectIdentity.utf8)
        for (index, constant) in constants.enumerated() {
            let mark = batch.arena.count
            batch.arena.append(constant)
            constantSlices[index] = batch.arena.slice(from: mark)
        }
    }

    @inline(__always)
    func clear() {
        for slot in 0..<slotCount { values[slot].form = .absent }
    }

    // MARK: - Events

    /// Adds the record's events, and its rejects, to the batch.
    ///
    /// - Parameters:
    ///   - record: the record's bytes, without its line end.
    ///   - base: what the places in `values` count from.
    ///   - remainder: the details that are left over, in the batch's arena.
    func map(
        _ record: UnsafeBufferPointer<UInt8>, base: UnsafePointer<UInt8>, remainder: TextSlice, line: Int64,
        position: Int64, into batch: inout EventBatch
    ) {
        var yielded = false
        for index in entries.indices {
            let mark = batch.arena.count
            do {
                if try append(index, record, base, remainder, position, &batch) { yielded = true }
            } catch {
                batch.arena.truncate(to: mark)
                batch.reject(record, line: line, position: position, code: error.code, reason: error.reason)
                yielded = true
            }
        }
        if !yielded { batch.filtered += 1 }
    }

    private struct Refusal: Error {
        let code: RejectCode
        let reason: String
    }

    /// Adds the event of one entry; false where the entry has no time and may do without.
    @inline(__always)
    private func append(
        _ index: Int, _ record: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>,
        _ remainder: TextSlice, _ position: Int64, _ batch: inout EventBatch
    ) throws(Refusal) -> Bool {
        let entry = entries[index]
        guard let occurredAt = try time(entry, base, &batch.arena) else {
            if isList { return false }
            throw Refusal(
                code: .missingTime, reason: "\"\(entry.timeName)\" is absent: an event needs a time")
        }
        let type = try text(entry.type, "type", base, &batch.arena)
        if type.isAbsent { throw Refusal(code: .missingType, reason: "the type is absent") }

        let eventID: TextSlice
        switch entry.eventID {
        case .extractor(let extractor):
            eventID = try text(extractor, "event_id", base, &batch.arena)
            if eventID.isAbsent { throw Refusal(code: .missingEventID, reason: "the event_id is absent") }
        case .position:
            let mark = batch.arena.count
            batch.arena.append(objectIdentity)
            batch.arena.append(UInt8(ascii: ":"))
            batch.arena.append(decimal: position)
            if isList { appendIndex(index, &batch.arena) }
            eventID = batch.arena.slice(from: mark)
        case .content:
            let mark = batch.arena.count
            batch.arena.append(SHA256.hex(record, prefix: 16).utf8)
            if isList { appendIndex(index, &batch.arena) }
            eventID = batch.arena.slice(from: mark)
        }
        var caseID = try text(entry.caseID, "case_id", base, &batch.arena)
        if caseID.isAbsent { caseID = eventID }
        if Int(caseID.count) + Int(eventID.count) > RecordMapper.maxKeyBytes {
            throw Refusal(
                code: .keyTooLong,
                reason: "case_id and event_id have \(caseID.count + eventID.count) bytes together; "
                    + "at most \(RecordMapper.maxKeyBytes) can be indexed")
        }
        batch.events.append(
            Event(
                occurredAt: occurredAt, position: position, sequence: try sequence(entry, base, &batch.arena),
                entity: try text(entry.entity, "entity", base, &batch.arena), caseID: caseID,
                eventID: eventID, type: type, service: try text(entry.service, "service", base, &batch.arena),
                userID: try text(entry.userID, "user_id", base, &batch.arena),
                correlationID: try text(entry.correlationID, "correlation_id", base, &batch.arena),
                details: try details(entry, base, remainder, &batch.arena)))
        return true
    }

    private func appendIndex(_ index: Int, _ arena: inout ByteArena) {
        arena.append(UInt8(ascii: ":"))
        arena.append(decimal: Int64(index))
    }

    // MARK: - Values

    private func time(
        _ entry: Entry, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena
    ) throws(Refusal) -> Timestamp? {
        let mark = arena.count
        let bytes: UnsafeBufferPointer<UInt8>
        if case .slot(let slot) = entry.occurredAt, isPlain(values[slot].form) {
            bytes = UnsafeBufferPointer(
                start: base + values[slot].start, count: values[slot].end - values[slot].start)
        } else {
            let slice = try text(entry.occurredAt, "occurred_at", base, &arena)
            if slice.isAbsent { return nil }
            bytes = arena.bytes(of: slice)
        }
        defer { arena.truncate(to: mark) }
        if bytes.isEmpty { return nil }
        let parsed = entry.timeFormat?.parse(bytes)
        guard
            let time = entry.timeFormat == nil ? Timestamp.parse(bytes, zone: entry.timeZone) : parsed
        else {
            let shown = String(decoding: bytes.prefix(60), as: UTF8.self)
            throw Refusal(
                code: .badTime,
                reason: "\"\(entry.timeName)\" is \"\(shown)\", not a time"
                    + (entry.timeFormat.map { " of the form \($0.pattern)" } ?? ""))
        }
        guard timeRange.contains(time) else {
            throw Refusal(
                code: .timeOutOfRange,
                reason:
                    "\"\(entry.timeName)\" is \(time), outside \(timeRange.lowerBound) to \(timeRange.upperBound)"
            )
        }
        return time
    }

    private func isPlain(_ form: FieldValue.Form) -> Bool {
        form == .text || form == .number || form == .cell
    }

    private func sequence(
        _ entry: Entry, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena
    ) throws(Refusal) -> Int64? {
        if case .none = entry.sequence { return nil }
        let mark = arena.count
        defer { arena.truncate(to: mark) }
        let slice = try text(entry.sequence, "sequence", base, &arena)
        if slice.isAbsent || slice.count == 0 { return nil }
        guard let number = Int64(arena.string(of: slice)) else {
            throw Refusal(
                code: .badSequence,
                reason: "sequence is \"\(arena.string(of: slice).prefix(60))\", not a 64-bit integer")
        }
        return number
    }

    /// The text of a field, in the arena; absent where the record does not have it.
    @inline(__always)
    private func text(
        _ extractor: Extractor, _ column: StaticString, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch extractor {
        case .none: return .absent
        case .constant(let index): return constantSlices[index]
        case .slot(let slot):
            let value = values[slot]
            if value.form == .absent { return .absent }
            if value.form == .nested {
                throw Refusal(
                    code: .notAScalar, reason: "\(column) is an object or array where a text is needed")
            }
            let mark = arena.count
            append(value, base, &arena)
            return arena.slice(from: mark)
        case .composed(let index): return try composedText(index, column, base, &arena)
        }
    }

    private func composedText(
        _ index: Int, _ column: StaticString, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch composed[index] {
        case .firstPresent(let candidates):
            for candidate in candidates {
                let slice = try text(candidate, column, base, &arena)
                if !slice.isAbsent { return slice }
            }
            return .absent
        case .template(let parts):
            guard parts.allSatisfy(isPresent) else { return .absent }
            let mark = arena.count
            for part in parts {
                if case .constant(let index) = part {
                    arena.append(constants[index])
                } else {
                    _ = try text(part, column, base, &arena)
                }
            }
            return arena.slice(from: mark)
        }
    }

    private func isPresent(_ extractor: Extractor) -> Bool {
        switch extractor {
        case .none: false
        case .constant: true
        case .slot(let slot): values[slot].form != .absent
        case .composed(let index):
            switch composed[index] {
            case .firstPresent(let candidates): candidates.contains(where: isPresent)
            case .template(let parts): parts.allSatisfy(isPresent)
            }
        }
    }

    @inline(__always)
    private func append(_ value: FieldValue, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena) {
        switch value.form {
        case .escapedText:
            JSONText.appendUnescaped(base, from: value.start, to: value.end, into: &arena)
        case .quotedCell: CSVScanner.appendUndoubled(base, from: value.start, to: value.end, into: &arena)
        default: arena.append(base + value.start, value.end - value.start)
        }
    }

    /// The details as JSON text: what is left over, or the value that the mapping names.
    @inline(__always)
    private func details(
        _ entry: Entry, _ base: UnsafePointer<UInt8>, _ remainder: TextSlice, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        if case .none = entry.details { return remainder }
        return try mappedDetails(entry.details, base, &arena)
    }

    private func mappedDetails(
        _ extractor: Extractor, _ base: UnsafePointer<UInt8>, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch extractor {
        case .composed(let index):
            if case .firstPresent(let candidates) = composed[index] {
                guard let present = candidates.first(where: isPresent) else { return .absent }
                return try mappedDetails(present, base, &arena)
            }
        case .slot(let slot):
            let value = values[slot]
            switch value.form {
            case .absent: return .absent
            case .number, .word, .nested:
                let mark = arena.count
                arena.append(base + value.start, value.end - value.start)
                return arena.slice(from: mark)
            case .text, .escapedText:
                let mark = arena.count
                arena.append(base + value.start - 1, value.end - value.start + 2)
                return arena.slice(from: mark)
            case .cell, .quotedCell: break
            }
        case .none, .constant: break
        }
        // The rest is text, to be written as a JSON string.
        var scratch = ByteArena()
        if case .constant(let index) = extractor {
            scratch.append(constants[index])
        } else {
            guard isPresent(extractor) else { return .absent }
            _ = try text(extractor, "details", base, &scratch)
        }
        let mark = arena.count
        JSONText.appendQuoted(scratch.bytes(of: scratch.slice(from: 0)), into: &arena)
        return arena.slice(from: mark)
    }

    // MARK: - Compilation

    private struct Compiler {
        let tree: FieldTree
        var constants: [[UInt8]] = []
        var composed: [Composed] = []

        mutating func compile(_ mapping: EventMapping) -> Entry {
            let eventID: EventID =
                switch mapping.eventID {
                case .reference(let reference): .extractor(compile(reference))
                case .position: .position
                case .content: .content
                }
            return Entry(
                occurredAt: compile(mapping.occurredAt.reference), timeFormat: mapping.occurredAt.format,
                timeZone: mapping.occurredAt.zone,
                timeName: mapping.occurredAt.reference.paths.first?.text ?? "occurred_at",
                type: compile(mapping.type), eventID: eventID, caseID: compile(mapping.caseID),
                service: compile(mapping.service, orElse: mapping.defaultService),
                entity: compile(mapping.entity, orElse: mapping.defaultEntity),
                userID: compile(mapping.userID), correlationID: compile(mapping.correlationID),
                sequence: compile(mapping.sequence), details: compile(mapping.details))
        }

        private mutating func compile(_ reference: FieldReference?, orElse text: String) -> Extractor {
            guard let reference else { return compile(.constant(text)) }
            return compile(.firstPresent([reference, .constant(text)]))
        }

        private mutating func compile(_ reference: FieldReference?) -> Extractor {
            switch reference {
            case nil: return .none
            case .field(let path): return .slot(tree.slot(of: path))
            case .constant(let text):
                constants.append(Array(text.utf8))
                return .constant(constants.count - 1)
            case .firstPresent(let references):
                let candidates = references.map { compile($0) }
                composed.append(.firstPresent(candidates))
                return .composed(composed.count - 1)
            case .template(let parts):
                let extractors = parts.map { part -> Extractor in
                    switch part {
                    case .text(let text): compile(.constant(text))
                    case .field(let path): .slot(tree.slot(of: path))
                    }
                }
                composed.append(.template(extractors))
                return .composed(composed.count - 1)
            }
        }
    }
}

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
        /// Text that is not of JSON: of a CSV cell, as it stands.
        case cell
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
    /// Whether what is left over depends on which alternatives are taken.
    let hasFallbacks: Bool

    /// Raw memory: an entry holds references, and to copy one out of an array counts them.
    private let entries: UnsafeMutableBufferPointer<Entry>
    private let isList: Bool
    private let timeRange: ClosedRange<Timestamp>
    private let filter: RecordFilter.Compiled?
    /// Of the cursor field, or -1.
    private let cursorSlot: Int
    private let withholdsRecords: Bool
    private let keepsOriginals: Bool
    /// Of the hashes that take the place of what is redacted. An id derived from the record as it came is keyed, too:
    /// else the record could be tried until the id fits.
    private let contentKey: String?
    private let constants: [[UInt8]]
    private let composed: [Composed]
    private let choices: [[Candidate]]
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

    /// Where a text column comes from, so that most cost no decision: a slot, and a constant where that is absent. A
    /// column without a field has the slot behind all others, which stays absent.
    private struct Column {
        var slot: Int
        var constant = RecordMapper.absentConstant
        /// Instead of both.
        var composed: Int?
    }

    /// The constant that is the absent text.
    private static let absentConstant = 0

    private enum Composed {
        case firstPresent([Extractor])
        case template([Extractor])
    }

    /// One of a list of alternatives, and the slots that it takes out of the details where it is the first present.
    private struct Candidate {
        let extractor: Extractor
        let fallbacks: [Int]
    }

    private enum EventID {
        case column(Column, orElse: EventMapping.DerivedID?)
        case derived(EventMapping.DerivedID)
    }

    private struct Entry {
        let occurredAt: Extractor
        let timeFormat: TimeFormat?
        let timeZone: TimeZoneRules?
        /// Whether a time has no format, and one without a zone is UTC.
        let isPlainTime: Bool
        let timeName: String
        let type: Column
        let eventID: EventID
        let caseID: Column
        let service: Column
        let entity: Column
        let userID: Column
        let correlationID: Column
        let sequence: Extractor
        let isSequenceOptional: Bool
        let details: Extractor
    }

    /// The longest case id and event id together, in bytes: PostgreSQL's index rows end at 2,704.
    private static let maxKeyBytes = 2_500
    /// Of an entity, beside which reports index ids and types.
    private static let maxEntityBytes = 200

    init(_ mapping: SourceMapping, tree: FieldTree) {
        slotCount = tree.slotCount
        values = .allocate(capacity: slotCount + 1)
        values.initialize(repeating: FieldValue(), count: slotCount + 1)
        isList = mapping.isList
        timeRange = mapping.timeRange
        filter = mapping.filter?.compiled(by: tree)
        cursorSlot = mapping.cursor.map { tree.slot(of: $0) } ?? -1
        withholdsRecords = !mapping.redactions.isEmpty
        keepsOriginals = mapping.keepsOriginals
        contentKey = mapping.redactionKey
        wantsRemainder = mapping.events.contains { $0.details == nil }
        var compiler = Compiler(tree: tree)
        entries = .allocate(capacity: mapping.events.count)
        _ = entries.initialize(from: mapping.events.map { compiler.compile($0) })
        constants = compiler.constants
        constantSlices = .allocate(capacity: compiler.constants.count)
        composed = compiler.composed
        choices = compiler.choices
        hasFallbacks = !choices.isEmpty
    }

    deinit {
        values.deallocate()
        entries.deinitialize()
        entries.deallocate()
        constantSlices.deallocate()
    }

    /// Puts the mapping's constants into a batch that was reset; derived ids of its events begin with `identity`.
    func begin(_ batch: inout EventBatch, objectIdentity: String) {
        self.objectIdentity = Array(objectIdentity.utf8)
        batch.withholdsRecords = withholdsRecords
        for (index, constant) in constants.enumerated() {
            let mark = batch.arena.count
            batch.arena.append(constant)
            constantSlices[index] = batch.arena.slice(from: mark)
        }
        constantSlices[RecordMapper.absentConstant] = .absent
    }

    @inline(__always)
    func clear() {
        for slot in 0..<slotCount { values[slot].form = .absent }
    }

    /// Gives the place of each value that was left for a fallback and is taken after all.
    func eachTakenFallback(_ body: (Int) -> Void) {
        for candidates in choices {
            guard let taken = candidates.first(where: { isPresent($0.extractor) }) else { continue }
            for slot in taken.fallbacks { body(values[slot].start) }
        }
    }

    // MARK: - Events

    /// Adds the record's events, and its rejects, to the batch.
    ///
    /// - Parameters:
    ///   - record: the record's bytes, without its line end, as they may be stored.
    ///   - original: the bytes as they came; nil: the same.
    ///   - base: what the places in `values` count from.
    ///   - readable: the bytes that can be read from `base` on.
    ///   - remainder: the details that are left over, in the batch's arena.
    func map(
        _ record: UnsafeBufferPointer<UInt8>, original: UnsafeBufferPointer<UInt8>? = nil,
        base: UnsafePointer<UInt8>, readable: Int, remainder: TextSlice,
        line: Int64, position: Int64, into batch: inout EventBatch
    ) {
        let source = Source(record: record, original: original ?? record, base: base, readable: readable)
        if cursorSlot >= 0 { noteCursor(source, &batch) }
        if let filter, !passes(filter, source) {
            batch.filtered += 1
            return
        }
        if !batch.sought.isEmpty, batch.sought.contains(position) {
            batch.found[position] = SourceRecord(line: line, bytes: Array(record))
        }
        var yielded = false
        let first = batch.events.count
        for index in entries.indices {
            let mark = batch.arena.count
            do {
                if try append(index, source, remainder, position, &batch) { yielded = true }
            } catch {
                batch.arena.truncate(to: mark)
                batch.reject(
                    record, line: line, position: position, code: error.code, isRedacted: true,
                    reason: error.reason)
                if isList { batch.rejects[batch.rejects.count - 1].eventIndex = index }
                yielded = true
            }
        }
        if !yielded { batch.filtered += 1 }
        if keepsOriginals { batch.keepOriginal(record, position: position, eventsFrom: first) }
    }

    /// The memory that the values of a record stand in.
    private struct Source {
        let record: UnsafeBufferPointer<UInt8>
        let original: UnsafeBufferPointer<UInt8>
        let base: UnsafePointer<UInt8>
        let readable: Int
    }

    @inline(never)
    private func noteCursor(_ source: Source, _ batch: inout EventBatch) {
        guard let slice = try? text(ofSlot: cursorSlot, "cursor", source, &batch.arena), !slice.isAbsent
        else {
            return
        }
        batch.cursors.append(slice)
    }

    /// Whether the record whose values were found passes the filter.
    func passes(base: UnsafePointer<UInt8>, readable: Int) -> Bool {
        let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        let source = Source(record: nothing, original: nothing, base: base, readable: readable)
        return filter.map { passes($0, source) } ?? true
    }

    @inline(never)
    private func passes(_ filter: RecordFilter.Compiled, _ source: Source) -> Bool {
        filter.passes { slot in
            guard values[slot].form != .absent else { return nil }
            var scratch = ByteArena(capacity: 256)
            guard let slice = try? text(ofSlot: slot, "where", source, &scratch) else { return "" }
            return scratch.string(of: slice)
        }
    }

    private struct Refusal: Error {
        let code: RejectCode
        let reason: String
    }

    /// Adds the event of one entry; false where the entry has no time and may do without.
    @inline(__always)
    private func append(
        _ index: Int, _ source: Source, _ remainder: TextSlice, _ position: Int64, _ batch: inout EventBatch
    ) throws(Refusal) -> Bool {
        let entry = entries.baseAddress! + index
        guard let occurredAt = try time(entry, source, &batch.arena) else {
            if isList { return false }
            throw Refusal(
                code: .missingTime, reason: "\"\(entry.pointee.timeName)\" is absent: an event needs a time")
        }
        let type = try text(entry.pointee.type, "type", source, &batch.arena)
        if type.isAbsent { throw Refusal(code: .missingType, reason: "the type is absent") }

        var eventID: TextSlice
        switch entry.pointee.eventID {
        case .column(let column, let derived):
            eventID = try text(column, "event_id", source, &batch.arena)
            if eventID.isAbsent {
                guard let derived else {
                    throw Refusal(code: .missingEventID, reason: "the event_id is absent")
                }
                eventID = derivedID(derived, index, source, position, &batch.arena)
            }
        case .derived(let derived): eventID = derivedID(derived, index, source, position, &batch.arena)
        }
        var caseID = try text(entry.pointee.caseID, "case_id", source, &batch.arena)
        if caseID.isAbsent { caseID = eventID }
        if Int(caseID.count) + Int(eventID.count) > RecordMapper.maxKeyBytes {
            throw keyTooLong(Int(caseID.count) + Int(eventID.count))
        }
        let sequence =
            entry.pointee.isSequenceOptional
            ? try? sequence(entry.pointee.sequence, source, &batch.arena)
            : try sequence(entry.pointee.sequence, source, &batch.arena)
        let entity = try text(entry.pointee.entity, "entity", source, &batch.arena)
        if Int(entity.count) > RecordMapper.maxEntityBytes { throw entityTooLong(Int(entity.count)) }
        let service = try text(entry.pointee.service, "service", source, &batch.arena)
        let userID = try text(entry.pointee.userID, "user_id", source, &batch.arena)
        let correlationID = try text(entry.pointee.correlationID, "correlation_id", source, &batch.arena)
        let details = try details(entry.pointee.details, source, remainder, &batch.arena)
        batch.events.append(
            Event(
                occurredAt: occurredAt, position: position, sequence: sequence, entity: entity,
                caseID: caseID, eventID: eventID, type: type, service: service, userID: userID,
                correlationID: correlationID, details: details))
        return true
    }

    @inline(never)
    private func keyTooLong(_ count: Int) -> Refusal {
        Refusal(
            code: .keyTooLong,
            reason: "case_id and event_id have \(count) bytes together; "
                + "at most \(RecordMapper.maxKeyBytes) can be indexed")
    }

    @inline(never)
    private func entityTooLong(_ count: Int) -> Refusal {
        Refusal(
            code: .keyTooLong,
            reason: "entity has \(count) bytes; at most \(RecordMapper.maxEntityBytes) can be indexed")
    }

    private func derivedID(
        _ derived: EventMapping.DerivedID, _ index: Int, _ source: Source, _ position: Int64,
        _ arena: inout ByteArena
    ) -> TextSlice {
        let mark = arena.count
        switch derived {
        case .position:
            arena.append(objectIdentity)
            arena.append(UInt8(ascii: ":"))
            arena.append(decimal: position)
        case .content:
            guard let contentKey else {
                arena.append(SHA256.hex(source.original, prefix: 16).utf8)
                break
            }
            arena.append(SHA256.keyed(Array(source.original), key: contentKey, prefix: 16).utf8)
        }
        if isList { appendIndex(index, &arena) }
        return arena.slice(from: mark)
    }

    private func appendIndex(_ index: Int, _ arena: inout ByteArena) {
        arena.append(UInt8(ascii: ":"))
        arena.append(decimal: Int64(index))
    }

    // MARK: - Values

    @inline(__always)
    private func time(
        _ entry: UnsafeMutablePointer<Entry>, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> Timestamp? {
        if case .slot(let slot) = entry.pointee.occurredAt, isPlain(values[slot].form) {
            let value = values[slot]
            let bytes = UnsafeBufferPointer(start: source.base + value.start, count: value.end - value.start)
            if entry.pointee.isPlainTime, let time = Timestamp.parse(bytes), timeRange.contains(time) {
                return time
            }
            return try time(entry, bytes)
        }
        let mark = arena.count
        defer { arena.truncate(to: mark) }
        let slice = try text(entry.pointee.occurredAt, "occurred_at", source, &arena)
        return slice.isAbsent ? nil : try time(entry, arena.bytes(of: slice))
    }

    @inline(never)
    private func time(
        _ entry: UnsafeMutablePointer<Entry>, _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(Refusal) -> Timestamp? {
        if bytes.isEmpty { return nil }
        let (name, format) = (entry.pointee.timeName, entry.pointee.timeFormat)
        let parsed = format?.parse(bytes)
        guard let time = format == nil ? Timestamp.parse(bytes, zone: entry.pointee.timeZone) : parsed else {
            let shown = String(decoding: bytes.prefix(60), as: UTF8.self)
            throw Refusal(
                code: .badTime,
                reason: "\"\(name)\" is \"\(shown)\", not a time"
                    + (format.map { " of the form \($0.pattern)" } ?? ""))
        }
        guard timeRange.contains(time) else {
            throw Refusal(
                code: .timeOutOfRange,
                reason: "\"\(name)\" is \(time), outside \(timeRange.lowerBound) to \(timeRange.upperBound)"
            )
        }
        return time
    }

    private func isPlain(_ form: FieldValue.Form) -> Bool {
        form == .text || form == .number || form == .cell
    }

    @inline(__always)
    private func sequence(
        _ extractor: Extractor, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> Int64? {
        if case .none = extractor { return nil }
        if case .slot(let slot) = extractor, isPlain(values[slot].form),
            let number = shortNumber(source.base + values[slot].start, values[slot].end - values[slot].start)
        {
            return number
        }
        return try longSequence(extractor, source, &arena)
    }

    /// The number that one to nine digits stand for.
    @inline(__always)
    private func shortNumber(_ digits: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
        guard count >= 1, count <= 9 else { return nil }
        var number: Int64 = 0
        for index in 0..<count {
            let digit = digits[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number &* 10 &+ Int64(digit)
        }
        return number
    }

    @inline(never)
    private func longSequence(
        _ extractor: Extractor, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> Int64? {
        let mark = arena.count
        defer { arena.truncate(to: mark) }
        let slice = try text(extractor, "sequence", source, &arena)
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
        _ extractor: Extractor, _ column: StaticString, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch extractor {
        case .none: return .absent
        case .constant(let index): return constantSlices[index]
        case .slot(let slot): return try text(ofSlot: slot, column, source, &arena)
        case .composed(let index): return try composedText(index, column, source, &arena)
        }
    }

    @inline(__always)
    private func text(
        _ column: Column, _ name: StaticString, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        if let index = column.composed { return try composedText(index, name, source, &arena) }
        if values[column.slot].form == .absent { return constantSlices[column.constant] }
        return try text(ofSlot: column.slot, name, source, &arena)
    }

    @inline(__always)
    private func text(
        ofSlot slot: Int, _ column: StaticString, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        let value = values + slot
        let mark = arena.count
        switch value.pointee.form {
        case .absent: return .absent
        case .text, .number, .word, .cell:
            let (start, end) = (value.pointee.start, value.pointee.end)
            arena.append(source.base + start, end &- start, readable: source.readable &- start)
        case .escapedText: appendUnescaped(value.pointee, source, &arena)
        case .nested:
            throw notAScalar(column)
        }
        return arena.slice(from: mark)
    }

    private func composedText(
        _ index: Int, _ column: StaticString, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch composed[index] {
        case .firstPresent(let candidates):
            for candidate in candidates {
                let slice = try text(candidate, column, source, &arena)
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
                    _ = try text(part, column, source, &arena)
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

    @inline(never)
    private func notAScalar(_ column: StaticString) -> Refusal {
        Refusal(code: .notAScalar, reason: "\(column) is an object or array where a text is needed")
    }

    @inline(never)
    private func appendUnescaped(_ value: FieldValue, _ source: Source, _ arena: inout ByteArena) {
        JSONText.appendUnescaped(source.base, from: value.start, to: value.end, into: &arena)
    }

    /// The details as JSON text: what is left over, or the value that the mapping names.
    @inline(__always)
    private func details(
        _ extractor: Extractor, _ source: Source, _ remainder: TextSlice, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        if case .none = extractor { return remainder }
        return try mappedDetails(extractor, source, &arena)
    }

    private func mappedDetails(
        _ extractor: Extractor, _ source: Source, _ arena: inout ByteArena
    ) throws(Refusal) -> TextSlice {
        switch extractor {
        case .composed(let index):
            if case .firstPresent(let candidates) = composed[index] {
                guard let present = candidates.first(where: isPresent) else { return .absent }
                return try mappedDetails(present, source, &arena)
            }
        case .slot(let slot):
            let value = values[slot]
            switch value.form {
            case .absent: return .absent
            case .number, .word, .nested:
                let mark = arena.count
                arena.append(source.base + value.start, value.end - value.start)
                return arena.slice(from: mark)
            case .text, .escapedText:
                let mark = arena.count
                arena.append(source.base + value.start - 1, value.end - value.start + 2)
                return arena.slice(from: mark)
            case .cell: break
            }
        case .none, .constant: break
        }
        // The rest is text, to be written as a JSON string.
        var scratch = ByteArena()
        if case .constant(let index) = extractor {
            scratch.append(constants[index])
        } else {
            guard isPresent(extractor) else { return .absent }
            _ = try text(extractor, "details", source, &scratch)
        }
        let mark = arena.count
        JSONText.appendQuoted(scratch.bytes(of: scratch.slice(from: 0)), into: &arena)
        return arena.slice(from: mark)
    }

    // MARK: - Compilation

    private struct Compiler {
        let tree: FieldTree
        var constants: [[UInt8]] = [[]]
        var composed: [Composed] = []
        /// The lists with fallbacks.
        var choices: [[Candidate]] = []

        mutating func compile(_ mapping: EventMapping) -> Entry {
            let eventID: EventID =
                switch mapping.eventID {
                case .reference(let reference, let derived): .column(column(reference), orElse: derived)
                case .derived(let derived): .derived(derived)
                }
            return Entry(
                occurredAt: compile(mapping.occurredAt.reference), timeFormat: mapping.occurredAt.format,
                timeZone: mapping.occurredAt.zone,
                isPlainTime: mapping.occurredAt.format == nil && mapping.occurredAt.zone == nil,
                timeName: mapping.occurredAt.reference.paths.first?.text ?? "occurred_at",
                type: column(mapping.type), eventID: eventID, caseID: column(mapping.caseID),
                service: column(mapping.service, orElse: mapping.defaultService),
                entity: column(mapping.entity, orElse: mapping.defaultEntity),
                userID: column(mapping.userID), correlationID: column(mapping.correlationID),
                sequence: compile(mapping.sequence), isSequenceOptional: mapping.isSequenceOptional,
                details: compile(mapping.details))
        }

        private mutating func column(_ reference: FieldReference?, orElse text: String) -> Column {
            guard let reference else { return column(.constant(text)) }
            guard case .field(let path) = reference else {
                return column(.firstPresent([reference, .constant(text)]))
            }
            return Column(slot: tree.slot(of: path), constant: column(.constant(text)).constant)
        }

        private mutating func column(_ reference: FieldReference?) -> Column {
            switch compile(reference) {
            case .none: Column(slot: tree.slotCount)
            case .slot(let slot): Column(slot: slot)
            case .constant(let constant): Column(slot: tree.slotCount, constant: constant)
            case .composed(let index): Column(slot: tree.slotCount, composed: index)
            }
        }

        private mutating func compile(_ reference: FieldReference?) -> Extractor {
            switch reference {
            case nil: return .none
            case .field(let path): return .slot(tree.slot(of: path))
            case .constant(let text):
                constants.append(Array(text.utf8))
                return .constant(constants.count - 1)
            case .fallback(let reference): return compile(reference)
            case .firstPresent(let references):
                let candidates = references.map { compile($0) }
                composed.append(.firstPresent(candidates))
                let fallbacks = references.map { reference -> [Int] in
                    guard case .fallback = reference else { return [] }
                    // What stands deeper is left where it is.
                    return reference.paths.filter { $0.steps.count == 1 }.map { tree.slot(of: $0) }
                }
                if fallbacks.contains(where: { !$0.isEmpty }) {
                    choices.append(
                        zip(candidates, fallbacks).map { Candidate(extractor: $0, fallbacks: $1) })
                }
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

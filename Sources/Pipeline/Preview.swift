import Events
import Extract
import Foundation

/// The first events of a source as a run would load them, and what it would reject. Touches no database, so an event that
/// is there already, or comes twice, is none that would not load.
package struct Preview: Sendable {
    package let pipeline: String
    package let source: String
    /// The files that were looked at, or the address.
    package private(set) var objects: [String] = []
    package private(set) var events: [Row] = []
    package private(set) var rejects: [RejectedRecord] = []
    package private(set) var loaded = 0
    package private(set) var rejected = 0
    package private(set) var filtered = 0
    /// Whether there is more than was looked at.
    package private(set) var isPartial = false
    /// What a person should know of what was looked at.
    package private(set) var notes: [String] = []
    /// Whether a file is damaged where it was looked at; a run would fail there.
    package private(set) var isDamaged = false
    /// Why the source, or the rest of it, could not be read.
    package private(set) var error: (any Error)?

    /// A row of `raw.events`, with the object that it is of.
    package struct Row: Sendable {
        package let object: String
        package let position: Int64
        package let occurredAt: Timestamp
        package let type: String
        package let entity: String
        package let caseID: String
        package let eventID: String
        package let service: String
        package let userID: String?
        package let correlationID: String?
        package let sequence: Int64?
        /// JSON text.
        package let details: String?
    }

    package struct RejectedRecord: Sendable {
        package let object: String
        package let line: Int64
        /// A byte offset, or of an API that of the items.
        package let position: Int64
        package let code: RejectCode
        package let reason: String
        /// Its beginning; empty where the source redacts fields.
        package let raw: String
    }

    package var read: Int { loaded + rejected + filtered }
    package var isNothingButRejects: Bool { rejected > 0 && loaded == 0 }

    /// So many records are counted where so many are there, to meet rejects among them.
    private static let minRecords = 1_000
    /// Where a filter passes nothing, the looking ends here.
    private static let maxBytes: Int64 = 64 << 20
    private static let stepBytes: Int64 = 4 << 20
    private static let keptOfRaw = 1_024
    /// An API that does not answer is not waited for as long as in a run.
    private static let maxAttempts = 2
    /// Nor a program that writes nothing.
    private static let patienceSeconds = 30.0

    private let rows: Int
    private var bytes: Int64 = 0

    /// Looks at a source; what makes that fail is kept as its error.
    ///
    /// - Parameter rows: how many events, and how many rejects, are kept.
    package init(_ source: SourceDefinition, of pipeline: PipelineDefinition, in project: Project, rows: Int)
    {
        self.pipeline = pipeline.name
        self.source = source.name
        self.rows = rows
        do {
            switch source.input {
            case .files(let input): try read(input, source, project)
            case .http(let api): try read(api, source)
            case .command(let command, _): try read(command, source)
            }
        } catch {
            self.error = error
        }
    }

    private var isEnough: Bool {
        bytes >= Preview.maxBytes || read >= max(Preview.minRecords, rows) && loaded >= rows
    }

    private var batchSize: Int { max(Preview.minRecords, rows) }

    // MARK: - Kinds of sources

    /// The first files in the order in which they would be loaded.
    private mutating func read(
        _ input: FileInput, _ source: SourceDefinition, _ project: Project
    ) throws {
        var unmatched: [String] = []
        let files = try input.files(in: project) { unmatched.append($0) }
        notes += unmatched.map { "no file matches \"\($0)\" now" }
        for file in files {
            guard !isEnough else {
                isPartial = true
                return
            }
            try read(file, input, source)
        }
    }

    private mutating func read(
        _ file: FoundFile, _ input: FileInput, _ source: SourceDefinition
    ) throws {
        objects.append(file.name)
        let plan = ReadPlan(file, identity: try file.likelyIdentity(input.form.encoding))
        let isSettled = input.settleSeconds.map { Date().timeIntervalSince(file.modified) >= $0 } ?? false
        let reader = try FileReader(
            plan, plan.stretches[0], form: input.form, mapping: source.mapping, isSettled: isSettled)
        var batch = EventBatch(capacity: batchSize)
        while try reader.fill(&batch, upTo: reader.position + Preview.stepBytes) {
            guard !isEnough else {
                isPartial = true
                return
            }
            take(batch, of: file.name)
        }
        if let damage = reader.damage {
            isDamaged = true
            notes.append("\(file.name) is damaged: \(damage)")
        } else if reader.rest > 0 {
            notes.append(
                "the last \(reader.rest) bytes of \(file.name) are no whole record yet; they wait for its end"
            )
        }
    }

    /// The first page.
    private mutating func read(_ api: HTTPSource, _ source: SourceDefinition) throws {
        objects.append(api.name)
        var api = api
        api.limits.maxAttempts = min(api.limits.maxAttempts, Preview.maxAttempts)
        var start = PullStart(identity: "preview")
        start.maxPages = 1
        start.since = api.incremental?.initial
        let reader = PullReader(api, from: start, mapping: source.mapping, maxLine: source.maxLine) { false }
        var batch = EventBatch(capacity: batchSize)
        while try reader.fill(&batch) { take(batch, of: api.name) }
        // Behind a page that leads to another, that is the next place.
        isPartial = reader.checkpoint.step != PullCheckpoint().step
    }

    /// What a program writes, from the start; it is ended once that is enough.
    private mutating func read(_ command: CommandSource, _ source: SourceDefinition) throws {
        objects.append(command.name)
        var command = command
        command.timeoutSeconds = min(command.timeoutSeconds, Preview.patienceSeconds)
        let reader = try CommandReader(
            command, identity: "preview", cursor: command.cursor?.initial, mapping: source.mapping
        ) { false }
        var batch = EventBatch(capacity: batchSize)
        while try reader.fill(&batch) {
            guard !isEnough else {
                isPartial = true
                return
            }
            take(batch, of: command.name)
        }
        if let failure = reader.failure { throw failure }
    }

    // MARK: - Batches

    private mutating func take(_ batch: borrowing EventBatch, of object: String) {
        bytes += batch.range.end - batch.range.start
        loaded += batch.events.count
        rejected += batch.rejects.count
        filtered += batch.filtered
        for event in batch.events.prefix(rows - events.count) {
            events.append(Row(event, object, batch.arena))
        }
        for reject in batch.rejects.prefix(rows - rejects.count) {
            let raw = batch.arena.bytes(of: reject.raw).prefix(Preview.keptOfRaw)
            rejects.append(
                RejectedRecord(
                    object: object, line: reject.line, position: reject.position, code: reject.code,
                    reason: reject.reason, raw: String(decoding: raw, as: UTF8.self)))
        }
    }
}

extension Preview.Row {
    fileprivate init(_ event: Event, _ object: String, _ arena: borrowing ByteArena) {
        self.object = object
        position = event.position
        occurredAt = event.occurredAt
        type = arena.string(of: event.type)
        entity = arena.string(of: event.entity)
        caseID = arena.string(of: event.caseID)
        eventID = arena.string(of: event.eventID)
        service = arena.string(of: event.service)
        userID = event.userID.isAbsent ? nil : arena.string(of: event.userID)
        correlationID = event.correlationID.isAbsent ? nil : arena.string(of: event.correlationID)
        sequence = event.sequence
        details = event.details.isAbsent ? nil : arena.string(of: event.details)
    }
}

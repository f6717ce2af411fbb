import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// Where a batch is from.
struct SourcedBatch {
    let origin: BatchOrigin
    let source: SourceDefinition
    /// Of a batch that is to be written after those before it.
    let turn: CommitOrder.Turn?
    /// Reads records of the batch once more, by their positions, in the range that it covers.
    let records: @Sendable (_ positions: Set<Int64>, _ range: ReadRange) throws -> [Int64: SourceRecord]
}

/// The batches of a load, in the order of the sources; the workers take turns at it.
final class BatchSource: @unchecked Sendable {
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var parts: [Part]
    private var current: OpenPart?
    /// Bytes of files that are in no batch yet.
    private var remaining: Int64
    /// What is told once all is loaded.
    private var notes: [String] = []
    private var finishedPulls: [FinishedPull] = []
    /// Files that were read to their ends, by source.
    private var finishedFiles: [Int32: [SeenFile]] = [:]
    private var damages: [String] = []
    private var failures: [ExtractError] = []
    private let stopping = Stopping()
    private let pipeline: String
    private let runID: Int64
    private let workers: Int
    private let interruption: Interruption
    private let observer: RunObserver

    /// A batch of a smaller stretch would not be worth its transaction.
    private static let smallestShare: Int64 = 4 << 20

    /// A pull whose pages, or a call whose output, have all been read; it is finished once they are loaded too.
    struct FinishedPull {
        /// Notes that it is finished.
        let finish: (Connection) throws -> Void
        fileprivate let order: CommitOrder
    }

    /// What is read by one reader.
    private enum Part {
        case stretch(Reading, ReadPlan, ReadPlan.Stretch)
        case pull(Reading, PullPlan)
        case call(Reading, CommandPlan)
    }

    private enum OpenPart {
        case file(Reading, ReadPlan, FileReader)
        case pull(Reading, PullPlan, PullStart, PullReader, CommitOrder)
        case call(Reading, CommandPlan, Int64, CommandReader, CommitOrder)
    }

    /// Says to all who read that nobody wants more.
    private final class Stopping: @unchecked Sendable {
        private let lock = NSLock()
        private var isWanted = false
        var isSet: Bool { lock.withLock { isWanted } }
        func set() { lock.withLock { isWanted = true } }
    }

    /// - Parameter workers: how many take turns.
    init(
        _ readings: [Reading], pipeline: String, runID: Int64, workers: Int, interruption: Interruption,
        observer: RunObserver
    ) {
        parts = readings.flatMap { reading -> [Part] in
            switch reading.input {
            case .files(let plans, _):
                plans.flatMap { plan in plan.stretches.map { .stretch(reading, plan, $0) } }
            case .pull(let plan): [.pull(reading, plan)]
            case .call(let plan): [.call(reading, plan)]
            }
        }.reversed()
        self.pipeline = pipeline
        self.runID = runID
        self.workers = workers
        remaining = readings.reduce(0) { $0 + $1.remaining }
        self.interruption = interruption
        self.observer = observer
        for reading in readings {
            let name = "\(pipeline)/\(reading.source.name)"
            switch reading.input {
            case .files(let plans, _):
                for plan in plans {
                    // Of what is read already only that is news that it is gone.
                    if let note = plan.note, plan.remaining != 0 || plan.file.size == 0 {
                        observer.note("\(name): \(plan.file.name) \(note)")
                    }
                    if plan.stretches.isEmpty { finish(plan, of: reading, damage: plan.damage) }
                }
            case .pull(let plan):
                if let note = plan.note { observer.note("\(name): \(plan.api.name) \(note)") }
            case .call: break
            }
        }
    }

    /// Fills a batch with what comes next and says where it is from; nil at the end.
    ///
    /// - Parameter connection: claims the batch's id, in the order of the batches.
    func next(into batch: inout EventBatch, _ connection: Connection) throws -> SourcedBatch? {
        lock.lock()
        defer { lock.unlock() }
        do {
            while !stopping.isSet {
                switch current {
                case nil:
                    guard let part = parts.popLast() else { return nil }
                    current = try open(part, connection)
                case .file(let reading, let plan, let reader)?:
                    do {
                        if let next = try fill(&batch, reading, plan, reader, connection) { return next }
                    } catch let error as ExtractError where error.kind == .missing {
                        notes.append("\(pipeline)/\(reading.source.name): \(error)")
                    }
                    current = nil
                case .pull(let reading, let plan, let start, let reader, let order)?:
                    do {
                        if let next = try fill(&batch, reading, plan, reader, order, connection) {
                            return next
                        }
                    } catch let error as StaleCheckpoint {
                        observer.note(
                            "\(pipeline)/\(reading.source.name): \(plan.api.name): the place where an earlier run "
                                + "ended is of no use any more (\(error.reason)); it is read from the start"
                        )
                        let anew = try plan.restart(start, reason: error.reason, connection)
                        current = open(reading, plan, anew)
                        continue
                    }
                    close(reading, plan, start, reader, order)
                    current = nil
                case .call(let reading, let plan, let pullID, let reader, let order)?:
                    if let next = try fill(&batch, reading, plan, reader, order, connection) { return next }
                    current = nil
                    close(reading, plan, pullID, reader, order)
                }
            }
            return nil
        } catch {
            let wasStopping = stopping.isSet
            stopping.set()
            guard (error as? ExtractError)?.kind == .cancelled else { throw error }
            // Whoever made the others stop tells why.
            if wasStopping, !interruption.isRequested { return nil }
            throw Interrupted()
        }
    }

    /// Gives no more batches: another worker has failed.
    func stop() { stopping.set() }

    func tellWhatWaits() { for note in lock.withLock({ notes }) { observer.note(note) } }

    /// Pulls of which all is loaded, to be noted once the workers have stopped.
    var pullsAtEnd: [FinishedPull] { lock.withLock { finishedPulls.filter(\.order.isComplete) } }

    /// Files of which nothing is left to read, once all is loaded.
    var filesAtEnd: [Int32: [SeenFile]] { lock.withLock { finishedFiles } }
    /// Programs that failed; what they wrote before is in batches.
    var failedPrograms: [ExtractError] { lock.withLock { failures } }
    /// Files that end in the middle of what they hold, in words.
    var damagedFiles: [String] { lock.withLock { damages } }

    /// - Parameter damage: why the file's end is none.
    private func finish(_ plan: ReadPlan, of reading: Reading, damage: String?) {
        if !plan.isUnchanged {
            finishedFiles[reading.sourceID, default: []].append(plan.seen(damage: damage))
        }
        if let damage {
            damages.append("\(pipeline)/\(reading.source.name): \(plan.file.name) is damaged: \(damage)")
        }
    }

    /// - Returns: nil where there is nothing to be read after all.
    private func open(_ part: Part, _ connection: Connection) throws -> OpenPart? {
        switch part {
        case .stretch(let reading, let plan, let stretch):
            guard let files = reading.source.files else { preconditionFailure("a stretch is of a file") }
            let isSettled = files.settleSeconds.map { Date().timeIntervalSince(plan.file.modified) >= $0 }
            do {
                let reader = try FileReader(
                    plan, stretch, form: files.form, mapping: reading.source.mapping,
                    isSettled: isSettled ?? false)
                return .file(reading, plan, reader)
            } catch {
                guard error.kind == .missing else { throw error }
                notes.append("\(pipeline)/\(reading.source.name): \(error)")
                return nil
            }
        case .pull(let reading, let plan): return open(reading, plan, try plan.start(connection))
        case .call(let reading, let plan):
            let pullID = try plan.begin(connection)
            let reader: CommandReader
            do {
                reader = try CommandReader(
                    plan.command, identity: Pulls.identity(pullID), cursor: plan.cursor,
                    mapping: reading.source.mapping
                ) { [interruption, stopping] in interruption.isRequested || stopping.isSet }
            } catch {
                guard error.kind != .cancelled else { throw error }
                failures.append(error)
                return nil
            }
            return .call(reading, plan, pullID, reader, CommitOrder())
        }
    }

    private func open(_ reading: Reading, _ plan: PullPlan, _ start: PullStart) -> OpenPart {
        let reader = PullReader(
            plan.api, from: start, mapping: reading.source.mapping, maxLine: reading.source.maxLine
        ) { [interruption, stopping] in interruption.isRequested || stopping.isSet }
        return .pull(reading, plan, start, reader, CommitOrder())
    }

    // MARK: - Files

    /// Where batches are many, each is as large as it may be. The last ones are smaller and smaller, a worker's share
    /// of what remains (guided self-scheduling: Polychronopoulos and Kuck, 1987), so that the workers end together.
    /// A batch that was begun before and lost is read as it was.
    private func fill(
        _ batch: inout EventBatch, _ reading: Reading, _ plan: ReadPlan, _ reader: FileReader,
        _ connection: Connection
    ) throws -> SourcedBatch? {
        let share = max(BatchSource.smallestShare, remaining / Int64(workers))
        let claimed = reading.claims.end(objectIdentity: plan.identity, start: reader.position)
        guard try reader.fill(&batch, upTo: claimed ?? reader.position + share) else {
            if reader.damage == nil, reader.rest > 0 {
                notes.append(
                    "\(pipeline)/\(reading.source.name): the last \(reader.rest) bytes of \(plan.file.name) are no "
                        + "whole record yet; they wait for its end")
            } else if reader.isAtEndOfFile {
                finish(plan, of: reading, damage: reader.damage)
            }
            return nil
        }
        remaining -= batch.range.end - batch.range.start
        let source = reading.source
        var origin = try origin(
            of: batch, reading, object: plan.file.name, identity: plan.identity,
            tailHash: try reader.tailHash(), connection)
        origin.columns = reader.columns
        return SourcedBatch(
            origin: origin, source: source, turn: nil, records: reader.lookup(mapping: source.mapping))
    }

    // MARK: - APIs

    private func fill(
        _ batch: inout EventBatch, _ reading: Reading, _ plan: PullPlan, _ reader: PullReader,
        _ order: CommitOrder, _ connection: Connection
    ) throws -> SourcedBatch? {
        let name = "\(pipeline)/\(reading.source.name): \(plan.api.name)"
        guard try reader.fill(&batch, tell: { observer.note("\(name): \($0)") }) else { return nil }
        var origin = try origin(
            of: batch, reading, object: plan.api.name, identity: reader.identity, tailHash: "", connection)
        origin.checkpoint = try reader.storedCheckpoint().map(PullPlan.json)
        origin.columns = reader.batchColumns
        return SourcedBatch(
            origin: origin, source: reading.source, turn: order.next(), records: reader.lookup())
    }

    private func close(
        _ reading: Reading, _ plan: PullPlan, _ start: PullStart, _ reader: PullReader, _ order: CommitOrder
    ) {
        let name = "\(pipeline)/\(reading.source.name): \(plan.api.name)"
        if reader.isPaused {
            notes.append("\(name): the requests of this run are used up (max_requests); the next run goes on")
        }
        if reader.isUnchanged { notes.append("\(name): nothing has changed since the last run") }
        guard reader.isFinished else { return }
        if let incremental = plan.api.incremental, reader.position > start.position,
            reader.checkpoint.mark == nil
        {
            notes.append(
                "\(name): no item has a \"\(incremental.field.text)\" (cursor_field); the next run asks for all again"
            )
        }
        finishedPulls.append(
            FinishedPull(
                finish: { [mark = reader.checkpoint.mark, validators = reader.validators] connection in
                    try plan.finish(start, mark: mark, validators: validators, connection)
                }, order: order))
    }

    // MARK: - Programs

    private func fill(
        _ batch: inout EventBatch, _ reading: Reading, _ plan: CommandPlan, _ reader: CommandReader,
        _ order: CommitOrder, _ connection: Connection
    ) throws -> SourcedBatch? {
        guard try reader.fill(&batch) else { return nil }
        var origin = try origin(
            of: batch, reading, object: plan.command.name, identity: reader.identity, tailHash: "", connection
        )
        origin.checkpoint = reader.checkpoint.map(CommandPlan.checkpoint)
        origin.columns = reader.columns
        return SourcedBatch(
            origin: origin, source: reading.source, turn: order.next(), records: reader.lookup())
    }

    /// A program that failed keeps no other source from being read; the run fails at its end.
    private func close(
        _ reading: Reading, _ plan: CommandPlan, _ pullID: Int64, _ reader: CommandReader,
        _ order: CommitOrder
    ) {
        let name = "\(pipeline)/\(reading.source.name): \(plan.command.name)"
        if let failure = reader.failure { return failures.append(failure) }
        if !reader.remarks.isEmpty { notes.append("\(name) says: \(reader.remarks.prefix(300))") }
        if let cursor = plan.command.cursor {
            if reader.position > 0, reader.mark == nil {
                notes.append(
                    "\(name): no record has a \"\(cursor.field.text)\" (cursor_field); the next run asks for all again"
                )
            }
            if cursor.isSorted, !reader.isSorted {
                notes.append(
                    "\(name): the output is not in the order of \"\(cursor.field.text)\"; say \"sorted\": false, or a run "
                        + "that is broken off may leave something out")
            }
        }
        finishedPulls.append(
            FinishedPull(
                finish: { [mark = reader.mark] connection in
                    try plan.finish(pullID, mark: mark, connection)
                }, order: order))
    }

    private func origin(
        of batch: borrowing EventBatch, _ reading: Reading, object: String, identity: String,
        tailHash: String,
        _ connection: Connection
    ) throws -> BatchOrigin {
        BatchOrigin(
            loadID: try Ledger.claimLoadID(
                source: reading.sourceID, objectIdentity: identity, range: batch.range, connection),
            runID: runID, pipeline: pipeline, sourceID: reading.sourceID, identity: reading.source.identity,
            onChange: reading.source.onChange, object: object, objectIdentity: identity, tailHash: tailHash)
    }
}

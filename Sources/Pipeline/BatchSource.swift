import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// Where a batch is from.
struct SourcedBatch {
    let origin: BatchOrigin
    let source: SourceDefinition
    fileprivate let plan: ReadPlan

    /// Reads records of the batch, which covers `range`, once more.
    func records(_ positions: Set<Int64>, in range: ReadRange) throws -> [Int64: SourceRecord] {
        try FileReader.records(
            at: positions, in: range, of: plan, format: source.format, mapping: source.mapping,
            maxLine: source.maxLine)
    }
}

/// The batches of a load, in the order of the sources; the workers take turns at it.
final class BatchSource: @unchecked Sendable {
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var stretches: [Stretch]
    private var current: (stretch: Stretch, reader: FileReader)?
    private var hasFailed = false
    /// Bytes that are in no batch yet.
    private var remaining: Int64
    /// Files whose last bytes are no whole record yet.
    private var waiting: [String] = []
    private let pipeline: String
    private let runID: Int64
    private let workers: Int
    private let observer: RunObserver

    /// A batch of a smaller stretch would not be worth its transaction.
    private static let smallestShare: Int64 = 4 << 20

    private struct Stretch {
        let reading: Reading
        let plan: ReadPlan
        let stretch: ReadPlan.Stretch
        var name: String { plan.file.name }
    }

    /// - Parameter workers: how many take turns.
    init(_ readings: [Reading], pipeline: String, runID: Int64, workers: Int, observer: RunObserver) {
        stretches = readings.flatMap { reading in
            reading.plans.flatMap { plan in
                plan.stretches.map { Stretch(reading: reading, plan: plan, stretch: $0) }
            }
        }.reversed()
        self.pipeline = pipeline
        self.runID = runID
        self.workers = workers
        remaining = stretches.reduce(0) { $0 + $1.stretch.end - $1.stretch.start }
        self.observer = observer
        for reading in readings {
            for plan in reading.plans {
                // Of what is read already only that is news that it is gone.
                if let note = plan.note, plan.remaining > 0 || plan.file.size == 0 {
                    observer.note("\(pipeline)/\(reading.source.name): \(plan.file.name) \(note)")
                }
            }
        }
    }

    /// Fills a batch with what comes next and says where it is from; nil at the end.
    ///
    /// Where batches are many, each is as large as it may be. The last ones are smaller and smaller, a worker's share
    /// of what remains (guided self-scheduling: Polychronopoulos and Kuck, 1987), so that the workers end together.
    /// A batch that was begun before and lost is read as it was.
    ///
    /// - Parameter connection: claims the batch's id, in the order of the batches.
    func next(into batch: inout EventBatch, _ connection: Connection) throws -> SourcedBatch? {
        lock.lock()
        defer { lock.unlock() }
        do {
            while !hasFailed {
                guard let (stretch, reader) = current else {
                    guard let stretch = stretches.popLast() else { return nil }
                    current = (stretch, try open(stretch))
                    continue
                }
                let share = max(BatchSource.smallestShare, remaining / Int64(workers))
                let claimed = stretch.reading.claims.end(
                    objectIdentity: stretch.plan.identity, start: reader.position)
                if try reader.fill(&batch, upTo: claimed ?? reader.position + share) {
                    remaining -= batch.range.end - batch.range.start
                    let source = stretch.reading.source
                    let origin = BatchOrigin(
                        loadID: try Ledger.claimLoadID(
                            source: stretch.reading.sourceID, objectIdentity: stretch.plan.identity,
                            range: batch.range, connection),
                        runID: runID, pipeline: pipeline,
                        sourceID: stretch.reading.sourceID, identity: source.identity,
                        onChange: source.onChange, object: stretch.name,
                        objectIdentity: stretch.plan.identity,
                        tailHash: try reader.tailHash(before: batch.range.end))
                    return SourcedBatch(origin: origin, source: source, plan: stretch.plan)
                }
                if reader.rest > 0 {
                    waiting.append(
                        "\(pipeline)/\(stretch.reading.source.name): the last \(reader.rest) bytes of "
                            + "\(stretch.name) are no whole record yet; they wait for its end")
                }
                current = nil
            }
            return nil
        } catch {
            hasFailed = true
            throw error
        }
    }

    /// Gives no more batches: another worker has failed.
    func stop() { lock.withLock { hasFailed = true } }

    func tellWhatWaits() { for note in lock.withLock({ waiting }) { observer.note(note) } }

    private func open(_ stretch: Stretch) throws -> FileReader {
        let source = stretch.reading.source
        let isSettled = source.settleSeconds.map {
            Date().timeIntervalSince(stretch.plan.file.modified) >= $0
        }
        return try FileReader(
            stretch.plan, stretch.stretch, format: source.format, mapping: source.mapping,
            isSettled: isSettled ?? false, maxLine: source.maxLine)
    }
}

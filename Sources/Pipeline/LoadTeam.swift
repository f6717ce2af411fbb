import Events
import Foundation
import Postgres
import Warehouse

/// The workers of a load. Each has a thread, a connection and a batch of its own: while one reads and parses, the
/// others copy. That bounds memory at a batch a worker, and the server has work on every core.
final class LoadTeam: @unchecked Sendable {
    // Everything that changes is touched only under the lock.
    private let lock = NSLock()
    private var progress: LoadProgress
    private var rejected: [Int32: Int] = [:]
    private var failure: (any Error)?
    private let pipeline: String
    private let conninfo: String?
    /// The server process that holds the pipeline's lock.
    private let lockHolder: Int32
    private let interruption: Interruption
    private let observer: RunObserver
    private let recentKeys = RecentKeys()
    private let stopwatch = Stopwatch()

    init(
        pipeline: String, totalBytes: Int64, conninfo: String?, lockHolder: Int32,
        interruption: Interruption, observer: RunObserver
    ) {
        self.pipeline = pipeline
        self.conninfo = conninfo
        self.lockHolder = lockHolder
        self.interruption = interruption
        self.observer = observer
        progress = LoadProgress(pipeline: pipeline, totalBytes: totalBytes)
    }

    /// How far it has come.
    var state: LoadProgress { lock.withLock { progress } }

    /// Loads until the source is empty; the calling thread waits.
    ///
    /// - Parameter buildsNewDays: fills days that are new without an index; they are to be finished afterwards.
    /// - Throws: the first error of a worker, once all have stopped. What they committed stays.
    func load(_ source: BatchSource, workers: Int, buildsNewDays: Bool) throws {
        try onThreads(workers) { connection in
            do {
                try self.work(
                    on: source, Loader(connection, recentKeys: self.recentKeys, buildsNewDays: buildsNewDays),
                    connection)
            } catch is CommitOrder.Broken {
                // Whoever broke it tells why.
            } catch {
                source.stop()
                throw error
            }
        }
    }

    /// Loads until the source is empty, on the calling thread and by a connection of the caller's.
    func load(_ source: BatchSource, by connection: Connection) throws {
        try work(on: source, Loader(connection, recentKeys: recentKeys), connection)
    }

    /// Finishes days that were filled without an index.
    func finish(_ days: [Int32], workers: Int) throws {
        guard !days.isEmpty else { return }
        lock.withLock { progress.days = (0, days.count) }
        try onThreads(min(workers, days.count)) { connection in
            while let day = self.nextDay(of: days) {
                try self.interruption.check()
                try BuildingDays.finish(day, connection)
                FailPoint.pass("finished-day")
            }
        }
    }

    private func nextDay(of days: [Int32]) -> Int32? {
        lock.withLock {
            guard failure == nil, progress.days.done < days.count else { return nil }
            progress.days.done += 1
            progress.seconds = stopwatch.seconds
            observer.progress(progress)
            return days[progress.days.done - 1]
        }
    }

    /// Runs `body` on some threads, each with a connection of its own.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Connection) throws -> Void) throws {
        lock.withLock { failure = nil }
        let done = DispatchGroup()
        for _ in 0..<count {
            done.enter()
            // libpq blocks, so a worker has a thread and not a place on the cooperative pool.
            let thread = Thread {
                do {
                    try body(self.connect())
                } catch {
                    self.lock.withLock { self.failure = self.failure ?? error }
                }
                done.leave()
            }
            thread.stackSize = 4 << 20
            thread.start()
        }
        done.wait()
        if let failure = lock.withLock({ failure }) { throw failure }
    }

    private func connect() throws -> Connection {
        let connection = try Warehouse.connect(conninfo)
        interruption.watch(connection)
        try PipelineLock.join(pipeline, heldBy: lockHolder, connection)
        return connection
    }

    private func work(on source: BatchSource, _ loader: consuming Loader, _ connection: Connection) throws {
        var batch = EventBatch()
        while true {
            let wait = Stopwatch()
            guard let next = try source.next(into: &batch, connection) else { return }
            let range = batch.range
            let counts: LoadCounts
            do {
                FailPoint.pass("read-batch")
                try interruption.check()
                counts = try loader.load(
                    &batch, from: next.origin, turn: next.turn,
                    records: { try next.records($0, range) })
            } catch {
                next.turn?.end(isWritten: false)
                throw error
            }
            next.turn?.end(isWritten: true)
            let busy = wait.seconds
            try note(counts, batch, next, busySeconds: busy, serverSeconds: loader.takeServerSeconds())
        }
    }

    /// Counts a committed batch and tells of it.
    ///
    /// - Throws: `TooManyRejects` where the batch's rejects are more than the source may have.
    private func note(
        _ counts: LoadCounts, _ batch: borrowing EventBatch, _ next: SourcedBatch, busySeconds: Double,
        serverSeconds: Double
    ) throws {
        lock.lock()
        defer { lock.unlock() }
        progress.object = next.origin.object
        progress.bytes += batch.range.end - batch.range.start
        progress.batches += 1
        progress.counts += counts
        progress.seconds = stopwatch.seconds
        progress.busySeconds += busySeconds
        progress.serverSeconds += serverSeconds
        // The first of them; all are in daybook.rejects.
        let shown = 3
        for reject in batch.rejects.prefix(shown) {
            observer.note(
                "\(pipeline): \(next.origin.object) line \(reject.line) (byte \(reject.position)): \(reject.reason)"
            )
        }
        if batch.rejects.count > shown {
            observer.note("\(pipeline): \(next.origin.object): \(batch.rejects.count - shown) more rejected")
        }
        observer.progress(progress)
        rejected[next.origin.sourceID, default: 0] += counts.rejected
        if case .count(let most)? = next.source.maxRejected, rejected[next.origin.sourceID, default: 0] > most
        {
            throw TooManyRejects(
                source: next.source, rejected: rejected[next.origin.sourceID, default: 0], read: nil)
        }
    }
}

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
    private var failure: (any Error)?
    private let source: BatchSource
    private let pipeline: String
    private let conninfo: String?
    private let interruption: Interruption
    private let observer: RunObserver
    private let recentKeys = RecentKeys()
    private let began = Date()

    init(
        _ source: BatchSource, pipeline: String, totalBytes: Int64, conninfo: String?,
        interruption: Interruption, observer: RunObserver
    ) {
        self.source = source
        self.pipeline = pipeline
        self.conninfo = conninfo
        self.interruption = interruption
        self.observer = observer
        progress = LoadProgress(
            pipeline: pipeline, object: "", bytes: 0, totalBytes: totalBytes, counts: LoadCounts(),
            seconds: 0)
    }

    /// What was committed.
    var counts: LoadCounts { lock.withLock { progress.counts } }

    /// Loads until the source is empty; the calling thread waits.
    ///
    /// - Throws: the first error of a worker, once all have stopped. What they committed stays.
    func load(workers: Int) throws {
        let done = DispatchGroup()
        for _ in 0..<workers {
            done.enter()
            // libpq blocks, so a worker has a thread and not a place on the cooperative pool.
            let thread = Thread {
                self.work()
                done.leave()
            }
            thread.stackSize = 4 << 20
            thread.start()
        }
        done.wait()
        if let failure = lock.withLock({ failure }) { throw failure }
    }

    private func work() {
        do {
            let connection = try Warehouse.connect(conninfo)
            interruption.watch(connection)
            try PipelineLock.join(pipeline, connection)
            var loader = Loader(connection, recentKeys: recentKeys)
            var batch = EventBatch()
            while let origin = try source.next(
                into: &batch, nextLoadID: { try Ledger.nextLoadID(connection) })
            {
                try interruption.check()
                note(try loader.load(batch, from: origin), batch, origin)
            }
        } catch {
            source.stop()
            lock.withLock { failure = failure ?? error }
        }
    }

    /// Counts a committed batch and tells of it.
    private func note(_ counts: LoadCounts, _ batch: borrowing EventBatch, _ origin: BatchOrigin) {
        lock.lock()
        defer { lock.unlock() }
        progress.object = origin.object
        progress.bytes += batch.range.end - batch.range.start
        progress.counts += counts
        progress.seconds = Date().timeIntervalSince(began)
        // The first of them; all are in daybook.rejects.
        let shown = 3
        for reject in batch.rejects.prefix(shown) {
            observer.note(
                "\(pipeline): \(origin.object) line \(reject.line) (byte \(reject.position)): \(reject.reason)"
            )
        }
        if batch.rejects.count > shown {
            observer.note("\(pipeline): \(origin.object): \(batch.rejects.count - shown) more rejected")
        }
        observer.progress(progress)
    }
}

import Events
import Foundation

/// Fetches the pages of a pull, one after another, on a thread of its own, ahead of whoever loads them.
final class PageQueue: @unchecked Sendable {
    enum Taken {
        case page(Page)
        /// None is there yet.
        case notYet
        case end
    }

    private let source: HTTPSource
    private let start: PullStart
    private let isCancelled: @Sendable () -> Bool
    // Everything below is touched only under the lock.
    private let lock = NSCondition()
    private var pages: [Page] = []
    private var bytes = 0
    private var failure: (any Error)?
    private var notes: [String] = []
    private var isAtEnd = false
    private var isStopped = false
    /// Whether the API said that nothing has changed.
    private var wasUnchanged = false
    /// Whether the run's requests were used up before the end.
    private var wasPaused = false

    /// What waits to be loaded; one page may be larger.
    private static let maxBytes = 16 << 20

    /// A page that comes so soon goes into the batch of the pages before it.
    private static let shortWait = 0.025

    init(_ source: HTTPSource, from start: PullStart, isCancelled: @escaping @Sendable () -> Bool) {
        self.source = source
        self.start = start
        self.isCancelled = isCancelled
    }

    func begin() {
        let thread = Thread { [self] in
            do {
                try fetch()
                lock.withLock { isAtEnd = true }
            } catch {
                lock.withLock { failure = error }
            }
            lock.withLock { lock.broadcast() }
        }
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Nobody wants more.
    func stop() {
        lock.withLock {
            isStopped = true
            lock.broadcast()
        }
    }

    var isUnchanged: Bool { lock.withLock { wasUnchanged } }
    var isPaused: Bool { lock.withLock { wasPaused } }

    /// The next page.
    ///
    /// - Parameters:
    ///   - waits: until one is there; else only a moment.
    ///   - room: a page of more items is left for the next call, unless it waits.
    ///   - tell: gets what a person should know meanwhile.
    /// - Throws: what kept the next page from coming.
    func take(waits: Bool, room: Int, tell: (String) -> Void) throws -> Taken {
        lock.lock()
        defer { lock.unlock() }
        let patience = Date(timeIntervalSinceNow: PageQueue.shortWait)
        while pages.isEmpty {
            notes.forEach(tell)
            notes = []
            if let failure {
                // What is in hand is committed before anybody is told.
                guard waits else { return .notYet }
                throw failure
            }
            if isAtEnd { return .end }
            guard waits else {
                if !lock.wait(until: patience) { return .notYet }
                continue
            }
            _ = lock.wait(until: Date(timeIntervalSinceNow: 0.1))
            if isCancelled() {
                throw ExtractError(kind: .cancelled, object: source.name, message: "interrupted")
            }
        }
        guard waits || pages[0].count <= room else { return .notYet }
        let page = pages.removeFirst()
        bytes -= page.body.count
        lock.broadcast()
        return .page(page)
    }

    // MARK: - Fetching

    private func fetch() throws {
        let api = HTTPAPI(source) { [self] in
            isCancelled() || lock.withLock { isStopped }
        } note: { [self] note in
            lock.withLock { notes.append(note) }
        }
        do {
            try checkAlignment(api)
            try fetchPages(api)
        } catch is HTTPAPI.BudgetSpent {
            lock.withLock { wasPaused = true }
        } catch let refusal as HTTPAPI.Refused {
            throw refusal.error
        }
    }

    private func fetchPages(_ api: HTTPAPI) throws {
        var circle = Circle(source, after: start.checkpoint.step)
        var step: PageStep? = start.checkpoint.step
        var mark = start.checkpoint.mark
        var columns: [String]?
        var count = 0
        while let current = step, count < start.maxPages ?? .max {
            guard count < source.limits.maxPages else {
                throw source.nonsense(
                    "there are more than \(source.limits.maxPages) pages in one run (max_pages); the next run goes on "
                        + "behind them")
            }
            count += 1
            do {
                let request = try request(api, current)
                try circle.pass(request, page: current.pages + 1)
                guard let (answer, scan) = try send(request, api) else {
                    lock.withLock { wasUnchanged = true }
                    return
                }
                try circle.pass(scan, current)
                if let columns, scan.count > 0, scan.columns != columns {
                    throw source.nonsense(
                        "page \(current.pages + 1) has other columns than the pages before: "
                            + scan.columns.joined(separator: ", ").prefix(200))
                }
                columns = columns ?? (scan.columns.isEmpty ? nil : scan.columns)
                if let own = scan.mark, mark.map({ CursorValue($0) < own }) ?? true { mark = own.json }
                step = try source.pagination.next(after: scan, answer, to: request, current, of: source)
                let page = Page(
                    step: current, body: answer.body, content: scan.content, count: scan.count,
                    columns: scan.columns, envelope: count == 1 ? scan.envelope : nil, mark: mark, next: step,
                    validators: source.pagination == .single ? Validators(answer) : nil)
                guard push(page) else { return }
            } catch let refusal as HTTPAPI.Refused {
                if isEnd(refusal, current) { return }
                if case .pageNumber(let number) = source.pagination, let total = current.total,
                    refusal.status == 404
                {
                    throw ExtractError(
                        kind: .unreadable, object: refusal.error.object,
                        message:
                            "\(refusal.error.message); \"\(number.total?.text ?? "")\" (total_path) says that there are "
                            + "\(total) pages: does it count items?")
                }
                guard count == 1, start.isResumed, [400, 404, 410, 422].contains(refusal.status) else {
                    throw refusal.error
                }
                throw StaleCheckpoint(reason: refusal.error.message)
            } catch let error as ExtractError
                where error.kind == .unsupported && count == 1 && start.isResumed
            {
                // The checkpoint of an earlier run leads to nothing, and would for ever.
                throw StaleCheckpoint(reason: error.message)
            }
        }
    }

    /// Where items are counted, those before a checkpoint may have moved since, and others with them: the page before it
    /// must be what it was.
    private func checkAlignment(_ api: HTTPAPI) throws {
        guard source.incremental != nil, let before = start.checkpoint.step.before(source.pagination),
            let known = start.checkpoint.step.recent?.last
        else { return }
        let scan = try send(try request(api, before), api)?.scan
        guard scan?.signature == known else {
            throw StaleCheckpoint(reason: "its items have moved")
        }
    }

    private func request(_ api: HTTPAPI, _ step: PageStep) throws -> HTTPRequest {
        var request = try api.firstRequest()
        if let incremental = source.incremental {
            if let since = start.since { request.put(since, incremental.place) }
            if let end = incremental.end { request.put(end.value, end.place) }
        }
        if let etag = start.validators?.etag { request.setHeader("If-None-Match", etag) }
        if let time = start.validators?.lastModified { request.setHeader("If-Modified-Since", time) }
        try source.pagination.apply(step, to: &request, of: source)
        return request
    }

    /// - Returns: nil where nothing has changed since an answer that we named.
    private func send(_ request: HTTPRequest, _ api: HTTPAPI) throws -> (answer: HTTPAnswer, scan: PageScan)?
    {
        let isAsked = start.validators != nil
        let (answer, scan) = try api.send(request) { answer throws(ExtractError) in
            if answer.status == 304 {
                guard isAsked else {
                    throw source.nonsense("HTTP 304: nothing has changed, which nobody asked")
                }
                return PageScan?.none
            }
            // No content is no items.
            return answer.status == 204 ? PageScan() : try PageScan(answer.body, of: source)
        }
        return scan.map { (answer, $0) }
    }

    /// Some that count pages say "not found" of the page behind the last.
    private func isEnd(_ refusal: HTTPAPI.Refused, _ step: PageStep) -> Bool {
        guard case .pageNumber = source.pagination, step.pages >= step.total ?? 0 else { return false }
        return refusal.status == 404 && step.pages > 0
    }

    /// False where nobody wants more.
    private func push(_ page: Page) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        while bytes + page.body.count > PageQueue.maxBytes, !pages.isEmpty, !isStopped { lock.wait() }
        pages.append(page)
        bytes += page.body.count
        lock.broadcast()
        return !isStopped
    }
}

/// Notices that an API leads back to where it was.
private struct Circle {
    private let source: HTTPSource
    private var requests: Set<Int> = []
    private var pages: Set<String> = []
    /// Those of an earlier run.
    private let earlier: Set<String>

    /// - Parameter step: where an earlier run ended.
    init(_ source: HTTPSource, after step: PageStep) {
        self.source = source
        earlier = Set(step.recent ?? [])
    }

    mutating func pass(_ request: HTTPRequest, page: Int) throws(ExtractError) {
        var hasher = Hasher()
        hasher.combine(request.url.text)
        hasher.combine(request.body)
        guard requests.insert(hasher.finalize()).inserted else {
            throw source.nonsense(
                "page \(page - 1) leads back to a page that was there before: \(request.url.shown(source.secrets))"
            )
        }
    }

    mutating func pass(_ scan: PageScan, _ step: PageStep) throws {
        guard scan.count > 0 else { return }
        // The checkpoint of an earlier run has led back to before it: nothing tells what lies behind.
        guard !earlier.contains(scan.signature) else {
            throw StaleCheckpoint(reason: "it leads back to pages before it")
        }
        guard !pages.insert(scan.signature).inserted else { return }
        throw source.nonsense(
            "page \(step.pages + 1) holds the same items as a page before it; does the API know the parameters of "
                + "\"pagination\"?")
    }
}

import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Why an exchange did not come to an answer.
enum HTTPFailure: Error {
    /// Another try may go well.
    case transient(String)
    /// No further try would.
    case permanent(String)
    /// No connection came about, so that the server saw nothing of it.
    ///
    /// - Parameter mayPass: whether another try may go well.
    case unsent(String, mayPass: Bool)
    /// The answer has more bytes than it may.
    case tooLarge
    case cancelled
}

/// Exchanges a request for an answer, one at a time; the calling thread waits. TLS is verified, answers are unpacked,
/// proxies are those of the environment; redirects are handed to the caller as they are.
final class HTTPConnection: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private var session: URLSession!
    // Everything below is of the exchange under way, and touched only under the lock.
    private let lock = NSLock()
    private var exchange: Exchange?
    private let timeoutSeconds: Double
    private let maxBytes: Int
    private let isCancelled: @Sendable () -> Bool

    private struct Exchange {
        /// What comes of another task is late, and of no interest.
        let task: Int
        let done = DispatchSemaphore(value: 0)
        var status = 0
        var headers: [String: String] = [:]
        var body = HTTPAnswerBody()
        var failure: HTTPFailure?
        var lastByte = Date()
    }

    /// - Parameter timeoutSeconds: without a byte for so long, the exchange is given up.
    init(timeoutSeconds: Double, maxBytes: Int, isCancelled: @escaping @Sendable () -> Bool) {
        self.timeoutSeconds = timeoutSeconds
        self.maxBytes = maxBytes
        self.isCancelled = isCancelled
        super.init()
        let configuration = URLSessionConfiguration.ephemeral
        // Ours is the first to fire: it knows of every byte.
        configuration.timeoutIntervalForRequest = timeoutSeconds * 2 + 10
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    }

    /// Ends it; the session keeps its delegate alive until then.
    func close() { session.invalidateAndCancel() }

    func send(_ request: HTTPRequest) throws(HTTPFailure) -> HTTPAnswer {
        guard let url = URL(string: request.url.text) else {
            throw .unsent("this is no URL", mayPass: false)
        }
        var message = URLRequest(url: url)
        message.httpMethod = request.method.rawValue
        for header in request.headers { message.addValue(header.value, forHTTPHeaderField: header.name) }
        message.httpBody = request.body.map { Data($0.utf8) }
        message.cachePolicy = .reloadIgnoringLocalCacheData
        let task = session.dataTask(with: message)
        let exchange = Exchange(task: task.taskIdentifier)
        lock.withLock { self.exchange = exchange }
        task.resume()
        try wait(for: exchange.done, task)
        guard let finished = lock.withLock({ self.exchange }) else { throw .cancelled }
        if let failure = finished.failure { throw failure }
        do {
            try finished.body.finish()
        } catch {
            throw .permanent(error.description)
        }
        return HTTPAnswer(status: finished.status, headers: finished.headers, body: finished.body)
    }

    private func wait(for done: DispatchSemaphore, _ task: URLSessionTask) throws(HTTPFailure) {
        let began = Date()
        while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            let silence = Date().timeIntervalSince(lock.withLock { exchange?.lastByte } ?? began)
            // A server that drips is not waited for without end.
            let isTooSlow = Date().timeIntervalSince(began) > timeoutSeconds * 60
            guard isCancelled() || silence > timeoutSeconds || isTooSlow else { continue }
            task.cancel()
            // What still comes of it finds no exchange.
            lock.withLock { exchange = nil }
            if isCancelled() { throw .cancelled }
            throw .transient(
                isTooSlow
                    ? "the answer was not whole after \(Int(timeoutSeconds * 60)) s"
                    : "nothing came for \(timeoutSeconds.formatted()) s")
        }
    }

    // MARK: - URLSessionDataDelegate

    func urlSession(
        _: URLSession, task _: URLSessionTask, willPerformHTTPRedirection _: HTTPURLResponse,
        newRequest _: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        change(dataTask) { HTTPConnection.note(response, in: &$0) }
        completionHandler(.allow)
    }

    func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        change(dataTask) { exchange in
            guard exchange.failure == nil else { return }
            exchange.lastByte = Date()
            do throws(SystemFailure) {
                guard exchange.body.count + data.count > maxBytes else {
                    return try exchange.body.append(data)
                }
                exchange.failure = .tooLarge
            } catch {
                exchange.failure = .permanent(error.description)
            }
            dataTask.cancel()
        }
    }

    func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        change(task) { exchange in
            // The answer of a redirect that is not followed is told here only.
            if exchange.status == 0 { HTTPConnection.note(task.response, in: &exchange) }
            if let error, exchange.failure == nil { exchange.failure = HTTPConnection.failure(error) }
            exchange.done.signal()
        }
    }

    private func change(_ task: URLSessionTask, _ body: (inout Exchange) -> Void) {
        lock.withLock {
            guard exchange?.task == task.taskIdentifier else { return }
            body(&exchange!)
        }
    }

    private static func note(_ response: URLResponse?, in exchange: inout Exchange) {
        guard let response = response as? HTTPURLResponse else { return }
        exchange.lastByte = Date()
        exchange.status = response.statusCode
        exchange.headers = Dictionary(
            response.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") },
            uniquingKeysWith: { $1 })
    }

    private static func failure(_ error: any Error) -> HTTPFailure {
        let message = (error as NSError).localizedDescription
        // Neither certificates nor addresses get better; a connection that broke may, over TLS too.
        let isPermanent = ["certificate", "unsupported URL", "Bad URL"].contains {
            message.contains($0)
        }
        if isPermanent { return .unsent(message, mayPass: false) }
        let code = (error as? URLError)?.code
        let isUnsent =
            [.cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .secureConnectionFailed].contains(code)
            || ["ould not connect", "ouldn't connect", "ailed to connect", "esolve host", "SSL connect"]
                .contains { message.contains($0) }
        return isUnsent ? .unsent(message, mayPass: true) : .transient(message)
    }
}

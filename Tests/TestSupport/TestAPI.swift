import Foundation

/// An HTTP server of a test's own, on a port of its own of this machine, that answers as the test says; closed when it
/// goes.
///
/// It knows the wire and nothing of what goes over it, so that a test can break it anywhere.
package final class TestAPI: @unchecked Sendable {
    package struct Request: Sendable {
        package let method: String
        package let path: String
        /// Decoded; of several of one name the last.
        package let query: [String: String]
        /// As sent.
        package let target: String
        /// By their names in lower case.
        package let headers: [String: String]
        package let body: String

        package init(
            method: String, path: String, query: [String: String], target: String, headers: [String: String],
            body: String
        ) {
            (self.method, self.path, self.query) = (method, path, query)
            (self.target, self.headers, self.body) = (target, headers, body)
        }
    }

    /// What is sent back, down to the bytes.
    package struct Answer: Sendable {
        package var status = 200
        package var headers: [(String, String)] = []
        package var body: [UInt8] = []
        /// The length that is told; nil: the true one.
        package var toldLength: Int?
        /// Bytes of the body after which the connection is cut; nil: none.
        package var cutAfter: Int?
        /// Whether the body comes in chunks, without a length.
        package var isChunked = false
        /// Whether the end of the connection is the end of the body.
        package var endsByClosing = false
        /// Seconds before the first byte, and between the halves of the body.
        package var delay = 0.0

        package init(_ body: [UInt8], status: Int = 200, headers: [(String, String)] = []) {
            (self.body, self.status, self.headers) = (body, status, headers)
        }

        package init(_ body: String, status: Int = 200, headers: [(String, String)] = []) {
            self.init([UInt8](body.utf8), status: status, headers: headers)
        }

        /// A connection that is closed without a word.
        package static let silence: Answer = {
            var answer = Answer("")
            answer.status = 0
            return answer
        }()
    }

    package let port: Int
    private let socket: Int32
    // Everything below is touched only under the lock.
    private let lock = NSLock()
    private var answer: @Sendable (Request) -> Answer
    private var asked: [Request] = []
    private var connections: Set<Int32> = []
    private var isClosed = false

    private struct Failure: Error { let reason: String }

    /// - Parameter answer: is called for each request, on a thread of its connection.
    package init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        self.answer = answer
        signal(SIGPIPE, SIG_IGN)
        #if canImport(Darwin)
            let kind = SOCK_STREAM
        #else
            let kind = Int32(SOCK_STREAM.rawValue)
        #endif
        socket = Foundation.socket(AF_INET, kind, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        let (socket, size) = (socket, length)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && listen(socket, 64) == 0
            }
        }
        guard isBound else { throw Failure(reason: String(cString: strerror(errno))) }
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard connection >= 0, let self, self.take(connection) else {
                    if connection >= 0 { close(connection) }
                    return
                }
            }
        }
        thread.start()
    }

    deinit { stop() }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// Every request so far.
    package var requests: [Request] { lock.withLock { asked } }

    package func forgetRequests() { lock.withLock { asked = [] } }

    /// Answers in another way from now on.
    package func change(_ answer: @escaping @Sendable (Request) -> Answer) {
        lock.withLock { self.answer = answer }
    }

    package func stop() {
        lock.withLock {
            guard !isClosed else { return }
            isClosed = true
            shutdown(socket, Int32(SHUT_RDWR))
            close(socket)
            for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func take(_ connection: Int32) -> Bool {
        let isTaken = lock.withLock { isClosed ? false : connections.insert(connection).inserted }
        guard isTaken else { return false }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        // Head and body are written one after the other; the second is not to wait until the first has arrived.
        var yes: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        let thread = Thread { [weak self] in
            var stream = InputBytes(connection)
            while let request = stream.request() {
                guard let self else { break }
                let answer = self.lock.withLock {
                    self.asked.append(request)
                    return self.answer
                }
                guard TestAPI.send(answer(request), to: connection, isHead: request.method == "HEAD") else {
                    break
                }
            }
            _ = self?.lock.withLock { self?.connections.remove(connection) }
            close(connection)
        }
        thread.start()
        return true
    }

    // MARK: - The wire

    /// False where the connection is to be closed.
    private static func send(_ answer: Answer, to connection: Int32, isHead: Bool) -> Bool {
        guard answer.status != 0 else { return false }
        if answer.delay > 0 { Thread.sleep(forTimeInterval: answer.delay) }
        var head = "HTTP/1.1 \(answer.status) Whatever\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        if answer.isChunked {
            head += "Transfer-Encoding: chunked\r\n"
        } else if answer.endsByClosing {
            head += "Connection: close\r\n"
        } else {
            head += "Content-Length: \(answer.toldLength ?? answer.body.count)\r\n"
        }
        guard write([UInt8]((head + "\r\n").utf8)[...], to: connection) else { return false }
        let body = answer.body[..<min(answer.cutAfter ?? answer.body.count, answer.body.count)]
        let half = body.count / 2
        for part in [body.prefix(half), body.dropFirst(half)] where !part.isEmpty {
            if answer.isChunked {
                let size = [UInt8]("\(String(part.count, radix: 16))\r\n".utf8)
                guard write(size[...] + part + [0x0D, 0x0A], to: connection) else { return false }
            } else {
                guard write(part, to: connection) else { return false }
            }
            if answer.delay > 0 { Thread.sleep(forTimeInterval: answer.delay) }
        }
        if answer.cutAfter != nil { return false }
        if answer.isChunked, !write([UInt8]("0\r\n\r\n".utf8)[...], to: connection) { return false }
        return !answer.endsByClosing && (answer.toldLength ?? answer.body.count) == answer.body.count
    }

    private static func write(_ bytes: ArraySlice<UInt8>, to connection: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Foundation.send(connection, buffer.baseAddress! + sent, buffer.count - sent, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    private struct InputBytes {
        private let connection: Int32
        private var bytes: [UInt8] = []

        init(_ connection: Int32) { self.connection = connection }

        private mutating func more() -> Bool {
            var chunk = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = recv(connection, &chunk, chunk.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                bytes += chunk[..<count]
                return true
            }
        }

        /// The next request; nil at the end of the connection.
        mutating func request() -> Request? {
            let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
            while bytes.firstRange(of: end) == nil { guard more() else { return nil } }
            let headEnd = bytes.firstRange(of: end)!
            let lines = String(decoding: bytes[..<headEnd.lowerBound], as: UTF8.self).components(
                separatedBy: "\r\n")
            let words = lines[0].split(separator: " ").map(String.init)
            guard words.count == 3 else { return nil }
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
                if parts.count == 2 {
                    headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
                }
            }
            let length = Int(headers["content-length"] ?? "") ?? 0
            while bytes.count < headEnd.upperBound + length { guard more() else { return nil } }
            let body = String(
                decoding: bytes[headEnd.upperBound..<headEnd.upperBound + length], as: UTF8.self)
            bytes.removeFirst(headEnd.upperBound + length)
            let target = words[1].split(separator: "?", maxSplits: 1).map(String.init)
            var query: [String: String] = [:]
            for item in target.dropFirst().joined().split(separator: "&") {
                let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                    $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? String($0)
                }
                query[parts[0]] = parts.count > 1 ? parts[1] : ""
            }
            return Request(
                method: words[0], path: target[0], query: query, target: words[1], headers: headers,
                body: body)
        }
    }
}

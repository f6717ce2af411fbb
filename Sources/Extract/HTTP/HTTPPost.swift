import Foundation

/// Posts to an address, once: nothing is tried again, and no redirect is followed.
package struct HTTPPost: Sendable {
    /// The address as a person knows it, without secrets.
    package var name: String
    package var url: HTTPAddress
    package var headers: [HTTPHeader] = []
    /// How long a whole exchange may take.
    package var timeoutSeconds = 30.0
    /// What must never be seen.
    package var secrets = Secrets()

    package init(name: String, url: HTTPAddress) { (self.name, self.url) = (name, url) }

    /// What is longer is no answer to a message.
    private static let maxAnswer = 16 << 20

    /// What came of a message.
    package enum Answer {
        case taken(status: Int)
        /// - Parameter retryAfter: seconds that the server asks to wait, where it asks for any.
        case refused(status: Int, retryAfter: Double?, ExtractError)
        /// - Parameters:
        ///   - mayHaveArrived: the server was reached, and what it did nobody knows.
        ///   - mayPass: whether another try may go well.
        case silence(ExtractError, mayHaveArrived: Bool, mayPass: Bool)
    }

    /// Posts, and tells what came of it.
    ///
    /// - Parameters:
    ///   - more: headers of this request; of equal names they take the place of ours.
    ///   - isCancelled: asked while it waits.
    package func post(
        _ body: String, headers more: [HTTPHeader], isCancelled: @escaping @Sendable () -> Bool = { false }
    ) -> Answer {
        let until = Date(timeIntervalSinceNow: timeoutSeconds)
        let connection = HTTPConnection(timeoutSeconds: timeoutSeconds, maxBytes: HTTPPost.maxAnswer) {
            Date() > until || isCancelled()
        }
        defer { connection.close() }
        var request = HTTPRequest(method: .post, url: url, headers: headers, body: body)
        for header in more { request.setHeader(header.name, header.value) }
        let answer: HTTPAnswer
        do {
            answer = try connection.send(request)
        } catch {
            switch error {
            case .cancelled:
                let why =
                    isCancelled()
                    ? "was not waited for (interrupted)"
                    : "did not answer within \(timeoutSeconds.formatted()) s (timeout)"
                return .silence(failure(.missing, why), mayHaveArrived: true, mayPass: true)
            case .tooLarge:
                return .silence(
                    failure(.unreadable, "answered with more than \(HTTPPost.maxAnswer >> 20) MiB"),
                    mayHaveArrived: true, mayPass: false)
            case .transient(let message):
                return .silence(silent(message), mayHaveArrived: true, mayPass: true)
            case .permanent(let message):
                return .silence(silent(message), mayHaveArrived: true, mayPass: false)
            case .unsent(let message, let mayPass):
                return .silence(silent(message), mayHaveArrived: false, mayPass: mayPass)
            }
        }
        if let refusal = refusal(answer) {
            return .refused(
                status: answer.status,
                retryAfter: RetryDelay.asked(answer.headers["retry-after"], now: Date()), refusal)
        }
        return .taken(status: answer.status)
    }

    /// Returns once the server has answered with 2xx.
    ///
    /// - Parameter more: headers of this request; of equal names they take the place of ours.
    /// - Throws: `missing` where no answer came, `unreadable` where it was another; without secrets.
    package func send(_ body: String, headers more: [HTTPHeader]) throws(ExtractError) {
        switch post(body, headers: more) {
        case .taken: return
        case .refused(_, _, let error), .silence(let error, _, _): throw error
        }
    }

    /// Why an answer is none that a message is taken by; nil where it is.
    private func refusal(_ answer: HTTPAnswer) -> ExtractError? {
        guard !(200..<300).contains(answer.status) else { return nil }
        if (300..<400).contains(answer.status), let location = answer.headers["location"] {
            let target = HTTPAddress(location, relativeTo: url)?.origin
            return failure(
                .unreadable,
                "answered \(answer.status), which leads to \(target.map(secrets.hidden) ?? "what is no address"); "
                    + "redirects are not followed: write as url where they end")
        }
        let said = answer.body.excerpt(secrets)
        return failure(
            .unreadable, "answered \(answer.status)" + (said.isEmpty ? "" : ": \(said)") + hint(answer.status)
        )
    }

    private func hint(_ status: Int) -> String {
        switch status {
        case 401, 403: "; are the url and its headers right?"
        case 404, 405, 410: "; is the url right?"
        default: ""
        }
    }

    private func silent(_ message: String) -> ExtractError {
        failure(.missing, "did not answer: \(secrets.hidden(message))")
    }

    private func failure(_ kind: ExtractError.Kind, _ message: String) -> ExtractError {
        ExtractError(kind: kind, object: name, message: message)
    }
}

import Events
import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// An API as a source describes it: sends requests with its credentials, at its pace, and again where that may help.
final class HTTPAPI {
    private let source: HTTPSource
    private let connection: HTTPConnection
    private let isCancelled: @Sendable () -> Bool
    /// Told of what is waited for.
    private let note: @Sendable (String) -> Void
    private var token: AccessToken?
    private var lastRequest: Date?
    private var requests = 0
    /// Another origin than the source's, to which the last request was led.
    private var foreigner: String?

    /// The requests that the source may send in a run are used up.
    struct BudgetSpent: Error {}

    /// The API answered, and not with what was asked for.
    struct Refused: Error {
        let status: Int
        let error: ExtractError
    }

    private static let maxRedirects = 10
    /// A body that is no answer may have been cut by somebody on the way; it is asked for again this often.
    private static let maxNonsense = 3

    init(
        _ source: HTTPSource, isCancelled: @escaping @Sendable () -> Bool,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.source = source
        self.isCancelled = isCancelled
        self.note = note
        connection = HTTPConnection(
            timeoutSeconds: source.limits.timeoutSeconds, maxBytes: source.limits.maxResponse,
            isCancelled: isCancelled)
        source.authentication.hide(in: source.secrets)
    }

    deinit { connection.close() }

    /// The first request of a pull.
    func firstRequest() throws(ExtractError) -> HTTPRequest {
        guard var address = HTTPAddress(source.url) else {
            throw ExtractError(
                kind: .unsupported, object: source.name,
                message: "the url is no address; write it like https://shop.example/events")
        }
        var names: Set<String> = []
        for item in source.query {
            // One name may have several values.
            if names.insert(item.name).inserted {
                address.set(item.name, item.value)
            } else {
                address.add(item.name, item.value)
            }
        }
        var request = HTTPRequest(
            method: source.method, url: address, headers: source.headers, body: source.body?.text)
        func has(_ name: String) -> Bool { source.headers.contains { $0.name.lowercased() == name } }
        if !has("user-agent") { request.setHeader("User-Agent", "daybook") }
        if !has("accept"), source.format == .json { request.setHeader("Accept", "application/json") }
        if source.body?.isJSON ?? source.placesInBody, !has("content-type") {
            request.setHeader("Content-Type", "application/json")
        }
        return request
    }

    /// Why a try did not give an answer.
    private struct Failure {
        let message: String
        var status: Int?
        let isTransient: Bool
        /// Seconds after which the API wants to be asked again.
        var retryAfter: Double?
        /// Whether it wants to be asked again at once: then it has not failed, and only the waiting is bounded.
        var isFree: Bool { isTransient && status != nil && retryAfter == 0 }
    }

    /// Sends a request until an answer of success comes, or one that says that nothing is new (304), or no try is left.
    ///
    /// - Parameter check: looks at an answer of success; what it throws is worth another try or two.
    /// - Throws: `BudgetSpent`; `Refused` for a status that no further try will change; or an `ExtractError`: `unreadable`
    ///   where the API cannot be reached or does not want to answer, `unsupported` where it answers nonsense.
    func send<Checked>(
        _ request: HTTPRequest, check: (HTTPAnswer) throws(ExtractError) -> Checked
    ) throws -> (answer: HTTPAnswer, checked: Checked) {
        let began = Date()
        var (attempt, frees, nonsense) = (1, 0, 0)
        var hasFreshToken = false
        while true {
            let failure: Failure
            do {
                let answer = try follow(try authenticated(request))
                switch answer.status {
                case 200..<300, 304:
                    do {
                        return (answer, try check(answer))
                    } catch {
                        nonsense += 1
                        guard nonsense < HTTPAPI.maxNonsense, attempt < source.limits.maxAttempts else {
                            throw error.about(request.url.shown(source.secrets), attempts: attempt)
                        }
                        failure = Failure(message: error.message, isTransient: true)
                    }
                case 401 where !hasFreshToken && source.authentication.hasTokens && request.isAuthenticated:
                    // A token may end before its time, once.
                    (token, hasFreshToken) = (nil, true)
                    continue
                default: failure = refusal(answer)
                }
            } catch let error as HTTPFailure {
                switch error {
                case .cancelled: throw cancelled
                case .tooLarge:
                    throw source.nonsense(
                        "the answer has more than \(source.limits.maxResponse) bytes (max_response)"
                    ).about(request.url.shown(source.secrets), attempts: attempt)
                case .permanent(let message): failure = Failure(message: message, isTransient: false)
                case .transient(let message): failure = Failure(message: message, isTransient: true)
                case .unsent(let message, let mayPass):
                    failure = Failure(message: message, isTransient: mayPass)
                }
            }
            let delay =
                failure.isFree
                ? min(HTTPAPI.mostFreeDelay, HTTPAPI.freeDelay * pow(1.2, Double(frees)))
                : failure.retryAfter
                    ?? RetryDelay.backoff(attempt, firstSeconds: source.limits.backoffSeconds)
            let isTooLate = Date().timeIntervalSince(began) + delay > source.limits.maxWaitSeconds
            guard failure.isTransient, failure.isFree || attempt < source.limits.maxAttempts, !isTooLate
            else {
                throw end(failure, isTooLate ? failure.retryAfter : nil, request, attempt + frees)
            }
            if failure.isFree { frees += 1 } else { attempt += 1 }
            if failure.isFree, frees % HTTPAPI.manyFrees == 0 {
                note(
                    "\(source.secrets.hidden(failure.message)); it says to come back at once, \(frees) times by now"
                )
            } else if !failure.isFree, delay >= HTTPAPI.longDelay {
                note(
                    source.secrets.hidden(failure.message)
                        + "; asked again in \(Int(delay.rounded())) s (attempt \(attempt) of \(source.limits.maxAttempts))"
                )
            }
            try pause(delay)
        }
    }

    /// What an answer that is none of success means.
    private func refusal(_ answer: HTTPAnswer) -> Failure {
        let status = answer.status
        let isTransient = [408, 425, 429].contains(status) || (500..<600).contains(status)
        let name = HTTPURLResponse.localizedString(forStatusCode: status).lowercased()
        let body = answer.body.count > 0 ? ": \(answer.body.excerpt(source.secrets))" : ""
        var failure = Failure(
            message: "HTTP \(status) \(name)\(body)\(hint(status))", status: status, isTransient: isTransient)
        if isTransient {
            // A date is one of the server's clock.
            let now = answer.headers["date"].flatMap(HTTPDate.parse) ?? Date()
            failure.retryAfter = RetryDelay.asked(answer.headers["retry-after"], now: now)
        }
        return failure
    }

    private func end(
        _ failure: Failure, _ lateSeconds: Double?, _ request: HTTPRequest, _ attempts: Int
    ) -> any Error {
        let late =
            lateSeconds.map {
                $0 > 0
                    ? "; to come back in \(Int($0)) s is too late (max_wait)"
                    : "; it says to come back at once, for max_wait"
            } ?? ""
        let error = ExtractError(
            kind: .unreadable, object: source.name, message: source.secrets.hidden(failure.message + late)
        ).about(request.url.shown(source.secrets), attempts: attempts)
        guard !failure.isTransient, let status = failure.status else { return error }
        return Refused(status: status, error: error)
    }

    /// Where an API says to come back at once, it is not asked more often than this, and less and less often.
    private static let freeDelay = 0.05
    private static let mostFreeDelay = 1.0
    /// After so many a person is told.
    private static let manyFrees = 20

    /// A person wonders what is going on when nothing happens for so long.
    private static let longDelay = 2.0

    private var cancelled: ExtractError {
        ExtractError(kind: .cancelled, object: source.name, message: "interrupted")
    }

    /// What a person can do about an answer.
    private func hint(_ status: Int) -> String {
        if let foreigner, [401, 403].contains(status) {
            return "; it was \(foreigner) that answered, to which no credentials are sent"
        }
        switch status {
        case 401: return "; are the credentials in \"auth\" right?"
        case 403: return "; may these credentials read this?"
        case 404: return "; is the url right?"
        default: return ""
        }
    }

    // MARK: - One exchange

    /// Sends a request and follows where it is led to. Credentials go to the origin of the source alone.
    private func follow(_ request: HTTPRequest) throws -> HTTPAnswer {
        var request = request
        let isCounted = request.isAuthenticated
        foreigner = nil
        for _ in 0...HTTPAPI.maxRedirects {
            try keepPace(isCounted: isCounted)
            var answer = try connection.send(request)
            answer.address = request.url
            guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.headers["location"]
            else {
                return answer
            }
            guard let target = HTTPAddress(location, relativeTo: request.url) else {
                throw HTTPFailure.permanent(
                    "the answer leads to \(source.secrets.hidden(location).prefix(200)), which is no address")
            }
            let isForeign = target.origin != request.url.origin
            if isForeign, request.body != nil, [307, 308].contains(answer.status) {
                throw HTTPFailure.permanent(
                    "the answer leads to another host, \(target.origin), to which the body of the request is not sent"
                )
            }
            if answer.status == 303 || request.method == .post && [301, 302].contains(answer.status) {
                (request.method, request.body) = (.get, nil)
            }
            request.url = target
            if isForeign {
                request.dropCredentials()
                foreigner = target.origin
            }
        }
        throw HTTPFailure.permanent("the answers lead on for more than \(HTTPAPI.maxRedirects) times")
    }

    private func authenticated(_ request: HTTPRequest) throws -> HTTPRequest {
        var request = request
        guard request.isAuthenticated else { return request }
        // A link may lead elsewhere; what is secret stays at home.
        guard request.url.origin == HTTPAddress(source.url)?.origin else {
            request.dropCredentials()
            return request
        }
        switch source.authentication {
        case .none: break
        case .bearer(let token): request.setHeader("Authorization", "Bearer \(token)")
        case .basic(let username, let password):
            request.setHeader("Authorization", basicCredentials(username, password))
        case .apiKey(let name, let value, let isInQuery):
            if isInQuery { request.url.set(name, value) } else { request.setHeader(name, value) }
        case .clientCredentials(let client):
            request.setHeader("Authorization", "Bearer \(try validToken(client).text)")
        }
        return request
    }

    private func validToken(_ client: ClientCredentials) throws -> AccessToken {
        if let token, token.expiresAt > Date() { return token }
        guard let request = client.request else {
            throw ExtractError(
                kind: .unsupported, object: source.name, message: "the token_url is no address")
        }
        do {
            let sent = try send(request) { answer throws(ExtractError) in
                guard let token = AccessToken(answer, now: Date()) else {
                    throw source.nonsense("the authorization server's answer has no access_token")
                }
                return token
            }
            token = sent.checked
            source.secrets.renew(sent.checked.text, word: "${access_token}")
            return sent.checked
        } catch let refusal as Refused {
            throw HTTPAPI.withoutToken(refusal.error)
        } catch let error as ExtractError where error.kind != .cancelled {
            throw HTTPAPI.withoutToken(error)
        }
    }

    private static func withoutToken(_ error: ExtractError) -> ExtractError {
        ExtractError(kind: error.kind, object: error.object, message: "no access token: \(error.message)")
    }

    /// Waits until the next request may be sent.
    ///
    /// - Parameter isCounted: whether it is one of the requests that a run may send; those for tokens are not.
    private func keepPace(isCounted: Bool) throws {
        if isCounted {
            if let most = source.limits.maxRequests, requests >= most { throw BudgetSpent() }
            requests += 1
        }
        if let pace = source.limits.requestsPerSecond, let lastRequest {
            try pause(1 / pace - Date().timeIntervalSince(lastRequest))
        }
        lastRequest = Date()
    }

    private func pause(_ seconds: Double) throws(ExtractError) {
        let end = Date(timeIntervalSinceNow: seconds)
        while end.timeIntervalSinceNow > 0 {
            if isCancelled() { throw cancelled }
            Thread.sleep(forTimeInterval: min(0.05, end.timeIntervalSinceNow))
        }
    }
}

extension HTTPSource {
    /// An answer that is not what the source says it is.
    func nonsense(_ message: String) -> ExtractError {
        ExtractError(kind: .unsupported, object: name, message: secrets.hidden(message))
    }
}

extension ExtractError {
    /// The error with what was asked for, and how often.
    fileprivate func about(_ url: String, attempts: Int) -> ExtractError {
        let times = attempts == 1 ? "" : " (after \(attempts) attempts)"
        return ExtractError(kind: kind, object: url, message: message + times)
    }
}

extension Authentication {
    fileprivate var hasTokens: Bool { if case .clientCredentials = self { true } else { false } }

    /// Whatever the definition writes of credentials is a secret, be it from a variable or not.
    fileprivate func hide(in secrets: Secrets) {
        switch self {
        case .none: break
        case .bearer(let token): secrets.add(token, word: "${auth.token}")
        case .apiKey(_, let value, _): secrets.add(value, word: "${auth.value}")
        case .basic(let username, let password):
            secrets.add(password, word: "${auth.password}")
            secrets.add("\(username):\(password)", word: "${auth.password}")
        case .clientCredentials(let client):
            secrets.add(client.clientSecret, word: "${auth.client_secret}")
            secrets.add("\(client.clientID):\(client.clientSecret)", word: "${auth.client_secret}")
        }
    }
}

extension HTTPRequest {
    /// Leaves only what says what is wanted: any other header may be a secret.
    fileprivate mutating func dropCredentials() {
        let harmless = ["accept", "accept-language", "content-type", "user-agent"]
        headers.removeAll { !harmless.contains($0.name.lowercased()) }
        (method, body, isAuthenticated) = (.get, nil, false)
    }
}

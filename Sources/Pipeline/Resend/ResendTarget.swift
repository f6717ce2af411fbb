import Events
import Extract
import Foundation

/// Whom events are sent on to.
package enum ResendTarget: Sendable {
    case url(HTTPPost)
    /// Gets each event on stdin, and takes it by ending with exit code 0.
    case command(ProgramCall)

    /// As it is stored and shown, without secrets.
    package var name: String {
        switch self {
        case .url(let post): post.name
        case .command(let call): call.name
        }
    }

    /// What came of one attempt.
    enum Answer {
        case taken(String)
        /// It said no; another attempt may go well after so many seconds, where it may at all.
        case refused(String, mayPass: Bool, afterSeconds: Double?)
        /// It said nothing, and may have taken it or not; whether another attempt may go well.
        case silence(String, mayHaveArrived: Bool, mayPass: Bool)
    }

    /// - Parameters:
    ///   - key: the same on each attempt, so that the target can tell.
    ///   - interruption: ends the waiting for an answer.
    func send(
        _ body: String, type contentType: String, key: String, _ interruption: Interruption
    ) -> Answer {
        switch self {
        case .url(let post):
            let headers = [
                HTTPHeader("Content-Type", contentType), HTTPHeader("Idempotency-Key", key.percentEncoded),
            ]
            switch post.post(body, headers: headers, isCancelled: { interruption.isRequested }) {
            case .taken(let status): return .taken("answered \(status)")
            case .refused(let status, let after, let error):
                let mayPass = [408, 425, 429].contains(status) || (500..<600).contains(status)
                return .refused(error.message.oneLine, mayPass: mayPass, afterSeconds: after)
            case .silence(let error, let mayHaveArrived, let mayPass):
                return .silence(error.message.oneLine, mayHaveArrived: mayHaveArrived, mayPass: mayPass)
            }
        case .command(let call):
            do {
                try call.run(input: Array(body.utf8) + [UInt8(ascii: "\n")]) { interruption.isRequested }
                return .taken("ended with exit code 0")
            } catch  where error.kind == .cancelled {
                // It was ended, and may have done by then what it was for.
                return .silence(error.message.oneLine, mayHaveArrived: true, mayPass: false)
            } catch {
                return .refused(error.message.oneLine, mayPass: false, afterSeconds: nil)
            }
        }
    }
}

/// A target or a header that cannot be used as it was written.
package struct BadTarget: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

extension ResendTarget {
    /// - Parameters:
    ///   - headers: `Name: value`; `${NAME}` in them, and in the address, is taken from the environment, and never shown.
    package static func url(
        _ text: String, headers: [String], timeoutSeconds: Double, environment: [String: String]
    ) throws(BadTarget) -> ResendTarget {
        let secrets = Secrets()
        let expanded = try expand(text, environment, secrets)
        guard let url = HTTPAddress(expanded) else {
            throw BadTarget(
                "--to-url is \"\(secrets.hidden(text))\", no address; write it like https://host/path")
        }
        var post = HTTPPost(name: url.shown(secrets), url: url)
        post.timeoutSeconds = timeoutSeconds
        for header in headers {
            guard let colon = header.firstIndex(of: ":"), colon > header.startIndex else {
                throw BadTarget("--header is written 'Name: value'")
            }
            let name = header[..<colon].trimmingCharacters(in: .whitespaces)
            guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw BadTarget("--header begins with a name of ASCII characters, and a colon")
            }
            let value = try expand(
                header[header.index(after: colon)...].trimmingCharacters(in: .whitespaces), environment,
                secrets)
            guard !value.contains(where: \.isNewline) else {
                throw BadTarget("the value of the header \(name) has more than one line")
            }
            // What is written out is a secret, too, and is not to come back in an answer.
            secrets.add(value, word: "${\(name)}")
            post.headers.append(HTTPHeader(name, value))
        }
        post.secrets = secrets
        return .url(post)
    }

    /// - Parameter text: for a shell, which finds variables by itself.
    package static func command(
        _ text: String, timeoutSeconds: Double, directory: String
    ) -> ResendTarget {
        var call = ProgramCall(["sh", "-c", text], name: text.oneLine, directory: directory)
        call.timeoutSeconds = timeoutSeconds
        return .command(call)
    }

    private static func expand(
        _ text: String, _ environment: [String: String], _ secrets: Secrets
    ) throws(BadTarget) -> String {
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw BadTarget("\"${\" is not closed with \"}\"")
            }
            let name = String(rest[start.upperBound..<end])
            guard let value = environment[name] else {
                throw BadTarget(
                    "the environment variable \(name) is not set; set it, as in \(name)=… daybook resend")
            }
            secrets.add(value, word: "${\(name)}")
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}

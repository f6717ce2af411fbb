import Events
import Foundation

/// Asks an API a few questions, to learn how it wants to be read.
package final class APIProbe {
    /// One answer.
    package struct Answer {
        /// By their names in lower case.
        package let headers: [String: String]
        package let bytes: [UInt8]
        /// Of JSON.
        package let root: JSONValue?
    }

    private let source: HTTPSource
    private let api: HTTPAPI

    /// - Throws: `ExtractError` where the source has no address.
    package init(_ source: HTTPSource) {
        var source = source
        source.limits.maxAttempts = 2
        source.limits.maxResponse = 256 << 20
        self.source = source
        api = HTTPAPI(source, isCancelled: { false }, note: { _ in })
    }

    /// Asks for the first page, with some parameters changed.
    ///
    /// - Parameter parameters: values as JSON, or texts.
    package func ask(_ parameters: [(name: String, value: String)] = []) throws -> Answer {
        var request = try api.firstRequest()
        for parameter in parameters { request.put(parameter.value, .query(parameter.name)) }
        return try ask(request)
    }

    /// Asks for what a link leads to; nil where it is none.
    package func follow(_ link: String) throws -> Answer? {
        var request = try api.firstRequest()
        guard let address = HTTPAddress(link, relativeTo: request.url) else { return nil }
        request.url = address
        return try ask(request)
    }

    private func ask(_ request: HTTPRequest) throws -> Answer {
        do {
            return try api.send(request) { answer in
                let bytes = Array(answer.body.bytes)
                return Answer(
                    headers: answer.headers, bytes: bytes,
                    root: try? JSONDocument(bytes, isLenient: false).root)
            }.checked
        } catch let refusal as HTTPAPI.Refused {
            throw refusal.error
        }
    }

    /// The parameters that stand in the address.
    package static func parameters(of url: String) -> [(name: String, value: String)] {
        (HTTPAddress(url)?.query ?? []).map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                String($0).removingPercentEncoding ?? String($0)
            }
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }
}

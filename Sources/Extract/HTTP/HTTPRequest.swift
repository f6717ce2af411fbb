import Foundation

/// What is sent to an API, but for its credentials.
package struct HTTPRequest: Sendable {
    var method: HTTPMethod
    package var url: HTTPAddress
    var headers: [HTTPHeader]
    package var body: String?
    /// Whether the credentials of the source go with it.
    var isAuthenticated = true

    package init(method: HTTPMethod, url: HTTPAddress, headers: [HTTPHeader], body: String? = nil) {
        (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
    }

    mutating func setHeader(_ name: String, _ value: String) {
        headers.removeAll { $0.name.lowercased() == name.lowercased() }
        headers.append(HTTPHeader(name, value))
    }
}

/// A URL whose query can be changed by name; the rest of it stays as it was written.
package struct HTTPAddress: Sendable, Equatable {
    /// Up to the query.
    let base: String
    /// As they stand in the URL, percent-encoded.
    package private(set) var query: [String]

    /// Nil where it is no URL of HTTP.
    package init?(_ text: String) {
        let text = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let url = URL(string: String(parts[0])), url.host?.isEmpty == false,
            ["http", "https"].contains(url.scheme?.lowercased() ?? "")
        else { return nil }
        base = String(parts[0])
        query = parts.count > 1 ? parts[1].split(separator: "&").map(String.init) : []
    }

    /// A link as an answer has it: whole, or relative to the address that was asked.
    package init?(_ link: String, relativeTo address: HTTPAddress) {
        // A query may hold an address, too.
        if link.prefixMatch(of: #/[A-Za-z][A-Za-z0-9+.\-]*:\/\//#) != nil {
            self.init(link)
        } else {
            guard let base = URL(string: address.text), let url = URL(string: link, relativeTo: base) else {
                return nil
            }
            self.init(url.absoluteString)
        }
    }

    package var text: String { query.isEmpty ? base : "\(base)?\(query.joined(separator: "&"))" }

    /// Scheme, host and port: what credentials are for.
    package var origin: String {
        let url = URL(string: base)
        let scheme = url?.scheme?.lowercased() ?? ""
        return "\(scheme)://\(url?.host?.lowercased() ?? ""):\(url?.port ?? (scheme == "https" ? 443 : 80))"
    }

    /// Puts a parameter where one of its name stands, or else behind the others.
    package mutating func set(_ name: String, _ value: String) {
        let item = "\(name.percentEncoded)=\(value.percentEncoded)"
        if let index = index(of: name) {
            query[index] = item
        } else {
            query.append(item)
        }
    }

    /// Puts a parameter behind the others.
    mutating func add(_ name: String, _ value: String) {
        query.append("\(name.percentEncoded)=\(value.percentEncoded)")
    }

    private func index(of name: String) -> Int? {
        query.firstIndex { item in
            let key = item.prefix { $0 != "=" }
            return key == name || key.removingPercentEncoding == name
        }
    }

    /// For a person: without a password, and without what a parameter's name says is a secret.
    package func shown(_ secrets: Secrets) -> String {
        let items = query.map { item -> String in
            let key = item.prefix { $0 != "=" }
            return HTTPSource.tellsSecret(String(key)) ? "\(key)=***" : item
        }
        var address = self
        address.query = items
        return secrets.hidden(address.text.replacing(#/\/\/[^\/@]*@/#, with: "//"))
    }
}

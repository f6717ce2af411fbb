import Foundation

/// Where a private server takes TCP connections beside its socket: an address of this machine alone, and a port.
///
/// Written as `127.0.0.1:5433`, `localhost:5433` or `[::1]:5433`.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// Without brackets.
    package let host: String
    package let port: Int

    /// - Throws: `PrivateServerError` where it is no such address, or others can reach it: what the server's programs send
    ///   is not encrypted.
    package init(_ text: String) throws(PrivateServerError) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else {
            throw PrivateServerError(
                .badAddress, "\"\(text)\" is no address with a port", hint: "write it like 127.0.0.1:5433")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard host == "localhost" || host == "::1" || ListenAddress.isLoopback(host) else {
            throw PrivateServerError(
                .badAddress,
                "\(host.isEmpty ? "no host" : host) in \"\(text)\" is not an address of this machine alone",
                hint:
                    "write it like 127.0.0.1:\(port); to be reached from elsewhere, use a PostgreSQL server with TLS and name "
                    + "it as \"database\" in pipelines/project.jsonc")
        }
        self.host = host
        self.port = port
    }

    /// 127.0.0.0/8 (RFC 1122, 3.2.1.3).
    private static func isLoopback(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 && host.hasPrefix("127.")
    }

    /// The host as URLs have it: of IPv6 in brackets (RFC 3986, 3.2.2).
    package var urlHost: String { host.contains(":") ? "[\(host)]" : host }

    package var description: String { "\(urlHost):\(port)" }
}

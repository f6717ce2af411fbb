import Events
import Foundation

/// How a source says who it is.
package enum Authentication: Sendable {
    case none
    case bearer(token: String)
    case apiKey(name: String, value: String, isInQuery: Bool)
    case basic(username: String, password: String)
    case clientCredentials(ClientCredentials)
}

/// The client credentials grant of OAuth 2.0 (RFC 6749, section 4.4).
package struct ClientCredentials: Sendable {
    package var tokenURL: String
    package var clientID: String
    package var clientSecret: String
    package var scope: String?
    /// Whether id and secret go into the Authorization header of the request for a token; else into its body.
    package var isBasic = false
    /// What else the body holds, as `audience`.
    package var parameters: [QueryItem] = []

    package init(tokenURL: String, clientID: String, clientSecret: String) {
        (self.tokenURL, self.clientID, self.clientSecret) = (tokenURL, clientID, clientSecret)
    }

    /// The request for a token; nil where the address is none.
    var request: HTTPRequest? {
        guard let address = HTTPAddress(tokenURL) else { return nil }
        var items = [("grant_type", "client_credentials")]
        if let scope { items.append(("scope", scope)) }
        if !isBasic { items += [("client_id", clientID), ("client_secret", clientSecret)] }
        items += parameters.map { ($0.name, $0.value) }
        var request = HTTPRequest(
            method: .post, url: address, headers: [],
            body: items.map { "\($0.percentEncoded)=\($1.percentEncoded)" }.joined(separator: "&"))
        request.isAuthenticated = false
        request.setHeader("Content-Type", "application/x-www-form-urlencoded")
        request.setHeader("Accept", "application/json")
        if isBasic {
            request.setHeader(
                "Authorization", basicCredentials(clientID.percentEncoded, clientSecret.percentEncoded))
        }
        return request
    }
}

/// A token that an authorization server gave (RFC 6749, section 5.1).
struct AccessToken: Sendable {
    let text: String
    let expiresAt: Date

    /// It is not used in its last seconds.
    private static let margin = 30.0
    /// Where the server does not say how long it is good.
    private static let usualSeconds = 3_600.0

    /// Nil where the answer holds none.
    init?(_ answer: HTTPAnswer, now: Date) {
        guard let root = try? JSONDocument(Array(answer.body.bytes), isLenient: false).root,
            let token = root[["access_token"]]?.text, !token.isEmpty
        else { return nil }
        text = token
        let seconds = root[["expires_in"]]?.text.flatMap(Double.init) ?? AccessToken.usualSeconds
        expiresAt = now.addingTimeInterval(max(seconds - AccessToken.margin, seconds / 2))
    }
}

/// The value of an Authorization header (RFC 7617).
func basicCredentials(_ username: String, _ password: String) -> String {
    "Basic \(Data("\(username):\(password)".utf8).base64EncodedString())"
}

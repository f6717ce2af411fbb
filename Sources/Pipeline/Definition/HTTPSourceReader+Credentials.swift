import Events
import Extract

/// How a source says who it is.
extension HTTPSourceReader {
    func readAuthentication(_ value: JSONValue) -> Authentication? {
        let name = "auth of \(name)"
        let types: [String: [String]] = [
            "bearer": ["token"], "api_key": ["name", "in", "value"], "http_basic": ["username", "password"],
            "oauth2_client_credentials": [
                "token_url", "client_id", "client_secret", "scope", "client_auth", "parameters",
            ],
        ]
        guard let (type, object) = typed(value, name, types) else { return nil }
        func text(_ key: String, _ example: String) -> String? {
            reader.required(key, of: object, "\"\(key)\": \"\(example)\"").flatMap {
                reader.nonEmptyString($0, "\(key) in \(name)")
            }
        }
        switch type {
        case "bearer": return text("token", "${SHOP_TOKEN}").map { .bearer(token: $0) }
        case "http_basic":
            guard let username = text("username", "daybook"),
                let password = text("password", "${SHOP_PASSWORD}")
            else {
                return nil
            }
            return .basic(username: username, password: password)
        case "api_key":
            let place =
                object["in"].map { reader.choice($0, "in of \(name)", ["header", "query"]) } ?? "header"
            guard let key = text("name", "X-Api-Key"), let secret = text("value", "${SHOP_KEY}"), let place
            else {
                return nil
            }
            return .apiKey(name: key, value: secret, isInQuery: place == "query")
        default:
            guard let url = text("token_url", "https://login.example/token"),
                let id = text("client_id", "daybook"),
                let secret = text("client_secret", "${CLIENT_SECRET}")
            else { return nil }
            if HTTPSource.problem(ofURL: url) != nil, let value = object["token_url"] {
                reader.error(
                    "token_url in \(name) is no address; write it like https://login.example/token", at: value
                )
                return nil
            }
            var client = ClientCredentials(tokenURL: url, clientID: id, clientSecret: secret)
            client.scope = object["scope"].flatMap { reader.nonEmptyString($0, "scope in \(name)") }
            let style = object["client_auth"].flatMap {
                reader.choice($0, "client_auth in \(name)", ["body", "basic"])
            }
            client.isBasic = style == "basic"
            client.parameters = (object["parameters"].map { reader.texts($0, "parameters in \(name)") } ?? [])
                .map {
                    QueryItem($0.member.name, $0.text.value)
                }
            return .clientCredentials(client)
        }
    }

    /// An object whose `type` tells which other keys it has.
    func typed(
        _ value: JSONValue, _ name: String, _ types: [String: [String]]
    ) -> (type: String, object: DefinitionReader.Object)? {
        let all = Array(Set(types.values.flatMap { $0 })).sorted()
        var keys = all
        if case .object(let members) = value.content,
            case .string(let type)? = members.first(where: { $0.name == "type" })?.value.content,
            let own = types[type]
        {
            keys = own
        }
        guard let object = reader.object(value, name, keys: ["type"] + keys),
            let value = reader.required("type", of: object, "\"type\": \"\(types.keys.sorted()[0])\""),
            let type = reader.choice(value, "type of \(name)", types.keys.sorted())
        else { return nil }
        return (type, object)
    }
}

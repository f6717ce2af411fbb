import Events
import Extract

/// Reads the `http` block of a source.
struct HTTPSourceReader {
    let reader: DefinitionReader
    /// Of the block, for a person: `http of sources[0]`.
    let name: String

    static let keys = [
        "url", "method", "query", "headers", "body", "auth", "format", "data_path", "error_path",
        "pagination",
        "incremental", "requests_per_second", "max_attempts", "max_requests", "max_pages", "max_response",
        "timeout", "backoff",
        "max_wait", "max_line",
    ]

    /// What the block says; nil where it has a mistake.
    func read(_ object: DefinitionReader.Object) -> HTTPSource? {
        let secrets = Secrets()
        return reader.collectingVariables(into: secrets) {
            guard var source = readURL(object) else { return nil }
            source.secrets = secrets
            var isSound = readRequest(object, &source)
            if let value = object["auth"] {
                isSound = keep(readAuthentication(value), \.authentication, &source) && isSound
                if source.url.lowercased().hasPrefix("http://"), !HTTPSource.isLocal(source.url) {
                    reader.warning(
                        "\(name): the credentials travel unencrypted; is there an https address?", at: value)
                }
            }
            isSound = readAnswer(object, &source) && isSound
            if let value = object["pagination"] {
                isSound = keep(readPagination(value), \.pagination, &source) && isSound
            }
            if let value = object["incremental"] {
                isSound = keep(readIncremental(value), \.incremental, &source) && isSound
            }
            source.limits = readLimits(object)
            settleMethod(object, &source)
            return isSound ? source : nil
        }
    }

    /// False where there is nothing to keep.
    private func keep<Value>(
        _ value: Value?, _ path: WritableKeyPath<HTTPSource, Value>, _ source: inout HTTPSource
    ) -> Bool {
        if let value { source[keyPath: path] = value }
        return value != nil
    }

    private func keep<Value>(
        _ value: Value?, _ path: WritableKeyPath<HTTPSource, Value?>, _ source: inout HTTPSource
    ) -> Bool {
        if let value { source[keyPath: path] = value }
        return value != nil
    }

    // MARK: - The request

    private func readURL(_ object: DefinitionReader.Object) -> HTTPSource? {
        guard let value = reader.required("url", of: object, "\"url\": \"https://shop.example/v1/events\""),
            let url = reader.nonEmptyString(value, "url of \(name)"),
            case .string(let written) = value.content
        else { return nil }
        switch HTTPSource.problem(ofURL: url) {
        case .notHTTP:
            reader.error(
                "url of \(name) is no address; write it like https://shop.example/v1/events", at: value)
            return nil
        case .password:
            reader.error(
                "url of \(name) holds a name and password; say them with \"auth\": { \"type\": \"http_basic\", "
                    + "\"username\": …, \"password\": … }", at: value)
            return nil
        case nil: break
        }
        let shown = written.split(separator: "?", omittingEmptySubsequences: false)[0].split(separator: "#")[
            0]
        return HTTPSource(name: String(shown), url: url)
    }

    /// False where the body cannot be told.
    private func readRequest(_ object: DefinitionReader.Object, _ source: inout HTTPSource) -> Bool {
        if let value = object["query"] {
            source.query = texts(value, "query of \(name)").map { member, text in
                QueryItem(member.name, text.value, written: text.written)
            }
        }
        if let value = object["headers"] {
            for (member, text) in texts(value, "headers of \(name)") {
                if (member.name + text.value).contains(where: \.isNewline) {
                    reader.error(
                        "\"\(member.name)\" in headers of \(name) holds a line end", at: member.value)
                }
                if HTTPSource.tellsSecret(member.name) {
                    source.secrets.add(text.value, word: "${headers.\(member.name)}")
                }
                source.headers.append(HTTPHeader(member.name, text.value))
            }
        }
        guard let value = object["body"] else { return true }
        switch value.content {
        case .object, .array:
            // As it stands in the file, and once more with its variables resolved.
            return keep(
                expanded(value).map { HTTPBody(text: $0.json, written: value.json, isJSON: true) }, \.body,
                &source)
        case .string(let written):
            return keep(
                reader.string(value, "body of \(name)").map {
                    HTTPBody(text: $0, written: written, isJSON: false)
                },
                \.body, &source)
        default:
            reader.error("body of \(name) is \(value.typeName); it must be an object or a string", at: value)
            return false
        }
    }

    /// The members of an object of texts, numbers and words, or lists of them.
    private func texts(
        _ value: JSONValue, _ name: String
    ) -> [(member: JSONValue.Member, text: (value: String, written: String))] {
        guard case .object(let members) = value.content else {
            reader.error("\(name) is \(value.typeName); it must be an object", at: value)
            return []
        }
        return members.flatMap {
            member -> [(member: JSONValue.Member, text: (value: String, written: String))] in
            var values = [member.value]
            if case .array(let elements) = member.value.content { values = elements }
            return values.compactMap { value in
                switch value.content {
                case .string(let written):
                    return reader.string(value, "\"\(member.name)\" in \(name)").map {
                        (member, ($0, written))
                    }
                case .number(let text): return (member, (text, text))
                case .bool(let isTrue): return (member, ("\(isTrue)", "\(isTrue)"))
                default:
                    reader.error(
                        "\"\(member.name)\" in \(name) is \(value.typeName); it must be a string", at: value)
                    return nil
                }
            }
        }
    }

    /// A value with the variables in its texts resolved.
    private func expanded(_ value: JSONValue) -> JSONValue? {
        switch value.content {
        case .string: return reader.string(value, "a text in body of \(name)").map { JSONValue(.string($0)) }
        case .array(let elements):
            let all = elements.compactMap(expanded)
            return all.count == elements.count ? JSONValue(.array(all)) : nil
        case .object(let members):
            let all = members.compactMap { member in
                expanded(member.value).map { JSONValue.Member(name: member.name, value: $0) }
            }
            return all.count == members.count ? JSONValue(.object(all)) : nil
        default: return value
        }
    }

    /// What is sent with a body is posted, unless the definition says otherwise.
    private func settleMethod(_ object: DefinitionReader.Object, _ source: inout HTTPSource) {
        let needsBody = source.body != nil || source.placesInBody
        source.method = needsBody ? .post : .get
        let names = HTTPMethod.allCases.map(\.rawValue)
        guard let value = object["method"],
            let text = reader.choice(value, "method of \(name)", names),
            let method = HTTPMethod(rawValue: text)
        else { return }
        if needsBody, method == .get {
            reader.error("\(name) has a body, and a GET has none; write \"method\": \"POST\"", at: value)
        }
        source.method = method
    }

    // MARK: - Credentials

    private func readAuthentication(_ value: JSONValue) -> Authentication? {
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
            client.parameters = (object["parameters"].map { texts($0, "parameters in \(name)") } ?? []).map {
                QueryItem($0.member.name, $0.text.value)
            }
            return .clientCredentials(client)
        }
    }

    /// An object whose `type` tells which other keys it has.
    private func typed(
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

    // MARK: - The answer

    /// False where the format is none.
    private func readAnswer(_ object: DefinitionReader.Object, _ source: inout HTTPSource) -> Bool {
        var isSound = true
        if let value = object["format"] {
            let known = HTTPFormat.allCases.map(\.rawValue)
            let format = reader.choice(value, "format of \(name)", known).flatMap { HTTPFormat(rawValue: $0) }
            isSound = keep(format, \.format, &source)
        }
        source.dataPath = object["data_path"].flatMap { path($0, "data_path of \(name)") }
        source.errorPath = object["error_path"].flatMap { path($0, "error_path of \(name)") }
        for key in ["data_path", "error_path"] where source.format != .json {
            if let value = object[key] {
                reader.error(
                    "\(key) of \(name) is a path into JSON; the format is \(source.format.rawValue)",
                    at: value)
            }
        }
        return isSound
    }

    private func path(_ value: JSONValue, _ name: String) -> FieldPath? {
        guard let text = reader.nonEmptyString(value, name) else { return nil }
        do {
            return try FieldPath(parsing: text)
        } catch {
            reader.error("\(name): \(error.message)", at: value)
            return nil
        }
    }

    // MARK: - Pages

    private func readPagination(_ value: JSONValue) -> Pagination? {
        let name = "pagination of \(name)"
        let types: [String: [String]] = [
            "single": [], "header_link": [], "json_link": ["next_path"],
            "cursor": [
                "cursor_path", "cursor_header", "cursor_item", "cursor_param", "cursor_body_path",
                "has_more_path",
            ],
            "offset": [
                "offset_param", "offset_body_path", "limit_param", "limit_body_path", "limit", "total_path",
            ],
            "page_number": ["page_param", "page_body_path", "first", "total_path"],
        ]
        guard let (type, object) = typed(value, name, types) else { return nil }
        let total = object["total_path"].flatMap { path($0, "total_path in \(name)") }
        switch type {
        case "single": return .single
        case "header_link": return .headerLink
        case "json_link":
            return reader.required("next_path", of: object, "\"next_path\": \"links.next\"")
                .flatMap { path($0, "next_path in \(name)") }.map { .jsonLink(next: $0) }
        case "cursor": return readCursor(object, name)
        case "offset":
            guard let value = reader.required("limit", of: object, "\"limit\": 500"),
                let size = whole(value, "limit in \(name)", 1...1_000_000)
            else { return nil }
            return .offset(
                Pagination.Offset(
                    offset: place(object, "offset", name) ?? .query("offset"),
                    limit: place(object, "limit", name) ?? .query("limit"), size: size, total: total))
        default:
            let first = object["first"].map { whole($0, "first in \(name)", 0...1_000_000) } ?? 1
            return first.map {
                .pageNumber(
                    Pagination.PageNumber(
                        page: place(object, "page", name) ?? .query("page"), first: $0, total: total))
            }
        }
    }

    private func readCursor(_ object: DefinitionReader.Object, _ name: String) -> Pagination? {
        let origins = ["cursor_path", "cursor_header", "cursor_item"].filter { object[$0] != nil }
        guard origins.count == 1, let value = object[origins[0]] else {
            reader.error(
                "\(name) needs one of \"cursor_path\" (in the answer), \"cursor_header\" and \"cursor_item\" (in the last "
                    + "item): where the next cursor stands", at: object.value)
            return nil
        }
        let label = "\(origins[0]) in \(name)"
        let origin: Pagination.Cursor.Origin? =
            switch origins[0] {
            case "cursor_path": path(value, label).map { .body($0) }
            case "cursor_header": reader.nonEmptyString(value, label).map { .header($0) }
            default: path(value, label).map { .lastItem($0) }
            }
        guard let place = place(object, "cursor", name) else {
            reader.error(
                "\(name) lacks \"cursor_param\", or \"cursor_body_path\" for a JSON body: where the cursor is sent",
                at: object.value)
            return nil
        }
        let hasMore = object["has_more_path"].flatMap { path($0, "has_more_path in \(name)") }
        return origin.map { .cursor(Pagination.Cursor(origin: $0, place: place, hasMore: hasMore)) }
    }

    /// Where a value is sent: `KEY_param` in the query, `KEY_body_path` in a JSON body.
    private func place(_ object: DefinitionReader.Object, _ key: String, _ name: String) -> ParameterPlace? {
        place(object, param: "\(key)_param", bodyPath: "\(key)_body_path", name)
    }

    private func place(
        _ object: DefinitionReader.Object, param: String, bodyPath: String, _ name: String
    ) -> ParameterPlace? {
        if let value = object[param] {
            if let other = object[bodyPath] {
                reader.error("\(name) has both \"\(param)\" and \"\(bodyPath)\"; keep one", at: other)
            }
            return reader.nonEmptyString(value, "\(param) in \(name)").map { .query($0) }
        }
        return object[bodyPath].flatMap { path($0, "\(bodyPath) in \(name)") }.map { .body($0.steps) }
    }

    // MARK: - Only what is new

    private func readIncremental(_ value: JSONValue) -> Incremental? {
        let name = "incremental of \(name)"
        let keys = [
            "cursor_field", "param", "body_path", "initial", "lag", "end", "end_param", "end_body_path",
        ]
        guard let object = reader.object(value, name, keys: keys) else { return nil }
        let field = reader.required("cursor_field", of: object, "\"cursor_field\": \"updated_at\"")
            .flatMap { path($0, "cursor_field in \(name)") }
        guard let place = place(object, param: "param", bodyPath: "body_path", name) else {
            reader.error(
                "\(name) lacks \"param\", or \"body_path\" for a JSON body: where the mark is sent", at: value
            )
            return nil
        }
        guard let field else { return nil }
        var incremental = Incremental(field: field, place: place)
        if let value = object["initial"] { incremental.initial = cursorValue(value, "initial in \(name)") }
        if let value = object["lag"] {
            incremental.lagMicroseconds = reader.duration(value, "lag in \(name)") ?? 0
        }
        if let value = object["end"], let end = cursorValue(value, "end in \(name)") {
            guard let place = self.place(object, param: "end_param", bodyPath: "end_body_path", name) else {
                reader.error("\(name) has an \"end\" and no \"end_param\": where it is sent", at: value)
                return nil
            }
            incremental.end = (end, place)
        } else if let value = object["end_param"] ?? object["end_body_path"], object["end"] == nil {
            reader.error("\(name) says where an \"end\" is sent, and has none", at: value)
        }
        return incremental
    }

    /// A text or a number, as JSON.
    private func cursorValue(_ value: JSONValue, _ name: String) -> String? {
        switch value.content {
        case .number(let text): return text
        case .string: return reader.nonEmptyString(value, name).map { JSONValue(.string($0)).json }
        default:
            reader.error("\(name) is \(value.typeName); it must be a string or a number", at: value)
            return nil
        }
    }

    // MARK: - Limits

    private func readLimits(_ object: DefinitionReader.Object) -> HTTPLimits {
        var limits = HTTPLimits()
        if let value = object["requests_per_second"],
            let pace = reader.number(value, "requests_per_second of \(name)")
        {
            if pace > 0, pace <= 10_000 {
                limits.requestsPerSecond = pace
            } else {
                reader.error("requests_per_second of \(name) is a number above 0, as in 5 or 0.5", at: value)
            }
        }
        func read(_ key: String, _ range: ClosedRange<Int>, _ note: (Int) -> Void) {
            if let value = object[key], let number = whole(value, "\(key) of \(name)", range) { note(number) }
        }
        read("max_attempts", 1...1_000) { limits.maxAttempts = $0 }
        read("max_requests", 1...1_000_000_000) { limits.maxRequests = $0 }
        read("max_pages", 1...1_000_000_000) { limits.maxPages = $0 }
        read("max_response", 1_024...(1 << 40)) { limits.maxResponse = $0 }
        for (key, path) in [
            ("timeout", \HTTPLimits.timeoutSeconds), ("max_wait", \HTTPLimits.maxWaitSeconds),
            ("backoff", \HTTPLimits.backoffSeconds),
        ] {
            guard let value = object[key], let duration = reader.duration(value, "\(key) of \(name)") else {
                continue
            }
            if duration > 0 {
                limits[keyPath: path] = Double(duration) / 1e6
            } else {
                reader.error("\(key) of \(name) must be longer than nothing", at: value)
            }
        }
        return limits
    }

    private func whole(_ value: JSONValue, _ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let number = reader.number(value, name) else { return nil }
        guard number == number.rounded(), number >= Double(range.lowerBound),
            number <= Double(range.upperBound)
        else {
            reader.error(
                "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)", at: value)
            return nil
        }
        return Int(number)
    }
}

import Events
import Extract

/// Reads the `http` block of a source.
struct HTTPSourceReader {
    let reader: DefinitionReader
    /// Of the block, for a person: `http of sources[0]`.
    let name: String
    /// Events behind it are rejected.
    let latestTime: Timestamp

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
            source.latestMark = latestTime
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
        return HTTPSource(name: String(shown), url: url, written: written)
    }

    /// False where the body cannot be told.
    private func readRequest(_ object: DefinitionReader.Object, _ source: inout HTTPSource) -> Bool {
        if let value = object["query"] {
            source.query = reader.texts(value, "query of \(name)").map { member, text in
                QueryItem(member.name, text.value, written: text.written)
            }
        }
        if let value = object["headers"] {
            for (member, text) in reader.texts(value, "headers of \(name)") {
                if (member.name + text.value).contains(where: \.isNewline) {
                    reader.error(
                        "\"\(member.name)\" in headers of \(name) holds a line end", at: member.value)
                }
                if HTTPSource.tellsSecret(member.name) {
                    source.secrets.add(text.value, word: "${headers.\(member.name)}")
                }
                source.headers.append(HTTPHeader(member.name, text.value, written: text.written))
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
        if let body = source.body, !body.isJSON, source.placesInBody, let value = object["body"] {
            reader.error(
                "body of \(name) is a text, into which nothing can be put by a path; write an object",
                at: value)
        }
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

    // MARK: - The answer

    /// False where the format is none.
    private func readAnswer(_ object: DefinitionReader.Object, _ source: inout HTTPSource) -> Bool {
        var isSound = true
        if let value = object["format"] {
            let known = SourceFormat.allCases.filter(\.isForAPIs).map(\.rawValue)
            let named = reader.choice(value, "format of \(name)", known).flatMap {
                SourceFormat(rawValue: $0)
            }
            // The standards are all of JSON.
            isSound = keep(named.map { HTTPFormat(rawValue: $0.rawValue) ?? .json }, \.format, &source)
            source.standard = named?.fields == nil ? nil : named?.rawValue
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

    func path(_ value: JSONValue, _ name: String) -> FieldPath? {
        guard let text = reader.nonEmptyString(value, name) else { return nil }
        do {
            return try FieldPath(parsing: text)
        } catch {
            reader.error("\(name): \(error.message)", at: value)
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

    func whole(_ value: JSONValue, _ name: String, _ range: ClosedRange<Int>) -> Int? {
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

import Alerts
import Events
import Extract

/// Reads `"channels"` of the project: whom alerts are told to, how and when.
struct ChannelsReader {
    let reader: DefinitionReader
    /// Where programs run.
    let directory: String

    private static let kinds = ["mail", "webhook", "slack", "command"]
    private static let timings = ["group_wait", "group_interval", "repeat_interval", "quiet_hours"]

    /// In the order of the file, as far as they can be told.
    func read(_ value: JSONValue) -> [ChannelDefinition] {
        guard case .object(let members) = value.content else {
            reader.error(
                "channels is \(value.typeName); it must be an object, as in { \"ops\": { \"mail\": "
                    + "{ \"to\": \"ops@example.com\" } } }", at: value)
            return []
        }
        var names: Set<String> = []
        return members.compactMap { member in
            let name = member.name
            guard names.insert(name).inserted else {
                reader.report(
                    .error, "\"\(name)\" is given twice in channels; remove one", offset: member.nameOffset)
                return nil
            }
            if name.wholeMatch(of: #/[A-Za-z0-9_\-]+/#) == nil {
                reader.report(
                    .error,
                    "the channel name \"\(name)\" may hold letters of ASCII, digits, \"_\" and \"-\" only",
                    offset: member.nameOffset)
            }
            return definition(member.value, name)
        }
    }

    private func definition(_ value: JSONValue, _ channelName: String) -> ChannelDefinition? {
        let name = "channels.\(channelName)"
        guard let object = reader.object(value, name, keys: ChannelsReader.kinds + ChannelsReader.timings)
        else {
            return nil
        }
        let channel = channel(object)
        var definition = channel.map { ChannelDefinition(name: channelName, channel: $0) }
        func time(_ key: String) -> Int64? {
            object[key].flatMap { reader.duration($0, "\(key) of \(name)") }
        }
        if let wait = time("group_wait") { definition?.groupWaitMicroseconds = wait }
        if let interval = time("group_interval") { definition?.groupIntervalMicroseconds = interval }
        if let value = object["repeat_interval"], let interval = time("repeat_interval") {
            definition?.repeatIntervalMicroseconds = interval
            if interval == 0 {
                reader.error(
                    "repeat_interval of \(name) must be longer than nothing; without it nothing is told again",
                    at: value)
            }
        }
        if let value = object["quiet_hours"] { definition?.quietHours = quietHours(value, name) }
        return definition
    }

    /// What the one block of the channel says; nil where it has a mistake.
    private func channel(_ object: DefinitionReader.Object) -> (any Channel)? {
        let given = ChannelsReader.kinds.filter { object[$0] != nil }
        guard let kind = given.first, let value = object[kind] else {
            if !ChannelsReader.kinds.contains(where: object.isMisspelt) {
                reader.error(
                    "\(object.name) lacks \"mail\", \"webhook\", \"slack\" or \"command\"; add for instance "
                        + "\"mail\": { \"to\": \"ops@example.com\" }", at: object.value)
            }
            return nil
        }
        if given.count > 1, let last = given.last, let value = object[last] {
            let words = given.map { "\"\($0)\"" }
            reader.error(
                "\(object.name) has \(words.joined(separator: " and ")); a channel is one of them: make two",
                at: value)
        }
        let name = "\(kind) of \(object.name)"
        let secrets = Secrets()
        return reader.collectingVariables(into: secrets) { () -> (any Channel)? in
            switch kind {
            case "mail": mail(value, name, secrets)
            case "webhook":
                post(value, name, ["url", "headers", "timeout"], secrets).map { WebhookChannel($0) }
            case "slack": post(value, name, ["url", "timeout"], secrets).map { SlackChannel($0) }
            default: command(value, name, secrets)
            }
        }
    }

    // MARK: - Programs

    private func mail(_ value: JSONValue, _ name: String, _ secrets: Secrets) -> MailChannel? {
        guard let object = reader.object(value, name, keys: ["to", "from", "cc", "command", "timeout"]) else {
            return nil
        }
        let to = reader.required("to", of: object, "\"to\": \"ops@example.com\"").flatMap {
            addresses($0, "to of \(name)")
        }
        let cc = object["cc"].map { addresses($0, "cc of \(name)") } ?? []
        var from: MailAddress? = .local
        if let value = object["from"] {
            from = reader.nonEmptyString(value, "from of \(name)").flatMap {
                address($0, "from of \(name)", value)
            }
        }
        let timeout = timeout(object)
        var call: ProgramCall? = MailChannel.sendmail(directory: directory)
        if let value = object["command"] {
            call = ProgramReader(reader: reader, name: name).program(value, key: "command").flatMap {
                self.call($0)
            }
        }
        guard let to, let from, let cc, var call else { return nil }
        call.secrets = secrets
        if let timeout { call.timeoutSeconds = timeout }
        return MailChannel(to: to, from: from, cc: cc, call: call)
    }

    private func addresses(_ value: JSONValue, _ name: String) -> [MailAddress]? {
        guard let texts = reader.strings(value, name) else { return nil }
        var places = [value]
        if case .array(let elements) = value.content { places = elements }
        let all = zip(texts, places).compactMap { address($0, name, $1) }
        return all.count == texts.count ? all : nil
    }

    private func address(_ text: String, _ name: String, _ value: JSONValue) -> MailAddress? {
        if let address = MailAddress(text) { return address }
        reader.error(
            "\(name) is no address, or more than one; write each like \"ops@example.com\" or \"Ops <ops@example.com>\"",
            at: value)
        return nil
    }

    private func command(_ value: JSONValue, _ name: String, _ secrets: Secrets) -> CommandChannel? {
        guard let object = reader.object(value, name, keys: ["run", "environment", "timeout"]) else {
            return nil
        }
        let programs = ProgramReader(reader: reader, name: name)
        let program = reader.required("run", of: object, "\"run\": [\"./notify.sh\"]").flatMap {
            programs.program($0)
        }
        let environment = object["environment"].map { programs.environment($0) } ?? [:]
        let timeout = timeout(object)
        guard let program, var call = call(program) else { return nil }
        call.secrets = secrets
        call.environment = environment
        if let timeout { call.timeoutSeconds = timeout }
        return CommandChannel(call)
    }

    private func call(_ program: CommandSource.Program) -> ProgramCall? {
        switch program {
        case .arguments(let words): ProgramCall(words, directory: directory)
        case .shell(let line): ProgramCall(["sh", "-c", line], name: line, directory: directory)
        case .standardInput: nil
        }
    }

    private func timeout(_ object: DefinitionReader.Object) -> Double? {
        guard let value = object["timeout"],
            let duration = reader.duration(value, "timeout of \(object.name)")
        else { return nil }
        if duration == 0 {
            reader.error("timeout of \(object.name) must be longer than nothing", at: value)
        }
        return Double(duration) / 1e6
    }

    // MARK: - HTTP

    private func post(_ value: JSONValue, _ name: String, _ keys: [String], _ secrets: Secrets) -> HTTPPost? {
        guard let object = reader.object(value, name, keys: keys) else { return nil }
        let headers = object["headers"].map { self.headers($0, object.name, secrets) } ?? []
        let timeout = timeout(object)
        guard let value = reader.required("url", of: object, "\"url\": \"${ALERTS_URL}\""),
            let url = reader.nonEmptyString(value, "url of \(name)"),
            case .string(let written) = value.content
        else { return nil }
        guard HTTPSource.problem(ofURL: url) != .password else {
            reader.error(
                "url of \(name) holds a name and password; say them by a header, as in \"headers\": "
                    + "{ \"Authorization\": \"Basic …\" }", at: value)
            return nil
        }
        guard let address = HTTPAddress(url) else {
            reader.error(
                "url of \(name) is no address; write it like https://alerts.example/hook, or ${ALERTS_URL}",
                at: value)
            return nil
        }
        if url.lowercased().hasPrefix("http://"), !HTTPSource.isLocal(url) {
            reader.warning("\(name): alerts travel unencrypted; is there an https address?", at: value)
        }
        var post = HTTPPost(name: ChannelsReader.shown(written), url: address)
        ChannelsReader.hide(url, in: secrets)
        post.headers = headers
        post.secrets = secrets
        if let timeout { post.timeoutSeconds = timeout }
        return post
    }

    /// Whoever knows the whole address can write to the channel, so that the long parts of its path are secrets.
    private static func hide(_ url: String, in secrets: Secrets) {
        let path = String(url.drop { $0 != ":" }.dropFirst(3).drop { $0 != "/" && $0 != "?" })
        let parts = path.split { "/?&=#".contains($0) }.map(String.init)
        for part in [path] + parts where part.utf8.count >= leastSecret {
            secrets.add(part, word: "${url}")
        }
    }

    private static let leastSecret = 12

    /// As it is written, up to its path.
    private static func shown(_ written: String) -> String {
        let scheme = written.prefixMatch(of: #/[A-Za-z]+:\/\//#).map { String($0.output) } ?? ""
        return scheme + written.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    }

    private static let ownHeaders = [
        "idempotency-key", "content-type", "content-length", "transfer-encoding",
    ]

    private func headers(_ value: JSONValue, _ name: String, _ secrets: Secrets) -> [HTTPHeader] {
        reader.texts(value, "headers of \(name)").map { member, text in
            let isName = member.name.wholeMatch(of: #/[A-Za-z0-9!#$%&'*+.^_`|~\-]+/#) != nil
            if !isName {
                reader.report(
                    .error, "\"\(member.name)\" in headers of \(name) is no name of a header",
                    offset: member.nameOffset)
            } else if ChannelsReader.ownHeaders.contains(member.name.lowercased()) {
                reader.report(
                    .error, "\"\(member.name)\" in headers of \(name) is set by daybook; remove it",
                    offset: member.nameOffset)
            }
            if text.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
                reader.error(
                    "\"\(member.name)\" in headers of \(name) holds a line end or another control",
                    at: member.value)
            }
            if HTTPSource.tellsSecret(member.name) {
                secrets.add(text.value, word: "${headers.\(member.name)}")
            }
            return HTTPHeader(member.name, text.value, written: text.written)
        }
    }

    // MARK: - Quiet hours

    private static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    private func quietHours(_ value: JSONValue, _ name: String) -> QuietHours? {
        let name = "quiet_hours of \(name)"
        guard let object = reader.object(value, name, keys: ["from", "to", "time_zone", "days"]) else {
            return nil
        }
        func time(_ key: String, _ example: String) -> ClockTime? {
            guard let value = reader.required(key, of: object, "\"\(key)\": \"\(example)\""),
                let text = reader.string(value, "\(key) of \(name)")
            else { return nil }
            if let time = ClockTime(text) { return time }
            reader.error(
                "\(key) of \(name) is \"\(text)\"; write it like \"\(example)\", from \"00:00\" to \"23:59\"",
                at: value)
            return nil
        }
        let (from, to) = (time("from", "22:00"), time("to", "07:00"))
        let days = object["days"].flatMap { self.days($0, "days of \(name)") }
        let zone = object["time_zone"].map { reader.timeZone($0, "time_zone of \(name)") } ?? "UTC"
        guard let zone, let from, let to else { return nil }
        return QuietHours(from: from, to: to, timeZone: zone, days: days)
    }

    /// 1 is Monday.
    private func days(_ value: JSONValue, _ name: String) -> [Int]? {
        guard let words = reader.strings(value, name) else { return nil }
        var places = [value]
        if case .array(let elements) = value.content { places = elements }
        let numbers = zip(words, places).compactMap { word, place -> Int? in
            if let index = ChannelsReader.days.firstIndex(of: word) { return index + 1 }
            reader.error(
                "\(name) holds \"\(word)\"; days are \(ChannelsReader.days.joined(separator: ", "))"
                    + Spelling.suggestion(word, in: ChannelsReader.days), at: place)
            return nil
        }
        return numbers.isEmpty ? nil : Set(numbers).sorted()
    }
}

import Alerts
import Events
import Extract
import Transform
import Warehouse

/// Reads `pipelines/NAME.jsonc`.
struct PipelineReader {
    private let reader: DefinitionReader
    private let name: String
    private let project: ProjectDefinition
    private let directory: String
    private var places = DefinitionPlaces()

    /// A definition with every mistake in it; never throws, since mistakes are what `check` is about.
    static func read(
        name: String, projectDirectory: String, project: ProjectDefinition, environment: [String: String]
    ) -> ReadDefinition {
        let file = "pipelines/\(name).jsonc"
        do {
            let reader = try DefinitionReader(
                file: file, projectDirectory: projectDirectory, environment: environment)
            var pipeline = PipelineReader(
                reader: reader, name: name, project: project, directory: projectDirectory)
            let definition = pipeline.readPipeline()
            let isSound = !reader.problems.contains { $0.severity == .error }
            return ReadDefinition(
                name: name, file: file, pipeline: isSound ? definition : nil, problems: reader.sortedProblems,
                places: pipeline.places)
        } catch {
            return ReadDefinition(
                name: name, file: file, pipeline: nil, problems: error.problems, places: DefinitionPlaces())
        }
    }

    private init(
        reader: DefinitionReader, name: String, project: ProjectDefinition, directory: String
    ) {
        self.directory = directory
        self.reader = reader
        self.name = name
        self.project = project
    }

    // MARK: - The pipeline

    private mutating func readPipeline() -> PipelineDefinition? {
        let keys = [
            "pipeline", "entity", "sources", "slas", "schedule", "clock", "event_fields", "keys",
            "alerts", "description",
        ]
        guard let object = reader.object(reader.root, "the pipeline", keys: keys) else { return nil }
        if let value = reader.required("pipeline", of: object, "\"pipeline\": \"\(name)\""),
            let given = reader.string(value, "pipeline"), given != name
        {
            reader.error(
                "the pipeline is called \"\(given)\" and its file \(name).jsonc; both must be the same",
                at: value)
        }
        if let value = object["description"] { _ = reader.string(value, "description") }
        let schedule = object["schedule"].flatMap { ScheduleReader(reader: reader).read($0) }
        let entity = object["entity"].flatMap { reader.nonEmptyString($0, "entity") } ?? name
        let clock = object["clock"].flatMap { reader.choice($0, "clock", ["wall", "data"]) } ?? "wall"

        var sources: [SourceDefinition] = []
        if let value = reader.required("sources", of: object, "\"sources\": [ … ]"),
            let elements = reader.array(value, "sources")
        {
            if elements.isEmpty { reader.error("sources is empty; a pipeline needs one at least", at: value) }
            for (index, element) in elements.enumerated() {
                guard let source = readSource(element, "sources[\(index)]", entity: entity) else { continue }
                if sources.contains(where: { $0.name == source.name }) {
                    reader.error(
                        "two sources are called \"\(source.name)\"; give one another name", at: element)
                }
                if case .command(let command, _) = source.input, command.program == .standardInput,
                    sources.contains(where: { $0.readsStandardInput })
                {
                    reader.error("two sources read standard input, of which there is one", at: element)
                }
                sources.append(source)
            }
        }
        let alertsReader = AlertsReader(
            reader: reader, pipeline: name, entity: entity, clock: clock,
            channels: project.channels.map(\.name))
        var slas: [SLADefinition] = []
        var alerts: [AlertRule] = []
        for (index, element) in (object["slas"].flatMap { reader.array($0, "slas") } ?? []).enumerated() {
            guard let sla = readSLA(element, "slas[\(index)]", entity: entity, clock: clock) else { continue }
            if slas.contains(where: { $0.name == sla.name }) {
                reader.error("two SLAs are called \"\(sla.name)\"; give one another name", at: element)
            }
            slas.append(sla)
            guard case .object(let members) = element.content,
                let value = members.first(where: { $0.name == "alerts" })?.value
            else { continue }
            add(
                alertsReader.read(value, of: AlertsReader.SLA(name: sla.name, target: sla.target)), at: value,
                to: &alerts)
        }
        if let value = object["alerts"] {
            let known = slas.map { AlertsReader.SLA(name: $0.name, target: $0.target) }
            add(
                alertsReader.read(value, slas: known, sources: sources.map(\.name)), at: value, to: &alerts)
        }
        // A source that is stale holds back what depends on it: somebody is to be told why.
        if sources.contains(where: { $0.freshness.errorMicroseconds != nil }),
            !alerts.contains(where: { $0.kind == .freshness && $0.parameters.service == nil })
        {
            alerts.append(AlertRule(name: "\(name)_freshness", pipeline: name, kind: .freshness))
        }
        let fields =
            object["event_fields"].map { EventFieldsReader(reader: reader, pipeline: name).read($0) } ?? []
        let caseKeys =
            object["keys"].map { EventFieldsReader(reader: reader, pipeline: name).readKeys($0) } ?? []
        return PipelineDefinition(
            name: name, file: reader.file, entity: entity, sources: sources, slas: slas, eventFields: fields,
            schedule: schedule, keys: caseKeys, alerts: alerts)
    }

    private mutating func add(_ rules: [AlertRule], at value: JSONValue, to alerts: inout [AlertRule]) {
        for rule in rules {
            if alerts.contains(where: { $0.name == rule.name }) {
                reader.error(
                    "two alerts are called \"\(rule.name)\"; give one another \"name\"", at: value)
            }
            places.alerts[rule.name] = reader.place(of: value)
            alerts.append(rule)
        }
    }

    // MARK: - A source

    private mutating func readSource(_ value: JSONValue, _ name: String, entity: String) -> SourceDefinition?
    {
        let keys = [
            "name", "file", "http", "command", "stdin", "event", "events", "where", "redact", "redact_key",
            "identity", "on_change", "lateness", "max_rejected", "freshness", "role", "keep_original",
        ]
        guard let object = reader.object(value, name, keys: keys) else { return nil }
        let sourceName = reader.required("name", of: object, "\"name\": \"checkout\"")
            .flatMap { reader.nonEmptyString($0, "name of \(name)") }
        let identity = object["identity"].flatMap {
            reader.choice($0, "identity of \(name)", EventIdentity.allCases.map(\.rawValue))
        }
        let onChange = object["on_change"].flatMap {
            reader.choice($0, "on_change of \(name)", OnChange.allCases.map(\.rawValue))
        }
        let lateness = object["lateness"].flatMap { reader.duration($0, "lateness of \(name)") }
        let maxRejected = object["max_rejected"].flatMap { readRejectLimit($0, "max_rejected of \(name)") }
        let freshness = object["freshness"].map { readFreshness($0, "freshness of \(name)") }
        let role = object["role"].flatMap {
            reader.choice($0, "role of \(name)", SourceRole.allCases.map(\.rawValue))
        }
        let keepsOriginals = object["keep_original"].flatMap {
            reader.boolean($0, "keep_original of \(name)")
        }
        let input = readInput(object, name)
        let isDeadLetter = role == SourceRole.deadLetter.rawValue
        if isDeadLetter, identity == EventIdentity.project.rawValue, let value = object["identity"] {
            reader.error(
                "the event ids of \(name) cannot be unique in the project: dead letters are told from what happened "
                    + "by their source", at: value)
        }
        let mapping = readMapping(
            object, name, service: sourceName ?? name, entity: entity, input?.input.standardFields,
            otherType: isDeadLetter ? SourceRole.deadLetter.rawValue : nil)
        guard let sourceName, let input, var mapping else { return nil }
        mapping.keepsOriginals = keepsOriginals ?? false
        places.sources[sourceName] = input.place
        if case .command(let command, _) = input.input, let cursor = command.cursor?.field,
            let redact = object["redact"],
            mapping.redactions.contains(where: { $0.meets(cursor) })
        {
            reader.error(
                "\"\(cursor.text)\" is the cursor_field of \(name), and cannot be redacted", at: redact)
        }
        return SourceDefinition(
            name: sourceName, input: input.input, mapping: mapping,
            identity: identity.flatMap { EventIdentity(rawValue: $0) } ?? .source,
            onChange: onChange.flatMap { OnChange(rawValue: $0) } ?? .keepFirst,
            latenessMicroseconds: lateness ?? 0, freshness: freshness ?? FreshnessLimits(),
            maxRejected: maxRejected,
            maxLine: input.maxLine ?? RecordForm.defaultMaxLine,
            role: role.flatMap { SourceRole(rawValue: $0) } ?? .events,
            keepsOriginals: keepsOriginals ?? false)
    }

    /// What a source is read from, and where that stands.
    private struct ReadInput {
        let input: SourceInput
        let place: DefinitionPlace
        let maxLine: Int?
    }

    private func readInput(_ object: DefinitionReader.Object, _ name: String) -> ReadInput? {
        let kinds = ["file", "http", "command", "stdin"].filter { object[$0] != nil }
        if kinds.count > 1, let last = kinds.last, let value = object[last] {
            let words = kinds.map { "\"\($0)\"" }
            reader.error(
                "\(name) has \(kinds.count == 2 ? "both " : "")\(words.joined(separator: " and ")); keep one",
                at: value)
        }
        let commands = CommandSourceReader(reader: reader, name: name, directory: directory)
        if let value = object["command"] {
            return commands.readCommand(value).map { command, format in
                ReadInput(
                    input: .command(command, format), place: reader.place(of: value),
                    maxLine: command.form.maxLine)
            }
        }
        if let value = object["stdin"] {
            return commands.readStandardInput(value).map { command, format in
                ReadInput(
                    input: .command(command, format), place: reader.place(of: value),
                    maxLine: command.form.maxLine)
            }
        }
        if let value = object["http"] {
            guard let http = reader.object(value, "http of \(name)", keys: HTTPSourceReader.keys) else {
                return nil
            }
            let maxLine = FormatReader(reader: reader, name: name).readMaxLine(http)
            guard
                let api = HTTPSourceReader(
                    reader: reader, name: "http of \(name)", latestTime: project.timeRange.upperBound
                ).read(http)
            else {
                return nil
            }
            return ReadInput(
                input: .http(api), place: reader.place(of: http["url"] ?? value), maxLine: maxLine)
        }
        let formats = FormatReader(reader: reader, name: name)
        guard
            let value = reader.required(
                "file", of: object, "\"file\": { \"path\": \"logs/*.ndjson\", \"format\": \"ndjson\" }"),
            let file = reader.object(
                value, "file of \(name)", keys: ["path", "settle"] + FormatReader.keys)
        else { return nil }
        let path = reader.required("path", of: file, "\"path\": \"logs/*.ndjson\"")
        let paths = path.flatMap { reader.strings($0, "path of \(name)") }
        let settle = file["settle"].flatMap { reader.duration($0, "settle of \(name)") }
        // Without a path there is no ending that could tell the format, and that is told already.
        guard path != nil || file["format"] != nil, let read = formats.read(file, paths: paths ?? []),
            let path, let paths
        else { return nil }
        let input = FileInput(
            paths: paths, format: read.format, form: read.form, settleSeconds: settle.map { Double($0) / 1e6 }
        )
        return ReadInput(input: .files(input), place: reader.place(of: path), maxLine: read.form.maxLine)
    }

    /// A whole number counts records, a fraction is their share.
    private func readRejectLimit(_ value: JSONValue, _ name: String) -> RejectLimit? {
        guard let number = reader.number(value, name) else { return nil }
        if number >= 0, number == number.rounded(), number < 1e15 { return .count(Int(number)) }
        if number > 0, number < 1 { return .share(number) }
        reader.error(
            "\(name) is a number of records, as in 100, or a share of them between 0 and 1, as in 0.01",
            at: value)
        return nil
    }

    private func readFreshness(_ value: JSONValue, _ name: String) -> FreshnessLimits {
        var limits = FreshnessLimits()
        guard let object = reader.object(value, name, keys: ["warn", "error"]) else { return limits }
        func limit(_ key: String) -> Int64? {
            guard let value = object[key], let age = reader.duration(value, "\(key) in \(name)") else {
                return nil
            }
            if age <= 0 { reader.error("\(key) in \(name) must be longer than nothing", at: value) }
            return age > 0 ? age : nil
        }
        limits.warnMicroseconds = limit("warn")
        limits.errorMicroseconds = limit("error")
        if object.isMissing("warn"), object.isMissing("error") {
            reader.error(
                "\(name) says no age; write it like { \"warn\": \"1h\", \"error\": \"4h\" }", at: value)
        }
        if let warn = limits.warnMicroseconds, let error = limits.errorMicroseconds, warn >= error,
            let place = object["warn"]
        {
            reader.error("warn in \(name) must be below error: it comes first", at: place)
        }
        return limits
    }

    private func readMapping(
        _ object: DefinitionReader.Object, _ name: String, service: String, entity: String,
        _ standard: StandardFields?, otherType: String?
    ) -> SourceMapping? {
        let mappingReader = MappingReader(
            reader: reader, defaultService: service, defaultEntity: entity,
            hasPositions: object["file"] != nil, otherType: otherType)
        guard var mapping = readEvents(object, name, mappingReader, standard) else { return nil }
        mapping.opened = mappingReader.opened.paths
        let isMappedByFormat = object["events"] == nil
        for text in standard?.opened ?? [] where isMappedByFormat {
            if let path = try? FieldPath(parsing: text) { mapping.opened.append(path) }
        }
        let rules = RecordRulesReader(reader: reader, name: name)
        mapping.filter = object["where"].flatMap { rules.readFilter($0) }
        mapping.redactionKey = object["redact_key"].flatMap {
            reader.nonEmptyString($0, "redact_key of \(name)")
        }
        mapping.redactions =
            object["redact"].map { rules.readRedactions($0, key: mapping.redactionKey, mapping) } ?? []
        if let key = object["redact_key"], object["redact"] == nil {
            reader.error("redact_key of \(name) is for \"redact\", which is not there", at: key)
        }
        return mapping
    }

    private func readEvents(
        _ object: DefinitionReader.Object, _ name: String, _ mappingReader: MappingReader,
        _ standard: StandardFields?
    ) -> SourceMapping? {
        switch (object["event"], object["events"]) {
        case (let event?, nil):
            return mappingReader.event(event, "event of \(name)", standard).map {
                SourceMapping(events: [$0], isList: false, timeRange: project.timeRange)
            }
        case (nil, nil) where standard != nil && !object.isMisspelt("event"):
            return standard.flatMap { mappingReader.standard($0) }.map {
                SourceMapping(events: [$0], isList: false, timeRange: project.timeRange)
            }
        case (nil, let events?):
            guard let elements = reader.array(events, "events of \(name)") else { return nil }
            if elements.isEmpty { reader.error("events of \(name) is empty", at: events) }
            let mappings = elements.enumerated().compactMap {
                mappingReader.event($1, "events[\($0)] of \(name)")
            }
            guard mappings.count == elements.count, !mappings.isEmpty else { return nil }
            return SourceMapping(events: mappings, isList: true, timeRange: project.timeRange)
        case (_?, let events?):
            reader.error("\(name) has both \"event\" and \"events\"; keep one", at: events)
        case (nil, nil) where object.isMissing("event"):
            reader.error(
                "\(name) lacks \"event\"; add for instance \"event\": { \"occurred_at\": \"time\", "
                    + "\"type\": \"type\", \"case_id\": \"order_id\" }", at: object.value)
        case (nil, nil): break
        }
        return nil
    }

    // MARK: - An SLA

    private mutating func readSLA(
        _ value: JSONValue, _ name: String, entity: String, clock: String
    ) -> SLADefinition? {
        let keys = [
            "name", "start", "end", "cancel", "within", "target", "occurrence", "order_by", "clock_skew",
            "entity", "description", "owner", "alerts",
        ]
        guard let object = reader.object(value, name, keys: keys, planned: ["calendar"]) else {
            return nil
        }
        let slaName = reader.required("name", of: object, "\"name\": \"order_delivered\"")
            .flatMap { reader.nonEmptyString($0, "name of \(name)") }
        if let slaName, let value = object["name"], places.slas[slaName] == nil {
            places.slas[slaName] = reader.place(of: value)
            places.entities[slaName] = object["entity"].map { reader.place(of: $0) }
        }
        let description = object["description"].flatMap {
            reader.nonEmptyString($0, "description of \(name)")
        }
        let owner = object["owner"].flatMap { reader.nonEmptyString($0, "owner of \(name)") }
        let start = reader.required("start", of: object, "\"start\": \"order.created\"")
            .flatMap { readTypes($0, "start of \(name)", of: slaName) }
        let end = reader.required("end", of: object, "\"end\": \"order.delivered\"")
            .flatMap { readTypes($0, "end of \(name)", of: slaName) }
        let cancel = object["cancel"].map { readTypes($0, "cancel of \(name)", of: slaName) } ?? []
        let within = reader.required("within", of: object, "\"within\": \"2h\"")
            .flatMap { value in
                reader.duration(value, "within of \(name)").flatMap { duration -> Int64? in
                    if duration <= 0 {
                        reader.error(
                            "within of \(name) must be longer than nothing; \(DurationText.forms)", at: value)
                    }
                    return duration > 0 ? duration : nil
                }
            }
        let target = object["target"].flatMap { readShare($0, "target of \(name)") }
        let occurrence = object["occurrence"].flatMap {
            reader.choice($0, "occurrence of \(name)", ["first", "last", "each"])
        }
        let orderBy = object["order_by"].flatMap {
            reader.choice($0, "order_by of \(name)", ["time", "sequence"])
        }
        let skew = object["clock_skew"].flatMap { reader.duration($0, "clock_skew of \(name)") } ?? 0
        let ownEntity = object["entity"].flatMap { reader.nonEmptyString($0, "entity of \(name)") }
        guard let slaName, let start, let end, let cancel, let within else { return nil }
        return SLADefinition(
            name: slaName, pipeline: self.name, entity: ownEntity ?? entity, start: start, end: end,
            cancel: cancel,
            withinMicroseconds: within, target: target, occurrence: occurrence ?? "first",
            orderBy: orderBy ?? "time", clockSkewMicroseconds: skew,
            clock: clock, description: description, owner: owner)
    }

    private mutating func readTypes(_ value: JSONValue, _ name: String, of sla: String?) -> [TypePattern]? {
        guard let texts = reader.strings(value, name) else { return nil }
        var elements = [value]
        if case .array(let values) = value.content { elements = values }
        for (text, element) in zip(texts, elements) {
            if let sla { places.types[sla, default: [:]][text] = reader.place(of: element) }
            if text.contains("*"), !text.hasSuffix(".*") || text.dropLast().contains("*") || text == ".*" {
                reader.error(
                    "\(name) is \"\(text)\"; a star stands only at the end, behind a dot, as in \"order.*\"",
                    at: element)
            }
        }
        return texts.map { TypePattern($0) }
    }

    private func readShare(_ value: JSONValue, _ name: String) -> Double? {
        guard let share = reader.number(value, name) else { return nil }
        guard share >= 0, share <= 1 else {
            let isPercent = share > 1 && share <= 100
            reader.error(
                "\(name) is a share from 0 to 1, and this is \(trimmed(share))"
                    + (isPercent ? "; did you mean \(trimmed((share * 1e10).rounded() / 1e12))?" : ""),
                at: value)
            return nil
        }
        return share
    }

    private func trimmed(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : String(number)
    }
}

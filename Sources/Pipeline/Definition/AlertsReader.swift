import Alerts
import Events
import Transform
import Warehouse

/// Reads `"alerts"`, of a pipeline or of an SLA.
struct AlertsReader {
    let reader: DefinitionReader
    let pipeline: String
    let entity: String
    /// `wall` or `data`.
    let clock: String
    /// What may stand in `channels`.
    let channels: [String]

    /// The SLA that the rules stand in, or those that they may name.
    struct SLA {
        let name: String
        let target: Double?
    }

    private static let commonKeys = ["type", "name", "severity", "channels", "description"]

    /// The rules that stand in an SLA.
    func read(_ value: JSONValue, of sla: SLA) -> [AlertRule] {
        rules(value, "alerts of \(sla.name)") { rule($0, $1, sla: sla, slas: [sla]) }
    }

    /// The rules of the pipeline, whose SLAs are known by then.
    func read(_ value: JSONValue, slas: [SLA], sources: [String]) -> [AlertRule] {
        rules(value, "alerts") { element, name in
            let rule = rule(element, name, sla: nil, slas: slas)
            if let source = rule?.parameters.source, !sources.contains(source) {
                reader.error(
                    "source of \(name) is \"\(source)\", which is none of the pipeline's"
                        + Spelling.suggestion(source, in: sources), at: element)
            }
            return rule
        }
    }

    private func rules(
        _ value: JSONValue, _ name: String, _ read: (JSONValue, String) -> AlertRule?
    ) -> [AlertRule] {
        (reader.array(value, name) ?? []).enumerated().compactMap { index, element in
            read(element, DefinitionReader.item(index, of: name))
        }
    }

    private func rule(_ value: JSONValue, _ name: String, sla: SLA?, slas: [SLA]) -> AlertRule? {
        let kinds = AlertRule.Kind.allCases.filter { sla == nil || $0.watchesSLA }
        guard let kind = kind(value, name, kinds),
            let object = reader.object(value, name, keys: keys(kind, isInSLA: sla != nil)),
            let watched = sla.map(Optional.some) ?? self.sla(object, kind, name, slas),
            let parameters = parameters(object, kind, name, watched)
        else { return nil }
        let severity = object["severity"].flatMap {
            reader.choice($0, "severity of \(name)", AlertRule.Severity.allCases.map(\.rawValue))
        }
        let source = parameters.source.map { "\(pipeline)_\($0)" }
        let subject = watched?.name ?? source ?? parameters.service ?? pipeline
        return AlertRule(
            name: object["name"].flatMap { reader.nonEmptyString($0, "name of \(name)") }
                ?? "\(subject)_\(kind.rawValue)",
            pipeline: pipeline, kind: kind, sla: watched?.name, parameters: parameters,
            severity: severity.flatMap { AlertRule.Severity(rawValue: $0) } ?? .warning,
            channels: object["channels"].flatMap { readChannels($0, "channels of \(name)") },
            description: object["description"].flatMap { reader.string($0, "description of \(name)") })
    }

    private func kind(_ value: JSONValue, _ name: String, _ kinds: [AlertRule.Kind]) -> AlertRule.Kind? {
        guard case .object(let members) = value.content else {
            _ = reader.object(value, name, keys: [])
            return nil
        }
        guard let type = members.first(where: { $0.name == "type" })?.value else {
            reader.error(
                "\(name) lacks \"type\": one of \(kinds.map(\.rawValue).joined(separator: ", "))", at: value)
            return nil
        }
        return reader.choice(type, "type of \(name)", kinds.map(\.rawValue))
            .flatMap { AlertRule.Kind(rawValue: $0) }
    }

    private func keys(_ kind: AlertRule.Kind, isInSLA: Bool) -> [String] {
        let sla = kind.watchesSLA && !isInSLA ? ["sla"] : []
        let own: [String] =
            switch kind {
            case .overdue: []
            case .attainment: ["window", "below", "min_cases"]
            case .burnRate: ["windows", "min_cases"]
            case .stuck: ["after", "for"]
            case .freshness: ["source", "service", "for"]
            case .eventCount: ["event", "service", "window", "below", "above"]
            }
        return AlertsReader.commonKeys + sla + own
    }

    /// The SLA that a rule of the pipeline names; nil within where its kind watches none.
    private func sla(
        _ object: DefinitionReader.Object, _ kind: AlertRule.Kind, _ name: String, _ slas: [SLA]
    ) -> SLA?? {
        guard kind.watchesSLA else { return .some(nil) }
        guard let value = reader.required("sla", of: object, "\"sla\": \"order_delivered\""),
            let text = reader.nonEmptyString(value, "sla of \(name)")
        else { return nil }
        guard let sla = slas.first(where: { $0.name == text }) else {
            reader.error(
                "sla of \(name) is \"\(text)\", which is none of the pipeline's"
                    + Spelling.suggestion(text, in: slas.map(\.name)), at: value)
            return nil
        }
        return .some(sla)
    }

    private func readChannels(_ value: JSONValue, _ name: String) -> [String]? {
        guard let names = reader.strings(value, name) else { return nil }
        for channel in names where !channels.contains(channel) {
            reader.error(
                "\(name): there is no channel \"\(channel)\" in pipelines/project.jsonc"
                    + Spelling.suggestion(channel, in: channels), at: value)
        }
        return names
    }

    // MARK: - What a kind needs

    private func parameters(
        _ object: DefinitionReader.Object, _ kind: AlertRule.Kind, _ name: String, _ sla: SLA?
    ) -> AlertRule.Parameters? {
        var parameters = AlertRule.Parameters()
        switch kind {
        case .overdue: parameters.clock = clock
        case .attainment:
            parameters.windowSeconds = seconds(object, "window", name) ?? 86_400
            parameters.below = object["below"].flatMap { share($0, "below of \(name)") }
            parameters.minCases = count(object, "min_cases", name) ?? 10
            if object["below"] == nil, sla?.target == nil {
                reader.error(
                    "\(name) needs \"below\": 0.95, since the SLA has no target", at: object.value)
                return nil
            }
        case .burnRate:
            guard let target = sla?.target, target < 1 else {
                reader.error(
                    "\(name) needs an SLA with a target below 1: what it leaves is the error budget",
                    at: object.value)
                return nil
            }
            parameters.minCases = count(object, "min_cases", name) ?? 10
            parameters.windows =
                object["windows"].map { windows($0, "windows of \(name)") } ?? AlertRule.BurnWindow.usual
            let most = 1 / (1 - target)
            if let windows = parameters.windows, !windows.isEmpty, windows.allSatisfy({ $0.rate >= most }) {
                reader.warning(
                    "\(name) will never fire: with a target of \(target) the rate is \(most.formatted()) at most",
                    at: object.value)
            }
        case .stuck:
            guard let value = reader.required("after", of: object, "\"after\": \"order.paid\""),
                let types = reader.strings(value, "after of \(name)")?.map({ TypePattern($0) }),
                reader.required("for", of: object, "\"for\": \"2d\"") != nil,
                let length = seconds(object, "for", name)
            else { return nil }
            parameters.entity = entity
            parameters.clock = clock
            parameters.types = types.filter { !$0.isNamespace }.map(\.text)
            parameters.namespaces = types.filter(\.isNamespace).map(\.text)
            parameters.forSeconds = length
        case .freshness:
            parameters.source = object["source"].flatMap { reader.nonEmptyString($0, "source of \(name)") }
            parameters.service = object["service"].flatMap { reader.nonEmptyString($0, "service of \(name)") }
            parameters.forSeconds = seconds(object, "for", name)
            if parameters.source != nil, parameters.service != nil {
                reader.error("\(name) has both \"source\" and \"service\"; keep one", at: object.value)
            }
            if parameters.service != nil, object["for"] == nil {
                reader.error(
                    "\(name) needs \"for\": \"2h\", how long the service may be silent", at: object.value)
            }
        case .eventCount: eventCount(object, name, &parameters)
        }
        return parameters
    }

    private func eventCount(
        _ object: DefinitionReader.Object, _ name: String, _ parameters: inout AlertRule.Parameters
    ) {
        let pattern = object["event"].flatMap { reader.nonEmptyString($0, "event of \(name)") }
            .map { TypePattern($0) }
        parameters.event = pattern?.text
        parameters.isNamespace = pattern?.isNamespace
        parameters.service = object["service"].flatMap { reader.nonEmptyString($0, "service of \(name)") }
        parameters.entity = entity
        parameters.clock = clock
        parameters.windowSeconds = seconds(object, "window", name) ?? 3_600
        parameters.below = count(object, "below", name).map(Double.init)
        parameters.above = count(object, "above", name).map(Double.init)
        if object["below"] == nil, object["above"] == nil {
            reader.error("\(name) needs \"below\": 1, or \"above\": 1000, or both", at: object.value)
        }
    }

    private func windows(_ value: JSONValue, _ name: String) -> [AlertRule.BurnWindow] {
        let elements = reader.array(value, name) ?? []
        if elements.isEmpty { reader.error("\(name) is empty", at: value) }
        return elements.enumerated().compactMap { index, element in
            let item = DefinitionReader.item(index, of: name)
            guard let object = reader.object(element, item, keys: ["long", "short", "rate"]),
                let rate = reader.required("rate", of: object, "\"rate\": 14.4"),
                reader.required("long", of: object, "\"long\": \"1h\"") != nil,
                reader.required("short", of: object, "\"short\": \"5m\"") != nil,
                let number = reader.number(rate, "rate of \(item)"),
                let long = seconds(object, "long", item), let short = seconds(object, "short", item)
            else { return nil }
            guard short < long else {
                reader.error("short of \(item) must be shorter than long", at: element)
                return nil
            }
            return AlertRule.BurnWindow(longSeconds: long, shortSeconds: short, rate: number)
        }
    }

    private func seconds(_ object: DefinitionReader.Object, _ key: String, _ name: String) -> Double? {
        guard let value = object[key], let duration = reader.duration(value, "\(key) of \(name)") else {
            return nil
        }
        guard duration > 0 else {
            reader.error("\(key) of \(name) must be longer than nothing; \(DurationText.forms)", at: value)
            return nil
        }
        return Double(duration) / 1e6
    }

    private func count(_ object: DefinitionReader.Object, _ key: String, _ name: String) -> Int? {
        guard let value = object[key], let number = reader.number(value, "\(key) of \(name)") else {
            return nil
        }
        guard number >= 0, number == number.rounded(), number < 1e15 else {
            reader.error("\(key) of \(name) is a whole number", at: value)
            return nil
        }
        return Int(number)
    }

    private func share(_ value: JSONValue, _ name: String) -> Double? {
        guard let share = reader.number(value, name) else { return nil }
        guard share > 0, share <= 1 else {
            reader.error("\(name) is a share above 0, up to 1, as in 0.95", at: value)
            return nil
        }
        return share
    }
}

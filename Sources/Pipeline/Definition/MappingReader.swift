import Events
import Foundation

/// Reads the mapping of a source: its `event`, or its list of `events`.
struct MappingReader {
    let reader: DefinitionReader
    let defaultService: String
    let defaultEntity: String
    /// Whether the position of a record stays what it is; the answers of an API move.
    var hasPositions = true

    private static let keys = [
        "event_id", "occurred_at", "type", "case_id", "service", "entity", "user_id", "correlation_id",
        "sequence",
        "details",
    ]

    /// One mapping of a source.
    func event(_ value: JSONValue, _ name: String) -> EventMapping? {
        guard let object = reader.object(value, name, keys: MappingReader.keys) else { return nil }
        let occurredAt = reader.required("occurred_at", of: object, "\"occurred_at\": \"time\"")
            .flatMap { readTime($0, "occurred_at in \(name)") }
        let type = reader.required("type", of: object, "\"type\": \"event_type\"")
            .flatMap { readReference($0, "type in \(name)") }
        func optional(_ key: String) -> FieldReference? {
            object[key].flatMap { readReference($0, "\(key) in \(name)") }
        }
        let (caseID, service, entity) = (optional("case_id"), optional("service"), optional("entity"))
        let (userID, correlationID) = (optional("user_id"), optional("correlation_id"))
        let (sequence, details) = (optional("sequence"), optional("details"))
        let eventID =
            object["event_id"].map { readEventID($0, "event_id in \(name)") }
            ?? (hasPositions ? EventMapping.EventID.position : .content)
        guard let occurredAt, let type, let eventID else { return nil }
        var mapping = EventMapping(
            occurredAt: occurredAt, type: type, defaultService: defaultService, defaultEntity: defaultEntity)
        mapping.eventID = eventID
        mapping.caseID = caseID
        mapping.service = service
        mapping.entity = entity
        mapping.userID = userID
        mapping.correlationID = correlationID
        mapping.sequence = sequence
        mapping.details = details
        return mapping
    }

    /// A field: a path, an array of alternatives, a template, or a constant.
    private func readReference(_ value: JSONValue, _ name: String) -> FieldReference? {
        switch value.content {
        case .string:
            guard let text = reader.string(value, name) else { return nil }
            do {
                return try FieldReference(parsing: text)
            } catch {
                reader.error("\(name): \(error.message)", at: value)
                return nil
            }
        case .array(let elements):
            if elements.isEmpty { reader.error("\(name) is an empty array", at: value) }
            let references = elements.enumerated().compactMap {
                readReference($1, DefinitionReader.item($0, of: name))
            }
            return references.count == elements.count && !elements.isEmpty ? .firstPresent(references) : nil
        case .object(let members):
            if let member = members.first(where: { $0.name == "derive" }) {
                reader.report(
                    .error,
                    "\"derive\" makes an event_id only; \(name) is a field, a list of fields, or "
                        + "{\"value\": …}",
                    offset: member.nameOffset)
                return nil
            }
            guard let object = reader.object(value, name, keys: ["value"]),
                let constant = reader.required("value", of: object, "{\"value\": \"web\"}")
            else { return nil }
            switch constant.content {
            case .string: return reader.string(constant, "the value of \(name)").map { .constant($0) }
            case .number(let text): return .constant(text)
            default:
                reader.error(
                    "the value of \(name) is \(constant.typeName); it must be a string or a number",
                    at: constant)
                return nil
            }
        default:
            reader.error(
                "\(name) is \(value.typeName); it must be a field, a list of fields, or {\"value\": …}",
                at: value)
            return nil
        }
    }

    private func readEventID(_ value: JSONValue, _ name: String) -> EventMapping.EventID? {
        if case .object(let members) = value.content, members.contains(where: { $0.name != "value" }) {
            guard let object = reader.object(value, name, keys: ["derive"]), let derive = object["derive"],
                let kind = reader.choice(derive, "derive", ["position", "content"])
            else { return nil }
            if kind == "position", !hasPositions {
                reader.error(
                    "the items of an API have no positions that last; map event_id, or write {\"derive\": \"content\"}: "
                        + "equal items are then one event", at: derive)
                return nil
            }
            return kind == "position" ? .position : .content
        }
        return readReference(value, name).map { .reference($0) }
    }

    private func readTime(_ value: JSONValue, _ name: String) -> EventMapping.Time? {
        guard case .object(let members) = value.content, !members.contains(where: { $0.name == "value" })
        else {
            return readReference(value, name).map { EventMapping.Time($0) }
        }
        guard let object = reader.object(value, name, keys: ["field", "format", "zone"]),
            let field = reader.required("field", of: object, "\"field\": \"time\"")
        else { return nil }
        let reference = readReference(field, name)
        let zone = object["zone"].flatMap { readZone($0, "zone of \(name)") }
        if object["zone"] != nil, zone == nil { return nil }
        var format: TimeFormat?
        if let value = object["format"] {
            guard let pattern = reader.nonEmptyString(value, "format of \(name)") else { return nil }
            do {
                format = try TimeFormat(pattern, zone: zone)
            } catch {
                reader.error("\(error)", at: value)
                return nil
            }
        }
        return reference.map { EventMapping.Time($0, format: format, zone: zone) }
    }

    private func readZone(_ value: JSONValue, _ name: String) -> TimeZoneRules? {
        guard let identifier = reader.nonEmptyString(value, name) else { return nil }
        if let zone = TimeZoneRules(identifier: identifier) { return zone }
        // Foundation also knows abbreviations, which are no names of the database.
        let known = ["UTC"] + TimeZone.knownTimeZoneIdentifiers.filter { $0.contains("/") }
        reader.error(
            "\(name) is \"\(identifier)\", which is no IANA time zone"
                + (Spelling.nearest(identifier, in: known) == nil
                    ? "; write it like Europe/Berlin" : Spelling.suggestion(identifier, in: known)),
            at: value)
        return nil
    }
}

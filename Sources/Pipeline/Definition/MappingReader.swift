import Events
import Foundation

/// Reads the mapping of a source: its `event`, or its list of `events`.
struct MappingReader {
    let reader: DefinitionReader
    let defaultService: String
    let defaultEntity: String
    /// Whether the position of a record stays what it is; the answers of an API move.
    var hasPositions = true
    /// The type of an event where the mapping gives none; nil: it must.
    var otherType: String?
    /// Fields that are said to hold JSON in a string.
    let opened = OpenedFields()

    /// Collected while mappings are read.
    final class OpenedFields {
        fileprivate(set) var paths: [FieldPath] = []
    }

    private static let keys = [
        "event_id", "occurred_at", "type", "case_id", "service", "entity", "user_id", "correlation_id",
        "sequence",
        "details",
    ]

    /// The id of a record that names none.
    private var derived: EventMapping.DerivedID { hasPositions ? .position : .content }

    /// The mapping that a format has built in.
    func standard(_ fields: StandardFields) -> EventMapping? {
        try? fields.mapping(service: defaultService, entity: defaultEntity, derived: derived)
    }

    /// One mapping of a source.
    ///
    /// - Parameter standard: what the format says of the fields that the mapping leaves out.
    func event(_ value: JSONValue, _ name: String, _ standard: StandardFields? = nil) -> EventMapping? {
        guard let object = reader.object(value, name, keys: MappingReader.keys) else { return nil }
        let base = standard.flatMap { self.standard($0) }
        let occurredAt =
            base != nil && object.isMissing("occurred_at")
            ? base?.occurredAt
            : reader.required("occurred_at", of: object, "\"occurred_at\": \"time\"")
                .flatMap { readTime($0, "occurred_at in \(name)") }
        let type =
            object.isMissing("type") && (base != nil || otherType != nil)
            ? base?.type ?? otherType.map { .constant($0) }
            : reader.required("type", of: object, "\"type\": \"event_type\"")
                .flatMap { readReference($0, "type in \(name)") }
        func optional(_ key: String, _ otherwise: FieldReference?) -> FieldReference? {
            object[key].map { readReference($0, "\(key) in \(name)") } ?? otherwise
        }
        let eventID =
            object["event_id"].map { readEventID($0, "event_id in \(name)") }
            ?? (base?.eventID ?? .derived(derived))
        guard let occurredAt, let type, let eventID else { return nil }
        var mapping = EventMapping(
            occurredAt: occurredAt, type: type, defaultService: defaultService, defaultEntity: defaultEntity)
        mapping.eventID = eventID
        mapping.caseID = optional("case_id", base?.caseID)
        mapping.service = optional("service", base?.service)
        mapping.entity = optional("entity", base?.entity)
        mapping.userID = optional("user_id", base?.userID)
        mapping.correlationID = optional("correlation_id", base?.correlationID)
        mapping.sequence = optional("sequence", base?.sequence)
        mapping.isSequenceOptional = object["sequence"] == nil && base?.isSequenceOptional ?? false
        mapping.details = optional("details", base?.details)
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
            if members.contains(where: { ["field", "parse"].contains($0.name) }) {
                return readOpened(value, name)
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

    /// A field that holds JSON in a string: `{"field": "payload", "parse": "json"}`.
    private func readOpened(_ value: JSONValue, _ name: String) -> FieldReference? {
        guard let object = reader.object(value, name, keys: ["field", "parse"]),
            let field = reader.required("field", of: object, "\"field\": \"payload\""),
            let text = reader.nonEmptyString(field, "field of \(name)")
        else { return nil }
        if let parse = object["parse"] {
            guard reader.choice(parse, "parse of \(name)", ["json"]) != nil else { return nil }
        }
        do {
            let reference = try FieldReference(parsing: text)
            guard case .field(let path) = reference else {
                reader.error("field of \(name) is a template; \"parse\" opens one field", at: field)
                return nil
            }
            if object["parse"] != nil, !opened.paths.contains(path) { opened.paths.append(path) }
            return reference
        } catch {
            reader.error("\(name): \(error.message)", at: field)
            return nil
        }
    }

    private func readEventID(_ value: JSONValue, _ name: String) -> EventMapping.EventID? {
        // The last of a list may be derived.
        if case .array(let elements) = value.content, elements.count > 1, let last = elements.last,
            isDerived(last)
        {
            let first = elements.dropLast().enumerated().compactMap {
                readReference($1, DefinitionReader.item($0, of: name))
            }
            guard first.count == elements.count - 1, let derived = readDerived(last, name) else { return nil }
            return .reference(first.count == 1 ? first[0] : .firstPresent(first), orElse: derived)
        }
        if isDerived(value) { return readDerived(value, name).map { .derived($0) } }
        return readReference(value, name).map { .reference($0) }
    }

    private func isDerived(_ value: JSONValue) -> Bool {
        guard case .object(let members) = value.content else { return false }
        return members.contains { !["value", "field", "parse"].contains($0.name) }
    }

    private func readDerived(_ value: JSONValue, _ name: String) -> EventMapping.DerivedID? {
        guard let object = reader.object(value, name, keys: ["derive"]), let derive = object["derive"],
            let kind = reader.choice(derive, "derive", EventMapping.DerivedID.allCases.map(\.rawValue)),
            let derived = EventMapping.DerivedID(rawValue: kind)
        else { return nil }
        if derived == .position, !hasPositions {
            reader.error(
                "the items of an API, and the output of a command, have no positions that last; map event_id, or write "
                    + "{\"derive\": \"content\"}: equal items are then one event", at: derive)
            return nil
        }
        return derived
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

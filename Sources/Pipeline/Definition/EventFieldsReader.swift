import Events
import Foundation
import Transform
import Warehouse

/// Reads `event_fields`, by namespace the typed columns of `raw.event_<namespace>`, and `keys`.
struct EventFieldsReader {
    let reader: DefinitionReader
    let pipeline: String

    /// What PostgreSQL takes as a name, in bytes.
    private static let maxNameBytes = 63
    /// `raw.event_segments` holds events themselves.
    private static let takenNamespaces = ["segments"]

    func read(_ value: JSONValue) -> [EventField] {
        members(of: value, "event_fields").flatMap { namespace in
            let name = namespace.name
            if name.isEmpty || name.contains(".") || name.contains("*") {
                report(
                    namespace,
                    "\"\(name)\" is no namespace: the first level of event types, as order of order.created")
                return [] as [EventField]
            }
            if "event_\(name)".utf8.count > EventFieldsReader.maxNameBytes {
                report(namespace, "raw.event_\(name) is longer than a table's name may be (63 bytes)")
            }
            if EventFieldsReader.takenNamespaces.contains(name) {
                report(
                    namespace, "raw.event_\(name) is a table of Daybook's own; its fields cannot be declared")
            }
            return members(of: namespace.value, "event_fields.\(name)").compactMap { readField($0, of: name) }
        }
    }

    /// Reads `keys`: by name, where the values stand by which cases are found.
    func readKeys(_ value: JSONValue) -> [CaseKey] {
        members(of: value, "keys").compactMap { member in
            let isPlain = member.name.wholeMatch(of: #/[a-z_][a-z0-9_]*/#) != nil
            if !isPlain || member.name.utf8.count > EventFieldsReader.maxNameBytes {
                report(
                    member,
                    "\"\(member.name)\" is no name of a key; write it with a-z, 0-9 and _, as in invoice_no, and at most 63 of them"
                )
            } else if EventField.reservedNames.contains(member.name) {
                report(
                    member,
                    "\(member.name) is a column of every event already; give the key another name")
            }
            return readPaths(member.value, "keys.\(member.name)").map {
                CaseKey(name: member.name, pipeline: pipeline, paths: $0)
            }
        }
    }

    private func readField(_ member: JSONValue.Member, of namespace: String) -> EventField? {
        let name = "event_fields.\(namespace).\(member.name)"
        let isPlain = member.name.wholeMatch(of: #/[a-z_][a-z0-9_]*/#) != nil
        if !isPlain || member.name.utf8.count > EventFieldsReader.maxNameBytes {
            report(
                member,
                "\"\(member.name)\" is no name of a column; write it with a-z, 0-9 and _, as in order_total, and at most 63 of them"
            )
        } else if EventField.reservedNames.contains(member.name) {
            report(
                member,
                "\(member.name) is a column of every table of events already; give the field another name")
        }
        guard let object = reader.object(member.value, name, keys: ["from", "type", "map", "description"])
        else {
            return nil
        }
        let place = reader.place(of: member.value)
        let paths =
            object["from"].map { readPaths($0, "from of \(name)") }
            ?? [FieldPath(steps: ["details", member.name])]
        let type = object["type"].flatMap {
            reader.choice($0, "type of \(name)", EventField.ColumnType.allCases.map(\.rawValue))
        }
        var map: String?
        if let value = object["map"] {
            guard let read = readMap(value, "map of \(name)") else { return nil }
            map = read
        }
        let description = object["description"].flatMap { reader.string($0, "description of \(name)") }
        guard let paths else { return nil }
        return EventField(
            namespace: namespace, name: member.name, pipeline: pipeline, paths: paths,
            type: type.flatMap { EventField.ColumnType(rawValue: $0) } ?? .text, map: map,
            description: description, file: place.file, line: place.line)
    }

    /// A path, or several of which the first that is present counts.
    private func readPaths(_ value: JSONValue, _ name: String) -> [FieldPath]? {
        guard let texts = reader.strings(value, name) else { return nil }
        var elements = [value]
        if case .array(let values) = value.content { elements = values }
        let paths = zip(texts, elements).compactMap { readPath($0, $1, name) }
        return paths.count == texts.count ? paths : nil
    }

    private func readPath(_ text: String, _ element: JSONValue, _ name: String) -> FieldPath? {
        do {
            let path = try FieldPath(parsing: text)
            guard EventField.columns.contains(path.steps[0]) else {
                let inDetails = text.hasPrefix("/") ? "/details\(text)" : "details.\(text)"
                reader.error(
                    "\(name) begins with \"\(path.steps[0])\"; a field begins with a column of raw.events ("
                        + "\(EventField.columns.joined(separator: ", "))); did you mean \"\(inDetails)\"?",
                    at: element)
                return nil
            }
            guard path.steps.count > 1 || path.steps[0] != "details" else {
                reader.error(
                    "\(name) is all of details; name a field in it, as in \"details.amount\"", at: element)
                return nil
            }
            guard path.steps.count == 1 || path.steps[0] == "details" else {
                reader.error("\(name) is \"\(text)\", but \(path.steps[0]) has no fields", at: element)
                return nil
            }
            return path
        } catch {
            reader.error("\(name): \(error.message)", at: element)
            return nil
        }
    }

    /// As a text of JSON with its keys in order.
    private func readMap(_ value: JSONValue, _ name: String) -> String? {
        var map: [String: Any] = [:]
        let members = members(of: value, name)
        if members.isEmpty, case .object = value.content { reader.error("\(name) is empty", at: value) }
        for member in members {
            switch member.value.content {
            case .string: map[member.name] = reader.string(member.value, "\(member.name) in \(name)")
            case .number(let text): map[member.name] = text
            case .bool(let isTrue): map[member.name] = isTrue
            case .null: map[member.name] = NSNull()
            default:
                reader.error(
                    "\(member.name) in \(name) is \(member.value.typeName); it must be a string, a number, true, false "
                        + "or null", at: member.value)
            }
        }
        guard !map.isEmpty, map.count == members.count,
            let data = try? JSONSerialization.data(withJSONObject: map, options: .sortedKeys)
        else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// The members of an object with any names, each name once.
    private func members(of value: JSONValue, _ name: String) -> [JSONValue.Member] {
        guard case .object(let members) = value.content else {
            reader.error("\(name) is \(value.typeName); it must be an object", at: value)
            return []
        }
        var seen: Set<String> = []
        return members.filter { member in
            if seen.insert(member.name).inserted { return true }
            report(member, "\"\(member.name)\" is given twice in \(name); remove one")
            return false
        }
    }

    private func report(_ member: JSONValue.Member, _ message: String) {
        reader.report(.error, message, offset: member.nameOffset)
    }
}

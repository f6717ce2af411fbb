import Events

/// Reads what a source says of its records beside the mapping: which ones count, and what of them must not be stored.
struct RecordRulesReader {
    let reader: DefinitionReader
    /// Of the source, for a person.
    let name: String

    private static let operators = ["=", "!=", "<", "<=", ">", ">=", "in", "not_in", "exists"]

    // MARK: - where

    /// An object of conditions, all of which must hold, or an array of such objects, of which one must.
    func readFilter(_ value: JSONValue) -> RecordFilter? {
        var alternatives = [value]
        if case .array(let elements) = value.content {
            if elements.isEmpty { reader.error("where of \(name) is an empty array", at: value) }
            alternatives = elements
        }
        let read = alternatives.compactMap { readConditions($0) }
        return read.count == alternatives.count && !read.isEmpty ? RecordFilter(alternatives: read) : nil
    }

    private func readConditions(_ value: JSONValue) -> [RecordFilter.Condition]? {
        guard case .object(let members) = value.content else {
            reader.error(
                "where of \(name) is \(value.typeName); it must be an object of fields, as in {\"level\": \"info\", "
                    + "\"amount\": {\">\": 100}}", at: value)
            return nil
        }
        if members.isEmpty { reader.error("where of \(name) has no condition", at: value) }
        var conditions: [RecordFilter.Condition] = []
        var isSound = !members.isEmpty
        for member in members {
            guard let path = readPath(member), let tests = readTests(member.value, member.name) else {
                isSound = false
                continue
            }
            conditions += tests.map { RecordFilter.Condition(path, $0) }
        }
        return isSound ? conditions : nil
    }

    private func readPath(_ member: JSONValue.Member) -> FieldPath? {
        do {
            return try FieldPath(parsing: member.name)
        } catch {
            reader.report(
                .error, "\"\(member.name)\" in \(name): \(error.message)", offset: member.nameOffset)
            return nil
        }
    }

    private func readTests(_ value: JSONValue, _ field: String) -> [RecordFilter.Test]? {
        let place = "\"\(field)\" in where of \(name)"
        switch value.content {
        case .array: return readOperands(value, place).map { [.isOneOf($0)] }
        case .null: return [.isPresent(false)]
        case .object(let members):
            guard let object = reader.object(value, place, keys: RecordRulesReader.operators) else {
                return nil
            }
            if members.isEmpty { reader.error("\(place) has no comparison", at: value) }
            let tests = members.compactMap { member in
                object[member.name].flatMap { readTest(member.name, $0, place) }
            }
            return tests.count == members.count && !tests.isEmpty ? tests : nil
        default: return readOperand(value, place).map { [.isOneOf([$0])] }
        }
    }

    private func readTest(_ comparison: String, _ value: JSONValue, _ place: String) -> RecordFilter.Test? {
        switch comparison {
        case "=", "in": return readOperands(value, place).map { .isOneOf($0) }
        case "!=", "not_in": return readOperands(value, place).map { .isNoneOf($0) }
        case "exists":
            return reader.boolean(value, "exists of \(place)").map { .isPresent($0) }
        default:
            guard let order = RecordFilter.Order(rawValue: comparison) else { return nil }
            return readOperand(value, place).map { .isOrdered(order, $0) }
        }
    }

    private func readOperands(_ value: JSONValue, _ place: String) -> [RecordFilter.Operand]? {
        guard case .array(let elements) = value.content else { return readOperand(value, place).map { [$0] } }
        if elements.isEmpty { reader.error("\(place) is compared with an empty array", at: value) }
        let operands = elements.compactMap { readOperand($0, place) }
        return operands.count == elements.count && !operands.isEmpty ? operands : nil
    }

    private func readOperand(_ value: JSONValue, _ place: String) -> RecordFilter.Operand? {
        switch value.content {
        case .string: return reader.string(value, place).map { .text($0) }
        case .number(let text): return reader.number(value, place).map { .number($0, whole: Int64(text)) }
        case .bool(let word): return .text(word ? "true" : "false")
        default:
            reader.error(
                "\(place) is compared with \(value.typeName); it can be a string, a number, true or false",
                at: value)
            return nil
        }
    }

    // MARK: - redact

    private static let columns = [
        "case_id", "event_id", "user_id", "correlation_id", "service", "entity", "type",
    ]

    /// An object of columns of `raw.events`, `details.…` most of all, and what becomes of each.
    func readRedactions(_ value: JSONValue, key: String?, _ mapping: SourceMapping) -> [Redaction] {
        guard case .object(let members) = value.content else {
            reader.error(
                "redact of \(name) is \(value.typeName); it must be an object, as in {\"details.email\": \"hash\"}",
                at: value)
            return []
        }
        return members.flatMap { member -> [Redaction] in
            let place = "\"\(member.name)\" in redact of \(name)"
            guard let action = reader.choice(member.value, place, ["hash", "drop"]) else { return [] }
            let paths = paths(of: member, mapping)
            if action == "drop", ["event_id", "type"].contains(member.name) {
                reader.error("\(place) cannot be dropped: every event needs it; hash it", at: member.value)
            }
            let isColumn = RecordRulesReader.columns.contains(member.name)
            return paths.map {
                Redaction(
                    $0, action == "drop" ? .drop : .hash(key: key), name: isColumn ? nil : member.name)
            }
        }
    }

    /// The fields of a record that come into a column.
    private func paths(of member: JSONValue.Member, _ mapping: SourceMapping) -> [FieldPath] {
        func fail(_ message: String) -> [FieldPath] {
            reader.report(.error, message, offset: member.nameOffset)
            return []
        }
        if RecordRulesReader.columns.contains(member.name) {
            let paths = mapping.events.flatMap { $0.paths(ofColumn: member.name) }
            return paths.isEmpty
                ? fail("no field of \(name) comes into \(member.name); there is nothing to redact") : paths
        }
        guard let path = readPath(member) else { return [] }
        if let pointer = pointer(in: member.name) {
            return fail(
                "\"\(member.name)\" in redact of \(name) is half a dotted path and half a JSON Pointer; write \"\(pointer)\""
            )
        }
        guard path.steps.first == "details", path.steps.count > 1 else {
            let inDetails = member.name.hasPrefix("/") ? "/details\(member.name)" : "details.\(member.name)"
            return fail(
                "redact of \(name) has \"\(member.name)\"; say where the value would be stored: \"\(inDetails)\""
                    + ", or a column: \(RecordRulesReader.columns.joined(separator: ", "))")
        }
        let inner = Array(path.steps.dropFirst())
        var paths: [FieldPath] = []
        for event in mapping.events {
            guard let details = event.details else {
                paths.append(FieldPath(steps: inner))
                continue
            }
            paths += details.paths.map { FieldPath(steps: $0.steps + inner) }
        }
        return paths
    }
}

extension RecordRulesReader {
    /// The JSON Pointer that is meant by a dotted path with a slash behind a dot, `details./a/b`.
    private func pointer(in text: String) -> String? {
        guard !text.hasPrefix("/"), let seam = text.firstRange(of: "./") else { return nil }
        return "/" + text[..<seam.lowerBound].replacing(".", with: "/") + "/" + text[seam.upperBound...]
    }
}

extension EventMapping {
    fileprivate func paths(ofColumn column: String) -> [FieldPath] {
        switch column {
        case "case_id": caseID?.paths ?? []
        case "user_id": userID?.paths ?? []
        case "correlation_id": correlationID?.paths ?? []
        case "service": service?.paths ?? []
        case "entity": entity?.paths ?? []
        case "type": type.paths
        default: if case .reference(let reference, _) = eventID { reference.paths } else { [] }
        }
    }
}

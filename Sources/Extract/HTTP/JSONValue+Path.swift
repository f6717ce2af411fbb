import Events

extension JSONValue {
    /// What stands at a path of member names and array indices; null is nothing.
    package subscript(_ steps: some Sequence<String>) -> JSONValue? {
        var value = self
        for step in steps {
            switch value.content {
            case .object(let members):
                guard let member = members.last(where: { $0.name == step }) else { return nil }
                value = member.value
            case .array(let elements):
                guard let index = Int(step), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        if case .null = value.content { return nil }
        return value
    }

    /// The names of an object's members; of anything else, none.
    package var names: [String] { if case .object(let members) = content { members.map(\.name) } else { [] } }

    /// Whether something stands at a path, be it null.
    func holds(_ steps: [String]) -> Bool {
        guard let last = steps.last else { return true }
        let parent = self[steps.dropLast()]
        return parent?.names.contains(last) ?? false || parent?[[last]] != nil
    }

    /// The text of a string, a number or a word; nil of what has parts.
    package var text: String? {
        switch content {
        case .string(let text), .number(let text): text
        case .bool(let isTrue): isTrue ? "true" : "false"
        case .null, .object, .array: nil
        }
    }

    /// As JSON, numbers as they were written.
    package var json: String {
        switch content {
        case .object(let members):
            "{" + members.map { "\(quoted($0.name)):\($0.value.json)" }.joined(separator: ",") + "}"
        case .array(let elements): "[" + elements.map(\.json).joined(separator: ",") + "]"
        case .string(let text): quoted(text)
        case .number(let text): text
        case .bool(let isTrue): isTrue ? "true" : "false"
        case .null: "null"
        }
    }

    /// The value with another one, a JSON text, at a path; objects on the way are made where they are missing.
    func json(setting path: ArraySlice<String>, to replacement: String) -> String {
        guard let step = path.first else { return replacement }
        var members: [(name: String, json: String)] = []
        if case .object(let own) = content { members = own.map { ($0.name, $0.value.json) } }
        let inner = self[[step]] ?? JSONValue(.object([]))
        let json = inner.json(setting: path.dropFirst(), to: replacement)
        if let index = members.lastIndex(where: { $0.name == step }) {
            members[index].json = json
        } else {
            members.append((step, json))
        }
        return "{" + members.map { "\(quoted($0.name)):\($0.json)" }.joined(separator: ",") + "}"
    }
}

/// A text as a JSON string.
func quoted(_ text: String) -> String {
    var arena = ByteArena(capacity: text.utf8.count + 2)
    var text = text
    text.withUTF8 { JSONText.appendQuoted($0, into: &arena) }
    return arena.string(of: arena.slice(from: 0))
}

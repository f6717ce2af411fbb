import Events

extension DefinitionReader {
    /// The members of an object of texts, numbers and words, or lists of them.
    func texts(
        _ value: JSONValue, _ name: String
    ) -> [(member: JSONValue.Member, text: (value: String, written: String))] {
        guard case .object(let members) = value.content else {
            error("\(name) is \(value.typeName); it must be an object", at: value)
            return []
        }
        return members.flatMap {
            member -> [(member: JSONValue.Member, text: (value: String, written: String))] in
            var values = [member.value]
            if case .array(let elements) = member.value.content { values = elements }
            return values.compactMap { value in
                switch value.content {
                case .string(let written):
                    return string(value, "\"\(member.name)\" in \(name)").map {
                        (member, ($0, written))
                    }
                case .number(let text): return (member, (text, text))
                case .bool(let isTrue): return (member, ("\(isTrue)", "\(isTrue)"))
                default:
                    error(
                        "\"\(member.name)\" in \(name) is \(value.typeName); it must be a string", at: value)
                    return nil
                }
            }
        }
    }
}

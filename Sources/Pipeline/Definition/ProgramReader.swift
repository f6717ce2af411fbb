import Events
import Extract

/// Reads which program is to be run, and the variables that it gets.
struct ProgramReader {
    let reader: DefinitionReader
    /// Of what the program is, for a person: `sources[0]`.
    let name: String
    /// What looks like a variable and may stand in arguments; nil: nothing.
    var placeholder: String?

    /// A program and its arguments, or a line for the shell. Neither gets variables: all on the machine can see them there.
    func program(_ value: JSONValue, key: String = "run") -> CommandSource.Program? {
        switch value.content {
        case .string(let line):
            if line.allSatisfy(\.isWhitespace) { reader.error("\(key) of \(name) is empty", at: value) }
            return .shell(line)
        case .array(let elements):
            if elements.isEmpty { reader.error("\(key) of \(name) is an empty array", at: value) }
            let words = elements.compactMap { word($0, key) }
            return words.count == elements.count && !words.isEmpty ? .arguments(words) : nil
        default:
            reader.error(
                "\(key) of \(name) is \(value.typeName); it must be an array of words, or a line for the shell",
                at: value)
            return nil
        }
    }

    private func word(_ value: JSONValue, _ key: String) -> String? {
        guard case .string(let word) = value.content else {
            reader.error("\(key) of \(name) holds \(value.typeName); its words are strings", at: value)
            return nil
        }
        let rest = placeholder.map { word.replacing($0, with: "") } ?? word
        guard !rest.contains("${") else {
            let exception = placeholder.map { " (only \($0) can stand here)" } ?? ""
            reader.error(
                "\(key) of \(name) has a variable: everybody on the machine can see a program's arguments; give it "
                    + "by \"environment\"\(exception)", at: value)
            return nil
        }
        return word
    }

    func environment(_ value: JSONValue) -> [String: String] {
        guard case .object(let members) = value.content else {
            reader.error(
                "environment of \(name) is \(value.typeName); it must be an object of strings", at: value)
            return [:]
        }
        var variables: [String: String] = [:]
        for member in members {
            if member.name.isEmpty || member.name.contains("=") {
                reader.report(
                    .error, "\"\(member.name)\" in environment of \(name) is no name of a variable",
                    offset: member.nameOffset)
            }
            variables[member.name] = reader.string(
                member.value, "\"\(member.name)\" in environment of \(name)")
        }
        return variables
    }
}

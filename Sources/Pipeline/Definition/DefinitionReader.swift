import Events
import Extract
import Foundation

/// Reads one definition file: values with their types, and every mistake with its place.
///
/// Reading goes on after a mistake, so that a person sees all of them at once.
final class DefinitionReader {
    let file: String
    private let document: JSONDocument
    private let projectDirectory: String
    private let environment: [String: String]
    private(set) var problems: [Problem] = []
    /// Gets each variable that is resolved.
    private var secrets: Secrets?

    /// - Parameters:
    ///   - file: relative to the project's directory.
    ///   - environment: where `${NAME}` is looked up.
    init(file: String, projectDirectory: String, environment: [String: String]) throws(DefinitionError) {
        self.file = file
        self.projectDirectory = projectDirectory
        self.environment = environment
        let path = "\(projectDirectory)/\(file)"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DefinitionError([
                Problem(.error, .start(of: file), "the file cannot be read")
            ])
        }
        let bytes = [UInt8](data)
        do {
            document = try JSONDocument(bytes, isLenient: true)
        } catch {
            throw DefinitionError([
                Problem(
                    .error, DefinitionPlace(file: file, line: error.place.line, column: error.place.column),
                    bytes.allSatisfy { $0 <= 0x20 }
                        ? "the file is empty; see: daybook init --help"
                        : "this is not JSON: \(error.problem)")
            ])
        }
    }

    var root: JSONValue { document.root }
    /// The problems in the order of the file.
    var sortedProblems: [Problem] { problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }

    func place(of value: JSONValue) -> DefinitionPlace {
        let place = document.place(of: value)
        return DefinitionPlace(file: file, line: place.line, column: place.column)
    }

    // MARK: - Problems

    func error(_ message: String, at value: JSONValue) { report(.error, message, offset: value.offset) }
    func warning(_ message: String, at value: JSONValue) { report(.warning, message, offset: value.offset) }

    func report(_ severity: Problem.Severity, _ message: String, offset: Int) {
        let place = document.place(ofOffset: offset)
        problems.append(
            Problem(severity, DefinitionPlace(file: file, line: place.line, column: place.column), message))
    }

    // MARK: - Values

    /// An object whose members have names; `name` tells a person which one it is.
    struct Object {
        let value: JSONValue
        let name: String
        fileprivate let members: [JSONValue.Member]
        /// Keys that are not there, and which unknown ones were probably meant to be.
        fileprivate let misspelt: Set<String>

        subscript(_ key: String) -> JSONValue? { members.first { $0.name == key }?.value }
        /// Whether the key is neither there nor probably meant by another.
        func isMissing(_ key: String) -> Bool { self[key] == nil && !misspelt.contains(key) }
        /// Whether a key that is there was probably meant to be this one.
        func isMisspelt(_ key: String) -> Bool { misspelt.contains(key) }
        func nameOffset(of key: String) -> Int? { members.first { $0.name == key }?.nameOffset }
    }

    /// Reads an object; reports keys that are not known, keys given twice, and `planned` ones, which later
    /// versions will know.
    func object(_ value: JSONValue, _ name: String, keys: [String], planned: [String] = []) -> Object? {
        guard case .object(let members) = value.content else {
            error("\(name) is \(value.typeName); it must be an object", at: value)
            return nil
        }
        var seen: Set<String> = []
        var misspelt: Set<String> = []
        for member in members {
            if planned.contains(member.name) {
                report(
                    .error, "\"\(member.name)\" in \(name) is not there yet in this version; remove it",
                    offset: member.nameOffset)
            } else if !keys.contains(member.name) {
                let nearest = Spelling.nearest(member.name, in: keys)
                if let nearest { misspelt.insert(nearest) }
                report(
                    .error,
                    "unknown key \"\(member.name)\" in \(name)"
                        + (nearest.map { "; did you mean \"\($0)\"?" }
                            ?? "; known \(keys.count == 1 ? "is" : "are") \(keys.joined(separator: ", "))"),
                    offset: member.nameOffset)
            } else if !seen.insert(member.name).inserted {
                report(
                    .error, "\"\(member.name)\" is given twice in \(name); remove one",
                    offset: member.nameOffset)
            }
        }
        return Object(value: value, name: name, members: members, misspelt: misspelt)
    }

    /// A member that must be there.
    func required(_ key: String, of object: Object, _ example: String) -> JSONValue? {
        if let value = object[key] { return value }
        if object.misspelt.contains(key) { return nil }  // Told already.
        error("\(object.name) lacks \"\(key)\"; add for instance \(example)", at: object.value)
        return nil
    }

    /// A text, with `${NAME}` and `${file:PATH}` replaced by what they stand for.
    func string(_ value: JSONValue, _ name: String) -> String? {
        guard case .string(let text) = value.content else {
            error("\(name) is \(value.typeName); it must be a string", at: value)
            return nil
        }
        return expandVariables(text, at: value)
    }

    func nonEmptyString(_ value: JSONValue, _ name: String) -> String? {
        guard let text = string(value, name) else { return nil }
        if text.isEmpty { error("\(name) is empty", at: value) }
        return text.isEmpty ? nil : text
    }

    /// A text that is one of a few.
    func choice(_ value: JSONValue, _ name: String, _ choices: [String]) -> String? {
        guard let text = string(value, name) else { return nil }
        if choices.contains(text) { return text }
        error(
            "\(name) is \"\(text)\"; it must be \(choices.map { "\"\($0)\"" }.joined(separator: " or "))"
                + Spelling.suggestion(text, in: choices), at: value)
        return nil
    }

    /// A text or an array of texts, at least one.
    func strings(_ value: JSONValue, _ name: String) -> [String]? {
        guard case .array(let elements) = value.content else {
            return nonEmptyString(value, name).map { [$0] }
        }
        if elements.isEmpty { error("\(name) is an empty array", at: value) }
        let texts = elements.enumerated().compactMap {
            nonEmptyString($1, DefinitionReader.item($0, of: name))
        }
        return texts.count == elements.count && !elements.isEmpty ? texts : nil
    }

    /// Of `path of sources[0]`: `path[1] of sources[0]`.
    static func item(_ index: Int, of name: String) -> String {
        let key = name.prefix { $0 != " " }
        return "\(key)[\(index)]\(name.dropFirst(key.count))"
    }

    func number(_ value: JSONValue, _ name: String) -> Double? {
        guard case .number(let text) = value.content, let number = Double(text) else {
            error("\(name) is \(value.typeName); it must be a number", at: value)
            return nil
        }
        return number
    }

    func boolean(_ value: JSONValue, _ name: String) -> Bool? {
        guard case .bool(let isTrue) = value.content else {
            error("\(name) is \(value.typeName); it must be true or false", at: value)
            return nil
        }
        return isTrue
    }

    func array(_ value: JSONValue, _ name: String) -> [JSONValue]? {
        guard case .array(let elements) = value.content else {
            error("\(name) is \(value.typeName); it must be an array", at: value)
            return nil
        }
        return elements
    }

    /// In microseconds.
    func duration(_ value: JSONValue, _ name: String) -> Int64? {
        guard case .string(let text) = value.content else {
            error("\(name) is \(value.typeName); it must be a duration: \(DurationText.forms)", at: value)
            return nil
        }
        guard let duration = DurationText.parse(text) else {
            let isCalendar = text.hasPrefix("P") && text.prefix { $0 != "T" }.contains { "MY".contains($0) }
            let hint = isCalendar ? "months and years have no fixed length; " : ""
            error("\(name) is \"\(text)\", which is no duration; \(hint)\(DurationText.forms)", at: value)
            return nil
        }
        return duration
    }

    func timestamp(_ value: JSONValue, _ name: String) -> Timestamp? {
        guard let text = string(value, name) else { return nil }
        guard let time = Timestamp(text) else {
            error("\(name) is \"\(text)\", which is no time; write it like 2026-01-31T00:00:00Z", at: value)
            return nil
        }
        return time
    }

    /// A name of the IANA database.
    func timeZone(_ value: JSONValue, _ name: String) -> String? {
        guard let text = string(value, name) else { return nil }
        guard let rules = TimeZoneRules(identifier: text), TimeZone(identifier: rules.identifier) != nil
        else {
            error(
                "\(name) is \"\(text)\"; it must be a name of the IANA database, as in \"Europe/Berlin\"",
                at: value)
            return nil
        }
        return rules.identifier
    }

    // MARK: - Variables

    /// What `body` resolves of variables is not to be seen.
    func collectingVariables<Value>(into secrets: Secrets, _ body: () -> Value) -> Value {
        self.secrets = secrets
        defer { self.secrets = nil }
        return body()
    }

    private func expandVariables(_ text: String, at value: JSONValue) -> String? {
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                error("\"${\" is not closed with \"}\"", at: value)
                return nil
            }
            let name = String(rest[start.upperBound..<end])
            guard !name.isEmpty else {
                error("\"${}\" names no variable; write ${NAME} or ${file:PATH}", at: value)
                return nil
            }
            guard let replacement = variable(name, at: value) else { return nil }
            secrets?.add(replacement, word: "${\(name)}")
            result += replacement
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func variable(_ name: String, at value: JSONValue) -> String? {
        guard name.hasPrefix("file:") else {
            guard let text = environment[name] else {
                error(
                    "the environment variable \(name) is not set; set it, as in \(name)=… daybook run",
                    at: value)
                return nil
            }
            return text
        }
        let path = String(name.dropFirst("file:".count))
        let absolute = path.hasPrefix("/") ? path : "\(projectDirectory)/\(path)"
        guard let data = FileManager.default.contents(atPath: absolute) else {
            error("the file \(path) cannot be read; ${file:…} takes a value from a file", at: value)
            return nil
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}

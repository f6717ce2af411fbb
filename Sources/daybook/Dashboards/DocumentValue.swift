/// A value of a JSON or YAML document, its members in the order in which they are written, so that files that are kept
/// under version control change only where their content does.
enum DocumentValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    case text(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case list([DocumentValue])
    case members([(name: String, value: DocumentValue)])
    case null

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
    init(arrayLiteral elements: DocumentValue...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, DocumentValue)...) {
        self = .members(elements.map { (name: $0.0, value: $0.1) })
    }
    init(nilLiteral: ()) { self = .null }

    /// These members, and then those.
    func adding(_ more: DocumentValue) -> DocumentValue {
        guard case .members(let mine) = self, case .members(let others) = more else { return self }
        return .members(mine + others)
    }

    // MARK: - JSON

    var json: String { json(indent: "") }

    /// On one line.
    var compactJSON: String {
        switch self {
        case .list(let values): "[\(values.map(\.compactJSON).joined(separator: ", "))]"
        case .members(let members):
            "{\(members.map { "\(DocumentValue.quoted($0.name)): \($0.value.compactJSON)" }.joined(separator: ", "))}"
        default: scalar
        }
    }

    private func json(indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .list(let values) where !values.isEmpty:
            return "[\n\(values.map { inner + $0.json(indent: inner) }.joined(separator: ",\n"))\n\(indent)]"
        case .members(let members) where !members.isEmpty:
            let lines = members.map {
                "\(inner)\(DocumentValue.quoted($0.name)): \($0.value.json(indent: inner))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        default: return compactJSON
        }
    }

    // MARK: - YAML

    /// As YAML 1.1 and 1.2 both read it: every text is quoted as JSON quotes it.
    var yaml: String { yamlLines().joined(separator: "\n") + "\n" }

    private func yamlLines() -> [String] {
        switch self {
        case .list(let values) where !values.isEmpty:
            return values.flatMap { value -> [String] in
                let lines = value.yamlLines()
                return ["- \(lines[0])"] + lines.dropFirst().map { "  \($0)" }
            }
        case .members(let members) where !members.isEmpty:
            return members.flatMap { name, value -> [String] in
                let lines = value.yamlLines()
                let key = DocumentValue.isPlain(name) ? name : DocumentValue.quoted(name)
                return value.isNested ? ["\(key):"] + lines.map { "  \($0)" } : ["\(key): \(lines[0])"]
            }
        default: return [compactJSON]
        }
    }

    private var isNested: Bool {
        switch self {
        case .list(let values): !values.isEmpty
        case .members(let members): !members.isEmpty
        default: false
        }
    }

    /// Whether a name needs no quotes: `y`, `on` and their kin would be booleans.
    private static func isPlain(_ name: String) -> Bool {
        name.count > 3 && name != "null" && name != "true" && name != "false"
            && name.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (48...57).contains(byte) || byte == 95
            } && (97...122).contains(name.utf8.first ?? 0)
    }

    // MARK: - Both

    private var scalar: String {
        switch self {
        case .text(let text): DocumentValue.quoted(text)
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? String(number) : "null"
        case .boolean(let value): value ? "true" : "false"
        case .list: "[]"
        case .members: "{}"
        case .null: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            // Controls, and what YAML takes for the end of a line or for no character.
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}",
                "\u{FFFF}":
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

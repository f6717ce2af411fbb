import Events
import Pipeline

/// A command line that cannot be understood.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// An option of a verb: a flag, or a name with a value.
struct Option {
    /// With its dashes.
    let name: String
    /// What the value is called in the help; nil: a flag.
    let value: String?
    let help: String

    init(_ name: String, _ value: String? = nil, _ help: String) {
        self.name = name
        self.value = value
        self.help = help
    }

    static let project = Option("--project", "DIR", "the project (default: here)")
    static let database = Option(
        "--database", "URL",
        "the database (default: the project's, DATABASE_URL, the PG* variables, else a private server)")
    static let json = Option("--json", nil, "one JSON document on stdout, nothing else")
    static let help = Option("--help", nil, "this text")
}

/// The words of a command line, sorted into options and the rest, and checked against what the verb takes.
struct Arguments {
    let verb: String
    let positionals: [String]
    private let values: [String: String]
    private let flags: Set<String>

    /// - Throws: `UsageError` for an option that the verb does not have, or a value that is missing.
    init(verb: String, _ words: [String], options: [Option], maxPositionals: Int) throws(UsageError) {
        self.verb = verb
        var positionals: [String] = []
        var values: [String: String] = [:]
        var flags: Set<String> = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                positionals += rest
                break
            }
            guard word.hasPrefix("-"), word.count > 1 else {
                positionals.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            let name = parts[0] == "-h" ? "--help" : parts[0]
            guard let option = (options + [.help]).first(where: { $0.name == name }) else {
                throw UsageError(
                    "unknown option \(name) of daybook \(verb)"
                        + Spelling.suggestion(name, in: (options + [.help]).map(\.name)))
            }
            guard option.value != nil else {
                guard parts.count == 1 else { throw UsageError("\(name) takes no value") }
                flags.insert(name)
                continue
            }
            // An option that follows is no value: one was forgotten. --name=--value is the way to mean it.
            let isForgotten = rest.first.map { $0.hasPrefix("--") } ?? true
            guard let value = parts.count == 2 ? parts[1] : isForgotten ? nil : rest.popFirst() else {
                throw UsageError("\(name) needs a value: \(name) \(option.value ?? "")")
            }
            guard !value.isEmpty else { throw UsageError("\(name) is empty; is a variable not set?") }
            guard values.updateValue(value, forKey: name) == nil else {
                throw UsageError("\(name) is given twice")
            }
        }
        guard !positionals.contains("") else {
            throw UsageError("an operand is empty; is a variable not set?")
        }
        guard positionals.count <= maxPositionals else {
            throw UsageError("daybook \(verb) does not take \"\(positionals[maxPositionals])\"")
        }
        self.positionals = positionals
        self.values = values
        self.flags = flags
    }

    subscript(_ option: String) -> String? { values[option] }
    func has(_ flag: String) -> Bool { flags.contains(flag) }
    var isJSON: Bool { has("--json") }
    /// The file of `--out`; nil: stdout, which is `-` too.
    var outFile: String? { self["--out"].flatMap { $0 == "-" ? nil : $0 } }

    /// The value of an option as a number from a range.
    func integer(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "\(option) is \"\(text)\"; it must be a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// The value of an option as a time: a day is its first moment, UTC.
    func time(_ option: String) throws(UsageError) -> Timestamp? {
        guard let text = self[option] else { return nil }
        // A bare number would be an epoch, and a year is not meant as one.
        guard text.dropFirst().contains("-"), let time = Timestamp(text) else {
            throw UsageError("\(option) is \"\(text)\"; write a time like 2026-01-31 or 2026-01-31T10:00:00Z")
        }
        return time
    }

    /// The value of an option as a duration, in microseconds.
    func duration(_ option: String) throws(UsageError) -> Int64? {
        guard let text = self[option] else { return nil }
        guard let duration = DurationText.parse(text) else {
            throw UsageError("\(option) is \"\(text)\"; it must be a duration: \(DurationText.forms)")
        }
        return duration
    }

    /// The value of an option as one of a few words.
    func choice(_ option: String, _ choices: [String]) throws(UsageError) -> String? {
        guard let text = self[option] else { return nil }
        guard choices.contains(text) else {
            throw UsageError(
                "\(option) is \"\(text)\"; it must be \(choices.joined(separator: ", "))"
                    + Spelling.suggestion(text, in: choices))
        }
        return text
    }
}

import Events
import Extract

/// Reads the `command` and `stdin` blocks of a source.
struct CommandSourceReader {
    let reader: DefinitionReader
    /// Of the source, for a person: `sources[0]`.
    let name: String
    /// Where a program runs.
    let directory: String

    private static let keys = ["run", "environment", "cursor_field", "initial", "sorted", "timeout"]

    /// What a `command` block says; nil where it has a mistake.
    func readCommand(_ value: JSONValue) -> (command: CommandSource, format: SourceFormat)? {
        guard
            let object = reader.object(
                value, "command of \(name)", keys: CommandSourceReader.keys + FormatReader.keys)
        else { return nil }
        let secrets = Secrets()
        return reader.collectingVariables(into: secrets) {
            let run = reader.required(
                "run", of: object, "\"run\": [\"kcat\", \"-C\", \"-t\", \"orders\", \"-e\", \"-J\"]")
            let programs = ProgramReader(reader: reader, name: name, placeholder: CommandSource.cursorWord)
            let program = run.flatMap { programs.program($0) }
            let environment = object["environment"].map { programs.environment($0) } ?? [:]
            let cursor = readCursor(object, run)
            let timeout = object["timeout"].flatMap { reader.duration($0, "timeout of \(name)") }
            guard let program, let read = FormatReader(reader: reader, name: name).read(object) else {
                return nil
            }
            var command = CommandSource(
                name: CommandSourceReader.shown(program), program: program, form: read.form,
                directory: directory)
            command.environment = environment
            command.cursor = cursor
            command.secrets = secrets
            if let timeout { command.timeoutSeconds = Double(timeout) / 1e6 }
            return (command, read.format)
        }
    }

    /// What a `stdin` block says; nil where it has a mistake.
    func readStandardInput(_ value: JSONValue) -> (command: CommandSource, format: SourceFormat)? {
        guard let object = reader.object(value, "stdin of \(name)", keys: ["timeout"] + FormatReader.keys)
        else {
            return nil
        }
        let timeout = object["timeout"].flatMap { reader.duration($0, "timeout of \(name)") }
        guard let read = FormatReader(reader: reader, name: name).read(object) else { return nil }
        var command = CommandSource(
            name: "standard input", program: .standardInput, form: read.form, directory: directory)
        if let timeout { command.timeoutSeconds = Double(timeout) / 1e6 }
        return (command, read.format)
    }

    private func readCursor(_ object: DefinitionReader.Object, _ run: JSONValue?) -> CommandSource.Cursor? {
        let usesCursor = run.map { $0.json.contains("cursor") } ?? false
        guard let value = object["cursor_field"] else {
            for key in ["initial", "sorted"] {
                guard let value = object[key] else { continue }
                reader.error("\(key) of \(name) is for \"cursor_field\", which is not there", at: value)
            }
            if let run, run.json.contains(CommandSource.cursorWord) {
                reader.error(
                    "run of \(name) has \(CommandSource.cursorWord); say which field it is: \"cursor_field\": \"offset\"",
                    at: run)
            }
            return nil
        }
        guard let text = reader.nonEmptyString(value, "cursor_field of \(name)") else { return nil }
        do {
            var cursor = CommandSource.Cursor(try FieldPath(parsing: text))
            cursor.initial = object["initial"].flatMap { readInitial($0) }
            if let sorted = object["sorted"] {
                guard let isSorted = reader.boolean(sorted, "sorted of \(name)") else { return nil }
                cursor.isSorted = isSorted
            }
            if !usesCursor {
                reader.warning(
                    "run of \(name) does not use the cursor; write \(CommandSource.cursorWord) where it belongs",
                    at: value)
            } else if cursor.initial == nil {
                reader.error(
                    "\(object.name) lacks \"initial\": what the first call gets for \(CommandSource.cursorWord)",
                    at: value)
            }
            return cursor
        } catch {
            reader.error("cursor_field of \(name): \(error.message)", at: value)
            return nil
        }
    }

    private func readInitial(_ value: JSONValue) -> String? {
        if case .number(let text) = value.content { return text }
        return reader.string(value, "initial of \(name)")
    }

    /// The line as a shell would have it.
    private static func shown(_ program: CommandSource.Program) -> String {
        switch program {
        case .shell(let line): line
        case .standardInput: "standard input"
        case .arguments(let words):
            words.map { word in
                let isPlain =
                    !word.isEmpty && word.allSatisfy { !$0.isWhitespace && !"'\"\\*?;&|<>()".contains($0) }
                return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
            }.joined(separator: " ")
        }
    }
}

/// What a verb tells as a whole, on stdout or in a file.
enum WrittenDocument {
    /// The format that is asked for: by `--json`, by `--format`, or by the ending of `--out`; the first of the choices
    /// where none is.
    static func format(_ arguments: Arguments, _ choices: [String]) throws(UsageError) -> String {
        let asked = try arguments.choice("--format", choices)
        if arguments.isJSON {
            guard asked == nil || asked == "json" else {
                throw UsageError("--json and --format \(asked ?? "") contradict each other")
            }
            return "json"
        }
        if let asked { return asked }
        let ending = arguments.outFile?.split(separator: ".").last.map { $0.lowercased() }
        return choices.first { $0 == (ending == "htm" ? "html" : ending) } ?? choices[0]
    }

    /// - Parameters:
    ///   - text: of a format of files: it goes as it is, unless a terminal would be steered by it.
    ///   - path: a file that has its name once it is whole; nil: stdout.
    static func write(_ text: String, _ path: String?) throws -> ExitCode {
        guard let path else {
            Terminal.data(text)
            return .done
        }
        let file = try ExportFile(path, .none)
        do {
            try Array((text + "\n").utf8).withUnsafeBytes(file.write)
            try file.finish()
        } catch {
            file.discard()
            throw error
        }
        Terminal.error("wrote \(path)")
        return .done
    }
}

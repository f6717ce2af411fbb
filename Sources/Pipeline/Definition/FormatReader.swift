import Events
import Extract

/// Reads how the records of a source are written: the keys that stand beside `path`, or `run`.
struct FormatReader {
    let reader: DefinitionReader
    /// Of the source, for a person: `sources[0]`.
    let name: String

    static let keys =
        ["format", "encoding", "max_line", "data_path", "pattern"] + csvKeys
    private static let csvKeys = [
        "separator", "quote", "escape", "comment", "header", "skip_lines", "ragged",
    ]

    /// - Parameter paths: of files, whose endings may tell the format.
    func read(
        _ object: DefinitionReader.Object, paths: [String] = []
    ) -> (format: SourceFormat, form: RecordForm)? {
        guard let format = readName(object, paths) else { return nil }
        refuseStrangers(object, format)
        let maxLine = readMaxLine(object) ?? RecordForm.defaultMaxLine
        let encoding = object["encoding"].flatMap { readEncoding($0) } ?? .utf8
        return readFormat(object, format).map {
            (format, RecordForm($0, encoding: encoding, maxLine: maxLine))
        }
    }

    /// Which format is named, or told by the endings of the files; says what is missing.
    private func readName(_ object: DefinitionReader.Object, _ paths: [String]) -> SourceFormat? {
        let known = SourceFormat.allCases.map(\.rawValue)
        if let value = object["format"] {
            return reader.choice(value, "format of \(name)", known).flatMap { SourceFormat(rawValue: $0) }
        }
        let endings = Set(paths.map { SourceFormat(ending: $0) })
        if endings.count == 1, let format = endings.first ?? nil { return format }
        reader.error(
            "\(object.name) lacks \"format\""
                + (paths.isEmpty ? "" : ", and the path's ending does not tell it")
                + "; add for instance \"format\": \"ndjson\"; known are \(known.joined(separator: ", "))",
            at: object.value)
        return nil
    }

    /// Keys of other formats would be without effect.
    private func refuseStrangers(_ object: DefinitionReader.Object, _ format: SourceFormat) {
        for key in FormatReader.csvKeys where format != .csv && format != .tsv {
            guard let value = object[key] else { continue }
            reader.error(
                "\"\(key)\" in \(name) is for csv and tsv; the format is \(format.rawValue)", at: value)
        }
        if let value = object["data_path"], format != .json, format != .cloudevents, format != .ecs,
            format != .drdroid, format != .logeater
        {
            reader.error("\"data_path\" in \(name) is for json; the format is \(format.rawValue)", at: value)
        }
        if let value = object["pattern"], format != .regex {
            reader.error("\"pattern\" in \(name) is for regex; the format is \(format.rawValue)", at: value)
        }
    }

    private func readFormat(_ object: DefinitionReader.Object, _ format: SourceFormat) -> RecordFormat? {
        switch format {
        case .ndjson: return .ndjson
        case .ecs, .drdroid, .logeater: return object["data_path"] == nil ? .json(nil) : readPath(object)
        case .json, .cloudevents: return object["data_path"] == nil ? .json(nil) : readPath(object)
        case .csv: return readDialect(object, .rfc4180).map { .csv($0) }
        case .tsv: return readDialect(object, .tsv).map { .csv($0) }
        case .logfmt: return .logfmt
        case .access: return .access
        case .otlp: return .otlp
        case .xes: return .xes
        case .regex:
            guard
                let value = reader.required(
                    "pattern", of: object, "\"pattern\": \"^(?<time>\\\\S+) (?<type>\\\\S+) (?<message>.*)$\""
                ),
                let pattern = reader.nonEmptyString(value, "pattern of \(name)")
            else { return nil }
            do {
                _ = try RegexTranslator(pattern)
                return .regex(pattern)
            } catch {
                reader.error("pattern of \(name): \(error)", at: value)
                return nil
            }
        }
    }

    private func readPath(_ object: DefinitionReader.Object) -> RecordFormat? {
        guard let value = object["data_path"], let text = reader.nonEmptyString(value, "data_path of \(name)")
        else { return nil }
        do {
            return .json(try FieldPath(parsing: text))
        } catch {
            reader.error("data_path of \(name): \(error.message)", at: value)
            return nil
        }
    }

    func readMaxLine(_ object: DefinitionReader.Object) -> Int? {
        guard let value = object["max_line"], let bytes = reader.number(value, "max_line of \(name)") else {
            return nil
        }
        guard bytes >= 1_024, bytes <= 1_073_741_824, bytes == bytes.rounded() else {
            reader.error("max_line of \(name) is a number of bytes from 1024 to 1073741824", at: value)
            return nil
        }
        return Int(bytes)
    }

    private func readEncoding(_ value: JSONValue) -> TextEncoding? {
        reader.choice(value, "encoding of \(name)", TextEncoding.allCases.map(\.rawValue)).flatMap {
            TextEncoding(rawValue: $0)
        }
    }

    // MARK: - CSV

    private func readDialect(_ object: DefinitionReader.Object, _ base: CSVDialect) -> CSVDialect? {
        var dialect = base
        if let value = object["separator"], let byte = readByte(value, "separator", isOptional: false) {
            dialect.separator = byte ?? dialect.separator
        }
        if let value = object["quote"], let byte = readByte(value, "quote", isOptional: true) {
            dialect.quote = byte
        }
        if let value = object["escape"], let byte = readByte(value, "escape", isOptional: true) {
            dialect.escape = byte
            if byte == nil { dialect.escapesByLetter = false }
        }
        if let value = object["comment"], let byte = readByte(value, "comment", isOptional: true) {
            dialect.comment = byte
        }
        if let value = object["header"], let names = reader.strings(value, "header of \(name)") {
            dialect.header = .given(names)
        }
        if let value = object["skip_lines"], let count = reader.number(value, "skip_lines of \(name)") {
            guard count >= 0, count <= 1_000_000, count == count.rounded() else {
                reader.error("skip_lines of \(name) is a number of lines", at: value)
                return nil
            }
            dialect.skippedLines = Int(count)
        }
        if let value = object["ragged"],
            let choice = reader.choice(value, "ragged of \(name)", ["reject", "fill"])
        {
            dialect.raggedRows = choice == "fill" ? .filled : .rejected
        }
        guard let problem = dialect.problem else { return dialect }
        let place = FormatReader.csvKeys.lazy.compactMap { object[$0] }.first ?? object.value
        reader.error("\(name): \(problem)", at: place)
        return nil
    }

    /// A text of one ASCII character; null means that there is none.
    ///
    /// - Returns: nil where there is a mistake.
    private func readByte(_ value: JSONValue, _ key: String, isOptional: Bool) -> UInt8?? {
        if case .null = value.content, isOptional { return .some(nil) }
        guard let text = reader.string(value, "\(key) of \(name)") else { return nil }
        guard text.utf8.count == 1, let byte = text.utf8.first, byte < 0x80 else {
            reader.error(
                "\(key) of \(name) is \"\(text)\"; it is one ASCII character"
                    + (isOptional ? ", or null for none" : ""), at: value)
            return nil
        }
        return .some(byte)
    }
}

extension SourceInput {
    /// What the format says of its fields.
    var standardFields: StandardFields? {
        switch self {
        case .files(let files): files.format.fields
        case .command(_, let format): format.fields
        case .http(let api): api.standard.flatMap { SourceFormat(rawValue: $0)?.fields }
        }
    }
}

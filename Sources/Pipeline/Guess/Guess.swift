import Events
import Extract
import Foundation

/// A pipeline for events of which nothing is known but where they are: a proposal, for a person to read and change.
package struct Guess {
    /// The definition, with comments.
    package let definition: String
    /// What was seen, and what was not found.
    package let notes: [String]
    /// Whether it yields any event of what was looked at.
    package let yieldsEvents: Bool

    /// What could not be looked at, or is of no form that is read.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Looks at a file.
    ///
    /// - Parameter path: as the definition is to have it, relative to the project.
    package init(file path: String, name: String, projectDirectory: String) throws {
        let pattern = Guess.escaped(path)
        let file = try Guess.find(path, in: projectDirectory)
        let sample = try GuessedSample(file)
        let likeliest: GuessedFormat?
        do {
            likeliest = try GuessedFormat.find(sample)
        } catch {
            throw ExtractError(kind: .unsupported, object: path, message: error.reason)
        }
        var best = likeliest.flatMap { GuessedProposal.best(sample, $0, path: pattern, name: name) }
        if best?.isOfMost != true {
            for format in GuessedFormat.others(sample) {
                guard let other = GuessedProposal.best(sample, format, path: pattern, name: name) else {
                    continue
                }
                if other.events > best?.events ?? 0 { best = other }
            }
        }
        guard let best else {
            let reject = likeliest.flatMap { sample.records($0.form, most: 1, maxBytes: .max).firstReject }
            throw Guess.unknown(path, sample, reject.map { "line \($0.line): \($0.reason)" })
        }
        self.init(best)
    }

    /// Looks at an API: asks for the first page and, in several ways, for the second.
    ///
    /// - Parameters:
    ///   - url: as the definition is to have it, with `${NAME}` for secrets.
    ///   - header: one more header, as `Authorization: Bearer ${TOKEN}`.
    package init(url: String, header: String?, name: String, environment: [String: String]) throws {
        let question = """
            { "pipeline": "guess", "sources": [ { "name": "guess",
              \(Guess.http(url, header, nil, nil, nil)),
              "event": { "occurred_at": "time", "type": "type" } } ] }
            """
        guard let source = try Guess.read(question, "guess", environment).api else {
            throw Failure(description: "\(url) is no address of an API")
        }
        let probe = APIProbe(source)
        let answer = try probe.ask()
        guard let records = GuessedRecords(answer.bytes) else {
            let start = String(decoding: answer.bytes.prefix(4_096), as: UTF8.self)
            throw Guess.unknown(
                source.name, GuessedSample(Array(source.secrets.hidden(start).utf8), name: source.name))
        }
        let pagination = try GuessedPagination(probe, answer, records, url: source.url)
        let standard = records.format == .json ? GuessedFormat.standard(of: records.items) : nil
        let fields = GuessedFields(records.items)
        let mapping =
            standard.flatMap { format in
                format.fields.map {
                    GuessedMapping(fields, of: format, $0, items: records.items, pattern: nil, name: name)
                }
            } ?? GuessedMapping(fields, name: name, derived: .content)
        var notes = [
            "\(records.count) records on the first look, \((standard?.rawValue) ?? records.format.rawValue)",
            "pages: \(pagination.reason)",
        ]
        if let changedAt = fields.changedAt {
            notes.append(
                "\(changedAt.path.text) looks like a mark: with \"incremental\": { \"cursor_field\": \(changedAt.json), "
                    + "\"param\": … } only what is new is asked for, if the API has such a parameter")
        }
        let definition = GuessedDefinition(
            name: name, input: Guess.http(url, header, records, standard, pagination.definition),
            mapping: mapping)
        // The items of an answer are read as lines of JSON, whatever surrounded them.
        let lines = records.items.map(\.json).joined(separator: "\n") + "\n"
        self.init(
            GuessedProposal(
                definition, notes + mapping.notes, GuessedSample(Array(lines.utf8), name: source.name),
                .ndjson, environment: environment))
    }

    private init(_ proposal: GuessedProposal) {
        definition = proposal.definition.text
        yieldsEvents = proposal.events > 0
        notes =
            proposal.notes
            + (proposal.events > 0
                ? [] : ["not one event comes of it: it is no pipeline before it is changed"])
    }

    /// Finds a file by its path, whatever characters are in that.
    private static func find(_ path: String, in directory: String) throws(ExtractError) -> FoundFile {
        do {
            return try FilePattern(path, relativeTo: directory).isLiteral
                ? FilePattern(path, relativeTo: directory).files()[0]
                : Guess.only(FilePattern(Guess.escaped(path), relativeTo: directory).files(), path)
        } catch {
            guard error.kind == .missing else { throw error }
            throw ExtractError(
                kind: .missing, object: path,
                message: "there is no such file"
                    + (path.contains(where: { ":?".contains($0) }) ? "; an address begins with https://" : "")
            )
        }
    }

    private static func only(_ files: [FoundFile], _ path: String) throws(ExtractError) -> FoundFile {
        guard let file = files.first else {
            throw ExtractError(kind: .missing, object: path, message: "there is no such file")
        }
        return file
    }

    /// A path as a pattern that matches it alone.
    private static func escaped(_ path: String) -> String {
        path.map { "*?[".contains($0) ? "[\($0)]" : String($0) }.joined()
    }

    // MARK: - The text

    private static func http(
        _ url: String, _ header: String?, _ records: GuessedRecords?, _ standard: SourceFormat?,
        _ pagination: String?
    ) -> String {
        var members = ["\"url\": \(json(url))"]
        if let header {
            let parts = header.split(separator: ":", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            members.append("\"headers\": { \(json(parts[0])): \(json(parts.count > 1 ? parts[1] : "")) }")
        }
        if let standard {
            members.append("\"format\": \"\(standard.rawValue)\"")
        } else if let records, records.format != .json {
            members.append("\"format\": \"\(records.format.rawValue)\"")
        }
        if let records, !records.dataPath.isEmpty {
            members.append("\"data_path\": \(json(FieldPath(steps: records.dataPath).text))")
        }
        if let pagination { members.append("\"pagination\": \(pagination)") }
        return "\"http\": {\n        " + members.joined(separator: ",\n        ") + " }"
    }

    private static func json(_ text: String) -> String { JSONValue(.string(text)).json }

    /// The source of a definition that is in no file.
    static func read(
        _ definition: String, _ name: String, _ environment: [String: String]
    ) throws -> SourceDefinition {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "daybook-guess-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(
            atPath: "\(directory)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try definition.write(
            toFile: "\(directory)/pipelines/\(name).jsonc", atomically: true, encoding: .utf8)
        let project = try Project(directory: directory, environment: environment)
        let read = try project.read([name])[0]
        guard let source = read.pipeline?.sources.first else {
            throw Failure(description: read.problems.map(\.message).joined(separator: "; "))
        }
        return source
    }

    /// - Parameter reason: why its first record is none, where that is known.
    private static func unknown(
        _ object: String, _ sample: GuessedSample, _ reason: String? = nil
    ) -> ExtractError {
        let start = String(decoding: sample.bytes.prefix(200), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let isBlank = !sample.bytes.contains { $0 > 0x20 }
        return ExtractError(
            kind: .unsupported, object: object,
            message: isBlank
                ? "is empty; there is nothing to go by"
                : sample.isBinary
                    ? "is no text, and of no form that is read"
                    : "holds no records of a form that is known: neither JSON, nor a table of text, nor lines of a log that "
                        + "begin with a time; \(reason ?? "it begins: \(start)")")
    }
}

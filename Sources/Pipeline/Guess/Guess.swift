import Events
import Extract
import Foundation

/// A pipeline for events of which nothing is known but where they are: a proposal, for a person to read and change.
package struct Guess {
    /// The definition, with comments.
    package let definition: String
    /// What was seen, and what was not found.
    package let notes: [String]

    /// What could not be looked at, or is of no form that is read.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private static let maxBytes = 1 << 20

    /// Looks at a file.
    ///
    /// - Parameter path: as the definition is to have it, relative to the project.
    package init(file path: String, name: String, projectDirectory: String) throws {
        let absolute = path.hasPrefix("/") ? path : "\(projectDirectory)/\(path)"
        guard let handle = FileHandle(forReadingAtPath: absolute) else {
            throw ExtractError(
                kind: .missing, object: path,
                message: "there is no such file"
                    + (path.contains(where: { ":?".contains($0) }) ? "; an address begins with https://" : "")
            )
        }
        defer { try? handle.close() }
        var bytes = [UInt8](try handle.read(upToCount: Guess.maxBytes) ?? Data())
        // The last line may be cut.
        if bytes.count == Guess.maxBytes, let end = bytes.lastIndex(of: 0x0A) {
            bytes.removeSubrange((end + 1)...)
        }
        guard let records = GuessedRecords(bytes), records.format != .json || records.root == nil else {
            throw Guess.unknown(path, bytes)
        }
        let input = #""file": { "path": \#(Guess.json(path)), "format": "\#(records.format.rawValue)" }"#
        self.init(name, input, records, [])
    }

    /// Looks at an API: asks for the first page and, in several ways, for the second.
    ///
    /// - Parameters:
    ///   - url: as the definition is to have it, with `${NAME}` for secrets.
    ///   - header: one more header, as `Authorization: Bearer ${TOKEN}`.
    package init(url: String, header: String?, name: String, environment: [String: String]) throws {
        let definition = Guess.definition(
            "guess", Guess.http(url, header, nil, nil), #""occurred_at": "time", "type": "type""#)
        let source = try Guess.read(definition, environment)
        let probe = APIProbe(source)
        let answer = try probe.ask()
        guard let records = GuessedRecords(answer.bytes) else {
            let start = String(decoding: answer.bytes.prefix(4_096), as: UTF8.self)
            throw Guess.unknown(source.name, Array(source.secrets.hidden(start).utf8))
        }
        let pagination = try GuessedPagination(probe, answer, records, url: source.url)
        self.init(
            name, Guess.http(url, header, records, pagination.definition), records,
            ["pages: \(pagination.reason)"])
    }

    private init(_ name: String, _ input: String, _ records: GuessedRecords, _ notes: [String]) {
        let fields = GuessedFields(records.items)
        var notes = ["\(records.count) records on the first look, \(records.format.rawValue)"] + notes
        var members: [String] = []
        func add(_ column: String, _ path: FieldPath?, _ otherwise: String) {
            if let path {
                members.append("\"\(column)\": \(Guess.json(path.text))")
            } else {
                notes.append(otherwise)
            }
        }
        add("occurred_at", fields.time, "no field holds a time; say which one does: \"occurred_at\"")
        add("type", fields.type, "no field says what happened; a constant stands there: \"type\"")
        if fields.time == nil { members.append("\"occurred_at\": \"time\"") }
        if fields.type == nil { members.append("\"type\": {\"value\": \"\(name).seen\"}") }
        add(
            "event_id", fields.eventID,
            "no field makes an event the same when it comes again; see \"event_id\" in the README")
        add(
            "case_id", fields.caseID,
            "no field names what the events are about; each is a case of its own: \"case_id\"")
        for other in fields.others { add(other.column, other.path, "") }
        definition = Guess.definition(name, input, members.joined(separator: ",\n        "))
        if let changedAt = fields.changedAt, input.contains("\"http\"") {
            notes.append(
                "\(changedAt.text) looks like a mark: with \"incremental\": { \"cursor_field\": \(Guess.json(changedAt.text)), "
                    + "\"param\": … } only what is new is asked for, if the API has such a parameter")
        }
        self.notes = notes
    }

    // MARK: - The text

    private static func definition(_ name: String, _ input: String, _ event: String) -> String {
        """
        {
          "pipeline": \(json(name)),
          "sources": [
            { "name": \(json(name)),
              \(input),
              "event": {
                \(event)
              } }
          ],
          "slas": [
            // { "name": "\(name)_done", "start": "\(name).created", "end": "\(name).done", "within": "2h" }
          ]
        }
        """
    }

    private static func http(
        _ url: String, _ header: String?, _ records: GuessedRecords?, _ pagination: String?
    ) -> String {
        var members = ["\"url\": \(json(url))"]
        if let header {
            let parts = header.split(separator: ":", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            members.append("\"headers\": { \(json(parts[0])): \(json(parts.count > 1 ? parts[1] : "")) }")
        }
        if let records, records.format != .json {
            members.append("\"format\": \"\(records.format.rawValue)\"")
        }
        if let records, !records.dataPath.isEmpty {
            members.append("\"data_path\": \(json(FieldPath(steps: records.dataPath).text))")
        }
        if let pagination { members.append("\"pagination\": \(pagination)") }
        return "\"http\": {\n        " + members.joined(separator: ",\n        ") + " }"
    }

    private static func json(_ text: String) -> String { JSONValue(.string(text)).json }

    /// The API of a definition that is in no file.
    private static func read(_ definition: String, _ environment: [String: String]) throws -> HTTPSource {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "daybook-guess-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(
            atPath: "\(directory)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try definition.write(toFile: "\(directory)/pipelines/guess.jsonc", atomically: true, encoding: .utf8)
        let project = try Project(directory: directory, environment: environment)
        let read = try project.read(["guess"])[0]
        guard let api = read.pipeline?.sources.first?.api else {
            throw Failure(description: read.problems.map(\.message).joined(separator: "; "))
        }
        return api
    }

    private static func unknown(_ object: String, _ bytes: [UInt8]) -> ExtractError {
        let start = String(decoding: bytes.prefix(200), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        return ExtractError(
            kind: .unsupported, object: object,
            message: bytes.isEmpty
                ? "is empty; there is nothing to go by"
                : "holds neither JSON records, nor lines of JSON, nor CSV with a header; it begins: "
                    + start.joined(separator: " "))
    }
}

import Foundation
import Pipeline

/// `daybook guess`: proposes a pipeline for a file or an API.
enum GuessVerb: Verb {
    static let name = "guess"
    static let summary = "proposes a pipeline for a file or an API"
    static let operands = "FILE|URL"
    static let options: [Option] = [
        .project,
        Option("--name", "NAME", "what the pipeline is to be called (default: after the file or the URL)"),
        Option(
            "--header", "'NAME: VALUE'",
            "one more header for the API; ${VARIABLE} keeps a secret out of the file"),
        .json,
    ]
    static let discussion = """
        Looks at the first records, and at an API's pages, and writes a definition to stdout that is to run as it is: the
        format by what is in the file (JSON in its forms, CSV in its dialects, logfmt, access logs, CloudEvents, OTLP, ECS,
        XES; lines of a log by a regular expression), where the records are, how pages follow each other, and which fields
        are probably which columns. A table with a row for each case and several times yields an event for each time.
        Types that follow each other within a case are proposed as SLAs, with the median and the p90 of what was seen; what
        too few cases show is a comment. Compressed files and other encodings are read as a run reads them. Nothing is
        loaded or written. What was looked at is read by the proposal, too: stderr tells what it would reject, and where not
        one event comes of it, what is missing. It is a proposal: read it, change it, and let check and preview look at it.

          daybook guess logs/shop.ndjson > pipelines/shop.jsonc
          daybook guess 'https://shop.example/v1/events?limit=100' --header 'Authorization: Bearer ${SHOP_TOKEN}'

        exit codes: 0 done, 65 of no form that is known, or no event comes of the proposal, 69 it cannot be read
        """

    private struct Document: Encodable {
        let pipeline: String
        let definition: String
        let notes: [String]
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let place = arguments.positionals.first else {
            throw UsageError("say what to look at: daybook guess FILE|URL")
        }
        let isURL = place.contains("://")
        if arguments["--header"] != nil, !isURL {
            throw UsageError("--header is for an API; \(place) is a file")
        }
        if let header = arguments["--header"],
            header.prefix(while: { $0 != ":" }).allSatisfy({ $0 == " " }) || !header.contains(":")
        {
            throw UsageError("--header is \"NAME: VALUE\"")
        }
        let name = arguments["--name"] ?? suggestedName(place)
        guard !name.contains("/"), !name.hasPrefix("."), name != "project" else {
            throw UsageError(
                "--name is \"\(name)\"; it is to be the name of a file in pipelines/, and not project")
        }
        let environment = ProcessInfo.processInfo.environment
        let guess =
            isURL
            ? try Guess(url: place, header: arguments["--header"], name: name, environment: environment)
            : try Guess(file: place, name: name, projectDirectory: arguments["--project"] ?? ".")
        if arguments.isJSON {
            try JSONOutput.print(Document(pipeline: name, definition: guess.definition, notes: guess.notes))
            return guess.yieldsEvents ? .done : .badData
        }
        Terminal.data(guess.definition)
        for note in guess.notes { Terminal.error(note) }
        guard guess.yieldsEvents else { return .badData }
        Terminal.error("keep it as pipelines/\(name).jsonc, and then: daybook check \(name)")
        return .done
    }

    /// The last word of a path that can be a pipeline's name.
    private static func suggestedName(_ place: String) -> String {
        let path = place.prefix { $0 != "?" }.split(separator: "/").last.map(String.init) ?? "events"
        let word = path.prefix { $0 != "." }.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
        let name = String(word).trimmingCharacters(in: CharacterSet(charactersIn: "_"))
        return name.isEmpty || name == "project" ? "events" : name
    }
}

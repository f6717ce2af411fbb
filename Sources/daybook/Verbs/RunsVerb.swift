import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook runs`: what ran, and how it went.
enum RunsVerb: Verb {
    static let name = "runs"
    static let summary = "lists the latest runs; shows one whole"
    static let operands = "[PIPELINE… | show RUN]"
    static let maxOperands = Int.max
    static let options: [Option] = [
        .project, .database, .json,
        Option("--last", "N", "how many (default: 20)"),
        Option("--failed", nil, "only those that failed"),
    ]
    static let discussion = """
        Newest first, of the pipelines (all, where none is named): who or what started a run, for which time of the
        schedule, how long it took, what it read, and why it failed. A run that caught up several times of the schedule
        is told with the last of them. What a schedule skipped is listed, too.

        daybook runs show RUN tells everything of one: each file or address that it read, with counts, and what it
        rejected, by reason.

          daybook runs orders --failed --last 5
          daybook runs show 17

        Runs are kept as long as the retention of the project says; see: daybook retain --help
        """

    private static let defaultCount = 20

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        if arguments.positionals.first == "show" { return try show(arguments, context) }
        let count = try arguments.integer("--last", in: 1...1_000_000) ?? defaultCount
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        let names = arguments.positionals
        try check(names, context, connection)
        let sql = SQLFiles.builtin.text("report/runs.sql")
        let parameters: [(any PostgresParameter)?] = [
            names.isEmpty ? nil : names, count, arguments.has("--failed"),
        ]
        if arguments.isJSON {
            try JSONOutput.write(
                connection.query(
                    "SELECT json_build_object('runs', coalesce(json_agg(s), '[]')) FROM (\(sql)) AS s",
                    parameters
                ).first().get(0))
            return .done
        }
        let runs = try connection.query(sql, parameters)
        guard runs.count > 0 else {
            Terminal.out(
                arguments.has("--failed") ? "no run has failed" : "nothing has run yet; see: daybook run")
            return .done
        }
        Terminal.out(try RunsText.list(runs))
        return .done
    }

    private static func show(_ arguments: Arguments, _ context: Context) throws -> ExitCode {
        guard arguments.positionals.count == 2, let runID = Int64(arguments.positionals[1]) else {
            throw UsageError("say which run by its number: daybook runs show 17; daybook runs lists them")
        }
        for option in ["--last", "--failed"] where arguments[option] != nil || arguments.has(option) {
            throw UsageError("\(option) is for the list of runs")
        }
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        func sql(_ file: String) -> String { SQLFiles.builtin.text("report/\(file).sql") }
        guard let run = try connection.query(sql("run"), [runID]).rows.first else {
            throw UsageError(
                "there is no run \(runID): it never was, or is past the retention of runs; daybook runs lists those "
                    + "that there are")
        }
        if arguments.isJSON {
            try JSONOutput.write(
                connection.query(
                    """
                    SELECT json_build_object(
                        'run', (SELECT row_to_json(s) FROM (\(sql("run"))) AS s),
                        'objects', (SELECT coalesce(json_agg(s), '[]') FROM (\(sql("run_objects"))) AS s),
                        'rejects', (SELECT coalesce(json_agg(s), '[]') FROM (\(sql("run_rejects"))) AS s))
                    """, [runID]
                ).first().get(0))
            return .done
        }
        try RunsText.tell(
            run, objects: connection.query(sql("run_objects"), [runID]),
            rejects: connection.query(sql("run_rejects"), [runID]))
        return .done
    }

    /// A name that neither the database nor the project knows is a mistake.
    private static func check(_ names: [String], _ context: Context, _ connection: Connection) throws {
        guard !names.isEmpty else { return }
        let defined = (try? context.project())?.pipelineNames ?? []
        let known = Set(
            try defined
                + connection.query(
                    "SELECT pipeline FROM daybook.runs UNION SELECT pipeline FROM daybook.sources"
                ).rows.map { try $0.get(0) })
        for name in names where !known.contains(name) {
            throw UsageError(
                "there is no pipeline \"\(name)\"" + Spelling.suggestion(name, in: known.sorted()))
        }
    }
}

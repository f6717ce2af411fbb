import Pipeline
import Postgres
import Warehouse

/// `daybook drift`: what has changed in what the sources tell.
enum DriftVerb: Verb {
    static let name = "drift"
    static let summary = "shows what sources tell otherwise than before: types, fields, values, how many"
    static let operands = "[PIPELINE…]"
    static let options: [Option] = [
        .project, .database,
        Option("--last", "DURATION", "how much of each source's latest events is looked at (default: 24h)"),
        Option("--weeks", "N", "with how many weeks before that it is compared (default: 4)"),
        .json,
    ]
    static let discussion = """
        Compares the latest events of each source with the weeks before, and tells of:

          silent              no event for hours in which there were some in every week before
          volume low, high    an hour against the same hour of the week in each week before: outside of their median
                              by more than half, five times their median deviation and five times its root
          new type            a type of event that came in none of the weeks
          vanished type       one that came at least 5 times in the same hours of each week, and not now
          new field           a member of details that no event of its type had (null is no value)
          vanished field      one that 10 or more events should have by its share before, and none has
          value type changed  a string, number, boolean, array or object where that never stood

        The window of a source ends with its own latest event, so one whose batches come later than those of others
        drifts not for that. Where it is further behind than twice its usual time between loads (and its lateness),
        its silence counts: up to the latest event of its pipeline's other sources, or to the pipeline's last run. The
        last hour, which is not over, is left out of the volume. With less than two weeks before the window nothing is
        compared. Of types with very many events details are sampled (50,000 in the window, 10,000 before it); what
        shows there is checked with all events.

          daybook drift orders --last 6h
          daybook run && daybook drift --json > drift.json

        exit codes: 0 nothing has changed, 2 something has
        """

    /// Of a longer window, the same hours a week before would be a part.
    private static let longest: Int64 = 7 * 86_400_000_000
    private static let shortest: Int64 = 3_600_000_000

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let weeks = try arguments.integer("--weeks", in: Drift.minWeeks...52) ?? 4
        let window = try window(arguments["--last"] ?? "24h")
        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let names = arguments.positionals
        try requireKnown(names, connection)
        let drift = Drift(pipelines: names.isEmpty ? nil : names, windowMicroseconds: window, weeks: weeks)
        let report = try drift.report(connection)
        if arguments.isJSON {
            try JSONOutput.print(DriftText.Document(report))
        } else {
            DriftText.tell(report)
        }
        return report.findings.isEmpty ? .done : .checkFailed
    }

    private static func window(_ text: String) throws(UsageError) -> Int64 {
        guard let window = DurationText.parse(text) else {
            throw UsageError("--last is \"\(text)\"; \(DurationText.forms)")
        }
        guard (shortest...longest).contains(window) else {
            throw UsageError("--last is \"\(text)\"; it must be from 1h to 7d")
        }
        return window
    }

    private static func requireKnown(_ names: [String], _ connection: Connection) throws {
        let known = try connection.query("SELECT DISTINCT pipeline FROM daybook.sources ORDER BY pipeline")
            .rows
            .map { try $0.get(0, as: String.self) }
        guard let unknown = names.first(where: { !known.contains($0) }) else { return }
        throw UsageError(
            "no pipeline \"\(unknown)\" has run\(Spelling.suggestion(unknown, in: known)); there are: "
                + known.joined(separator: ", "))
    }
}

import Events
import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook explain`: where a number comes from.
enum ExplainVerb: Verb {
    static let name = "explain"
    static let summary = "shows the cases behind an hour's figures, their events and files"
    static let operands = "SLA HOUR"
    static let maxOperands = 2
    static let options: [Option] = [
        .project, .database,
        Option(
            "--by", "start|end|breach",
            "the hour that counts (default: start); breach is that of the deadline"),
        Option("--limit", "N", "at most so many cases (default: 20)"),
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        .json,
    ]
    static let discussion = """
        HOUR is a time in it, in UTC unless it has an offset: 2026-01-07T10:00. Shows the row of the hour beside the same
        figures computed from its cases; each case with the events that started and ended it: file, line, byte, load
        and event id; which version of the definition judged them; whether the hour is final, and why; and every
        version that the row had, with what changed it.

          daybook explain order_delivered 2026-01-07T10:00

        exit codes: 0 done, 1 no case in that hour, 2 the row is not what its cases add up to, 64 wrong usage
        """

    struct NoSuchHour: Error, CustomStringConvertible {
        let description: String
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard arguments.positionals.count == 2 else {
            throw UsageError("say which: daybook explain order_delivered 2026-01-07T10:00")
        }
        let (sla, hourText) = (arguments.positionals[0], arguments.positionals[1])
        guard hourText.dropFirst().contains("-"), let time = Timestamp(hourText) else {
            throw UsageError("\"\(hourText)\" is no hour; write it like 2026-01-07T10:00")
        }
        let by =
            try arguments.choice("--by", HourBasis.allCases.map(\.rawValue)).flatMap(HourBasis.init) ?? .start
        let limit = try arguments.integer("--limit", in: 0...100_000) ?? 20

        let context = Context(arguments)
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        try ReportVerb.requireKnown([sla], connection)
        let zone = try ShownTimes(arguments["--zone"] ?? "UTC", on: connection).zone
        var explanation = try connection.snapshot {
            let bounds = try connection.query(
                "SELECT report.hour($1::timestamptz), report.hour($1::timestamptz) + interval '1 hour'",
                [time.description]
            ).first()
            let (hour, until): (String, String) = (try bounds.get(0), try bounds.get(1))
            guard
                let explanation = try Explanation(
                    sla, hour: hour, until: until, by: by, limit: limit, connection)
            else { throw try noSuchHour(sla, hour, by, connection) }
            return explanation
        }
        let directory =
            (try? context.project().directory) ?? FileManager.default.currentDirectoryPath
        EventLines(directory: directory).fill(&explanation)
        if arguments.isJSON {
            Terminal.data(try JSONOutput.text(explanation, keys: .convertToSnakeCase))
        } else {
            Terminal.out(ExplanationText(explanation: explanation, zone: zone).text)
        }
        return explanation.addsUp ? .done : .checkFailed
    }

    private static func noSuchHour(
        _ sla: String, _ hour: String, _ by: HourBasis, _ connection: Connection
    ) throws -> NoSuchHour {
        let near = try connection.query(by.sql("explain/near_hours.sql"), [sla, hour]).rows.map {
            try $0.get(0, as: String.self)
        }
        let hint =
            near.isEmpty
            ? "; no hour of it has any: daybook status" : "; near it are: \(near.joined(separator: ", "))"
        return NoSuchHour(description: "no cases of \(sla) \(by.verb) in the hour \(hour)\(hint)")
    }
}

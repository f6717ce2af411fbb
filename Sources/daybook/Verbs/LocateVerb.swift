import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook locate`: where a case is now.
enum LocateVerb: Verb {
    static let name = "locate"
    static let summary = "tells where a case is now, and what it waits for"
    static let operands = "CASE"
    static let options: [Option] = [
        .project, .database,
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        .json,
    ]
    static let discussion = """
        The last event of the case, since when it stands there, what normally comes next and when, how many others wait at
        the same step, what its SLAs say, and its dead letters. What is usual is told by all cases of the last 28 days.

        A case waits when it is open for an SLA; where no SLA knows it, when its last event is more often followed by
        another than not. The same in SQL: SELECT * FROM report.locate('ord-17').

          daybook locate ord-17

        exit codes: 0 done, 1 there is no such case, 64 wrong usage, 69 database out of reach
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let caseID = arguments.positionals.first else {
            throw UsageError("say which case: daybook locate CASE")
        }
        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let times = try ShownTimes(arguments["--zone"] ?? "UTC", on: connection)
        let statement = SQLFiles.builtin.text("desk/locate.sql")
        if arguments.isJSON {
            let row = try connection.query(
                "SELECT count(*) AS cases, json_build_object('cases', json_agg(s)) AS document FROM (\(statement)) AS s",
                [caseID]
            ).first()
            guard try row.get("cases", as: Int.self) > 0 else {
                throw try CaseTrace.missing(caseID, connection)
            }
            JSONOutput.write(try row.get("document"))
            return .done
        }
        let located = try connection.query(statement, [caseID]).rows
        guard !located.isEmpty else { throw try CaseTrace.missing(caseID, connection) }
        for (index, row) in located.enumerated() {
            if index > 0 { Terminal.out("") }
            Terminal.out(try LocatedText(row, times).text)
        }
        Terminal.out("\n" + commands(caseID))
        return .done
    }

    /// What goes on from here.
    private static func commands(_ caseID: String) -> String {
        let all = [
            ("trace", "daybook trace \(Cell.word(caseID))", "how it came there"),
            (
                "resend", "daybook resend \(Cell.word(caseID, of: "--case")) --to-url URL",
                "what of it would be sent on; --send does it"
            ),
        ].filter { verb in Daybook.verbs.contains { $0.name == verb.0 } }
        let width = all.map(\.1.displayWidth).max() ?? 0
        return all.map { "  \($0.1.padding(to: width))  \($0.2)" }.joined(separator: "\n")
    }
}

import Foundation
import Pipeline
import Postgres
import Warehouse

/// `daybook demo`: the whole story in one command.
enum DemoVerb: Verb {
    static let name = "demo"
    static let summary = "the whole story on generated orders: load, transform, report"
    static let operands = "[DIR]"
    static let options: [Option] = [
        Option("--orders", "N", "how many orders (default: 20000)"),
        Option("--database", "URL", "a database to use instead of a private server in DIR"),
    ]
    static let discussion = """
        Writes a project with generated logs into DIR (default: daybook-demo), runs its pipeline and shows the
        report. Uses a private PostgreSQL server in DIR unless --database names another; the environment's
        database is left alone.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let directory = arguments.positionals.first ?? "daybook-demo"
        let orders = try arguments.integer("--orders", in: 1...10_000_000) ?? 20_000
        let sample = SampleProject(directory: directory, orders: orders, days: 14, badLines: 5)
        try sample.write(overwriting: true)
        Terminal.error("wrote the logs of \(Human.count(orders)) orders into \(directory)/pipelines/logs")

        let project = try Project(directory: directory)
        let conninfo =
            try arguments["--database"] ?? DatabaseTarget.privateServer(of: project.directory).start()
        let context = Context(arguments)
        let run = Run(
            project, try project.pipelines([]), RunOptions(), interruption: context.interruption(),
            observer: RunStep.observer())
        let report = try run.run(conninfo)[0]
        Terminal.endProgress()
        if let error = report.error { throw error }
        RunStep.tell(report, RunOptions())
        Terminal.out("")
        let shown = try Arguments(
            verb: "report", ["--database", conninfo, "--last", "12"], options: ReportVerb.options,
            maxPositionals: 1)
        _ = try ReportVerb.run(shown)
        Terminal.out(try nextSteps(directory, conninfo, isPrivate: arguments["--database"] == nil))
        return .done
    }

    /// What to try, with a case that is worth a look.
    private static func nextSteps(_ directory: String, _ conninfo: String, isPrivate: Bool) throws -> String {
        let connection = try Warehouse.connect(conninfo)
        let late = try connection.query(
            """
            SELECT case_id FROM report.fact_sla
            WHERE sla = 'order_delivered' AND status = 'in_progress' AND breached
            ORDER BY started_at, case_id
            LIMIT 1
            """)
        let caseID = late.count > 0 ? try late[0].get(0, as: String.self) : "order-1"
        let url = isPrivate ? "\"$(daybook db url --project \(directory))\"" : "YOUR_DATABASE"
        return """

            What to try next:
              connect any BI tool or psql:    psql \(url)
              look into an overdue order:     psql \(url) -c "SELECT occurred_at, service, type
                                                FROM raw.events WHERE case_id = '\(caseID)' ORDER BY 1"
              see what was rejected, and why: psql \(url) -c "SELECT object, line, reason FROM daybook.rejects"
              run again; nothing loads twice: daybook run --project \(directory)
              prove that nothing was lost:    daybook verify --project \(directory)
            """
                + (isPrivate
                    ? "\n  stop the private server:        daybook db stop --project \(directory)" : "")
    }
}

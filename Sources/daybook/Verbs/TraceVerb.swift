import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook trace`: the events of a case, or of all cases of one correlation id, in order.
enum TraceVerb: Verb {
    static let name = "trace"
    static let summary = "shows what happened to a case, across services"
    static let operands = "CASE"
    static let options: [Option] = [
        .project, .database,
        Option("--entity", "ENTITY", "only the case of this entity (default: of all that have the id)"),
        Option("--correlation", "ID", "in place of CASE: all cases with an event of this request or trace"),
        Option(
            "--days", "N", "with --correlation: look into the latest N days that have events (default: 7)"),
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        Option("--format", "text|json|html", "default: by the ending of --out, else text"),
        Option("--out", "FILE", "where to write json or html (default: stdout)"),
        .json,
    ]
    static let discussion = """
        The events of the case from all services and pipelines, in the order in which SLAs see them, those that no
        transform has seen included. Beside each stands the time since the event before, and what this step usually
        takes: the median, and in brackets what 95% stay within. A step that took longer is marked, and so are events
        whose clock contradicts their sequence, and dead letters. Below stand what the SLAs say, and rejected records that
        mention the case. --format html makes one page of it that needs no network, with each gap drawn to scale.

          daybook trace ord-17
          daybook trace --correlation 4bf92f3577b34da6a3ce929d0e0e4736 --days 30
          daybook trace ord-17 --format html --out ord-17.html

        exit codes: 0 done, 1 there is no such case, 64 wrong usage, 69 database out of reach
        """

    /// More cases of one correlation id than anybody reads.
    private static let maxCases = 100

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let correlation = arguments["--correlation"]
        guard arguments.positionals.isEmpty != (correlation == nil) else {
            throw UsageError("say which case: daybook trace CASE, or daybook trace --correlation ID")
        }
        let days = try arguments.integer("--days", in: 1...100_000)
        guard days == nil || correlation != nil else {
            throw UsageError("--days is for --correlation; of a case all days are known")
        }
        let format = try WrittenDocument.format(arguments, ["text", "json", "html"])
        guard format != "text" || arguments.outFile == nil else {
            throw UsageError("--out is for json and html; say --format, or let the file's name end so")
        }
        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let times = try ShownTimes(arguments["--zone"] ?? "UTC", on: connection)
        let entity = arguments["--entity"]
        let trace: CaseTrace
        if let correlation {
            trace = try CaseTrace(
                correlation: correlation, entity: entity, days: days, maxCases: maxCases, connection)
        } else {
            trace = try CaseTrace(of: arguments.positionals[0], entity: entity, connection)
        }
        switch format {
        case "json": return try WrittenDocument.write(JSONOutput.safe(try trace.json()), arguments.outFile)
        case "html":
            return try WrittenDocument.write(try page(trace, times, connection).text, arguments.outFile)
        default: break
        }
        try tell(trace, times)
        return .done
    }

    private static func tell(_ trace: CaseTrace, _ times: ShownTimes) throws {
        let events = try trace.events()
        let text = TimelineText(times: times, showsCases: trace.correlation != nil)
        Terminal.out("\(title(trace)): \(try text.headline(events.rows))")
        if trace.lostEvents {
            Terminal.out("  events before \(try trace.rawFrom()) are past their retention, and gone")
        }
        if events.count > 0 { Terminal.out(try text.table(events.rows)) }
        let slas = try trace.slas()
        if slas.count > 0 {
            Terminal.out("\n" + (try SLAStateText.table(slas.rows, times, showsCases: trace.cases.count > 1)))
        }
        Terminal.out("")
        let (rejects, searched) = (try trace.rejects(), try trace.rejectsSearched())
        if !rejects.rows.isEmpty { Terminal.out(try text.rejects(rejects.rows)) }
        let count = Human.count(rejects.rows.count)
        Terminal.out(
            "  rejects: \(rejects.rows.isEmpty ? "none" : rejects.isCut ? "the latest \(count)" : count) that mention "
                + "\(trace.cases.count == 1 ? "it" : "them")\(rejects.isCut ? "; there are more" : ""), "
                + (try text.searched(searched)))
        if let found = trace.searched {
            Terminal.out("  \(SearchText.searched(found, fields: ["correlation_id"]))")
        }
        for one in trace.cases.prefix(3) {
            Terminal.out("  where it is now: daybook locate \(Cell.word(one.caseID))")
        }
    }

    private static func page(
        _ trace: CaseTrace, _ times: ShownTimes, _ connection: Connection
    ) throws -> TracePage {
        let events = try trace.events()
        let text = TimelineText(times: times, showsCases: trace.correlation != nil)
        let now: String = try connection.query("SELECT now()").first().get(0)
        let lost =
            trace.lostEvents
            ? ["Events before \(try trace.rawFrom()) are past their retention, and gone."] : []
        let rejects = try trace.rejects()
        let searched = trace.searched.map { [SearchText.searched($0, fields: ["correlation_id"])] } ?? []
        return TracePage(
            title: title(trace), subtitle: try text.headline(events.rows),
            events: try events.rows.map { try TracePage.Event($0, times) },
            slas: try trace.slas().rows.map { try TracePage.SLAState($0, times) },
            rejects: try rejects.rows.map { try TracePage.Reject($0, times) }, moreRejects: rejects.isCut,
            rejectsSearched: try text.searched(try trace.rejectsSearched()), notes: lost + searched,
            zone: times.zone, madeText: times.named(now), marks: Page.Marks(madeAt: now, seenUntil: now),
            showsCases: trace.cases.count > 1)
    }

    private static func title(_ trace: CaseTrace) -> String {
        if let correlation = trace.correlation {
            let cases = Human.plural(trace.cases.count, "case")
            return trace.searched?.isCut == true
                ? "\(Cell.text(correlation)): the latest \(cases), there are more"
                : "\(Cell.text(correlation)): \(cases)"
        }
        let entities = trace.cases.map(\.entity).joined(separator: ", ")
        return "\(Cell.text(entities)) \(Cell.text(trace.cases[0].caseID))"
    }
}

extension TimelineText {
    func rejects(_ rows: [Result.Row]) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "reject"), TextTable.Column(title: "rejected", isNumber: false),
            TextTable.Column(title: "source", isNumber: false),
            TextTable.Column(title: "place", isNumber: false),
            TextTable.Column(title: "because", isNumber: false),
        ])
        for row in rows {
            let line = try row.getIfPresent("line", as: Int.self).map { "line \($0)" }
            let place = try line ?? "byte \(row.get("byte_offset", as: Int.self))"
            let source = try row.getIfPresent("source", as: String.self) ?? "?"
            table.add([
                try row.get("reject_id"), times.short(try row.get("rejected_at")),
                "\(try row.get("pipeline", as: String.self))/\(source)",
                "\(Cell.text(try row.get("object"))) \(place)", Cell.text(try row.get("reason")),
            ])
        }
        return table.text
    }

    /// `searched in the latest 10,000, since 2026-01-05 22:08:07 UTC`.
    func searched(_ row: Result.Row) throws -> String {
        let count: Int = try row.get("searched")
        guard count > 0, let since = try row.getIfPresent("since", as: String.self) else {
            return "there are none"
        }
        return try row.get("are_all")
            ? "of all \(Human.count(count))"
            : "of the latest \(Human.count(count)), since \(times.named(since))"
    }
}

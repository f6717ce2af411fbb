import Events
import Foundation
import Pipeline
import Postgres
import Warehouse

/// `daybook find`: cases by any attribute of any of their events.
enum FindVerb: Verb {
    static let name = "find"
    static let summary = "finds cases by any attribute of their events"
    static let operands = "FIELD=VALUE [FIELD=VALUE…]"
    static let maxOperands = Int.max
    static let options: [Option] = [
        .project, .database,
        Option("--days", "N", "only the latest N days that have events (default: 7 where they are read)"),
        Option("--from", "DAY", "from this day (UTC)"),
        Option("--to", "DAY", "to this day (UTC), inclusive"),
        Option("--limit", "N", "show so many cases, the latest (default: 50)"),
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        .json,
    ]
    static let discussion = """
        FIELD is a declared key (invoice), a column (case_id, event_id, type, service, entity, user_id, correlation_id,
        sequence), or a path in the details (details.customer.email, or customer.email; /http.status where a name holds
        dots). A value in a list is found, too. All conditions must hold: a key names the case, and of the others one event
        of the case must meet all.

        By a key, all cases are found at once. Anything else is looked for in the latest days, by reading them; the last
        line says what was searched. A pipeline declares keys beside its sources:

          "keys": { "invoice": ["details.invoice_no"] }

          daybook find invoice=INV-1
          daybook find details.customer.email=ann@shop.example type=order.created --days 30

        exit codes: 0 found, 1 nothing found, 64 wrong usage, 69 database out of reach
        """

    private static let defaultLimit = 50

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard !arguments.positionals.isEmpty else {
            throw UsageError("say by what: daybook find FIELD=VALUE, as in daybook find user_id=u-17")
        }
        let limit = try arguments.integer("--limit", in: 1...100_000) ?? defaultLimit
        let (from, to) = (try day(arguments, "--from"), try day(arguments, "--to"))
        if let from, let to, from > to { throw UsageError("--from is after --to") }
        let days = CaseSearch.Days(
            from: from?.description, to: to?.description,
            count: try arguments.integer("--days", in: 1...100_000)
        )
        // Nothing is written: it may end anywhere, and the server notices.
        Signals.on([SIGINT, SIGTERM]) { _ in
            Terminal.endProgress()
            exit(ExitCode.interrupted.rawValue)
        }
        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let times = try ShownTimes(arguments["--zone"] ?? "UTC", on: connection)
        let search: CaseSearch
        do {
            search = try CaseSearch(arguments.positionals, connection)
        } catch let error as SearchCondition.SyntaxError {
            throw UsageError(error.description)
        }
        let found = try search.run(days, limit: limit) { done, all in
            Terminal.progress(
                "reading day \(done + 1) of \(all) \(Human.bar(Double(done) / Double(all), width: 20))")
        }
        Terminal.endProgress()
        let rows = Array(found.cases.rows.prefix(limit))
        if arguments.isJSON {
            let searched = try JSONSerialization.jsonObject(with: Data(found.searched.json().utf8))
            try JSONRows.print([
                "searched": searched,
                "cases": try JSONRows.objects(
                    rows, of: found.cases.columns, plain: ["events"],
                    times: ["first_at", "last_at", "case_last_at"]),
            ])
        } else {
            let fields = arguments.positionals.map { String($0.prefix { $0 != "=" }) }
            let cut =
                found.searched.isCut ? "the latest \(Human.count(rows.count)); --limit shows more; " : ""
            Terminal.out(
                rows.isEmpty
                    ? "no case found\(misspelt(search))" : try SearchText.table(rows, times))
            Terminal.out("  \(cut)\(SearchText.searched(found.searched, fields: fields))")
        }
        return rows.isEmpty ? .failed : .done
    }

    /// A field that may be any in the details may also be a column or a key, written wrongly.
    private static func misspelt(_ search: CaseSearch) -> String {
        let names = SearchCondition.columns + search.keyNames
        return search.conditions.lazy.compactMap { condition -> String? in
            guard case .details(let steps) = condition.field, steps.count == 1,
                !condition.text.hasPrefix("details.")
            else { return nil }
            let hint = Spelling.suggestion(steps[0], in: names)
            return hint.isEmpty ? nil : hint
        }.first ?? ""
    }

    private static func day(_ arguments: Arguments, _ option: String) throws -> CalendarDay? {
        try arguments.time(option).map { CalendarDay(daysSinceEpoch: $0.day) }
    }
}

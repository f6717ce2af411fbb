import Events
import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook resend`: sends stored events on.
enum ResendVerb: Verb {
    static let name = "resend"
    static let summary = "sends events on to an address or a program, once each; lists what was sent"
    static let operands = "[log]"
    static let maxOperands = 1
    static let options: [Option] = [
        .project, .database, .json,
        Option("--case", "CASE", "of this case"),
        Option("--type", "TYPE", "of this type, or of a namespace (order.*)"),
        Option("--from", "TIME", "that happened at this time or later"),
        Option("--to", "TIME", "that happened before this time"),
        Option("--source", "SOURCE", "of this source"),
        Option("--dead-letters", nil, "dead letters, and nothing else"),
        Option("--to-url", "URL", "where to post each"),
        Option("--to-command", "COMMAND", "a shell's command that gets each on stdin"),
        Option(
            "--header", "'NAME: VALUE'",
            "of the request; ${NAME} is taken from the environment; several by lines"),
        Option(
            "--format", "cloudevents|original",
            "default: cloudevents; original is the record as it came (keep_original)"),
        Option("--rate", "N/s", "so many a second, a minute (N/m) or an hour (N/h) at most (default: 10/s)"),
        Option("--attempts", "N", "how often each is tried (default: 5)"),
        Option("--timeout", "DURATION", "how long the target may take for one (default: 30s)"),
        Option("--send", nil, "send them; without it nothing is sent"),
        Option("--dry-run", nil, "say what would be sent: the default"),
        Option("--unknown", nil, "also what may have been sent to this target: nobody knows"),
        Option("--again", nil, "also what was sent to this target, or may have been"),
        Option("--sent-before", "TIME", "with --again: only what was sent before this time (default: now)"),
        Option("--last", "N", "log: so many (default: 50)"),
    ]
    static let discussion = """
        Says which events would be sent, and with --send sends them, in the order of their time: as CloudEvents 1.0 in
        JSON, or as the records that came; a record of several events goes once, under the first of them. What was sent to
        a target is not sent there again without --again: each event is noted in daybook.resent before it is sent, and
        after. What was under way when a sender was killed, or was never answered, may have arrived: it is told, and needs
        --unknown, or --again. Interrupted, --again goes on with --sent-before, which is told then.

        A target that is out of reach, or answers 408, 425, 429 or 5xx, is tried again; at the first event that is not
        taken it stops. Dead letters are sent only by --dead-letters, or by --source.

          daybook resend --case o-17 --to-url http://billing.internal/events
          daybook resend --dead-letters --format original --to-command 'kcat -P -b broker -t orders' --send
          daybook resend --type 'order.*' --from 2026-01-05 --to 2026-01-06 --to-url https://hooks.example/orders \\
              --header 'Authorization: Bearer ${TOKEN}' --rate 50/s --send
          daybook resend log --case o-17

        exit codes: 0 done, 1 an event was refused, or none was meant, 64 wrong usage, 69 the target is out of reach, 130 interrupted
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        if let action = arguments.positionals.first {
            guard action == "log" else {
                throw UsageError(
                    "there is no \"resend \(action)\"" + Spelling.suggestion(action, in: ["log"]))
            }
            return try log(context)
        }
        if arguments["--last"] != nil { throw UsageError("--last is for resend log") }
        if arguments.has("--send"), arguments.has("--dry-run") {
            throw UsageError("--send and --dry-run are opposites; keep one")
        }
        let selection = try selection(arguments)
        let target = try target(arguments)
        let format =
            try arguments.choice("--format", Resend.Format.allCases.map(\.rawValue))
            .flatMap { Resend.Format(rawValue: $0) } ?? .cloudevents
        let user = ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
        var options = Resend.Options(sentBy: "\(user)@\(ProcessInfo.processInfo.hostName)")
        options.sendsUnknown = arguments.has("--unknown") || arguments.has("--again")
        let sentBefore = try arguments.time("--sent-before")
        guard sentBefore == nil || arguments.has("--again") else {
            throw UsageError("--sent-before is for --again")
        }
        options.maxAttempts = try arguments.integer("--attempts", in: 1...100) ?? options.maxAttempts
        if let rate = arguments["--rate"] { options.secondsPerEvent = try secondsPerEvent(rate) }

        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        try check(selection, connection)
        if arguments.has("--again") {
            options.sendsAgainBefore = try sentBefore ?? now(connection)
        }
        let interruption = context.interruption()
        let resend = Resend(connection, target, format, options, interruption: interruption)
        var events: [Resend.Chosen]
        do {
            events = try resend.choose(selection)
        } catch let error as NoOriginal {
            throw UsageError("\(error)")
        }
        guard arguments.has("--send") else {
            try tell(events, target, format, wasSent: false, context)
            return try nothingMeant(events, selection, connection) ?? .done
        }
        let all = events.count { $0.state == .pending }
        var done = 0
        let stop = try resend.send(
            &events,
            tell: { _ in
                done += 1
                Terminal.progress("\(target.name): \(Human.count(done)) of \(Human.count(all))")
            }, note: { Terminal.error($0) })
        Terminal.endProgress()
        try tell(events, target, format, wasSent: true, context)
        switch stop {
        case nil: return try nothingMeant(events, selection, connection) ?? .done
        case .interrupted?:
            let mark = options.sendsAgainBefore.map { " with --sent-before \($0)" } ?? ""
            Terminal.error("daybook resend: interrupted; the same command\(mark) goes on with the rest")
            if let event = events.last(where: { $0.outcome?.state == .unknown }) {
                Terminal.error(
                    "  \(event.eventID.oneLine) of case \(event.caseID.oneLine) was under way: it may have arrived, and "
                        + "is not sent again without --unknown")
            }
            return .interrupted
        case .failed(let event)?:
            Terminal.error(
                "daybook resend: \(target.name) did not take \(event.eventID.oneLine) of case \(event.caseID.oneLine) "
                    + "(\(event.type.oneLine), \(event.occurredAt)): \(event.outcome?.answer ?? "")\n"
                    + (event.state == .unknown
                        ? "  it may have arrived, and is not sent again without --unknown"
                        : "  nothing behind it was sent; once that is mended, the same command goes on with it")
                    + (options.sendsAgainBefore.map {
                        "\n  with --again: --sent-before \($0) goes on behind what was sent now"
                    }
                        ?? ""))
            return event.outcome?.isSilent ?? false ? .unreachable : .failed
        }
    }

    /// Where no event is meant: says so, and what could have been; nil where any is.
    private static func nothingMeant(
        _ events: [Resend.Chosen], _ selection: ResendSelection, _ connection: Connection
    ) throws -> ExitCode? {
        guard events.isEmpty else { return nil }
        let isKnown: Bool = try connection.query(
            "SELECT $1::text IS NULL OR EXISTS (SELECT FROM report.cases WHERE case_id = $1)",
            [selection.caseID]
        ).first().get(0)
        if let caseID = selection.caseID, !isKnown {
            Terminal.error(try CaseTrace.missing(caseID, connection).description)
        } else {
            Terminal.error("daybook resend: no event is of that type, time and source")
        }
        return .failed
    }

    /// By the server's clock, as is noted when an event is sent.
    private static func now(_ connection: Connection) throws -> Timestamp {
        let microseconds: Int64 = try connection.query(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        ).first().get(0)
        return Timestamp(microseconds: microseconds)
    }

    // MARK: - Arguments

    private static func selection(_ arguments: Arguments) throws -> ResendSelection {
        var selection = ResendSelection()
        selection.caseID = arguments["--case"]
        selection.type = arguments["--type"].map { TypePattern($0) }
        selection.from = try arguments.time("--from")
        selection.to = try arguments.time("--to")
        selection.source = arguments["--source"]
        selection.deadLettersOnly = arguments.has("--dead-letters")
        let isChosen =
            selection.caseID != nil || selection.type != nil || selection.from != nil || selection.to != nil
            || selection.source != nil || selection.deadLettersOnly
        guard isChosen else {
            throw UsageError(
                "say which: --case, --type, --from and --to, --source, --dead-letters, or several of these")
        }
        if let from = selection.from, let to = selection.to, from >= to {
            throw UsageError("--from is not before --to, which is exclusive")
        }
        return selection
    }

    private static func target(_ arguments: Arguments) throws -> ResendTarget {
        let timeout = Double(try arguments.duration("--timeout") ?? 30_000_000) / 1e6
        guard timeout > 0 else { throw UsageError("--timeout must be longer than nothing") }
        switch (arguments["--to-url"], arguments["--to-command"]) {
        case (let url?, nil):
            let headers = arguments["--header"]?.split(whereSeparator: \.isNewline).map(String.init) ?? []
            do {
                return try ResendTarget.url(
                    url, headers: headers, timeoutSeconds: timeout,
                    environment: ProcessInfo.processInfo.environment)
            } catch {
                throw UsageError("\(error)")
            }
        case (nil, let command?):
            guard arguments["--header"] == nil else { throw UsageError("--header is for --to-url") }
            return .command(
                command, timeoutSeconds: timeout,
                directory: arguments["--project"] ?? FileManager.default.currentDirectoryPath)
        case (nil, nil): throw UsageError("say where to: --to-url URL, or --to-command COMMAND")
        default: throw UsageError("--to-url and --to-command are two targets; keep one")
        }
    }

    private static func secondsPerEvent(_ text: String) throws -> Double {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let units = ["s": 1.0, "m": 60.0, "h": 3_600.0]
        guard parts.count <= 2, let number = Double(parts[0]), number > 0, number.isFinite,
            let seconds = units[parts.count == 2 ? String(parts[1]) : "s"]
        else { throw UsageError("--rate is \"\(text)\"; write it like 10/s, 100/m or 5/h") }
        return seconds / number
    }

    /// A name that no source has is a mistake.
    private static func check(_ selection: ResendSelection, _ connection: Connection) throws {
        guard let source = selection.source else { return }
        let names: [String] = try connection.query("SELECT DISTINCT name FROM daybook.sources ORDER BY 1")
            .rows
            .map { try $0.get(0) }
        guard names.contains(source) else {
            throw UsageError(
                "no source \"\(source)\" has loaded anything" + Spelling.suggestion(source, in: names))
        }
    }

    // MARK: - What people see

    private struct Document: Encodable {
        let target: String
        let format: String
        let isDryRun: Bool
        let pending: Int
        let sent: Int
        let failed: Int
        let unknown: Int
        let events: [Resend.Chosen]

        private enum CodingKeys: String, CodingKey {
            case target, format, pending, sent, failed, unknown, events
            case isDryRun = "dry_run"
        }
    }

    private static let shown = 10

    private static func tell(
        _ events: [Resend.Chosen], _ target: ResendTarget, _ format: Resend.Format, wasSent: Bool,
        _ context: Context
    ) throws {
        func count(_ state: Resend.State) -> Int { events.count { $0.state == state } }
        func countBefore(_ state: Resend.State) -> Int {
            events.count { $0.state == state && $0.outcome == nil }
        }
        let (sentBefore, unknownBefore) = (countBefore(.sent), countBefore(.unknown))
        let pending = count(.pending)
        if context.arguments.isJSON {
            return try JSONOutput.print(
                Document(
                    target: target.name, format: format.rawValue, isDryRun: !wasSent, pending: pending,
                    sent: count(.sent), failed: count(.failed), unknown: count(.unknown), events: events))
        }
        if !wasSent {
            var table = TextTable(
                ["time (UTC)", "type", "case", "event", "source"].map {
                    TextTable.Column(title: $0, isNumber: false)
                })
            for event in events.filter({ $0.state == .pending }).prefix(shown) {
                table.add([
                    String(event.occurredAt.prefix(19)), event.type.oneLine, event.caseID.oneLine,
                    event.eventID.oneLine, "\(event.pipeline)/\(event.source)".oneLine,
                ])
            }
            if pending > 0 { Terminal.out(table.text) }
            if pending > shown {
                Terminal.out("  and \(Human.count(pending - shown)) more; all are in --json")
            }
            Terminal.out(
                "\(Human.plural(pending, "event")) would be sent to \(target.name) (\(format.rawValue))"
                    + (pending > 0 ? "; --send does it" : ""))
        } else {
            let now = count(.sent) - sentBefore
            Terminal.out(
                "\(Human.plural(now, "event")) sent to \(target.name) (\(format.rawValue))"
                    + (pending > 0 ? ", \(Human.count(pending)) not sent yet" : ""))
        }
        if sentBefore > 0 {
            Terminal.out(
                "\(Human.plural(sentBefore, "event")) sent there before; --again sends them once more")
        }
        if unknownBefore > 0 {
            Terminal.out(
                "\(Human.plural(unknownBefore, "event")) may have been sent there before: the sender was killed, or got "
                    + "no answer; look at the target, and then daybook resend log; --unknown sends them")
        }
    }

    // MARK: - log

    private static func log(_ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        for option in options
        where ![
            "--project", "--database", "--json", "--case", "--last",
        ].contains(option.name) {
            guard arguments[option.name] == nil, !arguments.has(option.name) else {
                throw UsageError("\(option.name) is not for resend log")
            }
        }
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        let sql = SQLFiles.builtin.text("resend/log.sql")
        let parameters: [(any PostgresParameter)?] = [
            arguments["--case"], try arguments.integer("--last", in: 1...1_000_000) ?? 50,
        ]
        if arguments.isJSON {
            try Terminal.out(
                connection.query(
                    "SELECT json_build_object('resent', coalesce(json_agg(s), '[]')) FROM (\(sql)) AS s",
                    parameters
                ).first().get(0))
            return .done
        }
        let rows = try connection.query(sql, parameters).rows
        guard !rows.isEmpty else {
            Terminal.out("nothing was sent on")
            return .done
        }
        var table = TextTable(
            ["begun (UTC)", "state", "case", "event", "type", "target", "by", "answer"].map {
                TextTable.Column(title: $0, isNumber: false)
            })
        for row in rows {
            let nth: Int = try row.get("nth")
            let state: String = try row.get("state")
            table.add([
                String(try row.get("begun_at", as: String.self).prefix(19)).replacing("T", with: " "),
                (state == "sending" ? "unknown" : state) + (nth > 1 ? " (time \(nth))" : ""),
                try row.get("case_id", as: String.self).oneLine,
                try row.get("event_id", as: String.self).oneLine,
                try row.get("type", as: String.self).oneLine, try row.get("target", as: String.self).oneLine,
                try row.get("sent_by", as: String.self).oneLine,
                String(
                    (try row.getIfPresent("answer", as: String.self) ?? "under way, or the sender was killed")
                        .oneLine.prefix(100)),
            ])
        }
        Terminal.out(table.text)
        return .done
    }
}

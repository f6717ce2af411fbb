import Alerts
import Events
import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook alerts`: what fires, and who is told.
enum AlertsVerb: Verb {
    static let name = "alerts"
    static let summary = "lists what fires, takes it on, silences it; tests channels, and sends what waits"
    static let operands = "[list|show|ack|silence|test|send] [ID…]"
    static let maxOperands = Int.max
    static let options: [Option] = [
        .project, .database, .json,
        Option("--all", nil, "list: those that are over, too"),
        Option("--rule", "RULE", "list, silence: of this rule"),
        Option("--case", "CASE", "list, silence: of this case"),
        Option("--last", "N", "list: so many (default: 50)"),
        Option("--for", "DURATION", "silence: how long, as in 2h; 0s ends it"),
        Option("--reason", "TEXT", "silence: why"),
        Option("--now", nil, "send: also what has failed, before its next attempt is due"),
        Option("--by", "NAME", "ack, silence: who (default: your login)"),
    ]
    static let discussion = """
        list              what fires now, what is held back because a source is stale or was not asked since, and what
                          waits for a channel
        show ID           one alert, with the events of its case, and what was told to whom
        ack ID…           takes alerts on: they are not told again, but for their end
        silence           tells nothing of a rule, a case, or both for a while; what is over by then is never told,
                          what still fires is told then
        test CHANNEL…     sends a message that says it is a test, and waits for it to be taken
        send              sends what is due: daybook run and daybook schedule do so by themselves

          daybook alerts silence --rule order_delivered_overdue --for 2h --reason "the depot moves"
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let action = arguments.positionals.first ?? "list"
        let operands = Array(arguments.positionals.dropFirst())
        let context = Context(arguments)
        switch action {
        case "list":
            guard operands.isEmpty else { throw UsageError("alerts list does not take \"\(operands[0])\"") }
            return try list(context)
        case "show": return try show(operands, context)
        case "ack": return try acknowledge(operands, context)
        case "silence":
            guard operands.isEmpty else {
                throw UsageError("say what to silence: --rule \(operands[0]), or --case \(operands[0])")
            }
            return try silence(context)
        case "test": return try test(operands, context)
        case "send": return try send(context)
        default:
            throw UsageError(
                "there is no \"alerts \(action)\""
                    + Spelling.suggestion(action, in: ["list", "show", "ack", "silence", "test", "send"]))
        }
    }

    private static func connection(_ context: Context) throws -> Connection {
        try Warehouse.open(try context.conninfo(), creating: false).connection
    }

    private static func check(_ rule: String, _ connection: Connection) throws {
        let rules: [String] = try connection.query("SELECT rule FROM daybook.alert_rules ORDER BY rule").rows
            .map { try $0.get(0) }
        guard rules.contains(rule) else {
            throw UsageError("there is no rule \"\(rule)\"" + Spelling.suggestion(rule, in: rules))
        }
    }

    private static func who(_ arguments: Arguments) -> String {
        arguments["--by"] ?? ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
    }

    // MARK: - list, show

    private static func list(_ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        let connection = try connection(context)
        if let rule = arguments["--rule"] { try check(rule, connection) }
        let alerts = SQLFiles.builtin.text("report/alerts.sql")
        let held = SQLFiles.builtin.text("report/alerts_held.sql")
        let waiting = SQLFiles.builtin.text("report/alerts_waiting.sql")
        let parameters: [(any PostgresParameter)?] = [
            arguments.has("--all"), arguments["--rule"], arguments["--case"],
            try arguments.integer("--last", in: 1...1_000_000) ?? 50,
        ]
        if arguments.isJSON {
            let document: String = try connection.query(
                """
                SELECT json_build_object(
                    'alerts', (SELECT coalesce(json_agg(s), '[]') FROM (\(alerts)) AS s),
                    'held', (SELECT coalesce(json_agg(s), '[]') FROM (\(held)) AS s),
                    'waiting', (SELECT coalesce(json_agg(s), '[]') FROM (\(waiting)) AS s))
                """, parameters
            ).first().get(0)
            JSONOutput.write(document)
            return .done
        }
        let rows = try connection.query(alerts, parameters)
        if rows.count == 0 {
            Terminal.out(arguments.has("--all") ? "there was no alert" : "nothing fires")
        } else {
            try Terminal.out(table(rows))
        }
        for row in try connection.query(held).rows {
            Terminal.out(
                "\(try row.get("rule", as: String.self)): \(Human.plural(try row.get("cases"), "case")) held back; "
                    + (try row.get("reason", as: String.self)))
        }
        for row in try connection.query(waiting).rows {
            let error = try row.getIfPresent("error", as: String.self)
            let note = try row.getIfPresent("note", as: String.self)
            let why = [error, note].compactMap(\.self).joined(separator: "; ")
            Terminal.out(
                "\(try row.get("channel", as: String.self)): \(Human.plural(try row.get("messages"), "message")) waiting"
                    + (why.isEmpty ? "" : ": \(why)"))
        }
        return .done
    }

    private static func table(_ rows: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "alert"), TextTable.Column(title: "state", isNumber: false),
            TextTable.Column(title: "severity", isNumber: false),
            TextTable.Column(title: "rule", isNumber: false),
            TextTable.Column(title: "since (UTC)", isNumber: false),
            TextTable.Column(title: "what", isNumber: false),
        ])
        for row in rows.rows {
            var state: String = try row.get("state")
            if let by = try row.getIfPresent("acknowledged_by", as: String.self), state == "firing" {
                state += ", \(by)"
            }
            if try row.getIfPresent("silenced_until", as: String.self) != nil { state += ", silenced" }
            let reason = try row.getIfPresent("reason", as: String.self).map { "; \($0)" } ?? ""
            table.add([
                "\(try row.get("alert_id", as: Int64.self))", state, try row.get("severity"),
                try row.get("rule", as: String.self).oneLine,
                String(try row.get("since", as: String.self).prefix(19)),
                (try row.get("summary", as: String.self) + reason).oneLine,
            ])
        }
        return table.text
    }

    private static func show(_ operands: [String], _ context: Context) throws -> ExitCode {
        let id = try ids(operands, "show")
        guard id.count == 1 else { throw UsageError("alerts show takes one ID") }
        let connection = try connection(context)
        let document = try connection.query(SQLFiles.builtin.text("report/alert.sql"), [id[0]]).rows.first
        guard let text: String = try document?.get(0) else { throw NoAlert(id: id[0]) }
        if context.arguments.isJSON {
            JSONOutput.write(text)
        } else {
            try AlertText.tell(text)
        }
        return .done
    }

    private static func ids(_ operands: [String], _ action: String) throws -> [Int64] {
        guard !operands.isEmpty else {
            throw UsageError("say which: daybook alerts \(action) ID; daybook alerts list tells the IDs")
        }
        return try operands.map { text in
            guard let id = Int64(text) else {
                throw UsageError("\"\(text)\" is no ID of an alert; daybook alerts list tells them")
            }
            return id
        }
    }

    struct NoAlert: Error, CustomStringConvertible {
        let id: Int64
        var description: String { "there is no alert \(id); daybook alerts list --all tells which there are" }
    }

    // MARK: - ack, silence

    private static func acknowledge(_ operands: [String], _ context: Context) throws -> ExitCode {
        let ids = try ids(operands, "ack")
        let connection = try connection(context)
        let who = who(context.arguments)
        // All or none: a wrong ID among them is told before anything is taken on.
        let taken = try connection.transaction {
            try ids.map { id in
                let row = try connection.query(
                    """
                    UPDATE daybook.alerts
                    SET acknowledged_at = coalesce(acknowledged_at, now()),
                        acknowledged_by = coalesce(acknowledged_by, $2)
                    WHERE alert_id = $1::bigint
                    RETURNING state, acknowledged_by, summary
                    """, [id, who]
                ).rows.first
                guard let row else { throw NoAlert(id: id) }
                return Taken(
                    id: id, state: try row.get("state"), by: try row.get("acknowledged_by"),
                    summary: try row.get("summary"))
            }
        }
        if context.arguments.isJSON {
            try JSONOutput.print(["acknowledged": taken])
        } else {
            for one in taken {
                Terminal.out("\(one.id) is taken on by \(one.by): \(one.summary)".oneLine)
            }
        }
        return .done
    }

    private struct Taken: Encodable {
        let id: Int64
        let state: String
        let by: String
        let summary: String

        private enum CodingKeys: String, CodingKey {
            case id = "alert_id"
            case state
            case by = "acknowledged_by"
            case summary
        }
    }

    private static func silence(_ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        guard let length = try arguments.duration("--for") else {
            throw UsageError("say how long: --for 2h")
        }
        guard arguments["--rule"] != nil || arguments["--case"] != nil else {
            throw UsageError("say what to silence: --rule RULE, --case CASE, or both")
        }
        let connection = try connection(context)
        if let rule = arguments["--rule"] {
            try check(rule, connection)
        }
        try connection.transaction {
            // A new one takes the place of one for the same.
            try connection.query(
                """
                UPDATE daybook.silences SET until = now()
                WHERE until > now() AND (rule, case_id) IS NOT DISTINCT FROM ($1, $2)
                """, [arguments["--rule"], arguments["--case"]])
            guard length > 0 else { return }
            try connection.query(
                """
                INSERT INTO daybook.silences (rule, case_id, until, reason, made_by)
                VALUES ($1, $2, now() + $3::bigint * interval '1 microsecond', $4, $5)
                """,
                [
                    arguments["--rule"], arguments["--case"], length, arguments["--reason"], who(arguments),
                ])
        }
        if arguments.isJSON {
            try JSONOutput.print(
                Silence(rule: arguments["--rule"], caseID: arguments["--case"], seconds: Double(length) / 1e6)
            )
            return .done
        }
        let what = [arguments["--rule"], arguments["--case"]].compactMap(\.self).joined(separator: ", ")
        Terminal.out(
            length > 0
                ? "\(what) is silent for \(Human.duration(Double(length) / 1e6))" : "\(what) is heard again")
        return .done
    }

    private struct Silence: Encodable {
        @OrNull var rule: String?
        @OrNull var caseID: String?
        let seconds: Double

        private enum CodingKeys: String, CodingKey {
            case rule, seconds
            case caseID = "case_id"
        }
    }

    // MARK: - test, send

    private static func test(_ operands: [String], _ context: Context) throws -> ExitCode {
        let project = try context.project()
        guard !project.hasErrors else { throw DefinitionError(project.problems) }
        let channels = project.definition.channels
        guard !channels.isEmpty else {
            throw UsageError(
                "the project has no channel; add for instance \"channels\": {\"ops\": {\"mail\": {\"to\": "
                    + "\"ops@example.com\"}}} to pipelines/project.jsonc")
        }
        guard !operands.isEmpty else {
            throw UsageError("say which channel: \(channels.map(\.name).joined(separator: ", "))")
        }
        for name in operands where !channels.contains(where: { $0.name == name }) {
            throw UsageError(
                "there is no channel \"\(name)\"" + Spelling.suggestion(name, in: channels.map(\.name)))
        }
        var outcomes: [Tested] = []
        for channel in channels where operands.contains(channel.name) {
            var failure: String?
            do {
                try channel.channel.send(testMessage(channel.name, project))
            } catch {
                failure = "\(error)"
                Terminal.error("daybook alerts: \(channel.name): \(error)")
            }
            outcomes.append(Tested(channel: channel.name, ok: failure == nil, error: failure))
            if failure == nil, !context.arguments.isJSON {
                Terminal.out("\(channel.name): took the test message")
            }
        }
        if context.arguments.isJSON { try JSONOutput.print(["channels": outcomes]) }
        return outcomes.allSatisfy(\.ok) ? .done : .unreachable
    }

    private struct Tested: Encodable {
        let channel: String
        let ok: Bool
        @OrNull var error: String?
    }

    private static func testMessage(_ channel: String, _ project: Project) -> Alerts.Notification {
        let now = Date().formatted(.iso8601)
        let alert = Alerts.Notification.Alert(
            alertID: 0, state: "firing", caseID: "test-1", cycle: 1, entity: "order",
            summary: "this is a test of the channel \(channel); nothing is wrong", since: now,
            detectedAt: now,
            detectedLateSeconds: 0,
            timeline: [
                Alerts.Notification.Event(occurredAt: now, type: "order.created", service: "checkout")
            ],
            sql: "SELECT occurred_at, type, service FROM raw.events_of_case('test-1') ORDER BY occurred_at;")
        return Alerts.Notification(
            idempotencyKey: "daybook-test-\(UUID().uuidString.lowercased())", channel: channel,
            project: project.name, rule: "test", type: "overdue", severity: "info",
            description: "Sent by daybook alerts test.", alerts: [alert])
    }

    private static func send(_ context: Context) throws -> ExitCode {
        let project = try context.project()
        guard !project.hasErrors else { throw DefinitionError(project.problems) }
        let interruption = context.interruption()
        var limits = Outbox.Limits()
        limits.isForced = context.arguments.has("--now")
        limits.isStopped = { interruption.isRequested }
        let outcome = try DeliverAlerts(project, try context.target(project).conninfo()).run(limits)
        if context.arguments.isJSON {
            try JSONOutput.print(Sent(sent: outcome.sent, failures: outcome.failures))
        } else {
            Terminal.out(Human.plural(outcome.sent, "message") + " sent")
        }
        AlertText.tell(outcome)
        return outcome.failures.isEmpty ? .done : .unreachable
    }

    private struct Sent: Encodable {
        let sent: Int
        let failures: [String: String]
    }
}

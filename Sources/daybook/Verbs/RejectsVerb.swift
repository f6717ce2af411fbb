import Events
import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook rejects`: records that could not become events, and their second chance.
enum RejectsVerb: Verb {
    static let name = "rejects"
    static let summary = "lists what was rejected, shows one, reads them again, or discards them"
    static let operands = "[list|show|replay|discard] [ID…]"
    static let maxOperands = Int.max
    static let options: [Option] = [
        .project, .database, .json,
        Option("--pipeline", "PIPELINE", "of this pipeline"),
        Option("--source", "SOURCE", "of this source"),
        Option("--reason", "CODE", "with this reason code"),
        Option("--since", "TIME", "rejected at this time or later"),
        Option("--all", nil, "replay, discard: all that wait"),
        Option("--hex", nil, "show: the bytes in hex"),
        Option("--why", "TEXT", "discard: the reason, to be kept"),
        Option("--by", "NAME", "discard: who (default: your login)"),
        Option("--dry-run", nil, "replay, discard: say what would change, and change nothing"),
        Option("--no-transform", nil, "replay: load only; the next run brings the reports up to date"),
        Option("--lock-wait", "SECONDS", "replay: how long to wait for a run of the pipeline (default: 10)"),
    ]
    static let discussion = """
        list              how many wait, by pipeline, source and reason, with one as an example; what was replayed and
                          discarded is counted apart
        show ID           one of them: its place, reason, bytes, attempts, and what became of it
        replay            reads the stored bytes again, under the definition as it is now; say which: IDs, or --all,
                          or by --pipeline, --source, --reason and --since together
        discard           marks those that nobody wants: kept, but not counted as waiting; replay ID reads one again

        What is good now is loaded exactly once, with the event id that it would have had; what is not waits on, with the
        new reason. Of a record that yields several events all are read, and those that are there count as duplicates.
        What the bytes alone cannot tell - of formats whose records need what stands before them, and where the source
        redacts - is read once more from its file, where that is there. replay then transforms.

          daybook rejects replay --reason bad_time --dry-run
          daybook rejects replay --pipeline orders
          daybook rejects discard 17 18 --why "test data of the old shop"

        exit codes of replay: 0 done, 64 wrong usage, 65 not one was good, 75 a run holds the lock of the pipeline,
        78 bad definition
        """

    private static let actions = ["list", "show", "replay", "discard"]

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let action = arguments.positionals.first ?? "list"
        guard actions.contains(action) else {
            throw UsageError(
                "there is no \"rejects \(action)\""
                    + (Int64(action) != nil
                        ? "; to see one: daybook rejects show \(action)"
                        : Spelling.suggestion(action, in: actions)))
        }
        try refuseOptions(arguments, action)
        let operands = Array(arguments.positionals.dropFirst())
        let context = Context(arguments)
        switch action {
        case "show": return try show(operands, context)
        case "replay": return try replay(operands, context)
        case "discard": return try discard(operands, context)
        default:
            guard operands.isEmpty else { throw UsageError("rejects list does not take \"\(operands[0])\"") }
            return try list(context)
        }
    }

    private static func refuseOptions(_ arguments: Arguments, _ action: String) throws {
        let meant: [(option: String, actions: [String])] = [
            ("--pipeline", ["list", "replay", "discard"]), ("--source", ["list", "replay", "discard"]),
            ("--reason", ["list", "replay", "discard"]), ("--since", ["list", "replay", "discard"]),
            ("--all", ["replay", "discard"]), ("--hex", ["show"]), ("--why", ["discard"]),
            ("--by", ["discard"]), ("--dry-run", ["replay", "discard"]), ("--no-transform", ["replay"]),
            ("--lock-wait", ["replay"]),
        ]
        for (option, actions) in meant where !actions.contains(action) {
            guard arguments[option] == nil, !arguments.has(option) else {
                throw UsageError("\(option) is for rejects \(actions.joined(separator: ", "))")
            }
        }
    }

    private static func connection(_ context: Context) throws -> Connection {
        try Warehouse.open(try context.conninfo(), creating: false).connection
    }

    // MARK: - Which

    private static func selection(
        _ operands: [String], _ arguments: Arguments, _ connection: Connection
    ) throws -> RejectSelection {
        var selection = RejectSelection()
        selection.pipeline = arguments["--pipeline"]
        selection.source = arguments["--source"]
        selection.reason = arguments["--reason"]
        selection.since = try arguments.time("--since")
        if !operands.isEmpty { selection.ids = try operands.map(id) }
        try check(selection, connection)
        return selection
    }

    private static func id(_ text: String) throws -> Int64 {
        guard let id = Int64(text) else {
            throw UsageError("\"\(text)\" is no number of a reject; daybook rejects list tells some")
        }
        return id
    }

    /// Of what `replay` and `discard` change, something must say which are meant.
    private static func checkIsChosen(
        _ selection: RejectSelection, _ arguments: Arguments, _ action: String
    ) throws {
        let isNarrowed =
            selection.pipeline != nil || selection.source != nil || selection.reason != nil
            || selection.since != nil
        guard selection.ids == nil || !isNarrowed && !arguments.has("--all") else {
            throw UsageError("give IDs, or say which by options; not both")
        }
        guard selection.ids != nil || isNarrowed || arguments.has("--all") else {
            throw UsageError(
                "say which: daybook rejects \(action) ID…, or --reason, --pipeline, --source, --since, or --all"
            )
        }
    }

    /// Names that nothing has are mistakes.
    private static func check(_ selection: RejectSelection, _ connection: Connection) throws {
        func known(_ column: String) throws -> [String] {
            try connection.query("SELECT DISTINCT \(column) FROM daybook.sources ORDER BY 1").rows
                .map { try $0.get(0) }
        }
        if let pipeline = selection.pipeline {
            let names = try known("pipeline")
            guard names.contains(pipeline) else {
                throw UsageError(
                    "no pipeline \"\(pipeline)\" has loaded anything"
                        + Spelling.suggestion(pipeline, in: names))
            }
        }
        if let source = selection.source {
            let names = try known("name")
            guard names.contains(source) else {
                throw UsageError(
                    "no source \"\(source)\" has loaded anything" + Spelling.suggestion(source, in: names))
            }
        }
        if let reason = selection.reason {
            let codes = RejectCode.allCases.map(\.rawValue) + ["conversion"]
            guard codes.contains(reason) else {
                throw UsageError(
                    "there is no reason \"\(reason)\""
                        + (Spelling.nearest(reason, in: codes) == nil
                            ? "; there are \(codes.joined(separator: ", "))"
                            : Spelling.suggestion(reason, in: codes)))
            }
        }
        guard let ids = selection.ids else { return }
        let rows = try connection.query(
            "SELECT reject_id, reason_code, outcome FROM daybook.rejects WHERE reject_id = ANY ($1::bigint[])",
            [ids]
        ).rows
        let there = Set(try rows.map { try $0.get(0, as: Int64.self) })
        if let missing = ids.first(where: { !there.contains($0) }) { throw NoReject(id: missing) }
        for row in rows {
            let id: Int64 = try row.get(0)
            if try row.get(1, as: String.self) == "conversion" {
                throw UsageError(
                    "reject \(id) is a value of an event that is loaded: mend the field in event_fields, and the next "
                        + "run converts it again")
            }
            if let outcome = try row.getIfPresent(2, as: String.self) {
                throw UsageError("reject \(id) was read again already, and was good: \(outcome)")
            }
        }
    }

    struct NoReject: Error, CustomStringConvertible {
        let id: Int64
        var description: String {
            "there is no reject \(id): it never was, or is past the retention of rejects; daybook rejects list tells "
                + "which there are"
        }
    }

    // MARK: - list, show

    private static func list(_ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        let connection = try connection(context)
        let selection = try selection([], arguments, connection)
        let sql = SQLFiles.builtin.text("rejects/list.sql")
        let parameters: [(any PostgresParameter)?] = [
            selection.pipeline, selection.source, selection.reason, selection.since?.description,
        ]
        if arguments.isJSON {
            try JSONOutput.write(
                connection.query(
                    """
                    WITH groups AS (\(sql))
                    SELECT json_build_object(
                        'waiting', coalesce(sum(waiting), 0), 'replayed', coalesce(sum(replayed), 0),
                        'discarded', coalesce(sum(discarded), 0), 'values', coalesce(sum("values"), 0),
                        'groups', coalesce(json_agg(g), '[]'))
                    FROM groups AS g
                    """, parameters
                ).first().get(0))
            return .done
        }
        let rows = try connection.query(sql, parameters).rows
        guard !rows.isEmpty else {
            Terminal.out("nothing was rejected")
            return .done
        }
        try RejectsText.list(rows)
        return .done
    }

    private static func show(_ operands: [String], _ context: Context) throws -> ExitCode {
        guard operands.count == 1 else {
            throw UsageError(
                "say which one by its number: daybook rejects show 17; daybook rejects list tells some")
        }
        let id = try id(operands[0])
        let connection = try connection(context)
        guard
            let row = try connection.query(SQLFiles.builtin.text("rejects/show.sql"), [id]).rows.first
        else { throw NoReject(id: id) }
        try RejectsText.show(row, isHex: context.arguments.has("--hex"), isJSON: context.arguments.isJSON)
        return .done
    }

    // MARK: - discard, replay

    private static func discard(_ operands: [String], _ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        let connection = try connection(context)
        let selection = try selection(operands, arguments, connection)
        try checkIsChosen(selection, arguments, "discard")
        guard let why = arguments["--why"] else {
            throw UsageError("say why, for whoever asks later: --why \"test data\"")
        }
        try tellDiscarded(selection, connection)
        let who = arguments["--by"] ?? ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
        func discard() throws -> [Discarded] {
            try connection.query(
                SQLFiles.builtin.text("rejects/discard.sql"), selection.parameters() + [who, why]
            ).rows.map { row in
                Discarded(
                    pipeline: try row.get("pipeline"), source: try row.get("source"),
                    reason: try row.get("reason_code"), rejects: try row.get("rejects"))
            }
        }
        let isDryRun = arguments.has("--dry-run")
        let discarded = isDryRun ? try connection.rehearsal { try discard() } : try discard()
        if arguments.isJSON {
            try JSONOutput.print(["discarded": discarded])
            return .done
        }
        let would = isDryRun ? " would be" : ""
        if discarded.isEmpty { Terminal.out("nothing of that waits") }
        for group in discarded {
            Terminal.out(
                "\(group.pipeline)/\(group.source): \(Human.plural(group.rejects, "reject"))\(would) discarded "
                    + "(\(group.reason))")
        }
        return .done
    }

    /// What was discarded already stays as it was: who did it, and why.
    private static func tellDiscarded(_ selection: RejectSelection, _ connection: Connection) throws {
        guard let ids = selection.ids else { return }
        let rows = try connection.query(
            """
            SELECT reject_id, to_char(discarded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, discarded_by,
                discarded_why
            FROM daybook.rejects
            WHERE reject_id = ANY ($1::bigint[]) AND discarded_at IS NOT NULL
            ORDER BY reject_id
            """, [ids]
        ).rows
        for row in rows {
            Terminal.error(
                "reject \(try row.get("reject_id", as: Int64.self)) is discarded already, and stays so: "
                    + "\(try row.get("at", as: String.self)) UTC, by "
                    + "\(Cell.line(try row.get("discarded_by"))): \(Cell.line(try row.get("discarded_why")))")
        }
    }

    private struct Discarded: Encodable {
        let pipeline: String
        let source: String
        let reason: String
        let rejects: Int

        private enum CodingKeys: String, CodingKey {
            case pipeline, source, rejects
            case reason = "reason_code"
        }
    }

    private static func replay(_ operands: [String], _ context: Context) throws -> ExitCode {
        let arguments = context.arguments
        let project = try context.project()
        guard !project.hasErrors else { throw DefinitionError(project.problems) }
        let conninfo = try context.conninfo()
        let connection = try Warehouse.open(conninfo, creating: false).connection
        let selection = try selection(operands, arguments, connection)
        try checkIsChosen(selection, arguments, "replay")
        let chosen: [String] = try connection.query(
            SQLFiles.builtin.text("rejects/chosen_pipelines.sql"), selection.parameters()
        ).rows.map { try $0.get("pipeline") }
        let pipelines = chosen.filter(project.pipelineNames.contains)
        for name in chosen where !pipelines.contains(name) {
            Terminal.error("\(name): the project has no pipeline of this name any more; its rejects wait on")
        }
        guard !pipelines.isEmpty else {
            if arguments.isJSON {
                try JSONOutput.print(["runs": [RunReport]()])
            } else if chosen.isEmpty {
                Terminal.out("nothing of that waits")
            }
            return chosen.isEmpty ? .done : .badData
        }
        var options = RunOptions()
        options.loads = false
        options.transforms = !arguments.has("--no-transform")
        options.replays = selection
        options.startedBy = "replay"
        if let seconds = try arguments.integer("--lock-wait", in: 0...86_400) {
            options.lockWaitSeconds = Double(seconds)
        }
        let interruption = context.interruption()
        let run = Run(
            project, try project.pipelines(pipelines), options, interruption: interruption,
            observer: RunStep.observer())
        if arguments.has("--dry-run") {
            let rehearsal = try run.rehearse(conninfo)
            Terminal.endProgress()
            if arguments.isJSON {
                try JSONOutput.print(rehearsal)
            } else {
                for report in rehearsal.runs { RejectsText.tell(report, isDryRun: true) }
                RehearsalText.tell(rehearsal, options)
            }
            return .done
        }
        let reports = try run.run(conninfo)
        Terminal.endProgress()
        if options.transforms { RunStep.deliverAlerts(project, context, interruption) }
        if arguments.isJSON {
            try JSONOutput.print(["runs": reports])
        } else {
            for report in reports { RejectsText.tell(report, isDryRun: false) }
        }
        var code: ExitCode?
        for report in reports {
            guard let error = report.error else { continue }
            Terminal.error("daybook rejects: \(report.pipeline): \(error)")
            code = code ?? ExitCode(error)
        }
        let isVain = reports.allSatisfy { $0.replay?.isVain ?? false }
        return code ?? (isVain ? .badData : .done)
    }
}

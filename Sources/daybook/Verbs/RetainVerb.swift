import Events
import Foundation
import Pipeline
import Postgres
import SQLFiles
import Transform
import Warehouse

/// `daybook retain`: what is past its retention goes.
enum RetainVerb: Verb {
    static let name = "retain"
    static let summary = "drops days, rejects, runs and reports that are past their retention"
    static let options: [Option] = [
        .project, .database, .json,
        Option("--raw", "DURATION", "how long events are kept"),
        Option("--rejects", "DURATION", "how long rejected records are kept"),
        Option("--runs", "DURATION", "how long the history of runs is kept"),
        Option("--report", "DURATION", "how long hours and cases are kept, no less than events"),
        Option(
            "--lock-wait", "SECONDS", "how long to wait for a transform, or a load into a day (default: 10)"),
        Option("--dry-run", nil, "say what would go, and change nothing"),
    ]
    static let discussion = """
        Each has a clock of its own: events that of their day (UTC), rejects and runs that of their coming, reports that of
        what they tell. What has no retention stays for ever. By default they are those of pipelines/project.jsonc:

          { "retention": "400d" }                                      events, rejects and runs
          { "retention": { "raw": "400d", "rejects": "90d", "runs": "90d", "report": "1200d" } }

        Days of events go whole, oldest first; readers are not blocked for longer than a moment. A day that an hour which is
        not final still needs stays, and one whose events were not transformed. What the reports tell of cases that began
        on a day that is gone stays as it is from then on, in a full refresh too.

          daybook retain --dry-run
          daybook retain --raw 400d

        exit codes: 0 done, 64 wrong usage, 69 database out of reach, 75 a transform or readers let nothing go, 78 bad definition,
        130 interrupted
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let project = try? context.project()
        if let project, project.hasErrors { throw DefinitionError(project.problems) }
        let times = try times(arguments, project)
        let waitSeconds = Double(try arguments.integer("--lock-wait", in: 0...86_400) ?? 10)
        let files = try project?.sqlFiles() ?? SQLFiles.builtin
        let models = try Model.ordered(files.folder("transforms"))
        let warehouse = try Warehouse.open(try context.conninfo(), creating: false) { Terminal.error($0) }
        let retain = RetainData(warehouse, times, models: models, interruption: context.interruption())
        if times.raw != nil {
            for model in models where model.forgets {
                Terminal.error(
                    "\(model.name) is computed from all events: what it tells of dropped days goes with the next transform; "
                        + "to keep it, say in \(model.file.origin) when a row is: -- time: COLUMN")
            }
        }
        if arguments.has("--dry-run") {
            let (outcome, due) = try retain.rehearse()
            return try list(outcome, due, arguments)
        }
        let outcome = try retain.run(waitSeconds: waitSeconds) { day, number, all in
            Terminal.progress("dropped \(day.day), \(number) of \(all)")
        }
        Terminal.endProgress()
        if arguments.isJSON {
            try JSONOutput.print(outcome)
        } else {
            tell(outcome)
        }
        return outcome.stopped != nil && outcome.days.isEmpty ? .locked : .done
    }

    private static func times(_ arguments: Arguments, _ project: Project?) throws -> RetentionTimes {
        var times = project?.definition.retention ?? RetentionTimes()
        times.raw = try arguments.duration("--raw") ?? times.raw
        times.rejects = try arguments.duration("--rejects") ?? times.rejects
        times.runs = try arguments.duration("--runs") ?? times.runs
        times.report = try arguments.duration("--report") ?? times.report
        guard !times.isEmpty else {
            throw UsageError(
                "nothing has a retention: say \"retention\": \"400d\" in \(Project.definitionFile), or --raw 400d"
            )
        }
        if let mistake = times.mistake { throw UsageError("retention: \(mistake)") }
        return times
    }

    // MARK: - What it tells

    private struct Rehearsal: Encodable {
        let outcome: RetainData.Outcome
        let due: [Retention.Due]

        private enum CodingKeys: String, CodingKey { case days }

        func encode(to encoder: any Encoder) throws {
            try outcome.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(due, forKey: .days)
        }
    }

    private static func list(_ outcome: RetainData.Outcome, _ due: [Retention.Due], _ arguments: Arguments)
        throws
        -> ExitCode
    {
        if arguments.isJSON {
            try JSONOutput.print(Rehearsal(outcome: outcome, due: due))
            return .done
        }
        if !due.isEmpty {
            var table = TextTable([
                TextTable.Column(title: "day", isNumber: false), TextTable.Column(title: "bytes"),
            ])
            for day in due { table.add([day.day, Human.bytes(day.bytes)]) }
            Terminal.out("would be dropped:\n" + table.text)
        }
        tellTheRest(outcome, days: due.count, verb: "would go")
        return .done
    }

    private static func tell(_ outcome: RetainData.Outcome) {
        if !outcome.days.isEmpty {
            var table = TextTable([
                TextTable.Column(title: "day", isNumber: false), TextTable.Column(title: "events"),
                TextTable.Column(title: "bytes"), TextTable.Column(title: "time"),
            ])
            for day in outcome.days {
                table.add([
                    day.day, Human.count(day.events), Human.bytes(day.bytes), Human.duration(day.seconds),
                ])
            }
            Terminal.out("dropped:\n" + table.text)
        }
        tellTheRest(outcome, days: outcome.days.count, verb: "went")
    }

    private static func tellTheRest(_ outcome: RetainData.Outcome, days: Int, verb: String) {
        if let need = outcome.stopped ?? outcome.need {
            Terminal.out("\(need.day) and later days stay: \(need.reason)")
        } else if days == 0, let before = outcome.rawBefore {
            Terminal.out("there are no days before \(before) to drop")
        }
        if outcome.frozenActive > 0 {
            Terminal.out(
                "\(Human.plural(outcome.frozenActive, "case")) that began on a dropped day went on after it; what the reports tell "
                    + "of them stays as it is")
        }
        if outcome.rejects > 0 { Terminal.out("\(Human.plural(outcome.rejects, "reject")) \(verb)") }
        if outcome.runs > 0 { Terminal.out("\(Human.plural(outcome.runs, "run")) \(verb)") }
        for report in outcome.reports {
            Terminal.out("\(Human.plural(report.rows, "row")) of \(report.table) \(verb)")
        }
    }
}

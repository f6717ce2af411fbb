import Events
import Pipeline
import Postgres
import Warehouse

/// `daybook compact`: old days into columns.
enum CompactVerb: Verb {
    static let name = "compact"
    static let summary = "turns old days into columns, which take a sixth of the room"
    static let options: [Option] = [
        .project, .database, .json,
        Option(
            "--older-than", "DURATION",
            "how old a day must be (default: compact_after of the project, or \(defaultAge))"),
        Option("--lock-wait", "SECONDS", "how long to wait for a load that writes to a day (default: 10)"),
        Option("--dry-run", nil, "say what would be compacted, and change nothing"),
    ]
    static let discussion = """
        Rewrites each day that is older, sorted by hour and case: into columnar tables where the server has them (Citus,
        Hydra), else into a row for some 2,000 events, each column a list ("storage" in project.jsonc chooses). Readers
        of raw.events are not blocked, and see the same events before and after. What comes late for such a day is loaded,
        once, beside it; the next compaction folds it in. A project with "compact_after" in pipelines/project.jsonc does
        this at the end of each run.

          daybook compact --older-than 7d
          daybook compact --dry-run

        exit codes: 0 done, 69 database out of reach, 75 raw.events is in use all the time, 130 interrupted
        """
    private static let defaultAge = "30d"

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let project = try? context.project()
        let fallback = DurationText.parse(defaultAge) ?? 0
        let age =
            try arguments.duration("--older-than") ?? project?.definition.compactAfterMicroseconds ?? fallback
        let waitSeconds = Double(try arguments.integer("--lock-wait", in: 0...86_400) ?? 10)
        let warehouse = try Warehouse.open(try context.conninfo(), creating: false) { Terminal.error($0) }
        let days = try CompactDays(
            warehouse, into: project?.definition.storage, interruption: context.interruption()
        ) { Terminal.error($0) }
        let cutoff = CompactDays.cutoff(ageMicroseconds: age)
        if arguments.has("--dry-run") { return try list(try days.due(before: cutoff), cutoff, arguments) }
        let outcomes = try days.run(before: cutoff, waitSeconds: waitSeconds) { outcome, number, all in
            Terminal.progress("compacted \(outcome.day), \(number) of \(all)")
        }
        Terminal.endProgress()
        if arguments.isJSON {
            try JSONOutput.print(["days": outcomes])
        } else {
            tell(outcomes, cutoff)
        }
        return .done
    }

    private struct DueDay: Encodable {
        let day: String
        let bytes: Int64
    }

    private static func list(_ due: [Compaction.Due], _ cutoff: CalendarDay, _ arguments: Arguments) throws
        -> ExitCode
    {
        if arguments.isJSON {
            try JSONOutput.print(["days": due.map { DueDay(day: $0.day, bytes: $0.bytes) }])
        } else if due.isEmpty {
            Terminal.out("nothing before \(cutoff) is to be compacted")
        } else {
            var table = TextTable([
                TextTable.Column(title: "day", isNumber: false), TextTable.Column(title: "bytes"),
            ])
            for day in due { table.add([day.day, Human.bytes(day.bytes)]) }
            Terminal.out("would be compacted:\n" + table.text)
        }
        return .done
    }

    private static func tell(_ outcomes: [Compaction.Outcome], _ cutoff: CalendarDay) {
        guard !outcomes.isEmpty else { return Terminal.out("nothing before \(cutoff) is to be compacted") }
        var table = TextTable([
            TextTable.Column(title: "day", isNumber: false), TextTable.Column(title: "events"),
            TextTable.Column(title: "before"), TextTable.Column(title: "after"),
            TextTable.Column(title: "time"),
            TextTable.Column(title: "", isNumber: false),
        ])
        for outcome in outcomes {
            table.add([
                outcome.day, Human.count(outcome.events), Human.bytes(outcome.bytesBefore),
                Human.bytes(outcome.bytesAfter), Human.duration(outcome.seconds),
                outcome.isLeafDropped ? "" : "its leaf is still being read; it goes another time",
            ])
        }
        Terminal.out(table.text)
    }
}

import Alerts
import Events
import Foundation
import Pipeline
import Warehouse

/// `daybook run`: extract, load, transform, once.
enum RunVerb: Verb {
    static let name = "run"
    static let summary = "extracts, loads and transforms, once"
    static let operands = "[PIPELINE…]"
    static let options =
        RunStep.options + [
            Option("--as-of", "TIME", "judge open cases at this time instead of the clock"),
            Option("--full-refresh", nil, "compute all anew, and let the time of judgement go back"),
            RunStep.dryRun,
            Option("--started-by", "WORD", "who asks for it, as daybook.runs is to tell (default: hand)"),
            Option(
                "--nominal", "TIME",
                "the time of the pipeline's schedule that it stands for; done where a run did"),
            Option("--attempt", "N", "with --nominal: which attempt at it this is (default: 1)"),
        ]
    static let discussion = """
        Reads what is new in the sources of the pipelines (all, where none is named), loads it, and brings the
        report tables up to date. Of files, what was read is not read again; of an API, what came is not loaded again.
        Rejected records do not fail a run; they are kept in daybook.rejects with their place and reason.
        --dry-run does all of it in one transaction and takes that back: it says which files would be read, which
        cases, facts and hours would change, and which of these hours were final. It takes as long as the run.

        exit codes: 0 done, 64 wrong usage, 65 bad data, 69 source or database out of reach,
        75 another run holds the lock, 78 bad definition, 130 interrupted
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        var options = RunOptions()
        options.asOf = try arguments.time("--as-of")
        options.isFullRefresh = arguments.has("--full-refresh")
        options.startedBy = arguments["--started-by"] ?? options.startedBy
        if let time = try arguments.time("--nominal") {
            guard arguments.positionals.count == 1 else {
                throw UsageError(
                    "--nominal is a time of one pipeline's schedule: daybook run PIPELINE --nominal TIME")
            }
            guard !arguments.has(RunStep.dryRun.name) else {
                throw UsageError("--nominal is for a run that happens; leave it out of --dry-run")
            }
            options.nominal = (time, try arguments.integer("--attempt", in: 1...1_000) ?? 1)
        } else if arguments["--attempt"] != nil {
            throw UsageError("--attempt counts the attempts at a time of the schedule; give --nominal, too")
        }
        return try RunStep.run(arguments, options)
    }
}

/// `daybook load`: the first half of a run.
enum LoadVerb: Verb {
    static let name = "load"
    static let summary = "the first half of run: extracts and loads"
    static let operands = "[PIPELINE…]"
    static let options =
        RunStep.options + [Option("--dry-run", nil, "say what would be read, and read nothing")]
    static let discussion = """
        Reads what is new in the sources and loads it into raw.events; the report tables stay as they are
        until the next transform or run.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        if arguments.has("--dry-run") { return try RunStep.listReads(arguments) }
        var options = RunOptions()
        options.transforms = false
        return try RunStep.run(arguments, options)
    }
}

/// `daybook transform`: the second half of a run.
enum TransformVerb: Verb {
    static let name = "transform"
    static let summary = "the second half of run: brings the report tables up to date"
    static let operands = "[PIPELINE…]"
    static let options =
        RunStep.options + [
            Option("--as-of", "TIME", "judge open cases at this time instead of the clock"),
            Option("--full-refresh", nil, "compute all anew, and let the time of judgement go back"),
            RunStep.dryRun,
        ]
    static let discussion = """
        Takes the SLA definitions of the pipelines (all, where none is named) and computes report.cases,
        report.fact_sla, report.sla_hourly and the project's own models from raw.events, in one transaction.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        var options = RunOptions()
        options.loads = false
        options.asOf = try arguments.time("--as-of")
        options.isFullRefresh = arguments.has("--full-refresh")
        return try RunStep.run(arguments, options)
    }
}

/// `daybook restate`: some days once more, from raw.
enum RestateVerb: Verb {
    static let name = "restate"
    static let summary = "computes some days anew from raw.events"
    static let operands = "PIPELINE"
    static let options =
        RunStep.options + [
            Option("--from", "DAY", "the first day (UTC)"),
            Option("--to", "DAY", "the last day (UTC), inclusive"),
            RunStep.dryRun,
        ]
    static let discussion = """
        Computes every case of the pipeline that had an event in these days, whole, and the hours that they count in.
        A transform does so by itself for what was loaded; this is for rows that somebody changed or deleted by hand.
        What differs is written, and every change of an hour is kept in report.sla_hourly_history.

          daybook restate orders --from 2026-01-05 --to 2026-01-06
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard arguments.positionals.count == 1 else {
            throw UsageError("say which pipeline: daybook restate PIPELINE")
        }
        guard let from = try arguments.time("--from"), let to = try arguments.time("--to") else {
            throw UsageError("say which days: --from 2026-01-05 --to 2026-01-06")
        }
        guard from.day <= to.day else { throw UsageError("--from is after --to") }
        var options = RunOptions()
        options.loads = false
        options.restatedDays = CalendarDay(daysSinceEpoch: from.day)...CalendarDay(daysSinceEpoch: to.day)
        return try RunStep.run(arguments, options)
    }
}

/// What `run` and its halves have in common.
enum RunStep {
    static let options: [Option] = [
        .project, .database, .json,
        Option(
            "--workers", "N",
            "connections that load at once (default: \(RunOptions.defaultWorkers), one more than the cores)"),
        Option("--lock-wait", "SECONDS", "how long to wait for another run of the pipeline (default: 10)"),
    ]

    static let dryRun = Option("--dry-run", nil, "say what would change, and change nothing")

    static func run(_ arguments: Arguments, _ options: RunOptions) throws -> ExitCode {
        let context = Context(arguments)
        var options = options
        if let seconds = try arguments.integer("--lock-wait", in: 0...86_400) {
            options.lockWaitSeconds = Double(seconds)
        }
        options.workers = try arguments.integer("--workers", in: 1...64) ?? options.workers
        let project = try context.project()
        let pipelines = try context.pipelines(project)
        let interruption = context.interruption()
        let run = Run(project, pipelines, options, interruption: interruption, observer: observer())
        if arguments.has(dryRun.name) {
            let rehearsal = try run.rehearse(try context.target(project).conninfo())
            Terminal.endProgress()
            if arguments.isJSON {
                try JSONOutput.print(rehearsal)
            } else {
                RehearsalText.tell(rehearsal, options)
            }
            return .done
        }
        let reports: [RunReport]
        do {
            reports = try run.run(try context.target(project).conninfo())
        } catch let error as AlreadyRun {
            Terminal.error("\(error)")
            if arguments.isJSON {
                try JSONOutput.print(["pipeline": pipelines[0].name, "status": "skipped"])
            }
            return .done
        }
        Terminal.endProgress()
        if options.transforms { deliverAlerts(project, context, interruption) }
        if arguments.isJSON {
            if arguments.positionals.count == 1 || pipelines.count == 1 {
                try JSONOutput.print(reports[0])
            } else {
                try JSONOutput.print(["runs": reports])
            }
        } else {
            for report in reports { tell(report, options) }
        }
        // Each failure is told; the first decides the exit code.
        var code = ExitCode.done
        for report in reports {
            guard let error = report.error else { continue }
            Terminal.error("daybook \(arguments.verb): \(report.pipeline): \(error)")
            if code == .done { code = ExitCode(error) }
        }
        return code
    }

    /// A run is no place to wait for channels: what is left then is sent later.
    private static let longestDelivery = 30.0

    /// Sends what the run has found; a channel that is down is no failure of the run.
    static func deliverAlerts(
        _ project: Project, _ context: Context, _ interruption: Interruption
    ) {
        guard !project.definition.channels.isEmpty else { return }
        do {
            var limits = Outbox.Limits()
            limits.until = Date() + longestDelivery
            limits.isStopped = { interruption.isRequested }
            AlertText.tell(try DeliverAlerts(project, try context.target(project).conninfo()).run(limits))
        } catch {
            Terminal.error("alerts: \(error); what was found is sent later")
        }
    }

    /// What a load would read, without reading it.
    static func listReads(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let project = try context.project()
        let run = Run(
            project, try context.pipelines(project), RunOptions(), interruption: Interruption(),
            observer: observer())
        let reads = try run.plan(try context.target(project).conninfo())
        if arguments.isJSON {
            try JSONOutput.print(["reads": reads])
            return .done
        }
        RehearsalText.tell(reads)
        return .done
    }

    /// Notes go to stderr, and progress where that is a terminal.
    static func observer() -> RunObserver {
        RunObserver(
            progress: { Terminal.progress(text(of: $0)) },
            note: { Terminal.error($0) })
    }

    private static func text(of progress: LoadProgress) -> String {
        if progress.days.all > 0 {
            return
                "\(progress.pipeline): all is read; indexing day \(progress.days.done) of \(progress.days.all)"
        }
        // How much an API will tell, nobody knows.
        let isKnown = progress.totalBytes > 0
        let of = isKnown ? " of \(Human.bytes(progress.totalBytes))" : ""
        var parts = [
            "\(Human.bytes(progress.bytes))\(of)", "\(Human.count(progress.counts.read)) rows",
            "\(Human.count(Int(progress.rowsPerSecond))) rows/s",
            "server \(Human.share(progress.serverShare))",
        ]
        if progress.counts.duplicate > 0 {
            parts.append("\(Human.count(progress.counts.duplicate)) duplicate")
        }
        if progress.counts.rejected > 0 { parts.append("\(Human.count(progress.counts.rejected)) rejected") }
        if let left = progress.secondsLeft { parts.append("\(Human.duration(left.rounded())) left") }
        let share = Double(progress.bytes) / Double(max(1, progress.totalBytes))
        let bar = isKnown ? Human.bar(share, width: 20) + " " : ""
        return "\(progress.pipeline) \(bar)" + parts.joined(separator: ", ")
    }

    /// `12 read: 10 loaded, 2 duplicate`.
    static func counts(_ counts: LoadCounts) -> String {
        var parts = ["\(Human.count(counts.loaded)) loaded"]
        if counts.duplicate > 0 { parts.append("\(Human.count(counts.duplicate)) duplicate") }
        if counts.conflicting > 0 { parts.append("\(Human.count(counts.conflicting)) of them conflicting") }
        if counts.rejected > 0 { parts.append("\(Human.count(counts.rejected)) rejected") }
        if counts.filtered > 0 { parts.append("\(Human.count(counts.filtered)) filtered") }
        return "\(Human.count(counts.read)) read: \(parts.joined(separator: ", "))"
    }

    /// A run in a few lines.
    static func tell(_ report: RunReport, _ options: RunOptions) {
        let counts = report.counts
        if options.loads {
            Terminal.out(
                "\(report.pipeline): \(self.counts(counts)) (run \(report.runID), \(Human.duration(report.seconds)))"
            )
        } else {
            Terminal.out("\(report.pipeline): run \(report.runID), \(Human.duration(report.seconds))")
        }
        var table = TextTable([
            TextTable.Column(title: "model", isNumber: false), TextTable.Column(title: "keys"),
            TextTable.Column(title: "rows changed"), TextTable.Column(title: "time"),
        ])
        for model in report.models {
            table.add([
                model.model, Human.count(model.keys), Human.count(model.rowsChanged),
                Human.duration(model.seconds),
            ])
        }
        if !report.models.isEmpty { Terminal.out(table.text) }
    }
}

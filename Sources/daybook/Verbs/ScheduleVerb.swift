import Foundation
import Pipeline
import Postgres
import Warehouse

/// `daybook schedule`: runs every pipeline at its times.
enum ScheduleVerb: Verb {
    static let name = "schedule"
    static let summary = "stays up and runs every pipeline on its schedule"
    static let options: [Option] = [
        .project, .database,
        Option("--json", nil, "the document of each run, as a line on stdout; of --next one document"),
        Option("--parallel", "N", "how many runs may go on at once (default: as many as there are cores)"),
        Option("--once", nil, "run what is due now, and come back: for cron"),
        Option("--next", "N", "tell the next N times of each pipeline, and run nothing"),
        Option("--install", "systemd|cron", "write what keeps it running, and say how to enable it"),
        Option("--out", "FILE", "with --install: where to write it; - is stdout"),
    ]
    static let discussion = """
        Each run is a process of its own, daybook run PIPELINE. Of a pipeline one goes on at a time: times that pass
        meanwhile are skipped; those that passed while nothing could run are caught up by one run. daybook runs shows
        each time as run, skipped with the reason, or caught up. What fails for a reason that may pass (a database or
        an API out of reach, a lock) is tried again after 10 s, 20 s, and so on, five times in all. A pipeline also
        runs when an open case has passed its deadline, unless its schedule says "deadlines": false.

        SIGTERM and Ctrl-C end it once the batches that are under way are committed; SIGHUP reads the definitions
        again, and keeps those that it has where the new ones have mistakes. Started by systemd it says when it is
        ready, and that it is alive. Several machines may run one schedule: each time is run once.

          daybook schedule --next 3
          daybook schedule --install systemd
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        if let what = try arguments.choice("--install", ["systemd", "cron"]) {
            return try install(what, context)
        }
        if arguments.has("--once"), arguments["--next"] != nil {
            throw UsageError("--once runs what is due, --next tells what comes; give one of them")
        }
        if arguments["--out"] != nil { throw UsageError("--out is for --install") }
        if let count = try arguments.integer("--next", in: 1...10_000) { return try tellNext(count, context) }
        let isOnce = arguments.has("--once")
        let atOnce =
            try arguments.integer("--parallel", in: 1...256) ?? ProcessInfo.processInfo.activeProcessorCount
        let log = ScheduleLog(isJSON: arguments.isJSON, isQuiet: isOnce && !Terminal.isErrorTerminal)
        let loop = try ScheduleLoop(context, atOnce: atOnce, log: log)
        if isOnce { return try loop.runOnce() }
        let lock = try lock(try context.project().directory)
        defer { withExtendedLifetime(lock) {} }
        return loop.run()
    }

    // MARK: - One on a machine

    private static func lock(_ directory: String) throws -> ProcessLock {
        let path = "\(directory)/.daybook/schedule.lock"
        try FileManager.default.createDirectory(
            atPath: "\(directory)/.daybook", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        guard let lock = try ProcessLock(trying: path) else { throw AlreadyScheduled(path: path) }
        return lock
    }

    /// Another process runs the schedule of the project.
    struct AlreadyScheduled: Error, CustomStringConvertible {
        let path: String
        var description: String {
            let holder = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return
                "the schedule of this project is running already\(holder.isEmpty ? "" : " (process \(holder))")"
        }
    }

    // MARK: - What comes

    private struct Times: Encodable {
        let pipeline: String
        let schedule: String
        let times: [String]
    }

    private static func tellNext(_ count: Int, _ context: Context) throws -> ExitCode {
        let schedules = try ScheduleLoop.schedules(of: try context.project()).sorted { $0.key < $1.key }
        let now = Date()
        let all = schedules.map { name, schedule in
            var times: [String] = []
            var time = now
            while times.count < count, let next = schedule.next(after: time) {
                times.append(next.formatted(.iso8601))
                time = next
            }
            return Times(pipeline: name, schedule: schedule.text, times: times)
        }
        if context.arguments.isJSON {
            try JSONOutput.print(["pipelines": all])
            return .done
        }
        var table = TextTable([
            TextTable.Column(title: "pipeline", isNumber: false),
            TextTable.Column(title: "schedule", isNumber: false),
            TextTable.Column(title: "next (UTC)", isNumber: false),
        ])
        for pipeline in all {
            for (index, time) in pipeline.times.enumerated() {
                table.add([index == 0 ? pipeline.pipeline : "", index == 0 ? pipeline.schedule : "", time])
            }
        }
        Terminal.out(table.text)
        return .done
    }

    // MARK: - What keeps it running

    private static func install(_ what: String, _ context: Context) throws -> ExitCode {
        let project = try context.project()
        // It would end at once.
        _ = try ScheduleLoop.schedules(of: project)
        let files = ServiceFiles(projectDirectory: project.directory)
        let (text, path, advice) =
            what == "systemd"
            ? (files.unit, files.unitPath, files.unitAdvice)
            : (files.crontab, files.crontabPath, files.crontabAdvice)
        if context.arguments["--database"] != nil {
            Terminal.error(
                "--database is not written down; name the database in pipelines/project.jsonc, or by DATABASE_URL"
            )
        }
        if context.arguments["--out"] != nil, context.arguments.outFile == nil {
            Terminal.data(String(text.dropLast()))
        } else {
            let path = context.arguments["--out"] ?? path
            try files.write(text, to: path)
            Terminal.out("wrote \(path)")
            Terminal.out(advice)
        }
        return .done
    }
}

import Alerts
import Events
import Foundation
import Pipeline
import Postgres
import Warehouse

/// Drives a `Scheduler` by the clock: starts the runs that it asks for as processes, tells it how they ended, and keeps the
/// catalogue's account. Between runs it sleeps, and holds no connection.
final class ScheduleLoop {
    private enum Message: Sendable {
        case ended(pipeline: String, ChildRun.Ending)
        case sent(ChildRun.Ending)
        case reload
        case stop
    }

    private let context: Context
    private let manager: ServiceManager
    private let log: ScheduleLog
    private let mailbox = Mailbox<Message>()
    private var project: Project
    private var schedules: [String: Schedule]
    private var scheduler: Scheduler
    private var children: [String: ChildRun] = [:]
    /// Sends what the outbox holds; when there is something to send, and when it last did.
    private var sender: ChildRun?
    private var outboxDue: Date?
    private var lastSent = Date.distantPast
    private var sendPause = ScheduleLoop.leastSendPause
    /// When others may have changed what waits.
    private var nextLook = Date.distantFuture
    private var isStopping = false
    private let reloads = PendingReload()
    /// When the catalogue is to be asked again that was out of reach; nil while it answers.
    private var retryCatalogue: Date?
    private var failuresOfCatalogue = 0
    private var isDefined = false
    private var worstCode = ExitCode.done

    /// Clocks are set, and machines sleep: that is noticed within this many seconds.
    private static let longestSleep = 30.0
    /// Between two times of sending, where the first left something: another process may be at it.
    private static let leastSendPause = 5.0
    /// Others run pipelines by hand, and silences end.
    private static let lookPause = 300.0

    /// - Throws: where the definitions cannot be read, or none has a schedule.
    init(_ context: Context, atOnce: Int, log: ScheduleLog) throws {
        self.context = context
        self.log = log
        manager = ServiceManager()
        scheduler = Scheduler(atOnce: atOnce)
        project = try context.project()
        schedules = try ScheduleLoop.schedules(of: project)
    }

    /// The schedules of a project's pipelines.
    static func schedules(of project: Project, mayBeNone: Bool = false) throws -> [String: Schedule] {
        let pairs = try project.pipelines([]).compactMap { pipeline in
            pipeline.schedule.map { (pipeline.name, $0) }
        }
        guard !pairs.isEmpty || mayBeNone else { throw NoSchedule() }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    struct NoSchedule: Error, CustomStringConvertible {
        let description =
            "no pipeline has a schedule; add for instance \"schedule\": \"5 * * * *\" to pipelines/NAME.jsonc"
    }

    /// Goes on until it is told to stop.
    func run() -> ExitCode {
        watchSignals()
        manager.tellReady(status)
        log.note("\(Human.plural(schedules.count, "pipeline")) on schedule")
        while !(isStopping && children.isEmpty && sender == nil) {
            askCatalogue()
            if !isStopping { startWhatIsDue() }
            manager.tellAlive(status)
            guard let message = mailbox.next(withinSeconds: secondsToSleep) else { continue }
            handle(message)
        }
        log.note("stopped")
        return .done
    }

    /// Runs what is due now, and comes back when that is done.
    ///
    /// - Returns: the code of the first run that failed.
    /// - Throws: where the catalogue is out of reach.
    func runOnce() throws -> ExitCode {
        watchSignals()
        try define()
        startWhatIsDue()
        while !(children.isEmpty && sender == nil) {
            guard let message = mailbox.next(withinSeconds: ScheduleLoop.longestSleep) else { continue }
            handle(message)
            if !isStopping { startWhatIsDue() }
        }
        return isStopping ? .done : worstCode
    }

    // MARK: - Time

    private var secondsToSleep: Double {
        let sending = outboxDue.map { max($0, lastSent + sendPause) }
        let wanted =
            isStopping
            ? nil
            : [scheduler.nextTime, retryCatalogue, sender == nil ? sending : nil].compactMap(\.self).min()
        let longest = min(ScheduleLoop.longestSleep, manager.watchdogSeconds.map { $0 / 2 } ?? .infinity)
        return min(longest, wanted?.timeIntervalSinceNow ?? .infinity)
    }

    private var status: String {
        let running = children.keys.sorted()
        if !running.isEmpty { return "running \(running.joined(separator: ", "))" }
        return scheduler.nextTime.map { "next run at \($0.formatted(.iso8601))" } ?? "waiting"
    }

    // MARK: - Messages

    private func handle(_ message: Message) {
        switch message {
        case .ended(let pipeline, let ending): end(pipeline, ending)
        case .sent(let ending):
            sender = nil
            let before = outboxDue
            look()
            let isStill = ending.code != 0 || outboxDue == before && before != nil
            sendPause = isStill ? min(300, sendPause * 2) : ScheduleLoop.leastSendPause
        case .reload: reload()
        case .stop:
            guard !isStopping else { return }
            isStopping = true
            manager.tellStopping()
            if !children.isEmpty { log.note("stopping: \(status)") }
            for child in children.values { child.stop() }
            sender?.stop()
        }
    }

    private func watchSignals() {
        Signals.on([SIGTERM, SIGINT]) { [mailbox] isSecond in
            if isSecond { exit(ExitCode.interrupted.rawValue) }
            mailbox.post(.stop)
        }
        Signals.on([SIGHUP]) { [mailbox, reloads] _ in
            // Of many one is enough, that comes after all of them.
            if reloads.request() { mailbox.post(.reload) }
        }
    }

    /// Takes the definitions as they are now; where they have mistakes, those that were stay.
    private func reload() {
        reloads.begin()
        manager.tellReloading()
        defer { manager.tellReady(status) }
        do {
            let project = try context.project()
            let schedules = try ScheduleLoop.schedules(of: project, mayBeNone: true)
            (self.project, self.schedules) = (project, schedules)
            isDefined = false
            retryCatalogue = nil
            log.note("read the definitions again: \(Human.plural(schedules.count, "pipeline")) on schedule")
        } catch {
            log.note("the definitions have mistakes, and those that were read before stay:\n\(error)")
        }
    }

    // MARK: - Runs

    private func startWhatIsDue() {
        start(scheduler.launches(at: Date()))
        send()
    }

    private func send() {
        guard sender == nil, let due = outboxDue, max(due, lastSent + sendPause) <= Date() else { return }
        lastSent = Date()
        do {
            var words = ["alerts", "send", "--project", project.directory, "--json"]
            if let url = context.arguments["--database"] { words += ["--database=\(url)"] }
            let child = try ChildRun(words)
            sender = child
            let mailbox = mailbox
            Thread.detachNewThread { mailbox.post(.sent(child.end())) }
        } catch {
            log.note("alerts cannot be sent: \(error)")
        }
    }

    private func start(_ launches: [Scheduler.Launch]) {
        for launch in launches {
            do {
                let child = try ChildRun(arguments(of: launch))
                children[launch.pipeline] = child
                log.began(launch)
                let mailbox = mailbox
                Thread.detachNewThread { mailbox.post(.ended(pipeline: launch.pipeline, child.end())) }
            } catch {
                log.note("\(launch.pipeline): the run cannot be started: \(error)")
                scheduler.fail(launch.pipeline, "it could not be started: \(error)", at: Date())
            }
        }
    }

    private func arguments(of launch: Scheduler.Launch) -> [String] {
        var words = ["run", launch.pipeline, "--project", project.directory, "--json"]
        if let url = context.arguments["--database"] { words += ["--database=\(url)"] }
        switch launch.cause {
        case .deadline: words += ["--started-by", "deadline"]
        case .schedule(let times, let attempt):
            words += ["--started-by", "schedule", "--attempt", "\(attempt)"]
            words += ["--nominal", Timestamp(microseconds: times.last.microseconds).description]
        }
        return words
    }

    private func end(_ pipeline: String, _ ending: ChildRun.Ending) {
        children[pipeline] = nil
        let reason = log.ended(pipeline, ending)
        let outcome: Scheduler.Ending
        switch ending.code {
        case 0: outcome = .succeeded
        case ExitCode.unreachable.rawValue, ExitCode.locked.rawValue, ExitCode.interrupted.rawValue,
            129...159:
            outcome = .failedForNow(reason: reason)
        default: outcome = .failed(reason: reason)
        }
        // That somebody else runs it is nothing that a person need hear of each minute.
        if ending.code != 0, ending.code != ExitCode.locked.rawValue, worstCode == .done {
            worstCode = ExitCode(rawValue: ending.code) ?? .failed
        }
        settle(pipeline, outcome)
    }

    // MARK: - The catalogue

    private func settle(_ pipeline: String, _ outcome: Scheduler.Ending) {
        do {
            let connection = try connection()
            let schedules = Schedules(connection)
            if let until = try schedules.accountedUntil(pipeline) {
                scheduler.note(accountedUntil: Date(microseconds: until), of: pipeline)
            }
            // What we end ourselves was not given up: whoever comes after us catches it up.
            for skip in scheduler.end(pipeline, outcome, at: Date()) where !isStopping {
                if !skip.isFailure {
                    log.note("\(skip.pipeline): skipped \(ScheduleLog.text(skip.times)): \(skip.reason)")
                }
                try schedules.skip(
                    skip.pipeline, first: Timestamp(microseconds: skip.times.first.microseconds),
                    last: Timestamp(microseconds: skip.times.last.microseconds), count: skip.times.count,
                    reason: skip.reason, isFailure: skip.isFailure,
                    host: ProcessInfo.processInfo.hostName,
                    processID: ProcessInfo.processInfo.processIdentifier, version: daybookVersion)
                scheduler.note(accountedUntil: skip.times.last, of: skip.pipeline)
            }
            try takeTimes(connection)
        } catch {
            // What is not written down as skipped is caught up by the next run.
            _ = scheduler.end(pipeline, outcome, at: Date())
            lose(error)
        }
    }

    /// Tells the catalogue what is defined, where it does not know yet.
    private func askCatalogue() {
        guard !isDefined || retryCatalogue != nil || nextLook <= Date(), !isStopping else { return }
        if let retryCatalogue, retryCatalogue > Date() { return }
        do {
            if isDefined { try takeTimes(try connection()) } else { try define() }
            answered()
        } catch {
            lose(error)
        }
    }

    private func define() throws {
        let connection = try connection()
        let book = Schedules(connection)
        let accounted = try book.define(schedules.mapValues(\.text)).mapValues { known in
            Scheduler.Accounted(
                until: Date(microseconds: known.until.microseconds),
                failed: known.failed.map { failed in
                    let times = NominalTimes(
                        first: Date(microseconds: failed.nominal.first.microseconds),
                        last: Date(microseconds: failed.nominal.last.microseconds),
                        count: failed.nominal.count)
                    return (times, failed.nominal.attempt, Date(microseconds: failed.at.microseconds))
                })
        }
        scheduler.define(schedules, accounted: accounted)
        try takeTimes(connection)
        isDefined = true
    }

    private func look() {
        do { try takeTimes(try connection()) } catch { lose(error) }
    }

    /// Asks what open cases wait for, and the outbox.
    private func takeTimes(_ connection: Connection) throws {
        scheduler.note(
            try Schedules(connection).deadlines().map {
                Scheduler.Deadline(
                    pipeline: $0.pipeline, at: Date(microseconds: $0.at), spacingSeconds: $0.spacingSeconds)
            })
        nextLook = Date() + ScheduleLoop.lookPause
        outboxDue = try AlertBook(connection).nextDue().map { Date(microseconds: $0) }
    }

    private func answered() {
        if failuresOfCatalogue > 0 { log.note("the database answers again") }
        (retryCatalogue, failuresOfCatalogue) = (nil, 0)
    }

    private func lose(_ error: any Error) {
        // What was not written down while it was away is asked for again.
        isDefined = false
        if failuresOfCatalogue == 0 { log.note("\(error)\n  trying again until it answers") }
        failuresOfCatalogue += 1
        retryCatalogue = Date().addingTimeInterval(min(60, pow(2, Double(min(failuresOfCatalogue, 10)))))
    }

    /// A connection that goes when it is let go of; what it is asked is asked quickly, or not at all.
    private func connection() throws -> Connection {
        let warehouse = try Warehouse.open(try context.target(project).conninfo(), onNotice: log.note)
        try warehouse.connection.execute("SET statement_timeout = '20s'; SET lock_timeout = '10s'")
        return warehouse.connection
    }
}

/// Whether a reload was asked for that has not begun.
private final class PendingReload: @unchecked Sendable {
    private let lock = NSLock()
    private var isPending = false

    /// - Returns: whether it is the first since one began.
    func request() -> Bool {
        lock.withLock {
            defer { isPending = true }
            return !isPending
        }
    }

    func begin() { lock.withLock { isPending = false } }
}

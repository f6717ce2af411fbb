import Foundation

/// Decides which pipeline is to run when. It holds no clock, starts nothing and asks nobody: whoever drives it tells it
/// the time and what has come of the runs that it asked for.
///
/// Of a pipeline one run is going on at a time. Times of its schedule that pass meanwhile are skipped; those that passed
/// while nobody was there to run it are caught up by one run.
package struct Scheduler {
    /// A run to begin.
    package struct Launch: Sendable, Equatable {
        package enum Cause: Sendable, Equatable {
            /// A time of the schedule, of several the last; attempts count from 1.
            case schedule(NominalTimes, attempt: Int)
            /// An open case has passed its deadline.
            case deadline
        }

        package let pipeline: String
        package let cause: Cause
    }

    /// Times that no run will stand for.
    package struct Skip: Sendable, Equatable {
        package let pipeline: String
        package let times: NominalTimes
        package let reason: String
    }

    /// What has come of a run.
    package enum Ending: Sendable, Equatable {
        case succeeded
        case failed(reason: String)
        /// It failed for a reason that may pass.
        case failedForNow(reason: String)
    }

    /// When a pipeline should look for what has come of an open case.
    package struct Deadline: Sendable, Equatable {
        package let pipeline: String
        package let at: Date
        /// How long after the last look for a deadline.
        package let spacingSeconds: Double

        package init(pipeline: String, at: Date, spacingSeconds: Double) {
            self.pipeline = pipeline
            self.at = at
            self.spacingSeconds = spacingSeconds
        }
    }

    /// The state of one pipeline.
    private struct Lane {
        var schedule: Schedule
        /// What the catalogue accounts for, as far as is known.
        var accountedUntil: Date
        /// The last time of the schedule for which a run was asked for.
        var launchedUntil: Date
        /// The next one, and when its run begins.
        var next: (nominal: Date, due: Date)?
        var running: (launch: Launch, since: Date)?
        var retry: (times: NominalTimes, attempt: Int, at: Date)?
        var deadline: Date?
        var lastDeadlineRun: Date?
        /// Whether the project has it no more; it goes when its run has ended.
        var isGone = false

        init(schedule: Schedule, launchedUntil: Date) {
            self.schedule = schedule
            accountedUntil = launchedUntil
            self.launchedUntil = launchedUntil
        }

        /// When it should begin something; nil while it runs.
        var due: Date? {
            guard running == nil, !isGone else { return nil }
            return [next?.due, retry?.at, deadline].compactMap(\.self).min()
        }
    }

    private var lanes: [String: Lane] = [:]
    private let atOnce: Int

    /// - Parameter atOnce: how many runs may go on at a time.
    package init(atOnce: Int) { self.atOnce = atOnce }

    /// The pipelines whose runs are going on.
    package var running: [String] { lanes.filter { $0.value.running != nil }.keys.sorted() }

    /// Up to when the catalogue accounts for a schedule, and what the last run for it stood for where it did not succeed.
    package struct Accounted: Sendable {
        package let until: Date
        package let failed: (times: NominalTimes, attempt: Int)?

        package init(until: Date, failed: (times: NominalTimes, attempt: Int)? = nil) {
            self.until = until
            self.failed = failed
        }
    }

    /// Takes the schedules that there are now, and what the catalogue accounts for; runs that are going on go on.
    package mutating func define(
        _ schedules: [String: Schedule], accounted: [String: Accounted], at now: Date
    ) {
        for name in lanes.keys where schedules[name] == nil {
            if lanes[name]?.running == nil { lanes[name] = nil } else { lanes[name]?.isGone = true }
        }
        for (name, schedule) in schedules {
            guard let known = accounted[name] else { continue }
            var lane = lanes[name] ?? Lane(schedule: schedule, launchedUntil: known.until)
            lane.isGone = false
            lane.accountedUntil = known.until
            lane.launchedUntil = max(lane.launchedUntil, known.until)
            if lane.schedule != schedule { lane.retry = nil }
            lane.schedule = schedule
            // Whoever was to try it again is gone.
            if lanes[name] == nil, let failed = known.failed,
                let pause = schedule.pause(afterAttempt: failed.attempt)
            {
                lane.retry = (failed.times, failed.attempt + 1, now.addingTimeInterval(pause))
            }
            lane.next = Scheduler.next(name, lane)
            lanes[name] = lane
        }
    }

    /// Takes what the open cases wait for now.
    package mutating func note(_ deadlines: [Deadline]) {
        lanes = lanes.mapValues { lane in
            var lane = lane
            lane.deadline = nil
            return lane
        }
        for deadline in deadlines {
            guard let lane = lanes[deadline.pipeline], lane.schedule.wakesAtDeadlines else { continue }
            let earliest = lane.lastDeadlineRun?.addingTimeInterval(deadline.spacingSeconds)
            lanes[deadline.pipeline]?.deadline = max(deadline.at, earliest ?? deadline.at)
        }
    }

    /// Takes what the catalogue accounts for now.
    package mutating func note(accountedUntil time: Date, of pipeline: String) {
        guard let lane = lanes[pipeline], time > lane.accountedUntil else { return }
        lanes[pipeline]?.accountedUntil = time
    }

    // MARK: - What to do

    /// The runs to begin now; they count as going on from here.
    package mutating func launches(at now: Date) -> [Launch] {
        let free = atOnce - lanes.count { $0.value.running != nil }
        guard free > 0 else { return [] }
        let due = lanes.compactMap { name, lane in lane.due.map { (name: name, due: $0) } }
            .filter { $0.due <= now }
            .sorted { ($0.due, $0.name) < ($1.due, $1.name) }
        return due.prefix(free).compactMap { launch($0.name, now) }
    }

    private mutating func launch(_ name: String, _ now: Date) -> Launch? {
        guard var lane = lanes[name] else { return nil }
        let cause: Launch.Cause
        if let next = lane.next, next.due <= now,
            let times = lane.schedule.times(after: lane.accountedUntil, through: now)
        {
            // It stands for what an attempt before did not come to claim, too.
            cause = .schedule(times, attempt: 1)
            lane.launchedUntil = times.last
            lane.retry = nil
        } else if let retry = lane.retry, retry.at <= now {
            cause = .schedule(retry.times, attempt: retry.attempt)
            lane.retry = nil
        } else {
            cause = .deadline
            lane.lastDeadlineRun = now
        }
        lane.deadline = nil
        lane.next = Scheduler.next(name, lane)
        let launch = Launch(pipeline: name, cause: cause)
        lane.running = (launch, now)
        lanes[name] = lane
        return launch
    }

    /// Takes the end of a run; gives the times that are to be written down as skipped.
    package mutating func end(_ pipeline: String, _ ending: Ending, at now: Date) -> [Skip] {
        guard var lane = lanes[pipeline], let (launch, _) = lane.running else { return [] }
        lane.running = nil
        defer { lanes[pipeline] = lane.isGone ? nil : lane }
        guard case .schedule(let times, let attempt) = launch.cause else { return [] }
        var skips: [Skip] = []
        switch ending {
        case .succeeded: lane.accountedUntil = max(lane.accountedUntil, times.last)
        case .failedForNow(let reason):
            if let pause = lane.schedule.pause(afterAttempt: attempt) {
                lane.retry = (times, attempt + 1, now.addingTimeInterval(pause))
                return []
            }
            skips += skip(pipeline, lane, through: times.last, reason)
        case .failed(let reason): skips += skip(pipeline, lane, through: times.last, reason)
        }
        // What should have begun meanwhile; what chance has put off may still begin.
        let missed = lane.schedule.times(
            after: times.last, through: now.addingTimeInterval(-lane.schedule.jitterSeconds))
        if let missed {
            let reason = "the run of \(Scheduler.text(times.last)) went on until \(Scheduler.text(now))"
            skips.append(Skip(pipeline: pipeline, times: missed, reason: reason))
            lane.launchedUntil = missed.last
            lane.next = Scheduler.next(pipeline, lane)
        }
        return skips
    }

    /// A run that was asked for could not begin; it is asked for again in a while.
    package mutating func fail(_ pipeline: String, _ reason: String, at now: Date) {
        _ = end(pipeline, .failedForNow(reason: reason), at: now)
    }

    /// Times whose run ended before it could claim them.
    private func skip(_ pipeline: String, _ lane: Lane, through: Date, _ reason: String) -> [Skip] {
        lane.schedule.times(after: lane.accountedUntil, through: through)
            .map { [Skip(pipeline: pipeline, times: $0, reason: reason)] } ?? []
    }

    /// When to ask again, unless a run ends before. Nil: never.
    package var nextTime: Date? {
        guard lanes.count(where: { $0.value.running != nil }) < atOnce else { return nil }
        return lanes.values.compactMap(\.due).min()
    }

    private static func next(_ name: String, _ lane: Lane) -> (nominal: Date, due: Date)? {
        lane.schedule.next(after: lane.launchedUntil).map { nominal in
            // Chance that is the same however often it is asked.
            var hasher = Hasher()
            hasher.combine(name)
            hasher.combine(nominal)
            let chance = Double(UInt(bitPattern: hasher.finalize()) >> 11) / Double(UInt(1) << 53)
            return (nominal, nominal.addingTimeInterval(chance * lane.schedule.jitterSeconds))
        }
    }

    private static func text(_ time: Date) -> String { time.formatted(.iso8601) }
}

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
        /// A run should have, and could not begin.
        package let isFailure: Bool
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
        /// How many runs for deadlines have failed one after another.
        var failedDeadlineRuns = 0
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

    /// Up to when the catalogue accounts for a schedule, and what the last run for it stood for, and when it ended, where
    /// another attempt is worth it.
    package struct Accounted: Sendable {
        package let until: Date
        package let failed: (times: NominalTimes, attempt: Int, at: Date)?

        package init(until: Date, failed: (times: NominalTimes, attempt: Int, at: Date)? = nil) {
            self.until = until
            self.failed = failed
        }
    }

    /// Takes the schedules that there are now, and what the catalogue accounts for; runs that are going on go on.
    package mutating func define(
        _ schedules: [String: Schedule], accounted: [String: Accounted]
    ) {
        for name in lanes.keys where schedules[name] == nil {
            if lanes[name]?.running == nil { lanes[name] = nil } else { lanes[name]?.isGone = true }
        }
        for (name, schedule) in schedules {
            guard let known = accounted[name] else { continue }
            var lane = lanes[name] ?? Lane(schedule: schedule, launchedUntil: known.until)
            lane.isGone = false
            lane.accountedUntil = known.until
            if lane.schedule != schedule { lane.retry = nil }
            lane.schedule = schedule
            // What was asked for and came to nothing is asked for again.
            let isUnderWay = lane.running != nil || lane.retry != nil
            lane.launchedUntil = isUnderWay ? max(lane.launchedUntil, known.until) : known.until
            if !isUnderWay, let failed = known.failed,
                let pause = schedule.pause(afterAttempt: failed.attempt)
            {
                lane.retry = (failed.times, failed.attempt + 1, failed.at.addingTimeInterval(pause))
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
            let pause = min(
                Schedule.longestPause,
                deadline.spacingSeconds * pow(2, Double(min(20, lane.failedDeadlineRuns))))
            let earliest = lane.lastDeadlineRun?.addingTimeInterval(pause)
            lanes[deadline.pipeline]?.deadline = max(deadline.at, earliest ?? deadline.at)
        }
    }

    /// Takes what the catalogue accounts for now.
    package mutating func note(accountedUntil time: Date, of pipeline: String) {
        guard var lane = lanes[pipeline], time > lane.accountedUntil else { return }
        lane.accountedUntil = time
        lane.launchedUntil = max(lane.launchedUntil, time)
        lane.next = Scheduler.next(pipeline, lane)
        lanes[pipeline] = lane
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
        } else if let deadline = lane.deadline, deadline <= now {
            cause = .deadline
            lane.lastDeadlineRun = now
        } else {
            // Somebody else has accounted for what was next.
            lane.launchedUntil = max(lane.launchedUntil, lane.accountedUntil)
            lane.next = Scheduler.next(name, lane)
            lanes[name] = lane
            return nil
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
        guard case .schedule(let times, let attempt) = launch.cause else {
            lane.failedDeadlineRuns = ending == .succeeded ? 0 : lane.failedDeadlineRuns + 1
            return []
        }
        if ending == .succeeded { lane.failedDeadlineRuns = 0 }
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
            after: max(times.last, lane.accountedUntil),
            through: now.addingTimeInterval(-lane.schedule.jitterSeconds))
        if let missed {
            let reason = "the run of \(Scheduler.text(times.last)) went on until \(Scheduler.text(now))"
            skips.append(Skip(pipeline: pipeline, times: missed, reason: reason, isFailure: false))
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
            .map { [Skip(pipeline: pipeline, times: $0, reason: reason, isFailure: true)] } ?? []
    }

    /// When to ask again, unless a run ends before. Nil: never.
    package var nextTime: Date? {
        guard lanes.count(where: { $0.value.running != nil }) < atOnce else { return nil }
        return lanes.values.compactMap(\.due).min()
    }

    private static func next(_ name: String, _ lane: Lane) -> (nominal: Date, due: Date)? {
        lane.schedule.next(after: lane.launchedUntil).map { nominal in
            let delay = chance(name, nominal) * lane.schedule.jitterSeconds
            return (nominal, nominal.addingTimeInterval(delay))
        }
    }

    /// From 0, below 1: the same whoever asks, and whenever. FNV-1a (Fowler, Noll, Vo), mixed as in SplitMix64.
    private static func chance(_ name: String, _ nominal: Date) -> Double {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(name) \(nominal.microseconds)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return Double((hash ^ hash >> 31) >> 11) / Double(UInt64(1) << 53)
    }

    private static func text(_ time: Date) -> String { time.formatted(.iso8601) }
}

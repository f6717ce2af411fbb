import Foundation
import Pipeline
import TestSupport
import Testing

/// A scheduler that a simulated clock drives through a year, in which clocks are set, runs take long, fail and are
/// killed, and the scheduler and the database are down for a while. The world keeps the catalogue's books as the real one
/// does; then each time of each schedule must be in them once.
@Suite struct SchedulerTests {
    private static let schedules: [(name: String, times: String, zone: String)] = [
        ("hourly", "5 * * * *", "Europe/Berlin"), ("nightly", "30 2 * * *", "Europe/Berlin"),
        ("quarterly", "*/15 2-4 * * *", "America/New_York"), ("weekly", "@weekly", "UTC"),
        ("often", "every 600", "UTC"), ("jittery", "0 */3 * * *", "UTC"),
    ]

    private static func schedule(_ times: String, _ zone: String) throws -> Schedule {
        guard times.hasPrefix("every ") else {
            return Schedule(
                .cron(try CronExpression(times, zone: try #require(TimeZone(identifier: zone)))), text: times)
        }
        return Schedule(.every(microseconds: Int64(times.dropFirst(6))! * 1_000_000), text: times)
    }

    /// What the catalogue would hold, and what the runs do.
    private struct World {
        enum Kind: Equatable {
            case run
            case skipped(String)
        }
        struct Row {
            let times: NominalTimes
            let kind: Kind
            let at: Date
        }

        var dice: Dice
        let schedules: [String: Schedule]
        var now: Date
        /// A time passes the catalogue as whole microseconds.
        var accounted: [String: Date] = [:]
        var rows: [String: [Row]] = [:]
        var attempts: [String: (times: NominalTimes, attempt: Int, hasSucceeded: Bool)] = [:]
        /// Runs that go on: who waits for them (nil: the scheduler that began them is gone).
        var going:
            [(pipeline: String, until: Date, ending: Scheduler.Ending, isHeard: Bool, holdsLock: Bool)] = []
        var isDatabaseDown = false
        var deadlineRuns = 0

        /// As `Run` does it: a lock, a claim, a row.
        mutating func begin(_ launch: Scheduler.Launch) {
            let name = launch.pipeline
            let isLocked = going.contains { $0.pipeline == name && $0.holdsLock }
            guard !isDatabaseDown, !isLocked else {
                going.append((name, now + 10, .failedForNow(reason: "locked or down"), true, false))
                return
            }
            let length = dice.roll(10) == 0 ? Double(dice.roll(14_400)) : Double(dice.roll(300))
            var ending = Scheduler.Ending.succeeded
            switch dice.roll(20) {
            case 0: ending = .failed(reason: "it broke")
            case 1, 2: ending = .failedForNow(reason: "the source is down")
            default: break
            }
            switch launch.cause {
            case .deadline: deadlineRuns += 1
            case .schedule(let times, let attempt):
                if accounted[name]! >= times.last {
                    guard let last = attempts[name], last.times.last == times.last, !last.hasSucceeded,
                        last.attempt < attempt
                    else {
                        going.append((name, now + 1, .succeeded, true, false))
                        return
                    }
                    attempts[name] = (last.times, attempt, ending == .succeeded)
                } else if dice.roll(50) == 0 {
                    // It ends before it claims anything.
                    going.append((name, now + 1, .failed(reason: "a bad definition"), true, false))
                    return
                } else {
                    let claimed = schedules[name]!.times(after: accounted[name]!, through: times.last)!
                    rows[name, default: []].append(Row(times: claimed, kind: .run, at: now))
                    accounted[name] = claimed.last
                    attempts[name] = (claimed, attempt, ending == .succeeded)
                }
            }
            going.append((name, now + length, ending, true, true))
        }

        mutating func write(_ skip: Scheduler.Skip) {
            guard accounted[skip.pipeline]! < skip.times.last else { return }
            rows[skip.pipeline, default: []].append(
                Row(times: skip.times, kind: .skipped(skip.reason), at: now))
            accounted[skip.pipeline] = skip.times.last
        }

        var known: [String: Scheduler.Accounted] {
            accounted.mapValues { Scheduler.Accounted(until: $0) }.merging(
                attempts.filter { !$0.value.hasSucceeded && $0.value.times.last == accounted[$0.key] }
                    .mapValues {
                        Scheduler.Accounted(
                            until: $0.times.last, failed: ($0.times, $0.attempt, now - Double($0.attempt)))
                    }
            ) { $1 }
        }
    }

    @Test("A year: each time is run, skipped with a reason, or caught up, once", arguments: 1...6)
    func year(seed: Int) throws {
        let start = try Date("2026-01-01T00:00:00Z", strategy: .iso8601)
        let end = try Date("2027-01-01T00:00:00Z", strategy: .iso8601)
        var schedules: [String: Schedule] = [:]
        for (name, times, zone) in SchedulerTests.schedules {
            schedules[name] = try SchedulerTests.schedule(times, zone)
        }
        schedules["jittery"]?.jitterSeconds = 1_200
        var world = World(dice: Dice(seed: UInt64(seed)), schedules: schedules, now: start)
        for name in schedules.keys { world.accounted[name] = start }

        var scheduler: Scheduler? = nil
        var downUntil = start
        var nextTrouble = start + 3_600
        var databaseUntil = start
        while world.now < end {
            if scheduler == nil, world.now >= downUntil, !world.isDatabaseDown {
                var new = Scheduler(atOnce: 3)
                new.define(schedules, accounted: world.known)
                scheduler = new
            }
            for launch in scheduler?.launches(at: world.now) ?? [] { world.begin(launch) }
            let times = [
                scheduler?.nextTime, scheduler == nil ? downUntil : nil,
                world.isDatabaseDown ? databaseUntil : nil, nextTrouble, world.going.map(\.until).min(), end,
            ]
            world.now = max(world.now, times.compactMap(\.self).filter { $0 > world.now }.min()!)

            for going in world.going where going.until <= world.now && going.isHeard {
                guard scheduler != nil else { continue }
                if !world.isDatabaseDown {
                    scheduler?.note(accountedUntil: world.accounted[going.pipeline]!, of: going.pipeline)
                }
                for skip in scheduler?.end(going.pipeline, going.ending, at: world.now) ?? []
                where !world.isDatabaseDown {
                    world.write(skip)
                    scheduler?.note(accountedUntil: skip.times.last, of: skip.pipeline)
                }
                if world.dice.roll(5) == 0, !world.isDatabaseDown {
                    scheduler?.note([
                        Scheduler.Deadline(pipeline: going.pipeline, at: world.now + 60, spacingSeconds: 300)
                    ])
                }
            }
            world.going.removeAll { $0.until <= world.now }
            if world.isDatabaseDown, world.now >= databaseUntil { world.isDatabaseDown = false }
            if world.now >= nextTrouble {
                nextTrouble = world.now + Double(world.dice.roll(200_000))
                switch world.dice.roll(3) {
                case 0:
                    // The scheduler is killed; its runs go on, and nobody hears of their ends.
                    scheduler = nil
                    downUntil = world.now + Double(world.dice.roll(world.dice.roll(4) == 0 ? 500_000 : 5_000))
                    for index in world.going.indices { world.going[index].isHeard = false }
                case 1:
                    world.isDatabaseDown = true
                    databaseUntil = world.now + Double(world.dice.roll(20_000))
                default:
                    scheduler?.define(
                        schedules, accounted: world.isDatabaseDown ? [:] : world.known)
                }
            }
        }

        for (name, schedule) in schedules {
            let rows = (world.rows[name] ?? []).sorted { $0.times.first < $1.times.first }
            var expected: [Date] = []
            var time = start
            while let next = schedule.next(after: time), next <= world.accounted[name]! {
                expected.append(next)
                time = next
            }
            // In order, without a gap and without an overlap: one row for each.
            var index = 0
            for row in rows {
                #expect(row.times.first == expected[index], "\(name)")
                index += row.times.count
                #expect(index <= expected.count && row.times.last == expected[index - 1], "\(name)")
                #expect(row.times.last <= row.at, "\(name): before its time")
                if case .skipped(let reason) = row.kind { #expect(!reason.isEmpty) }
            }
            #expect(index == expected.count, "\(name)")
            // The last of them is as near to the end as downtimes and long runs let it be.
            #expect(world.accounted[name]! > end - 20 * 86_400, "\(name)")
            #expect(
                rows.contains { $0.kind == .run }
                    && (name == "weekly" || rows.contains { $0.times.count > 1 }))
        }
        #expect(world.deadlineRuns > 10)
        let skipped = world.rows.values.joined().filter { $0.kind != .run }
        #expect(skipped.count > 10)
    }

    private func lone(_ change: (inout Schedule) -> Void = { _ in }) throws -> (Scheduler, Date) {
        var schedule = try SchedulerTests.schedule("5 * * * *", "UTC")
        change(&schedule)
        let start = try Date("2026-01-01T10:00:00Z", strategy: .iso8601)
        var scheduler = Scheduler(atOnce: 1)
        scheduler.define(["p": schedule], accounted: ["p": Scheduler.Accounted(until: start)])
        return (scheduler, start)
    }

    @Test func failuresThatMayPassAreTriedAgainAfterLongerAndLongerPauses() throws {
        var (scheduler, start) = try lone { $0.maxAttempts = 4 }
        #expect(scheduler.nextTime == start + 300)
        var now = start + 300
        var pauses: [Double] = []
        for attempt in 1...4 {
            let launch = try #require(scheduler.launches(at: now).first)
            guard case .schedule(let times, attempt) = launch.cause else {
                Issue.record("attempt \(attempt) is \(launch)")
                return
            }
            #expect(times.last == start + 300 && times.count == 1)
            let skips = scheduler.end("p", .failedForNow(reason: "down"), at: now)
            // Nothing has claimed it: with the last attempt it is given up.
            #expect(skips.map(\.reason) == (attempt == 4 ? ["down"] : []))
            let next = try #require(scheduler.nextTime)
            pauses.append(next.timeIntervalSince(now))
            now = next
        }
        #expect(pauses == [10, 20, 40, 3_600 - 70])
    }

    @Test func aLongRunSkipsWhatItOverlapsAndWhatWasMissedIsCaughtUpByOne() throws {
        var (scheduler, start) = try lone()
        _ = scheduler.launches(at: start + 300)
        #expect(scheduler.launches(at: start + 3_900) == [])
        let skips = scheduler.end("p", .succeeded, at: start + 4_000)
        #expect(skips.map(\.times) == [NominalTimes(first: start + 3_900, last: start + 3_900, count: 1)])
        #expect(
            skips[0].reason.hasPrefix("the run of 2026-01-01T10:05:00Z went on until 2026-01-01T11:06:40Z"))
        scheduler.note(accountedUntil: start + 3_900, of: "p")
        // Nobody was there for a day.
        let launch = try #require(scheduler.launches(at: start + 86_400).first)
        #expect(
            launch.cause
                == .schedule(
                    NominalTimes(first: start + 7_500, last: start + 82_800 + 300, count: 22), attempt: 1))
    }

    @Test func whatSomebodyElseHasAccountedForIsNotRunAndNotAskedForAgain() throws {
        var (scheduler, start) = try lone { $0.jitterSeconds = 60 }
        scheduler.note([Scheduler.Deadline(pipeline: "p", at: start + 300, spacingSeconds: 1)])
        #expect(scheduler.launches(at: start + 300).map(\.cause) == [.deadline])
        // Meanwhile another machine runs the time.
        scheduler.note(accountedUntil: start + 300, of: "p")
        #expect(scheduler.end("p", .succeeded, at: start + 310) == [])
        #expect(scheduler.launches(at: start + 400) == [])
        #expect(try #require(scheduler.nextTime) >= start + 3_900)
        // One that it has claimed while ours was going on is not skipped by us, either.
        _ = scheduler.launches(at: start + 3_960)
        scheduler.note(accountedUntil: start + 7_500, of: "p")
        #expect(scheduler.end("p", .succeeded, at: start + 11_400).map(\.times.count) == [1])
    }

    @Test func looksAtADeadlineThatFailAreFewerAndFewer() throws {
        var (scheduler, start) = try lone()
        var now = start + 1
        var pauses: [Double] = []
        for _ in 0..<4 {
            scheduler.note([Scheduler.Deadline(pipeline: "p", at: start + 1, spacingSeconds: 2)])
            let next = try #require(scheduler.nextTime)
            pauses.append(next.timeIntervalSince(now))
            now = next
            #expect(scheduler.launches(at: now).map(\.cause) == [.deadline])
            _ = scheduler.end("p", .failedForNow(reason: "down"), at: now)
        }
        #expect(pauses == [0, 4, 8, 16])
    }

    @Test func deadlinesWakeNoMoreOftenThanTheirSpacing() throws {
        var (scheduler, start) = try lone()
        let deadline = { (at: Double) in
            Scheduler.Deadline(pipeline: "p", at: start + at, spacingSeconds: 60)
        }
        scheduler.note([deadline(30)])
        #expect(scheduler.nextTime == start + 30)
        #expect(scheduler.launches(at: start + 30).map(\.cause) == [.deadline])
        #expect(scheduler.end("p", .succeeded, at: start + 31) == [])
        scheduler.note([deadline(40)])
        #expect(scheduler.nextTime == start + 90)
        scheduler.note([])
        #expect(scheduler.nextTime == start + 300)
        var (silent, _) = try lone { $0.wakesAtDeadlines = false }
        silent.note([deadline(30)])
        #expect(silent.nextTime == start + 300)
    }
}

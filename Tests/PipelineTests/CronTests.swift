import Foundation
import Pipeline
import TestSupport
import Testing

/// Cron expressions against a clock that is read minute by minute, as Vixie's cron reads it.
@Suite
struct CronTests {
    private static func time(_ text: String) -> Date {
        try! Date(text, strategy: .iso8601)
    }

    private func times(_ text: String, after: String, _ count: Int, zone: String = "UTC") throws -> [String] {
        let cron = try CronExpression(text, zone: try #require(TimeZone(identifier: zone)))
        var time = CronTests.time(after)
        return try (0..<count).map { _ in
            time = try #require(cron.next(after: time))
            return time.formatted(.iso8601)
        }
    }

    @Test(
        "Fields, names, steps and nicknames",
        arguments: [
            ("5 * * * *", ["2026-01-31T10:05:00Z", "2026-01-31T11:05:00Z"]),
            ("*/20 9-17/8 * * *", ["2026-01-31T17:00:00Z", "2026-01-31T17:20:00Z"]),
            ("10/25 10 * * *", ["2026-01-31T10:10:00Z", "2026-01-31T10:35:00Z"]),
            ("@hourly", ["2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z"]),
            ("@DAILY", ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"]),
            ("@weekly", ["2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z"]),
            ("@monthly", ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]),
            ("@yearly", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
            ("0 0 29 feb *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            // The 29th of February on a Sunday, or every nth day that is one: with a star both must hold.
            ("0 0 29 2 */7", ["2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"]),
            ("0 0 13 * fri", ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"]),
            ("0 0 * * sat-7", ["2026-02-01T00:00:00Z", "2026-02-07T00:00:00Z"]),
            ("0 12 1,15 jan-mar Mon", ["2026-02-01T12:00:00Z", "2026-02-02T12:00:00Z"]),
        ])
    func fields(_ text: String, _ expected: [String]) throws {
        #expect(try times(text, after: "2026-01-31T10:00:00Z", 2) == expected)
    }

    @Test(
        "Where clocks are set, fixed times come once, others by the clock",
        arguments: [
            // Left out from 02:00 to 03:00 local, which is 01:00Z.
            ("30 2 * * *", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
            ("*/30 2 * * *", "2026-03-28T12:00:00Z", ["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]),
            ("0,30 2 * * *", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]),
            // Shown twice from 02:00 to 03:00 local, from 00:00Z and from 01:00Z.
            ("30 2 * * *", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
            ("30 2-2 * * *", "2026-10-25T00:30:00Z", ["2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"]),
            ("30 * * * *", "2026-10-24T23:59:00Z", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]),
        ])
    func daylightSaving(_ text: String, _ after: String, _ expected: [String]) throws {
        #expect(try times(text, after: after, 2, zone: "Europe/Berlin") == expected)
    }

    @Test(
        "What is no expression is told",
        arguments: [
            ("* * * *", "write five cron fields, as in \"5 * * * *\", or @hourly"),
            ("@reboot", "write five cron fields, as in \"5 * * * *\", or @hourly"),
            ("60 * * * *", "60 is no minute, which is from 0 to 59"),
            ("* * * foo *", "\"foo\" is no month; that is a number, or jan to dec"),
            ("* * 0 * *", "0 is no day of the month, which is from 1 to 31"),
            ("*/0 * * * *", "the step of \"*/0\" is no number above 0"),
            ("1, * * * *", "\"\" is no minute; that is a number"),
            ("-1 * * * *", "\"-1\" is no minute; that is a number"),
            ("* 22-6 * * *", "\"22-6\" ends before it begins; write it as two, as in \"0-6,22-23\""),
            ("* * * * fri-mon", "\"fri-mon\" ends before it begins; write it as two, as in \"0-1,5-6\""),
            ("0 0 30 2 *", "no day is ever so"),
        ])
    func mistakes(_ text: String, _ message: String) {
        #expect(throws: CronError.self) { try CronExpression(text) }
        do {
            _ = try CronExpression(text)
        } catch {
            #expect(error.description == message)
        }
    }

    // MARK: - Against a clock

    /// A random field, and what it allows.
    private struct RandomField {
        var text: String
        var numbers: Set<Int>
        var isStar: Bool

        init(_ range: ClosedRange<Int>, _ dice: inout Dice) {
            func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
            let all = Array(range)
            switch pick(0...6) {
            case 0, 1: (text, numbers, isStar) = ("*", Set(all), true)
            case 2:
                let step = pick(1...max(2, range.count / 2))
                (text, isStar) = ("*/\(step)", true)
                numbers = Set(stride(from: range.lowerBound, through: range.upperBound, by: step))
            case 3:
                let (first, step) = (pick(range), pick(1...10))
                (text, isStar) = ("\(first)/\(step)", false)
                numbers = Set(stride(from: first, through: range.upperBound, by: step))
            case 4:
                let ends = [pick(range), pick(range)].sorted()
                (text, numbers, isStar) = ("\(ends[0])-\(ends[1])", Set(ends[0]...ends[1]), false)
            default:
                let some = (0..<pick(1...4)).map { _ in pick(range) }
                (text, numbers, isStar) = (some.map(String.init).joined(separator: ","), Set(some), false)
            }
        }
    }

    /// What a clock on a wall shows at each minute (UTC) of some days.
    private struct Clock {
        struct Reading {
            let time: Date
            /// Minutes on the wall.
            let wall: Int
            let parts: DateComponents
        }
        let readings: [Reading]

        init(zone: TimeZone, from: Date, days: Int) {
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = zone
            readings = (0..<days * 1_440).map { minute in
                let time = from.addingTimeInterval(Double(minute) * 60)
                let parts = calendar.dateComponents([.minute, .hour, .day, .month, .weekday], from: time)
                return Reading(
                    time: time,
                    wall: Int(time.timeIntervalSince1970) / 60 + zone.secondsFromGMT(for: time) / 60,
                    parts: parts)
            }
        }
    }

    /// At most as many days as hold a setting of the clock, on either side.
    private static let clocks: [(zone: TimeZone, clock: Clock)] = [
        ("UTC", "2026-02-27T00:00:00Z"), ("Europe/Berlin", "2026-03-28T00:00:00Z"),
        ("Europe/Berlin", "2026-10-24T00:00:00Z"), ("America/New_York", "2026-03-07T00:00:00Z"),
        ("America/New_York", "2026-10-31T12:00:00Z"), ("Australia/Lord_Howe", "2026-04-03T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-02T12:00:00Z"), ("America/Sao_Paulo", "2018-11-03T00:00:00Z"),
        ("Asia/Kathmandu", "2026-12-30T00:00:00Z"),
    ].map { name, start in
        let zone = TimeZone(identifier: name)!
        return (zone, Clock(zone: zone, from: time(start), days: 4))
    }

    @Test(
        "Random expressions around settings of clocks come when a daemon that looks at the clock would run them"
    )
    func againstAClock() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(seed: seed)
        for _ in 0..<2_000 {
            let (zone, clock) = CronTests.clocks.randomElement(using: &dice)!
            let fields = [0...59, 0...23, 1...31, 1...12, 0...6].map { RandomField($0, &dice) }
            let text = fields.map(\.text).joined(separator: " ")
            guard let cron = try? CronExpression(text, zone: zone) else { continue }
            let expected = run(fields, clock)
            var found: [Date] = []
            var time = clock.readings[0].time
            while let next = cron.next(after: time), next <= clock.readings.last!.time {
                found.append(next)
                time = next
            }
            #expect(found == expected, "\(text) in \(zone.identifier), seed \(seed)")
        }
    }

    /// Where Python has croniter; `PYTHONPATH` may say where that is.
    private static let hasCroniter =
        (try? Shell.run(
            "/usr/bin/env", ["python3", "-c", "import croniter"], in: "/", ProcessInfo.processInfo.environment
        ).status) == 0

    @Test("1,000 random expressions and times agree with croniter", .enabled(if: CronTests.hasCroniter))
    func againstCroniter() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(seed: seed)
        let zones = ["UTC", "UTC", "Asia/Kathmandu", "Asia/Tokyo"]
        var lines: [String] = []
        while lines.count < 1_000 {
            let zone = zones.randomElement(using: &dice)!
            let fields = [0...59, 0...23, 1...31, 1...12, 0...6].map { RandomField($0, &dice) }
            var texts = fields.map(\.text)
            // croniter takes a range of one number for all numbers.
            guard !texts.contains(where: { $0.wholeMatch(of: #/(\d+)-\1/#) != nil }) else { continue }
            // Names where a number stands alone.
            if let month = Int(texts[3]) { texts[3] = ["Jan", "FEB", "mar"][safe: month - 1] ?? texts[3] }
            if let day = Int(texts[4]) { texts[4] = ["SUN", "mon", "Tue"][safe: day] ?? texts[4] }
            let nicknames = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"]
            let text =
                dice.chance(0.02) ? nicknames.randomElement(using: &dice)! : texts.joined(separator: " ")
            guard let cron = try? CronExpression(text, zone: TimeZone(identifier: zone)!) else { continue }
            let start = Int.random(in: 1_577_836_800...1_893_456_000, using: &dice)
            var (times, time): ([Int], Date) = ([], Date(timeIntervalSince1970: Double(start)))
            while times.count < 4, let next = cron.next(after: time) {
                times.append(Int(next.timeIntervalSince1970))
                time = next
            }
            // croniter looks no further than fifty years.
            guard times.last! < start + 1_000_000_000 else { continue }
            lines.append(([text, zone, "\(start)"] + times.map(String.init)).joined(separator: "\t"))
        }
        let project = try TemporaryProject()
        try project.write("lines", lines.joined(separator: "\n") + "\n")
        let check = "\(TestData.repository)/Tests/PipelineTests/Fixtures/croniter_check.py"
        let outcome = try Shell.run(
            "/bin/sh", ["-c", "python3 '\(check)' < lines"], in: project.directory,
            ProcessInfo.processInfo.environment)
        #expect(outcome.status == 0 && outcome.out == "", "seed \(seed): \(outcome.out)\(outcome.error)")
    }

    /// A daemon that wakes each minute, and sees when the clock was set.
    private func run(_ fields: [RandomField], _ clock: Clock) -> [Date] {
        func matches(_ parts: DateComponents) -> Bool {
            let (day, weekday) = (
                fields[2].numbers.contains(parts.day!), fields[4].numbers.contains(parts.weekday! - 1)
            )
            return fields[0].numbers.contains(parts.minute!) && fields[1].numbers.contains(parts.hour!)
                && fields[3].numbers.contains(parts.month!)
                && (fields[2].isStar || fields[4].isStar ? day && weekday : day || weekday)
        }
        let isFixed = !fields[0].isStar && !fields[1].isStar
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = CronExpression.utc
        var runs: [Date] = []
        var latest = clock.readings[0].wall
        for reading in clock.readings.dropFirst() {
            var runsNow = matches(reading.parts)
            if isFixed {
                // What the clock left out runs now; what it shows again does not.
                for missed in (latest + 1..<max(latest + 1, reading.wall)) {
                    let wall = Date(timeIntervalSince1970: Double(missed) * 60)
                    runsNow =
                        runsNow
                        || matches(
                            calendar.dateComponents([.minute, .hour, .day, .month, .weekday], from: wall))
                }
                runsNow = runsNow && reading.wall > latest
                latest = max(latest, reading.wall)
            }
            if runsNow { runs.append(reading.time) }
        }
        return runs
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

import Events
import Foundation

/// The times of a cron expression in a time zone: five fields (minute, hour, day of the month, month, day of the week), or
/// `@hourly` and its kin.
///
/// As in Vixie's cron: where both days are restricted, either is enough; and where the clock is set forward or back by
/// less than three hours, an expression of fixed times (no star begins its minute or hour) runs each of them once: those
/// that the clock left out when it was set, those that it shows twice the first time. All others go by the clock.
package struct CronExpression: Sendable, Equatable {
    private let minute: CronField
    private let hour: CronField
    private let dayOfMonth: CronField
    private let month: CronField
    private let dayOfWeek: CronField
    private let zone: TimeZone

    private static let nicknames = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// - Throws: `CronError`; also for what never comes, as the 30th of February.
    package init(_ text: String, zone: TimeZone = CronExpression.utc) throws(CronError) {
        let written = text.trimmingCharacters(in: .whitespaces)
        let expression = CronExpression.nicknames[written.lowercased()] ?? written
        let fields = expression.split { $0 == " " || $0 == "\t" }
        guard fields.count == 5 else {
            throw CronError("write five cron fields, as in \"5 * * * *\", or @hourly")
        }
        minute = try CronField(fields[0], .minute)
        hour = try CronField(fields[1], .hour)
        dayOfMonth = try CronField(fields[2], .dayOfMonth)
        month = try CronField(fields[3], .month)
        dayOfWeek = try CronField(fields[4], .dayOfWeek)
        self.zone = zone
        // Leap days of all days of the week come within forty years.
        guard nextWall(from: 0) != nil else { throw CronError("no day is ever so") }
    }

    package static let utc = TimeZone(secondsFromGMT: 0)!

    private var isFixed: Bool { !minute.isStar && !hour.isStar }

    /// Clocks that are set by more than this show another time, not the same time otherwise.
    private static let mostSet: Int64 = 3 * 3_600

    /// The first time after a time; whole minutes. Nil beyond the year 9999.
    package func next(after time: Date) -> Date? {
        let after = Int64(time.timeIntervalSince1970.rounded(.down))
        return (isFixed ? nextFixed(after: after) : nextByClock(after: after))
            .map { Date(timeIntervalSince1970: TimeInterval($0)) }
    }

    // MARK: - Clocks that are set

    /// Goes from one setting of the clock to the next; between them it shows each time once.
    private func nextByClock(after: Int64) -> Int64? {
        var start = after + 1
        while start < CronExpression.end {
            let offset = offset(at: start)
            let setting = nextSetting(after: start)
            if let wall = nextWall(from: start + offset), setting.map({ wall - offset < $0 }) ?? true {
                return wall - offset
            }
            guard let setting else { return nil }
            start = setting
        }
        return nil
    }

    /// Goes through the times on the wall.
    private func nextFixed(after: Int64) -> Int64? {
        var wall = after + offset(at: after) - CronExpression.mostSet
        while let next = nextWall(from: wall) {
            if let time = instant(ofWall: next), time > after { return time }
            wall = next + 60
        }
        return nil
    }

    /// When a clock on the wall shows a time, the first time; or, where it leaves it out, when it is set.
    private func instant(ofWall wall: Int64) -> Int64? {
        // Of the offsets around that time the larger shows it first.
        let offsets = Set([offset(at: wall - 86_400), offset(at: wall), offset(at: wall + 86_400)]).sorted(
            by: >)
        if let shown = offsets.first(where: { offset(at: wall - $0) == $0 }) { return wall - shown }
        guard let before = offsets.last, let setting = nextSetting(after: wall - before - 86_400) else {
            return nil
        }
        let gap = offset(at: setting) - offset(at: setting - 1)
        return gap < CronExpression.mostSet ? setting : nil
    }

    private func offset(at time: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(time))))
    }

    /// The next time at which the clock is set; nil where it never is.
    private func nextSetting(after time: Int64) -> Int64? {
        var after = Date(timeIntervalSince1970: TimeInterval(time))
        while let next = zone.nextDaylightSavingTimeTransition(after: after), next > after {
            let setting = Int64(next.timeIntervalSince1970)
            // A zone may change its name alone.
            if offset(at: setting) != offset(at: setting - 1) { return setting }
            after = next
        }
        return nil
    }

    // MARK: - The clock on the wall

    /// The end of the year 9999, in seconds since 1970.
    private static let end: Int64 = 253_402_300_800
    private static let daysSearched: Int32 = 40 * 366

    /// The first time that the expression means on a clock on the wall, at or after another; in seconds since 1970 on that
    /// clock.
    private func nextWall(from wall: Int64) -> Int64? {
        let firstMinute = (wall + 59).flooredQuotient(by: 60)
        let firstDay = Int32(clamping: firstMinute.flooredQuotient(by: 1_440))
        for day in firstDay...firstDay + CronExpression.daysSearched where allows(day: day) {
            let from = day == firstDay ? Int(firstMinute - Int64(firstDay) * 1_440) : 0
            if let minute = nextMinute(from: from) { return (Int64(day) * 1_440 + Int64(minute)) * 60 }
        }
        return nil
    }

    private func allows(day number: Int32) -> Bool {
        let day = CalendarDay(daysSinceEpoch: number)
        guard month.contains(day.month) else { return false }
        // 1970 began on a Thursday.
        let weekday = Int((Int64(number) + 4) - (Int64(number) + 4).flooredQuotient(by: 7) * 7)
        let (isDay, isWeekday) = (dayOfMonth.contains(day.day), dayOfWeek.contains(weekday))
        return dayOfMonth.isStar || dayOfWeek.isStar ? isDay && isWeekday : isDay || isWeekday
    }

    /// The minute of a day, at or after another.
    private func nextMinute(from first: Int) -> Int? {
        for hour in first / 60..<24 where self.hour.contains(hour) {
            let from = hour == first / 60 ? first % 60 : 0
            if let minute = (from..<60).first(where: { minute.contains($0) }) { return hour * 60 + minute }
        }
        return nil
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

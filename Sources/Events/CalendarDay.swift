/// A day of the Gregorian calendar, carried back before its introduction. The arithmetic is Howard Hinnant's:
/// https://howardhinnant.github.io/date_algorithms.html
package struct CalendarDay: Comparable, Hashable, Sendable, CustomStringConvertible {
    package let daysSinceEpoch: Int32
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int

    /// Days since 1970-01-01; every number is a day, those before the year 1 too.
    package init(daysSinceEpoch: Int32) {
        // Years that begin on 1 March end with their leap day; 400 of them, an era, are 146,097 days.
        let days = Int(daysSinceEpoch) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        self.daysSinceEpoch = daysSinceEpoch
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Nil where the calendar has no such day, or the year is not 1 to 9999.
    package init?(year: Int, month: Int, day: Int) {
        guard let days = Self.daysSinceEpoch(year: year, month: month, day: day) else { return nil }
        daysSinceEpoch = Int32(days)
        self.year = year
        self.month = month
        self.day = day
    }

    @inline(__always)
    static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int? {
        guard year >= 1, year <= 9999, month >= 1, month <= 12, day >= 1 else { return nil }
        if day > 28 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let last = month == 2 ? (isLeap ? 29 : 28) : 30 + (month ^ month >> 3) & 1
            guard day <= last else { return nil }
        }
        let monthFromMarch = month > 2 ? month &- 3 : month &+ 9
        let marchYear = month > 2 ? year : year &- 1
        let century = marchYear / 100
        let daysBeforeYear = marchYear &* 365 &+ marchYear >> 2 &- century &+ century >> 2
        return daysBeforeYear &+ (153 &* monthFromMarch &+ 2) / 5 &+ day &- 719_469
    }

    /// `2026-11-21`.
    package var description: String {
        text(separator: UInt8(ascii: "-"))
    }

    /// `20261121`.
    package var compact: String {
        text(separator: nil)
    }

    private func text(separator: UInt8?) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            var text = DigitWriter(buffer)
            text.write(self, separator: separator)
            return text.count
        }
    }

    package static func < (left: CalendarDay, right: CalendarDay) -> Bool {
        left.daysSinceEpoch < right.daysSinceEpoch
    }
}

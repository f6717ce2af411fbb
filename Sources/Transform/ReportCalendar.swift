import Foundation
import Postgres

/// By whose clocks the dimensions tell of local time, and how days and months are called there.
///
/// The names come from here: the server need not know the language. What day it is somewhere it reckons itself, for its
/// calendar is the same before 1582.
package struct ReportCalendar: Sendable, Equatable {
    package let timeZone: String
    package let locale: String

    /// - Parameters:
    ///   - timeZone: as IANA names it; nil: UTC.
    ///   - locale: as in `de_DE`; nil: English.
    package init(timeZone: String? = nil, locale: String? = nil) {
        self.timeZone = timeZone ?? "UTC"
        self.locale = locale ?? "en"
    }

    /// Writes it to `daybook.calendar`, and has the dimensions described by it where it is another than before.
    ///
    /// - Throws: `TransformError` where the server does not know the zone.
    func define(_ connection: Connection) throws {
        let changed = try connection.query(
            """
            UPDATE daybook.calendar
            SET time_zone = $1, locale = $2, weekday_names = $3::text[], month_names = $4::text[],
                weekend = $5::integer[]
            WHERE (time_zone, locale, weekday_names, month_names, weekend)
                IS DISTINCT FROM ($1, $2, $3::text[], $4::text[], $5::integer[])
            """, [timeZone, locale, weekdayNames, monthNames, weekend.map(String.init)]
        ).affectedRows
        guard changed > 0 else { return }
        do {
            // In a savepoint: what the server says of the zone is said in other words.
            _ = try connection.transaction {
                try connection.query("SELECT now() AT TIME ZONE $1", [timeZone])
            }
        } catch let error as PostgresError where error.kind == .refused && !error.isCancelled {
            throw TransformError(
                file: "pipelines/project.jsonc",
                message: "time_zone is \"\(timeZone)\", which the server does not know: \(error.message); "
                    + "SELECT name FROM pg_timezone_names lists those that it knows")
        }
        try connection.query("SELECT daybook.describe_again()", action: "describe days and hours")
    }

    /// From Monday.
    private var weekdayNames: [String] {
        let names = formatter.standaloneWeekdaySymbols
        return Array(names.dropFirst() + names.prefix(1))
    }

    private var monthNames: [String] { formatter.standaloneMonthSymbols }

    /// 1 for Monday to 7 for Sunday.
    private var weekend: [Int] {
        var calendar = Calendar(identifier: .gregorian)
        calendar.locale = Locale(identifier: locale)
        calendar.timeZone = .gmt
        // 1970-01-05 was a Monday.
        return (1...7).filter {
            calendar.isDateInWeekend(Date(timeIntervalSince1970: Double($0 + 3) * 86_400 + 43_200))
        }
    }

    private var formatter: DateFormatter {
        let formatter = DateFormatter()
        formatter.calendar = Calendar(identifier: .gregorian)
        formatter.locale = Locale(identifier: locale)
        return formatter
    }
}

import Events
import Testing

@Suite struct TimeFormatTests {
    @Test(arguments: [
        // Python's strptime
        ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:10:11:12 +0200", 1_795_248_672_000_000),
        ("%Y-%m-%d %H:%M:%S,%f", "2026-11-21 10:11:12,123", 1_795_255_872_123_000),
        ("%m/%d/%y %I:%M %p", "02/29/24 12:05 AM", 1_709_165_100_000_000),
        ("%m/%d/%y %I:%M %p", "02/28/69 12:05 PM", -26_481_300_000_000),
        ("%Y-%j", "2024-366", 1_735_603_200_000_000),
        ("%a, %d %b %Y %H:%M:%S %z", "Sat, 21 Nov 2026 10:11:12 -0330", 1_795_268_472_000_000),
        ("%A %d %B %Y", "Saturday 21 NOVEMBER 2026", 1_795_219_200_000_000),
        ("%Y%m%d%H%M%S", "20261121101112", 1_795_255_872_000_000),
        ("%m/%d/%y", "01/02/68", 3_092_688_000_000_000),
        // the rest of the letters, each on that Saturday
        ("%F %T", "2026-11-21 10:11:12", 1_795_255_872_000_000),
        ("%FT%TZ", "2026-11-21T10:11:12Z", 1_795_255_872_000_000),
        ("%D %R", "11/21/26 10:11", 1_795_255_860_000_000),
        ("%e %h %Y", "21 nov 2026", 1_795_219_200_000_000),
        ("%b %e %Y", "Nov  1 2026", 1_793_491_200_000_000),
        ("%b%e, %Y", "Nov 1, 2026", 1_793_491_200_000_000),
        ("%d.%m.%Y", "1.11.2026", 1_793_491_200_000_000),
        ("%p %I %F", "pm 1 2026-11-21", 1_795_266_000_000_000),
        ("%F %T.%f", "2026-11-21 10:11:12.1234569999", 1_795_255_872_123_456),
        ("%F %f", "2026-11-21 5", 1_795_219_200_500_000),
        ("%F %T %Z", "2026-11-21 10:11:12 UTC", 1_795_255_872_000_000),
        ("%F %T %Z", "2026-11-21 10:11:12 gmt", 1_795_255_872_000_000),
        ("%F %T%Z", "2026-11-21 10:11:12Z", 1_795_255_872_000_000),
        ("%F %T%z", "2026-11-21 10:11:12Z", 1_795_255_872_000_000),
        ("%F %T%z", "2026-11-21 12:11:12+02:00", 1_795_255_872_000_000),
        ("%F %T%z", "2026-11-21 08:11:12-02", 1_795_255_872_000_000),
        ("%z %F", "+02 2026-11-21", 1_795_212_000_000_000),
        ("%F %H:%M", "2026-11-20 24:00", 1_795_219_200_000_000),
        ("%F %T", "2026-11-20 23:59:60", 1_795_219_200_000_000),
        ("%Y %j", "2026 325", 1_795_219_200_000_000),
        ("%Y %j", "2026 1", 1_767_225_600_000_000),
        ("%Y %m %d %j", "2026 99 99 325", 1_795_219_200_000_000),
        ("%s", "1795255872", 1_795_255_872_000_000),
        ("[%s.%f]", "[1795255872.25]", 1_795_255_872_250_000),
        ("%s.%f", "-1.5", -1_500_000), ("%s.%f", "-0.0000001", -1), ("%s.%f", "-2.0", -2_000_000),
        ("%s %F", "7 2026-11-21", 7_000_000),
        // white space and literals
        ("%F %T", "2026-11-21    10:11:12", 1_795_255_872_000_000),
        ("%F  %T", "2026-11-21 10:11:12", 1_795_255_872_000_000),
        ("%F%n%T", "2026-11-21\t \r\n10:11:12", 1_795_255_872_000_000),
        ("%F %t %T", "2026-11-21 \t10:11:12", 1_795_255_872_000_000),
        ("%F\t%T", "2026-11-21\t10:11:12", 1_795_255_872_000_000),
        ("100%% %Yé%m→%d", "100% 2026é11→21", 1_795_219_200_000_000),
    ])
    func reads(pattern: String, text: String, microseconds: Int64) throws {
        #expect(try parse(text, pattern) == Timestamp(microseconds: microseconds))
    }

    @Test(arguments: [
        ("%F", ""), ("%F", "2026-11-21 "), ("%F", " 2026-11-21"), ("%F", "2026-11-2x"), ("%F", "2026-11-31"),
        ("%F", "0000-11-21"), ("%F", "2026-13-01"), ("%F", "026-11-21"), ("%F", "2026/11/21"),
        ("%F %T", "2026-11-21"),
        ("%F %T", "2026-11-2110:11:12"), ("%F %T", "2026-11-21\t10:11:12"), ("%F %T", "2026-11-21 24:00:01"),
        ("%F %T", "2026-11-21 10:60:00"), ("%F %T", "2026-11-21 10:11:61"), ("%F %I %p", "2026-11-21 0 am"),
        ("%F %I %p", "2026-11-21 13 am"), ("%F %I %p", "2026-11-21 1 xm"), ("%F %I %p", "2026-11-21 1 p"),
        ("%F%n%T", "2026-11-2110:11:12"), ("%F %f", "2026-11-21 "), ("%F %f", "2026-11-21 .5"),
        ("%F %z", "2026-11-21 0200"), ("%F %z", "2026-11-21 +19:00"), ("%F %z", "2026-11-21 +02:60"),
        ("%F %Z", "2026-11-21 CET"), ("%F %Z", "2026-11-21 UTC+1"), ("%F %Z", "2026-11-21 "),
        ("%Y %j", "2026 0"), ("%Y %j", "2026 366"), ("%Y %j", "0000 1"), ("%Y %j", "2026 x"),
        ("%d %b %Y", "21 Nev 2026"), ("%d %b %Y", "21 No 2026"), ("%d %b %Y", "21 Novem 2026"),
        ("%a %F", "Son 2026-11-21"), ("%s", ""), ("%s", "-"), ("%s", "+1"), ("%s", "1.5"),
        ("%s", "253402300800"),
        ("%s", "-62135596801"), ("%s", "99999999999999999999999999"), ("%F %z", "0001-01-01 +01"),
    ])
    func rejects(pattern: String, text: String) throws {
        #expect(try parse(text, pattern) == nil)
    }

    @Test func everyMonthAndWeekdayHasItsName() throws {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ]
        for (index, name) in months.enumerated() {
            let expected = CalendarDay(year: 2026, month: index + 1, day: 7)?.daysSinceEpoch
            #expect(try parse("7 \(name) 2026", "%d %b %Y")?.day == expected)
            #expect(try parse("7 \(name.prefix(3).uppercased()) 2026", "%d %B %Y")?.day == expected)
        }
        for name in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] {
            #expect(try parse("\(name) 2026-11-21", "%a %F") != nil)
            #expect(try parse("\(name.prefix(3)) 2026-11-21", "%A %F") != nil)
        }
    }

    @Test func yearsOfTwoDigitsAreThoseOfPOSIX() throws {
        for (text, year) in [("00", 2000), ("68", 2068), ("69", 1969), ("99", 1999)] {
            #expect(
                try parse("\(text)-01-01", "%y-%m-%d")?.day
                    == CalendarDay(year: year, month: 1, day: 1)?.daysSinceEpoch)
        }
    }

    @Test func aZoneIsForTimesWithoutOne() throws {
        let zone = try #require(TimeZoneRules(identifier: "Europe/Berlin"))
        #expect(try parse("2026-07-15 12", "%F %H", zone: zone) == Timestamp("2026-07-15T10:00Z"))
        #expect(try parse("2026-01-15 12", "%F %H", zone: zone) == Timestamp("2026-01-15T11:00Z"))
        #expect(try parse("2026-07-15 12Z", "%F %H%z", zone: zone) == Timestamp("2026-07-15T12:00Z"))
        #expect(try parse("7", "%s", zone: zone) == Timestamp("1970-01-01T00:00:07Z"))
    }

    @Test(
        arguments: [
            (
                "%Y-%m-%q", 7,
                """
                time format "%Y-%m-%q" at character 7: %q is not known; known are %Y %y %m %d %e %H %I %p %M \
                %S %f %j %b %B %h %a %A %z %Z %s %T %D %F %R %n %t, and %% for a percent sign
                """
            ),
            (
                "é%T%", 4,
                """
                time format "é%T%" at character 4: the % has no letter after it; a percent sign is \
                written %%
                """
            ),
            (
                "%F %I:%M", 4,
                """
                time format "%F %I:%M" at character 4: %I, an hour of twelve, needs %p beside it; an hour of \
                twenty-four is %H
                """
            ),
            (
                "%Y-%m", nil,
                """
                time format "%Y-%m": this tells no date: it lacks a day (%d); a date is year, month and day, \
                year and %j, or %s
                """
            ),
        ] as [(String, Int?, String)])
    func tellsWhatIsWrong(pattern: String, position: Int?, message: String) throws {
        let error = try #require(throws: TimeFormatError.self) { try TimeFormat(pattern, zone: nil) }
        #expect(error.position == position)
        #expect(error.description == message)
    }

    @Test(arguments: [
        ("", "a year (%Y or %y)"), ("%T", "a year (%Y or %y)"), ("%m-%d", "a year (%Y or %y)"),
        ("%j", "a year (%Y or %y)"), ("%Y", "a month (%m or %b)"), ("%y %d", "a month (%m or %b)"),
        ("%Y %b %H", "a day (%d)"), ("%%Y%%m%%d", "a year (%Y or %y)"),
    ])
    func needsADate(pattern: String, missing: String) throws {
        let error = try #require(throws: TimeFormatError.self) { try TimeFormat(pattern, zone: nil) }
        #expect(error.reason == .noDate(missing: missing))
        #expect(error.position == nil)
    }

    @Test func everyStartOfATimeIsReadWithinItsBounds() throws {
        let format = try TimeFormat("%a %d %B %Y %I:%M:%S.%f %p %z", zone: nil)
        let bytes = Array("Sat 21 November 2026 10:11:12.123456789 PM +02:00".utf8)
        for count in 0...bytes.count {
            // A copy of its own, so that a read behind it is one that the checks for memory see.
            let isRead = Array(bytes[..<count]).withUnsafeBufferPointer { format.parse($0) != nil }
            #expect(isRead == [bytes.count, bytes.count - 3].contains(count))
        }
    }
}

private func parse(_ text: String, _ pattern: String, zone: TimeZoneRules? = nil) throws -> Timestamp? {
    let format = try TimeFormat(pattern, zone: zone)
    return Array(text.utf8).withUnsafeBufferPointer { format.parse($0) }
}

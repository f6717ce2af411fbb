import Events
import Foundation
import Testing

/// The numbers in the tables marked "Python" are from its `datetime` and `zoneinfo`.
@Suite struct TimestampTests {
    @Test(arguments: [
        // Python
        ("2026-11-21T10:11:12Z", 1_795_255_872_000_000),
        ("2026-01-02T03:04:05.123+00:00", 1_767_323_045_123_000),
        ("2024-02-29T23:59:59.999999+00:00", 1_709_251_199_999_999),
        ("0001-01-01T00:00:00+00:00", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999+00:00", 253_402_300_799_999_999),
        ("1969-12-31T23:59:59.500000+00:00", -500_000),
        ("1900-03-01T00:00:00-18:00", -2_203_826_400_000_000),
        ("2026-06-15T12:30:00+05:30", 1_781_506_800_000_000),
        ("2000-02-29T00:00:00-03:30", 951_795_000_000_000),
        ("1582-10-10T12:00:00+00:00", -12_219_681_600_000_000),
        ("2038-01-19T03:14:08+00:00", 2_147_483_648_000_000),
        // other ways to write the first of them
        ("2026-11-21T10:11:12", 1_795_255_872_000_000),
        ("2026-11-21 10:11:12", 1_795_255_872_000_000),
        ("2026-11-21t10:11:12z", 1_795_255_872_000_000),
        ("2026-11-21 10:11:12+00", 1_795_255_872_000_000),
        ("2026-11-21 12:11:12 +0200", 1_795_255_872_000_000),
        ("2026-11-21 10:11:12 Z", 1_795_255_872_000_000),
        ("2026-11-21T00:11:12-10", 1_795_255_872_000_000),
        ("2026-11-22T04:11:12+18:00", 1_795_255_872_000_000),
        // fractions of every length
        ("2026-11-21T10:11:12.1Z", 1_795_255_872_100_000),
        ("2026-11-21T10:11:12,12Z", 1_795_255_872_120_000),
        ("2026-11-21T10:11:12.1234", 1_795_255_872_123_400),
        ("2026-11-21T10:11:12.12345", 1_795_255_872_123_450),
        ("2026-11-21T10:11:12.1234569", 1_795_255_872_123_456),
        ("2026-11-21T10:11:12.12345699Z", 1_795_255_872_123_456),
        ("2026-11-21T10:11:12.1234569999999999999999999+00", 1_795_255_872_123_456),
        ("1969-12-31T23:59:59.9999999Z", -1),
        // minutes, days, and the ends of both
        ("2026-11-21T10:11", 1_795_255_860_000_000),
        ("2026-11-21 10:11Z", 1_795_255_860_000_000),
        ("2026-11-21T10:11+00:00", 1_795_255_860_000_000),
        ("2026-11-21", 1_795_219_200_000_000),
        ("2026-11-20T24:00", 1_795_219_200_000_000),
        ("2026-11-20T24:00:00.000Z", 1_795_219_200_000_000),
        ("2026-11-20T23:59:60Z", 1_795_219_200_000_000),
        ("2026-11-21T10:10:60.5Z", 1_795_255_860_500_000),
    ])
    func readsISO(text: String, microseconds: Int64) {
        #expect(parse(text) == Timestamp(microseconds: microseconds))
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("1", 1_000_000), ("-1", -1_000_000), ("0000000000001", 1_000_000),
        ("1700000000", 1_700_000_000_000_000), ("1700000000.5", 1_700_000_000_500_000),
        ("-1.5", -1_500_000), ("1.0000019", 1_000_001), ("-1.0000019", -1_000_002), ("-0.0000001", -1),
        ("0.00000099999", 0), ("-1.00000000000000000000000000000001", -1_000_001),
        // on both sides of each unit
        ("99999999999", 99_999_999_999_000_000), ("100000000000", 100_000_000_000_000),
        ("99999999999999", 99_999_999_999_999_000), ("100000000000000", 100_000_000_000_000),
        ("99999999999999999", 99_999_999_999_999_999), ("100000000000000000", 100_000_000_000_000),
        ("1700000000123", 1_700_000_000_123_000), ("1700000000123.4567", 1_700_000_000_123_456),
        ("1700000000123456", 1_700_000_000_123_456), ("1700000000123456789", 1_700_000_000_123_456),
        ("-1700000000123", -1_700_000_000_123_000), ("-100000000000000001", -100_000_000_000_001),
        ("9223372036854775807", 9_223_372_036_854_775), ("9223372036854775807.9", 9_223_372_036_854_775),
        ("-9223372036854775807", -9_223_372_036_854_776),
        // exponents
        ("1.7e9", 1_700_000_000_000_000), ("1.7E+9", 1_700_000_000_000_000), ("17e8", 1_700_000_000_000_000),
        ("1700000000000000e-6", 1_700_000_000_000_000), ("1.700000000123e12", 1_700_000_000_123_000),
        ("1e-7", 0), ("-1e-7", -1), ("-1e-400", -1), ("0e99999999999999999999999", 0), ("-0.0e5", 0),
        ("5e-99999999999999999999999", 0), ("0.00000000000000000000000017e34", 1_700_000_000_000_000),
    ])
    func readsEpoch(text: String, microseconds: Int64) {
        #expect(parse(text) == Timestamp(microseconds: microseconds))
    }

    @Test(arguments: [
        "", " ", "-", "+", ".", "e", "yesterday", "2026-", "2026-1-2", "2026-11", "26-11-21", "2026-11-2",
        "2026/11/21", "2026-11-21T", "2026-11-21T10", "2026-11-21T10:", "2026-11-21T10:1",
        "2026-11-21T10:11:",
        "2026-11-21T10:11:1", "2026-11-21T10:11:12.", "2026-11-21T10:11:12,Z", "2026-11-21T10:11.5",
        "2026-11-21Z", "2026-11-21 ", " 2026-11-21", "2026-11-21T10:11:12Z ", "2026-11-21T10:11:12  Z",
        "2026-11-21  10:11:12", "2026-11-21T10:11:12ZZ", "2026-11-21T10:11:12+", "2026-11-21T10:11:12+2",
        "2026-11-21T10:11:12+020", "2026-11-21T10:11:12+02:", "2026-11-21T10:11:12+02:0",
        "2026-11-21T10:11:12+02:00:00", "2026-11-21T10:11:12+18:01", "2026-11-21T10:11:12-19",
        "2026-11-21T10:11:12+01:60", "2026-11-21T10:11:12 UTC", "2026-11-21T10:11:12\0",
        "0000-01-01", "2026-00-01", "2026-13-01", "2026-11-00", "2026-11-31", "2026-04-31", "2026-01-32",
        "2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30", "2026-11-21T24:00:01", "2026-11-21T24:01",
        "2026-11-21T24:00:00.1", "2026-11-21T25:00", "2026-11-21T10:60", "2026-11-21T10:11:61",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T24:00", "9999-12-31T23:59:60Z",
        "+1", "1.", ".5", "1e", "1e+", "1.e5", "1-", "--1", "1 ", " 1", "1e5.5", "1,5", "0x10", "1_000", "１２",
        "9223372036854775808", "-9223372036854775808", "10000000000000000000", "1e19", "1e400",
        "-62135596801", "-99999999999", "-99999999999999999",
    ])
    func rejects(text: String) {
        #expect(parse(text) == nil)
    }

    @Test func longNumbersNeitherTrapNorWrap() {
        let long = String(repeating: "9", count: 400)
        #expect(parse(long) == nil)
        #expect(parse("-" + long) == nil)
        #expect(parse("1e" + long) == nil)
        #expect(parse("1." + long) == Timestamp(microseconds: 1_999_999))
        #expect(parse("-1." + long) == Timestamp(microseconds: -2_000_000))
        #expect(parse(String(repeating: "0", count: 400) + "7") == Timestamp(microseconds: 7_000_000))
        #expect(
            parse("7" + String(repeating: "0", count: 400) + "e-400") == Timestamp(microseconds: 7_000_000))
        #expect(parse("2026-11-21T10:11:12." + long) == Timestamp("2026-11-21T10:11:12.999999Z"))
        #expect(parse("2026-11-21T10:11:12+" + long) == nil)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (1_795_255_872_000_000, "2026-11-21T10:11:12Z"), (1_795_255_872_120_000, "2026-11-21T10:11:12.12Z"),
        (1_795_255_872_000_001, "2026-11-21T10:11:12.000001Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        (Int64.max, "294247-01-10T04:00:54.775807Z"), (Int64.min, "-290308-12-21T19:59:05.224192Z"),
    ])
    func describes(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    @Test func whatIsDescribedIsReadBack() {
        for _ in 0..<20_000 {
            var time = Timestamp(microseconds: .random(in: -62_135_596_800_000_000...253_402_300_799_999_999))
            if Bool.random() { time.microseconds -= time.microseconds % 1_000 }
            #expect(parse(time.description) == time)
        }
    }

    /// The most frequent form is read by a way of its own.
    @Test func anOffsetOfZeroIsTheSameAsZ() {
        for _ in 0..<20_000 {
            let time = Timestamp(microseconds: .random(in: -62_135_596_800_000_000...253_402_300_799_999_999))
            var text = String(time.description.dropLast().prefix(.random(in: 19...26)))
            if !text.contains(".") { text = String(text.prefix(19)) }
            #expect(parse(text + "Z") == parse(text + "+00:00"), "\(text)")
        }
    }

    @Test func dayRoundsDown() {
        let day: Int64 = 86_400_000_000
        for (microseconds, expected) in [
            (0, 0), (day - 1, 0), (day, 1), (-1, -1), (-day, -1), (-day - 1, -2),
        ] {
            #expect(Timestamp(microseconds: microseconds).day == Int32(expected))
        }
        #expect(Timestamp(microseconds: .max).day == 106_751_991)
        #expect(Timestamp(microseconds: .min).day == -106_751_992)
        #expect(Timestamp(microseconds: 1) > Timestamp(microseconds: -1))
    }

    /// Every byte of a time replaced by every other, against a reading of the same rules by a regular
    /// expression.
    @Test(arguments: [
        "2026-11-21T10:11:12.123456789Z", "2024-02-29 23:59:59,5 -08:00", "2026-12-31T24:00", "2026-10-31",
        "2026-06-30T10:11:12+0530", "2026-11-21T10:11:12Z", "2026-02-29T10:11:12.5Z",
        "2026-11-21T10:11:12.678Z",
        "2026-11-21T24:00:00.000000Z", "2026-11-21T23:59:60.123456Z", "2026-11-21T10:11:12.1234567Z",
    ])
    func everyByteIsChecked(text: String) throws {
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = byte
                #expect(parse(changed) == reference(changed), "\(String(decoding: changed, as: UTF8.self))")
            }
        }
    }

    /// The bytes end where memory ends: reading one more would crash.
    @Test func randomBytesAreReadWithinTheirBounds() {
        let memory = GuardedMemory()
        let alphabet = Array("0123456789012345678901234567890123456789-::+.,TZ eE\u{ff}".utf8)
        let seeds = ["2026-11-21T10:11:12.123456789+02:00", "-1700000000123.456e-2"].map { Array($0.utf8) }
        var found = 0
        for _ in 0..<50_000 {
            var bytes = seeds.randomElement() ?? []
            bytes.removeLast(.random(in: 0...bytes.count))
            for _ in 0..<Int.random(in: 0...2) where !bytes.isEmpty {
                bytes[.random(in: bytes.indices)] = alphabet.randomElement() ?? 0
            }
            if Bool.random() {
                bytes += (0..<Int.random(in: 0...9)).map { _ in alphabet.randomElement() ?? 0 }
            }
            memory.withBytes(bytes) { if Timestamp.parse($0) != nil { found += 1 } }
        }
        #expect(found > 1_000)
    }
}

@Suite struct CalendarDayTests {
    /// Every day of the years 1 to 9999, counted as a calendar on the wall counts them.
    @Test func everyDayFollowsTheOneBefore() {
        var (year, month, day) = (1, 1, 1)
        var mistakes = 0
        for number in Int32(-719_162)...2_932_896 {
            let forward = CalendarDay(daysSinceEpoch: number)
            let back = CalendarDay(year: year, month: month, day: day)
            if forward.year != year || forward.month != month || forward.day != day || back != forward {
                mistakes += 1
            }
            let isLeap = year.isMultiple(of: 400) || (year.isMultiple(of: 4) && !year.isMultiple(of: 100))
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            if day == lengths[month - 1], CalendarDay(year: year, month: month, day: day + 1) != nil {
                mistakes += 1
            }
            day += 1
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(mistakes == 0)
        #expect(year == 10_000)
    }

    @Test(arguments: [  // Python
        ("0001-01-01", -719_162), ("1600-02-29", -135_081), ("1969-12-31", -1), ("2000-03-01", 11_017),
        ("2100-02-28", 47_540), ("9999-12-31", 2_932_896),
    ])
    func describes(text: String, days: Int32) {
        let day = CalendarDay(daysSinceEpoch: days)
        #expect(day.description == text)
        #expect(day.compact == text.replacing("-", with: ""))
        #expect(day < CalendarDay(daysSinceEpoch: days + 1))
    }

    @Test func daysFarAwayHaveAText() {
        #expect(CalendarDay(daysSinceEpoch: .max).description == "5881580-07-11")
        #expect(CalendarDay(daysSinceEpoch: .min).description == "-5877641-06-23")
        #expect(CalendarDay(daysSinceEpoch: -719_163).description == "0000-12-31")
    }

    @Test func onlyDaysOfTheCalendarAreMade() {
        for (year, month, day) in [
            (0, 1, 1), (10_000, 1, 1), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (2026, 2, 29),
            (2026, 1, -1),
            (.max, .max, .max), (.min, .min, .min),
        ] {
            #expect(CalendarDay(year: year, month: month, day: day) == nil)
        }
    }
}

@Suite struct TimeZoneRulesTests {
    @Test(arguments: [  // Python, with fold=0
        ("Europe/Berlin", "2026-01-15T12:00:00", 1_768_474_800),
        ("Europe/Berlin", "2026-07-15T12:00:00", 1_784_109_600),
        ("Europe/Berlin", "2026-03-29T01:59:59", 1_774_745_999),
        ("Europe/Berlin", "2026-03-29T02:30:00", 1_774_747_800),
        ("Europe/Berlin", "2026-03-29T03:00:00", 1_774_746_000),
        ("Europe/Berlin", "2026-10-25T01:59:59", 1_792_886_399),
        ("Europe/Berlin", "2026-10-25T02:30:00", 1_792_888_200),
        ("Europe/Berlin", "2026-10-25T03:00:00", 1_792_893_600),
        ("Europe/Berlin", "1945-06-01T12:00:00", -775_839_600),
        ("Europe/Berlin", "2099-07-01T00:00:00", 4_086_540_000),
        ("America/New_York", "2026-03-08T02:15:00", 1_772_954_100),
        ("America/New_York", "2026-11-01T01:30:00", 1_793_511_000),
        ("America/New_York", "1918-07-01T00:00:00", -1_625_342_400),
        ("America/New_York", "2100-12-31T23:59:59", 4_133_998_799),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", 1_775_313_900),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", 1_791_042_300),
        ("Asia/Kolkata", "2026-05-05T05:05:05", 1_777_937_705),
        ("Asia/Kathmandu", "1985-12-31T23:59:59", 504_901_799),
        ("Asia/Kathmandu", "1986-01-01T00:20:00", 504_902_100),
        ("Pacific/Apia", "2011-12-29T23:59:59", 1_325_239_199),
        ("Pacific/Apia", "2011-12-30T12:00:00", 1_325_282_400),
        ("Pacific/Apia", "2011-12-31T00:00:00", 1_325_239_200),
        ("Africa/Casablanca", "2026-02-15T02:30:00", 1_771_119_000),
        ("Africa/Casablanca", "2026-03-01T12:00:00", 1_772_366_400),
        ("America/Sao_Paulo", "2018-11-04T00:30:00", 1_541_302_200),
        ("America/Sao_Paulo", "2019-02-16T23:30:00", 1_550_367_000),
        ("UTC", "2026-05-05T05:05:05", 1_777_957_505),
        ("US/Pacific", "2026-07-04T00:00:00", 1_783_148_400),
        ("+02:00", "2026-07-04T02:00:00", 1_783_123_200),
        ("-0330", "2026-07-03T20:30:00", 1_783_123_200),
    ])
    func aLocalTimeBecomesAnInstant(identifier: String, local: String, seconds: Int64) throws {
        let zone = try #require(TimeZoneRules(identifier: identifier))
        #expect(zone.identifier == identifier)
        #expect(parse(local, zone: zone) == Timestamp(microseconds: seconds * 1_000_000))
    }

    @Test func aZoneInTheTextOutweighs() throws {
        let zone = try #require(TimeZoneRules(identifier: "Europe/Berlin"))
        #expect(Timestamp("2026-07-15T12:00:00Z", zone: zone) == Timestamp("2026-07-15T12:00:00+00"))
        #expect(Timestamp("2026-07-15", zone: zone) == Timestamp("2026-07-14T22:00:00Z"))
        #expect(Timestamp("1700000000", zone: zone) == Timestamp(microseconds: 1_700_000_000_000_000))
    }

    @Test func timesOutsideTheTableHaveItsFirstAndLastOffset() throws {
        let zone = try #require(TimeZoneRules(identifier: "Europe/Berlin"))
        #expect(zone.offsetSeconds(atLocal: .min) == 3_600)
        #expect(zone.offsetSeconds(atLocal: .max) == 3_600)
    }

    @Test(arguments: [
        "", " ", "Europe/Berlinn", "europe/berlin", "Europe", "Europe/", "/", "GMT+25", "GMT+2", "UTC+2",
        "PST", "IST",
        "CEST", "+19:00", "+2", "02:00", "+02:00 ", "US/Pacific-New", "SystemV/EST5", "../UTC", "UTC ",
        "Mars/Phobos",
    ])
    func rejects(identifier: String) {
        #expect(TimeZoneRules(identifier: identifier) == nil)
    }

    @Test(arguments: [
        "UTC", "GMT", "Etc/UTC", "Etc/GMT+5", "Japan", "EST5EDT", "Asia/Calcutta", "Europe/Kyiv", "Z",
    ])
    func knows(identifier: String) {
        #expect(TimeZoneRules(identifier: identifier) != nil)
    }
}

private func parse(_ text: String, zone: TimeZoneRules? = nil) -> Timestamp? {
    Timestamp(text, zone: zone)
}

private func parse(_ bytes: [UInt8]) -> Timestamp? {
    bytes.withUnsafeBufferPointer { Timestamp.parse($0) }
}

/// The ISO rules once more, slow and plain.
private func reference(_ bytes: [UInt8]) -> Timestamp? {
    let date = /([0-9]{4})-([0-9]{2})-([0-9]{2})/
    let clock = /[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?/
    let zone = /[ ]?(?:[Zz]|([+\-])([0-9]{2})(?::?([0-9]{2}))?)/
    var rest = String(decoding: bytes, as: UTF8.self)[...]
    guard let found = rest.prefixMatch(of: date), let year = Int(found.1), let month = Int(found.2),
        let dayOfMonth = Int(found.3), let day = CalendarDay(year: year, month: month, day: dayOfMonth)
    else { return nil }
    rest = rest[found.range.upperBound...]
    var seconds = Int64(day.daysSinceEpoch) * 86_400
    var microsecond: Int64 = 0
    if let found = rest.prefixMatch(of: clock) {
        rest = rest[found.range.upperBound...]
        guard let hour = Int64(found.1), let minute = Int64(found.2), minute < 60 else { return nil }
        let second = found.3.flatMap { Int64($0) } ?? 0
        let fraction = found.4.map(String.init) ?? ""
        microsecond = Int64(fraction.padding(toLength: 6, withPad: "0", startingAt: 0)) ?? 0
        let isMidnight = hour == 24 && minute + second + microsecond == 0
        guard hour < 24 || isMidnight, second <= 60 else { return nil }
        seconds += hour * 3_600 + minute * 60 + second
        if let found = rest.wholeMatch(of: zone) {
            rest = ""
            let minutes = (found.2.flatMap { Int64($0) } ?? 0) * 60 + (found.3.flatMap { Int64($0) } ?? 0)
            guard minutes <= 18 * 60, found.3.flatMap({ Int64($0) }) ?? 0 < 60 else { return nil }
            seconds += found.1 == "-" ? minutes * 60 : -minutes * 60
        }
    }
    guard rest.isEmpty, (-62_135_596_800...253_402_300_799).contains(seconds) else { return nil }
    return Timestamp(microseconds: seconds * 1_000_000 + microsecond)
}

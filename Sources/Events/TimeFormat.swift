/// A notation of time written with the letters of POSIX `strptime`, compiled once and then applied to each
/// row.
package struct TimeFormat: Sendable {
    package let pattern: String
    /// What a time without `%z`, `%Z` or `%s` means; nil is UTC.
    package let zone: TimeZoneRules?
    private let steps: [Step]

    /// A space stands for one or more spaces, `%n` and `%t` for one or more bytes of white space, every other
    /// character for itself. Names are English, in either
    /// case, short or in full. `%s` outweighs a date beside it, `%j` a month and day.
    package init(_ pattern: String, zone: TimeZoneRules?) throws(TimeFormatError) {
        self.pattern = pattern
        self.zone = zone
        steps = try Self.compile(pattern)
    }

    /// The time these bytes say, all of them; nil where they do not match, or say no time of the years 0001
    /// to 9999. Finer than a microsecond is rounded down.
    package func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        var scan = TimeScanner(bytes)
        var fields = Fields()
        for step in steps {
            guard fields.read(step, &scan) else { return nil }
        }
        guard scan.isAtEnd else { return nil }
        return fields.timestamp(in: zone)
    }
}

/// A pattern that cannot be a `TimeFormat`.
package struct TimeFormatError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        case unknownLetter(Character)
        /// The pattern ends with a single percent sign.
        case noLetter
        /// What a date lacks, in words.
        case noDate(missing: String)
        /// An hour of twelve without its half of the day.
        case noHalfOfDay
    }

    package let pattern: String
    package let reason: Reason
    /// Of the percent sign that the reason is about, counted in characters from 1; nil where it is the whole
    /// pattern.
    package let position: Int?

    package var description: String {
        let place = position.map { " at character \($0)" } ?? ""
        return "time format \"\(pattern)\"\(place): \(explanation)"
    }

    private var explanation: String {
        switch reason {
        case .unknownLetter(let letter):
            "%\(letter) is not known; known are \(TimeFormat.knownLetters), and %% for a percent sign"
        case .noLetter:
            "the % has no letter after it; a percent sign is written %%"
        case .noDate(let missing):
            "this tells no date: it lacks \(missing); a date is year, month and day, year and %j, or %s"
        case .noHalfOfDay:
            "%I, an hour of twelve, needs %p beside it; an hour of twenty-four is %H"
        }
    }
}

// MARK: - The pattern

/// What one part of a pattern reads.
private enum Step: Equatable {
    case byte(UInt8)
    case spaces
    case whiteSpace
    case year
    case yearOfCentury
    case month
    case monthName
    case day
    /// A day that may be padded with spaces.
    case paddedDay
    case dayOfYear
    case weekdayName
    case hour
    case hourOfTwelve
    case halfOfDay
    case minute
    case second
    case fraction
    case offset
    case zoneName
    case epoch
}

extension TimeFormat {
    fileprivate static let knownLetters =
        "%Y %y %m %d %e %H %I %p %M %S %f %j %b %B %h %a %A %z %Z %s %T %D %F %R %n %t"

    private static func compile(_ pattern: String) throws(TimeFormatError) -> [Step] {
        var steps: [Step] = []
        var rest = pattern[...]
        var position = 0
        var hourOfTwelvePosition: Int?
        while let character = rest.popFirst() {
            position += 1
            guard character == "%" else {
                if character == " " {
                    append(.spaces, to: &steps)
                } else {
                    steps += character.utf8.map(Step.byte)
                }
                continue
            }
            guard let letter = rest.popFirst() else {
                throw TimeFormatError(pattern: pattern, reason: .noLetter, position: position)
            }
            guard let meaning = meaning(of: letter) else {
                throw TimeFormatError(pattern: pattern, reason: .unknownLetter(letter), position: position)
            }
            if letter == "I" { hourOfTwelvePosition = position }
            for step in meaning { append(step, to: &steps) }
            position += 1
        }
        if let missing = missingForDate(steps) {
            throw TimeFormatError(pattern: pattern, reason: .noDate(missing: missing), position: nil)
        }
        if let hourOfTwelvePosition, !steps.contains(.halfOfDay) {
            throw TimeFormatError(pattern: pattern, reason: .noHalfOfDay, position: hourOfTwelvePosition)
        }
        return steps
    }

    /// White space is greedy, so of two such steps side by side the second would find nothing: they become
    /// one.
    private static func append(_ step: Step, to steps: inout [Step]) {
        switch (steps.last, step) {
        case (.spaces, .spaces), (.whiteSpace, .spaces), (.whiteSpace, .whiteSpace): break
        case (.spaces, .whiteSpace): steps[steps.count - 1] = .whiteSpace
        default: steps.append(step)
        }
    }

    private static func meaning(of letter: Character) -> [Step]? {
        switch letter {
        case "Y": [.year]
        case "y": [.yearOfCentury]
        case "m": [.month]
        case "b", "B", "h": [.monthName]
        case "d": [.day]
        case "e": [.paddedDay]
        case "j": [.dayOfYear]
        case "a", "A": [.weekdayName]
        case "H": [.hour]
        case "I": [.hourOfTwelve]
        case "p": [.halfOfDay]
        case "M": [.minute]
        case "S": [.second]
        case "f": [.fraction]
        case "z": [.offset]
        case "Z": [.zoneName]
        case "s": [.epoch]
        case "T": [.hour, .byte(UInt8(ascii: ":")), .minute, .byte(UInt8(ascii: ":")), .second]
        case "R": [.hour, .byte(UInt8(ascii: ":")), .minute]
        case "F": [.year, .byte(UInt8(ascii: "-")), .month, .byte(UInt8(ascii: "-")), .day]
        case "D": [.month, .byte(UInt8(ascii: "/")), .day, .byte(UInt8(ascii: "/")), .yearOfCentury]
        case "n", "t": [.whiteSpace]
        case "%": [.byte(UInt8(ascii: "%"))]
        default: nil
        }
    }

    private static func missingForDate(_ steps: [Step]) -> String? {
        func has(_ any: Step...) -> Bool { any.contains(where: steps.contains) }
        if has(.epoch) { return nil }
        if !has(.year, .yearOfCentury) { return "a year (%Y or %y)" }
        if has(.dayOfYear) { return nil }
        if !has(.month, .monthName) { return "a month (%m or %b)" }
        if !has(.day, .paddedDay) { return "a day (%d)" }
        return nil
    }
}

// MARK: - The row

/// What the steps of a pattern have read of one row.
private struct Fields {
    private var wall = WallTime()
    private var isExact = true
    private var dayOfYear: Int?
    private var hourOfTwelve: Int?
    private var isAfternoon = false
    private var epoch: (seconds: Int, isNegative: Bool)?

    /// False where the bytes do not go on as the step says.
    mutating func read(_ step: Step, _ scan: inout TimeScanner) -> Bool {
        switch step {
        case .byte(let byte): return scan.skip(byte)
        case .spaces: return scan.skipAll { $0 == UInt8(ascii: " ") }
        case .whiteSpace: return scan.skipAll { $0 == UInt8(ascii: " ") || (9...13).contains($0) }
        case .year:
            guard let century = scan.twoDigits(), let year = scan.twoDigits() else { return false }
            wall.year = century &* 100 &+ year
        case .yearOfCentury:
            guard let year = scan.twoDigits() else { return false }
            wall.year = year < 69 ? 2000 &+ year : 1900 &+ year
        case .month: return scan.read(upToTwoDigits: &wall.month)
        case .monthName:
            guard let index = scan.name(of: monthNames) else { return false }
            wall.month = index &+ 1
        case .day: return scan.read(upToTwoDigits: &wall.day)
        case .paddedDay:
            _ = scan.skipAll { $0 == UInt8(ascii: " ") }
            return scan.read(upToTwoDigits: &wall.day)
        case .dayOfYear:
            dayOfYear = scan.number(maxDigits: 3)
            return dayOfYear != nil
        case .weekdayName: return scan.name(of: weekdayNames) != nil
        case .hour: return scan.read(upToTwoDigits: &wall.hour)
        case .hourOfTwelve:
            guard let hour = scan.number(maxDigits: 2), hour >= 1, hour <= 12 else { return false }
            hourOfTwelve = hour
        case .halfOfDay:
            isAfternoon = scan.skip(word: "pm")
            return isAfternoon || scan.skip(word: "am")
        case .minute: return scan.read(upToTwoDigits: &wall.minute)
        case .second: return scan.read(upToTwoDigits: &wall.second)
        case .fraction:
            guard let fraction = scan.fraction() else { return false }
            wall.microsecond = fraction.microseconds
            isExact = fraction.isExact
        case .offset:
            wall.offset = scan.zoneOffset()
            return wall.offset != nil
        case .zoneName:
            guard scan.skip(word: "utc") || scan.skip(word: "gmt") || scan.skip(word: "z") else {
                return false
            }
            wall.offset = 0
        case .epoch:
            let isNegative = scan.skip(UInt8(ascii: "-"))
            guard let seconds = scan.number(maxDigits: 18) else { return false }
            epoch = (seconds, isNegative)
        }
        return true
    }
    func timestamp(in zone: TimeZoneRules?) -> Timestamp? {
        if let epoch { return timestamp(ofEpoch: epoch.seconds, isNegative: epoch.isNegative) }
        var wall = wall
        if let hourOfTwelve { wall.hour = hourOfTwelve % 12 &+ (isAfternoon ? 12 : 0) }
        if let dayOfYear {
            guard let newYear = CalendarDay.daysSinceEpoch(year: wall.year, month: 1, day: 1)
            else { return nil }
            let date = CalendarDay(daysSinceEpoch: Int32(newYear &+ dayOfYear &- 1))
            guard date.year == wall.year else { return nil }
            wall.month = date.month
            wall.day = date.day
        }
        return wall.timestamp(in: zone)
    }

    /// The sign is the fraction's too: -1.5 is half a second before -1.
    private func timestamp(ofEpoch seconds: Int, isNegative: Bool) -> Timestamp? {
        guard isNegative else { return Timestamp(seconds: seconds, microsecond: wall.microsecond) }
        let below = wall.microsecond + (isExact ? 0 : 1)
        return below == 0
            ? Timestamp(seconds: -seconds, microsecond: 0)
            : Timestamp(seconds: -seconds - 1, microsecond: 1_000_000 - below)
    }
}

extension TimeScanner {
    fileprivate mutating func read(upToTwoDigits value: inout Int) -> Bool {
        guard let number = number(maxDigits: 2) else { return false }
        value = number
        return true
    }

    /// The index of the name that stands here, in full or its first three letters.
    fileprivate mutating func name(of names: [Name]) -> Int? {
        for index in names.indices where skip(word: names[index].short) {
            _ = skip(word: names[index].rest)
            return index
        }
        return nil
    }
}

private typealias Name = (short: StaticString, rest: StaticString)

private let monthNames: [Name] = [
    ("jan", "uary"), ("feb", "ruary"), ("mar", "ch"), ("apr", "il"), ("may", ""), ("jun", "e"),
    ("jul", "y"), ("aug", "ust"), ("sep", "tember"), ("oct", "ober"), ("nov", "ember"), ("dec", "ember"),
]

private let weekdayNames: [Name] = [
    ("mon", "day"), ("tue", "sday"), ("wed", "nesday"), ("thu", "rsday"), ("fri", "day"), ("sat", "urday"),
    ("sun", "day"),
]

import Events

/// How texts tell times: ISO 8601 or an epoch, or by the letters of strptime.
struct GuessedTime {
    /// Nil: ISO 8601 or an epoch.
    let format: String?
    /// Whether day and month could as well be the other way round.
    let isAmbiguous: Bool
    /// Whether every text says what its zone is.
    let hasZone: Bool
    /// Whether the texts are numbers, which may be anything else.
    let isNumber: Bool
    /// Of the texts, as far as they are looked at.
    let range: ClosedRange<Timestamp>

    /// 1990 to 2100: other numbers are hardly times.
    private static let plausible = 631_152_000_000_000...4_102_444_800_000_000 as ClosedRange<Int64>

    /// Nil where the texts, but for a few, are no times.
    init?(_ texts: [String]) {
        guard let first = texts.first, GuessedTime.mayBeTime(first) else { return nil }
        if let range = GuessedTime.range(texts, { Timestamp($0) }) {
            self.range = range
            format = nil
            isAmbiguous = false
            isNumber = Double(first) != nil
            hasZone = isNumber || GuessedTime.endsWithZone(first)
            return
        }
        var found: [(format: TimeFormat, range: ClosedRange<Timestamp>)] = []
        for format in GuessedTime.formats where format.time(first) != nil {
            guard let range = GuessedTime.range(texts, format.time) else { continue }
            found.append((format, range))
        }
        // Of a day and a month that can be told apart by nothing, logs are rather of days that follow each other.
        guard
            let best = found.min(by: { left, right in
                left.range.length < right.range.length
                    && left.format.isOtherWayRound(than: right.format)
            }) ?? found.first
        else { return nil }
        format = best.format.pattern
        range = best.range
        isAmbiguous = found.contains { $0.format.isOtherWayRound(than: best.format) }
        isNumber = texts.allSatisfy { Double($0) != nil }
        hasZone = best.format.pattern.contains("%z") || best.format.pattern.contains("%Z")
    }

    /// Whether it is worth trying: most cells of tables are not.
    private static func mayBeTime(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count >= 6, bytes.count < 48, let first = bytes.first, bytes.contains(where: isDigit)
        else { return false }
        return isDigit(first) || first == UInt8(ascii: "-") || names.contains(text.prefix(3).lowercased())
    }

    private static let names: Set<String> = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue",
        "wed",
        "thu", "fri", "sat", "sun",
    ]

    /// As a definition writes the field.
    func json(_ field: String) -> String {
        format.map { "{ \"field\": \(field), \"format\": \(JSONValue(.string($0)).json) }" } ?? field
    }

    private static func range(
        _ texts: [String], _ time: (String) -> Timestamp?
    ) -> ClosedRange<Timestamp>? {
        var bounds: (least: Timestamp, most: Timestamp)?
        var failures = 0
        for text in texts {
            guard let time = time(text), isPlausible(time...time) else {
                failures += 1
                // A record in a hundred may be spoilt.
                if failures * 100 > texts.count { return nil }
                continue
            }
            bounds = bounds.map { (min($0.least, time), max($0.most, time)) } ?? (time, time)
        }
        return bounds.map { $0.least...$0.most }
    }

    private static func isPlausible(_ range: ClosedRange<Timestamp>) -> Bool {
        plausible.contains(range.lowerBound.microseconds) && plausible.contains(range.upperBound.microseconds)
    }

    private static func endsWithZone(_ text: String) -> Bool {
        let clock = text.drop { $0 != "T" && $0 != " " }.dropFirst()
        return clock.contains { "Zz+-".contains($0) }
    }

    /// The usual notations; day before month goes first where dots stand between, behind it where slashes do.
    private static let formats: [TimeFormat] = {
        let dates = [
            "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d",
            "%Y%m%d", "%d/%b/%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%a, %d %b %Y",
            "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%y",
        ]
        let clocks = ["%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%H:%M:%S,%f", "%I:%M:%S %p", "%I:%M %p", "%H%M%S"]
        var patterns = dates
        for date in dates {
            for clock in clocks {
                for separator in [" ", "T", ":", ", ", "-", ""] where separator != "" || clock == "%H%M%S" {
                    patterns += ["", " %z", "%z", " %Z"].map { date + separator + clock + $0 }
                }
            }
        }
        for clock in ["%H:%M:%S", "%H:%M:%S.%f"] {
            patterns += ["%a %b %e \(clock) %Y", "%b %e \(clock) %Y", "%a %b %e \(clock) %Z %Y"]
        }
        return patterns.compactMap { try? TimeFormat($0, zone: nil) }
    }()
}

extension TimeFormat {
    fileprivate func time(_ text: String) -> Timestamp? {
        var text = text
        return text.withUTF8 { parse($0) }
    }

    /// Whether it is the other but for day and month.
    fileprivate func isOtherWayRound(than other: TimeFormat) -> Bool {
        guard pattern != other.pattern, pattern.count == other.pattern.count else { return false }
        return pattern
            == String(other.pattern.map { $0 == "d" ? "m" : $0 == "m" ? "d" : $0 })
    }
}

extension ClosedRange<Timestamp> {
    fileprivate var length: Int64 { upperBound.microseconds - lowerBound.microseconds }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

import Events

/// How texts tell times: ISO 8601 or an epoch, or by the letters of strptime.
struct GuessedTime {
    /// Nil: ISO 8601 or an epoch.
    let format: String?
    /// Whether day and month could as well be the other way round.
    let isAmbiguous: Bool
    /// Whether every text says what its zone is.
    var hasZone: Bool { saysZone || zone?.isUTC == true || zone?.identifier != nil }
    /// What the name of a zone beside the times means.
    var zone: GuessedZone?
    /// Whether the texts are numbers, which may be anything else.
    let isNumber: Bool
    /// Of the texts, as far as they are looked at.
    let range: ClosedRange<Timestamp>

    private let saysZone: Bool
    private let parsed: TimeFormat?

    /// 1990 to 2100: other numbers are hardly times.
    private static let plausible = 631_152_000_000_000...4_102_444_800_000_000 as ClosedRange<Int64>

    /// Of a field of which this share is no time, the rest may still be.
    static let mostSpoilt = 0.5

    /// Nil where the texts, but for a few, are no times.
    ///
    /// - Parameter spoilt: which share of them may be something else; a single one of several always may.
    init?(_ texts: [String], spoilt: Double = 0.01) {
        self.init(texts, spoilt, isExplicit: false)
    }

    /// - Parameter isExplicit: a format is needed, for more stands behind the time.
    private init?(_ texts: [String], _ spoilt: Double, isExplicit: Bool) {
        let probes = texts.prefix(10).filter(GuessedTime.mayBeTime).prefix(3)
        guard !probes.isEmpty else { return nil }
        let most = max(Int(spoilt * Double(texts.count)), texts.count >= 4 ? 1 : 0)
        if !isExplicit, let found = GuessedTime.range(texts, most, { Timestamp($0) }) {
            range = found.range
            (format, parsed) = (nil, nil)
            isAmbiguous = false
            isNumber = Double(found.first) != nil
            saysZone = isNumber || GuessedTime.endsWithZone(found.first)
            return
        }
        var found: [(format: TimeFormat, range: ClosedRange<Timestamp>)] = []
        for format in GuessedTime.formats where probes.contains(where: { format.time($0) != nil }) {
            guard let range = GuessedTime.range(texts, most, format.time)?.range else { continue }
            found.append((format, range))
        }
        // Of a day and a month that can be told apart by nothing, logs are rather of days that follow each other.
        guard
            let best = found.min(by: { left, right in
                left.range.length < right.range.length
                    && left.format.isOtherWayRound(than: right.format)
            }) ?? found.first
        else {
            guard !isExplicit, let named = GuessedTime.named(texts, probes, spoilt) else { return nil }
            self = named
            return
        }
        format = best.format.pattern
        parsed = best.format
        range = best.range
        isAmbiguous = found.contains { $0.format.isOtherWayRound(than: best.format) }
        isNumber = texts.allSatisfy { Double($0) != nil }
        saysZone = best.format.pattern.contains("%z") || best.format.pattern.contains("%Z")
    }

    /// Times that all end with the same name of a zone.
    private static func named(
        _ texts: [String], _ probes: ArraySlice<String>, _ spoilt: Double
    ) -> GuessedTime? {
        let words = Set(probes.compactMap { $0.split(separator: " ").last.map(String.init) })
        guard words.count == 1, let word = words.first, let zone = GuessedZone(words), !zone.isUTC else {
            return nil
        }
        let ending = " \(word)"
        let bare = texts.map { $0.hasSuffix(ending) ? String($0.dropLast(ending.count)) : "" }
        guard let time = GuessedTime(bare, spoilt, isExplicit: true), let pattern = time.format else {
            return nil
        }
        return GuessedTime(time, pattern + ending, zone)
    }

    private init?(_ time: GuessedTime, _ pattern: String, _ zone: GuessedZone) {
        guard let whole = try? TimeFormat(pattern, zone: nil) else { return nil }
        (format, parsed, self.zone) = (pattern, whole, zone)
        (isAmbiguous, isNumber, saysZone, range) = (time.isAmbiguous, time.isNumber, false, time.range)
    }

    /// Whether a text is a time of this notation.
    func reads(_ text: String) -> Bool {
        guard let time = parsed.map({ $0.time(text) }) ?? Timestamp(text) else { return false }
        return GuessedTime.isPlausible(time...time)
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
        let more = [("format", format), ("zone", zone?.identifier)].compactMap { key, text in
            text.map { "\"\(key)\": \(JSONValue(.string($0)).json)" }
        }
        return more.isEmpty ? field : "{ " + (["\"field\": \(field)"] + more).joined(separator: ", ") + " }"
    }

    /// From the least time to the most, and the first text that is one.
    private static func range(
        _ texts: [String], _ mostFailures: Int, _ time: (String) -> Timestamp?
    ) -> (range: ClosedRange<Timestamp>, first: String)? {
        var bounds: (least: Timestamp, most: Timestamp)?
        var first = ""
        var failures = 0
        for text in texts {
            guard let time = time(text), isPlausible(time...time) else {
                failures += 1
                if failures > mostFailures { return nil }
                continue
            }
            if bounds == nil { first = text }
            bounds = bounds.map { (min($0.least, time), max($0.most, time)) } ?? (time, time)
        }
        return bounds.map { ($0.least...$0.most, first) }
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

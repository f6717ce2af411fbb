/// Durations as definitions write them: `90s`, `1d12h`, or ISO 8601 (`PT30M`, `P1DT12H`, `P2W`).
package enum DurationText {
    /// In microseconds; nil where the text is no duration. A day has 24 hours; months and years have no length.
    package static func parse(_ text: String) -> Int64? {
        text.hasPrefix("P") ? parseISO(text.dropFirst()) : parseParts(text[...], units: shortUnits)
    }

    /// For messages.
    package static let forms = "write it like 90s, 30m, 2h, 10d or PT30M"

    private static let shortUnits: [(String, Int64)] = [
        ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
        ("d", 86_400_000_000), ("w", 604_800_000_000),
    ]

    private static func parseISO(_ text: Substring) -> Int64? {
        let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard !text.isEmpty, halves.count == 1 || !halves[1].isEmpty else { return nil }
        let days =
            halves[0].isEmpty
            ? 0 : parseParts(halves[0].lowered, units: shortUnits.filter { "dw".contains($0.0) })
        let time =
            halves.count == 1
            ? 0
            : parseParts(
                halves[1].lowered, units: shortUnits.filter { "hms".contains($0.0) && $0.0.count == 1 })
        guard let days, let time else { return nil }
        let (sum, overflow) = days.addingReportingOverflow(time)
        return overflow ? nil : sum
    }

    private static func parseParts(_ text: Substring, units: [(String, Int64)]) -> Int64? {
        var rest = text
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let letters = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
            guard let number = Int64(digits), let unit = units.first(where: { $0.0 == letters }) else {
                return nil
            }
            let (product, tooLong) = number.multipliedReportingOverflow(by: unit.1)
            let (sum, overflow) = total.addingReportingOverflow(product)
            guard !tooLong, !overflow else { return nil }
            total = sum
            rest = rest.dropFirst(digits.count + letters.count)
        }
        return total
    }
}

extension Substring {
    fileprivate var lowered: Substring { lowercased()[...] }
}

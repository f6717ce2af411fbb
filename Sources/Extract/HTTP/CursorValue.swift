import Events

/// A value of an incremental source's cursor field: a time, a number or any text.
package struct CursorValue: Sendable, Comparable {
    /// As JSON, as the source wrote it.
    package let json: String
    /// What that stands for.
    package let text: String
    private let order: Order

    private enum Order: Sendable {
        /// Digits behind the second, or before it; whether it says its zone.
        case time(Timestamp, TimeForm)
        /// An integer, and how many of its digits stand behind the point.
        case number(Int64, fraction: Int)
        case text(String)

        var rank: Int {
            switch self {
            case .text: 0
            case .number: 1
            case .time: 2
            }
        }
    }

    private struct TimeForm: Sendable {
        var unitMicroseconds: Int64
        var fraction: Int
        var isDate: Bool
        var separator: Character
        var hasZone: Bool
    }

    /// - Parameter json: a string or a number.
    package init(_ json: String) {
        self.init(
            text: (try? JSONDocument(Array(json.utf8), isLenient: false))?.root.text ?? json, json: json)
    }

    /// - Parameter text: what the JSON stands for.
    init(text: String, json: String) {
        self.json = json
        self.text = text
        if let number = CursorValue.number(text) {
            order = .number(number.0, fraction: number.1)
        } else if text.utf8.dropFirst(4).first == UInt8(ascii: "-"), let time = Timestamp(text) {
            order = .time(time, CursorValue.form(of: text))
        } else {
            order = .text(text)
        }
    }

    /// Whether it is neither a time nor a number, so that its order is nobody's business.
    var isText: Bool { if case .text = order { true } else { false } }
    /// The time, where it is one and not a number.
    package var time: Timestamp? { if case .time(let time, _) = order { time } else { nil } }

    /// An integer of the digits, and how many of them stand behind the point; of those, no more than fit.
    private static func number(_ text: String) -> (Int64, Int)? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty, parts[0] != "-",
            parts[0].utf8.dropFirst(parts[0].hasPrefix("-") ? 1 : 0).allSatisfy({ (0x30...0x39).contains($0) }
            )
        else { return nil }
        guard parts.count == 2 else { return Int64(parts[0]).map { ($0, 0) } }
        guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let fraction = parts[1].prefix(max(0, 18 - parts[0].utf8.count))
        return Int64(parts[0] + fraction).map { ($0, fraction.utf8.count) }
    }

    private static func form(of text: String) -> TimeForm {
        let time = text.utf8.count > 10 ? text.dropFirst(10) : ""
        let fraction =
            time.firstIndex { $0 == "." || $0 == "," }.map {
                time[time.index(after: $0)...].prefix { $0.isNumber }.count
            } ?? 0
        // Times are kept to the microsecond.
        let digits = min(fraction, 6)
        var unit: Int64 = 1_000_000
        for _ in 0..<digits { unit /= 10 }
        let clock = time.dropFirst()
        if clock.prefix(6).count < 6 || !clock.dropFirst(5).hasPrefix(":") { unit = 60_000_000 }
        return TimeForm(
            unitMicroseconds: time.isEmpty ? 86_400_000_000 : unit, fraction: digits, isDate: time.isEmpty,
            separator: time.first ?? "T",
            hasZone: time.contains("Z") || time.contains("z") || time.contains("+") || time.contains("-"))
    }

    package static func < (left: CursorValue, right: CursorValue) -> Bool {
        switch (left.order, right.order) {
        case (.time(let left, _), .time(let right, _)): return left < right
        case (.number(let left, let leftFraction), .number(let right, let rightFraction)):
            if leftFraction == rightFraction { return left < right }
            let digits = max(leftFraction, rightFraction)
            return scaled(left, leftFraction, digits) < scaled(right, rightFraction, digits)
        case (.text(let left), .text(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        // A field of times that once holds something else is to go on as one of times.
        default: return left.order.rank < right.order.rank
        }
    }

    package static func == (left: CursorValue, right: CursorValue) -> Bool {
        !(left < right) && !(right < left)
    }

    private static func scaled(_ number: Int64, _ fraction: Int, _ digits: Int) -> Double {
        var result = Double(number)
        for _ in 0..<max(0, digits - fraction) { result *= 10 }
        return result
    }

    /// The value from which the next pull asks, as JSON: by the lag before this one, and by the smallest step more. An API
    /// that gives what is later than it is asked for would not give what else happened in this very moment.
    ///
    /// Times without a unit are seconds, milliseconds, microseconds or nanoseconds, by their size; a text that is
    /// neither a time nor a number is handed back as it is.
    package func before(lagMicroseconds lag: Int64) -> String {
        switch order {
        case .text: return json
        case .time(let time, let form):
            let (back, isTooFar) = time.microseconds.subtractingReportingOverflow(lag)
            guard !isTooFar, back - form.unitMicroseconds > CursorValue.firstMicrosecond else { return json }
            return quoted(CursorValue.text(Timestamp(microseconds: back - form.unitMicroseconds), form))
        case .number(let number, let fraction):
            var scale: Int64 = 1
            for _ in 0..<fraction { scale *= 10 }
            let whole = (number / scale).magnitude
            let unitsPerSecond: Int64 =
                whole < 100_000_000_000
                ? 1
                : whole < 100_000_000_000_000
                    ? 1_000 : whole < 100_000_000_000_000_000 ? 1_000_000 : 1_000_000_000
            // In units of the last digit, rounded up; a number of which that is too much is handed back as it is.
            let (units, isTooMuch) = lag.multipliedReportingOverflow(by: unitsPerSecond)
            let (digits, isTooFine) = (units / 1_000_000 + (units % 1_000_000 > 0 ? 1 : 0))
                .multipliedReportingOverflow(by: scale)
            let (back, isTooFar) = number.subtractingReportingOverflow(digits)
            guard !isTooMuch, !isTooFine, !isTooFar, back > .min else { return json }
            let isText = json.hasPrefix("\"")
            var text = CursorValue.text(back - 1, fraction: fraction)
            // Numbers that are compared as texts have zeros before them.
            if isText, json.dropFirst().hasPrefix("0"), fraction == 0, back > 0 {
                text = String(repeating: "0", count: max(0, json.count - 2 - text.count)) + text
            }
            return isText ? quoted(text) : text
        }
    }

    /// 0001-01-02, behind which no time is written.
    private static let firstMicrosecond: Int64 = -62_135_510_400_000_000

    private static func text(_ number: Int64, fraction: Int) -> String {
        guard fraction > 0 else { return String(number) }
        var digits = String(abs(number))
        while digits.count <= fraction { digits = "0" + digits }
        return (number < 0 ? "-" : "") + digits.dropLast(fraction) + "." + digits.suffix(fraction)
    }

    private static func text(_ time: Timestamp, _ form: TimeForm) -> String {
        // 2026-01-02T03:04:05.678901Z, cut to the form that the source writes.
        let text = time.description
        let date = text.prefix(10)
        guard !form.isDate else { return String(date) }
        let clock = text.dropFirst(11).prefix(8)
        var fraction = text.dropFirst(19).dropFirst().prefix { $0.isNumber }.description
        while fraction.count < form.fraction { fraction += "0" }
        return "\(date)\(form.separator)\(clock)"
            + (form.fraction > 0 ? ".\(fraction.prefix(form.fraction))" : "")
            + (form.hasZone ? "Z" : "")
    }
}

import Events
import Foundation
import Pipeline
import Postgres

/// An SLA's figures over a span beside those of the same span some time before.
struct Comparison {
    /// How long before, in a form that PostgreSQL takes for an interval.
    struct Period {
        let words: String
        let interval: String
        /// What is asked for where no span is given: as long as the period.
        let microseconds: Int64?

        /// - Throws: `UsageError` where the text is neither a name nor a duration.
        init(_ text: String) throws(UsageError) {
            let name = text.lowercased().replacingOccurrences(of: "-", with: "_")
            if let known = Period.named.first(where: { $0.name == name }) {
                (words, interval, microseconds) = (known.words, known.interval, known.microseconds)
                return
            }
            guard let duration = DurationText.parse(text) ?? DurationText.parse(name), duration > 0,
                duration % 3_600_000_000 == 0
            else {
                throw UsageError(
                    "--compare is \"\(text)\"; it must be \(Period.named.map(\.name).joined(separator: ", ")), or whole hours or days like 12h or 28d"
                        + Spelling.suggestion(name, in: Period.named.map(\.name)))
            }
            guard duration <= Period.longest else {
                throw UsageError("--compare is \"\(text)\"; it must be 36500d at most")
            }
            // Of days, so that where clocks are changed a day is still compared with a day.
            let hours = duration / 3_600_000_000
            interval = hours % 24 == 0 ? "\(hours / 24) days" : "\(hours) hours"
            words = "\(interval.hasPrefix("1 ") ? String(interval.dropLast()) : interval) before"
            microseconds = duration
        }

        /// Farther back there is nothing, and some way farther the server knows no days.
        private static let longest: Int64 = 36_500 * 86_400_000_000

        private static let named: [(name: String, words: String, interval: String, microseconds: Int64?)] = [
            ("last_day", "the day before", "1 day", 86_400_000_000),
            ("last_week", "the week before", "7 days", 7 * 86_400_000_000),
            ("last_month", "the month before", "1 month", nil),
        ]
    }

    let sla: String
    let now: Figures
    let before: Figures
    let spanWords: String
    /// With the span of the time before.
    let beforeWords: String
    /// From, and up to before, as the server writes times.
    let span: (from: String, until: String)
    let beforeSpan: (from: String, until: String)

    struct Line {
        let name: String
        let unit: Figures.Figure.Unit
        let value: Double?
        let before: Double?

        var change: Double? { if let value, let before { value - before } else { nil } }
        /// By how much of what it was it changed; nil where that was 0.
        var changeRatio: Double? {
            change.flatMap { change in before.flatMap { $0 == 0 ? nil : change / $0 } }
        }
    }

    var lines: [Line] {
        zip(now.all, before.all).map { Line(name: $0.name, unit: $0.unit, value: $0.value, before: $1.value) }
    }

    // MARK: - Words

    static func text(_ value: Double?, _ unit: Figures.Figure.Unit) -> String {
        guard let value else { return "–" }
        switch unit {
        case .cases, .hours: return Human.count(Int(value))
        case .share: return Human.share(value)
        case .seconds: return Human.duration(value)
        }
    }

    /// `+12`, `−3.4 points`, `+2h 10m (+8%)`.
    static func change(_ line: Line) -> String {
        guard let change = line.change else { return "–" }
        let sign = change > 0 ? "+" : change < 0 ? "−" : "±"
        let size = abs(change)
        let ratio =
            line.changeRatio.map { ratio -> String in
                let percent = abs(ratio) * 100
                return " (\(sign)\(Human.decimal(percent, percent < 10 ? 1 : 0))%)"
            } ?? ""
        switch line.unit {
        case .share: return "\(sign)\(Human.decimal(size * 100, 1)) points"
        case .cases, .hours: return "\(sign)\(Human.count(Int(size)))\(change == 0 ? "" : ratio)"
        case .seconds: return "\(sign)\(Human.duration(size))\(change == 0 ? "" : ratio)"
        }
    }

    /// For a tile: `was 91.2% (+1.3 points)`.
    static func words(
        _ value: (value: Double?, unit: Figures.Figure.Unit),
        before: (value: Double?, unit: Figures.Figure.Unit)
    ) -> String {
        guard before.value != nil else { return "nothing before" }
        let line = Line(name: "", unit: value.unit, value: value.value, before: before.value)
        return "was \(text(before.value, before.unit)), \(change(line))"
    }

    func table(in caption: String) -> HTMLTable {
        var table = HTMLTable(
            caption,
            [
                .init(title: "Figure"), .init(title: "This span", isNumber: true),
                .init(title: "Before", isNumber: true), .init(title: "Change", isNumber: true),
            ])
        for line in lines {
            table.add([
                "\(Comparison.label(line.name))", "\(Comparison.text(line.value, line.unit))",
                "\(Comparison.text(line.before, line.unit))", "\(Comparison.change(line))",
            ])
        }
        return table
    }

    static func label(_ name: String) -> String {
        switch name {
        case "attainment": "met of due"
        case "hours": "hours with cases"
        case "provisional_hours": "of these provisional"
        default: name.replacing("_seconds", with: "")
        }
    }
}

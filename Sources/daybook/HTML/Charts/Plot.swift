import Foundation

/// The frame of a chart over time, in units of its drawing: where a time and a value come to stand.
struct Plot {
    /// A place on the axis of time, in seconds since 1970.
    struct Tick {
        let at: Double
        let label: String
    }

    let from: Double
    let to: Double
    let bottomValue: Double
    let topValue: Double
    let height: Double

    static let width = 984.0
    let left = 58.0
    let right = 58.0
    let top = 14.0
    let bottom = 26.0

    var innerWidth: Double { Plot.width - left - right }
    var base: Double { height - bottom }
    var end: Double { Plot.width - right }

    func x(_ time: Double) -> Double { left + (time - from) / max(to - from, 1) * innerWidth }

    func y(_ value: Double) -> Double {
        let share = (value - bottomValue) / max(topValue - bottomValue, .leastNormalMagnitude)
        return base - max(0, min(1, share)) * (base - top)
    }

    /// The drawing as a whole, which a screen reader tells by its title.
    func drawing(_ title: String, _ description: String, id: HTML, _ content: [HTML]) -> HTML {
        """
        <div class="chart"><svg viewBox="0 0 \(Plot.width) \(height)" role="img" aria-labelledby="\(id)-t \(id)-d">
        <title id="\(id)-t">\(title)</title>
        <desc id="\(id)-d">\(description)</desc>
        \(content)
        </svg></div>
        """
    }

    /// Lines across, with what they stand for.
    func grid(_ values: [Double], _ label: (Double) -> String) -> [HTML] {
        values.map { value in
            """
            <line class="grid" x1="\(left)" x2="\(end)" y1="\(y(value))" y2="\(y(value))"/>\
            <text x="\(left - 8)" y="\(y(value) + 4)" text-anchor="end">\(label(value))</text>
            """
        }
    }

    func timeAxis(_ ticks: [Tick]) -> [HTML] {
        let line: HTML = "<line class=\"axis\" x1=\"\(left)\" x2=\"\(end)\" y1=\"\(base)\" y2=\"\(base)\"/>"
        return [line]
            + ticks.filter { $0.at >= from && $0.at <= to }.map { tick in
                """
                <line class="axis" x1="\(x(tick.at))" x2="\(x(tick.at))" y1="\(base)" y2="\(base + 5)"/>\
                <text x="\(x(tick.at))" y="\(base + 18)" text-anchor="middle">\(tick.label)</text>
                """
            }
    }

    /// Where a period's bar stands, with a little room to the next one.
    func bar(_ period: SLAReport.Period) -> (x: Double, width: Double) {
        let (begin, end) = (x(max(period.begins, from)), x(min(period.ends, to)))
        let room = min(2, (end - begin) * 0.2)
        return (begin + room / 2, max(end - begin - room, 0.8))
    }

    /// Behind what may still change without late data.
    func provisionalBands(_ periods: [SLAReport.Period]) -> [HTML] {
        // Neighbours are one band: the pattern then has no seams.
        var bands: [(begin: Double, end: Double)] = []
        for period in periods where !period.isFinal {
            if let last = bands.last, abs(last.end - period.begins) < 1 {
                bands[bands.count - 1].end = period.ends
            } else {
                bands.append((period.begins, period.ends))
            }
        }
        return bands.map { band in
            let (begin, end) = (x(max(band.begin, from)), x(min(band.end, to)))
            return
                "<rect class=\"provisional\" x=\"\(begin)\" y=\"\(top)\" width=\"\(max(end - begin, 1))\" height=\"\(base - top)\"/>"
        }
    }

    /// Over each period, what a pointer that rests there is told.
    func hits(_ periods: [SLAReport.Period], _ words: (SLAReport.Period) -> String) -> [HTML] {
        periods.map { period in
            let (begin, end) = (x(max(period.begins, from)), x(min(period.ends, to)))
            return """
                <rect class="hit" x="\(begin)" y="\(top)" width="\(max(end - begin, 1))" height="\(base - top)">\
                <title>\(period.label)\(period.isFinal ? "" : " (provisional)"): \(words(period))</title></rect>
                """
        }
    }
}

/// Round values for axes.
enum Ticks {
    /// About four, from 0 on.
    static func counts(upTo most: Int) -> [Double] {
        let step = max(1, nice(Double(max(most, 1)) / 4))
        return Array(stride(from: 0, through: (Double(most) / step).rounded(.up) * step, by: step))
    }

    /// About four lengths of time, from 0 on, in seconds.
    static func durations(upTo most: Double) -> [Double] {
        let wanted = max(most, 0.001) / 4
        let round: [Double] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
            172_800, 432_000, 604_800, 1_209_600, 2_592_000,
        ]
        let step =
            wanted < 1 ? nice(wanted) : round.first { $0 >= wanted } ?? nice(wanted / 86_400) * 86_400
        return Array(stride(from: 0, through: (most / step).rounded(.up) * step + step / 100, by: step))
    }

    /// The next of 1, 2, 5 and their tenfolds.
    private static func nice(_ wanted: Double) -> Double {
        let power = pow(10, log10(wanted).rounded(.down))
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= wanted * 0.999 } ?? power * 10
    }

    /// `90s`, `36h`, `5d`: one unit where it comes out even.
    static func duration(_ seconds: Double) -> String {
        if seconds == 0 { return "0" }
        if seconds < 1 { return "\(Human.decimal(seconds * 1_000, seconds < 0.01 ? 1 : 0)) ms" }
        for (unit, name) in [(86_400.0, "d"), (3_600.0, "h"), (60.0, "m")]
        where seconds >= unit && seconds.remainder(dividingBy: unit) == 0 {
            return "\(Int(seconds / unit))\(name)"
        }
        return Human.duration(seconds)
    }
}

/// How the share met of those due stands to its target: bars grow from the target's line, up where it is met, down where
/// not, so that no colour is needed to tell.
struct AttainmentChart {
    let periods: [SLAReport.Period]
    let target: Double?
    let plot: Plot
    let ticks: [Plot.Tick]
    private let step: Double

    init(_ periods: [SLAReport.Period], target: Double?, from: Double, to: Double, ticks: [Plot.Tick]) {
        self.periods = periods
        self.target = target
        self.ticks = ticks
        let least = target == nil ? 0 : (periods.compactMap(\.attainment) + [target ?? 0]).min() ?? 0
        // Not less than ten points in height, or noise would look like a fall.
        let room = max(1 - least, 0.1)
        step = [0.02, 0.05, 0.1, 0.2].first { room / $0 <= 5.001 } ?? 0.25
        let floor = max(0, 1 - ((1 - least) / step - 0.001).rounded(.up) * step)
        plot = Plot(
            from: from, to: to, bottomValue: min(floor, 0.9), topValue: 1, height: 214)
    }

    func html(id: HTML, title: String) -> HTML {
        let lines = Array(stride(from: 1, through: plot.bottomValue - step / 100, by: -step))
        var content = plot.grid(lines) { percent($0) } + plot.provisionalBands(periods)
        for period in periods {
            guard let attainment = period.attainment else { continue }
            let (x, width) = plot.bar(period)
            let (y, from) = (plot.y(attainment), plot.y(target ?? 0))
            let isGood = attainment >= (target ?? 0)
            // What is just at the target has a line, too.
            let height = max(abs(y - from), 1.5)
            let style: HTML = isGood ? "good-bar" : "bad-bar"
            content.append(
                "<rect class=\"\(style)\(period.isFinal ? "" : " pale")\" x=\"\(x)\" y=\"\(isGood ? from - height : from)\" width=\"\(width)\" height=\"\(height)\"/>"
            )
        }
        if let target {
            let y = plot.y(target)
            content.append(
                """
                <line class="target" x1="\(plot.left)" x2="\(plot.end)" y1="\(y)" y2="\(y)"/>\
                <text class="strong" x="\(plot.end + 6)" y="\(y + 4)">\(percent(target))</text>
                """)
        }
        content += plot.timeAxis(ticks)
        content += plot.hits(periods) { period in
            let due = period.met + period.late + period.overdue
            guard let attainment = period.attainment else { return "nothing was due" }
            return "\(Human.share(attainment)) met, \(Human.count(period.met)) of \(Human.count(due)) due"
        }
        return plot.drawing(title, summary, id: id, content)
    }

    /// The chart in a sentence.
    private var summary: String {
        let shares = periods.compactMap(\.attainment)
        guard let least = shares.min(), let most = shares.max() else { return "Nothing was due." }
        let below = target.map { target in shares.filter { $0 < target }.count }
        return "Between \(Human.share(least)) and \(Human.share(most))"
            + (below.map { ", in \($0) of \(shares.count) below the target of \(percent(target ?? 0))." }
                ?? ".")
    }

    private func percent(_ share: Double) -> String {
        let tenths = (share * 1_000).rounded()
        return tenths.remainder(dividingBy: 10) == 0
            ? "\(Int(tenths / 10))%" : Human.decimal(tenths / 10, 1) + "%"
    }

    var table: HTMLTable {
        var table = HTMLTable(
            "Attainment as a table",
            [
                .init(title: "From"), .init(title: "Met of due", isNumber: true),
                .init(title: "Met", isNumber: true),
                .init(title: "Late", isNumber: true), .init(title: "Overdue", isNumber: true),
                .init(title: ""),
            ])
        for period in periods {
            table.add([
                "\(period.label)", "\(period.attainment.map(Human.share) ?? "–")",
                "\(Human.count(period.met))",
                "\(Human.count(period.late))", "\(Human.count(period.overdue))",
                "\(period.isFinal ? "final" : "provisional")",
            ])
        }
        return table
    }
}

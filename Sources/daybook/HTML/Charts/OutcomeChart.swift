/// What became of the cases of each period: stacked, the good ones below.
struct OutcomeChart {
    let periods: [SLAReport.Period]
    let plot: Plot
    let ticks: [Plot.Tick]
    private let counts: [Double]

    init(_ periods: [SLAReport.Period], from: Double, to: Double, ticks: [Plot.Tick]) {
        self.periods = periods
        self.ticks = ticks
        let most = periods.map { $0.met + $0.late + $0.waiting + $0.overdue + $0.cancelled }.max() ?? 0
        counts = Ticks.counts(upTo: most)
        plot = Plot(from: from, to: to, bottomValue: 0, topValue: counts.last ?? 1, height: 190)
    }

    func html(id: HTML, title: String) -> HTML {
        var content = plot.grid(counts) { Human.count(Int($0)) } + plot.provisionalBands(periods)
        for period in periods {
            let (x, width) = plot.bar(period)
            var below = 0
            let parts: [(HTML, Int)] = [
                ("met", period.met), ("late", period.late), ("overdue", period.overdue),
                ("waiting", period.waiting), ("cancelled", period.cancelled),
            ]
            for (style, count) in parts where count > 0 {
                let (top, base) = (plot.y(Double(below + count)), plot.y(Double(below)))
                content.append(
                    "<rect class=\"\(style)\" x=\"\(x)\" y=\"\(top)\" width=\"\(width)\" height=\"\(max(base - top, 0.5))\"/>"
                )
                below += count
            }
        }
        content += plot.timeAxis(ticks)
        content += plot.hits(periods) { period in
            let parts = [
                (period.met, "met"), (period.late, "late"), (period.overdue, "overdue"),
                (period.waiting, "open in time"), (period.cancelled, "cancelled"),
            ].filter { $0.0 > 0 }
            return parts.map { "\(Human.count($0.0)) \($0.1)" }.joined(separator: ", ")
        }
        return plot.drawing(title, "The counts stand in the table below.", id: id, content)
    }

    static let legend: HTML = """
        <ul class="legend" aria-hidden="true">
        <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="met" width="22" height="12"/></svg>met</li>
        <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="late" width="22" height="12"/></svg>completed late</li>
        <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="overdue" width="22" height="12"/></svg>open, overdue</li>
        <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="waiting" width="22" height="12"/></svg>open, in time</li>
        <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="cancelled" width="22" height="12"/></svg>cancelled</li>
        </ul>
        """

    var table: HTMLTable {
        let titles = ["Started", "Met", "Late", "Overdue", "Open in time", "Cancelled"]
        var table = HTMLTable(
            "Cases as a table",
            [.init(title: "From")] + titles.map { .init(title: $0, isNumber: true) } + [.init(title: "")])
        for period in periods {
            let counts = [
                period.started, period.met, period.late, period.overdue, period.waiting, period.cancelled,
            ]
            table.add(
                ["\(period.label)"] + counts.map { "\(Human.count($0))" }
                    + ["\(period.isFinal ? "final" : "provisional")"])
        }
        return table
    }
}

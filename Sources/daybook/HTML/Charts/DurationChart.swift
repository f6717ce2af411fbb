/// How long cases took, as percentiles, each line of a dash of its own.
struct DurationChart {
    let periods: [SLAReport.Period]
    let withinSeconds: Double?
    let plot: Plot
    let ticks: [Plot.Tick]
    private let values: [Double]

    init(
        _ periods: [SLAReport.Period], withinSeconds: Double?, from: Double, to: Double, ticks: [Plot.Tick]
    ) {
        self.periods = periods
        self.ticks = ticks
        let most = periods.flatMap { [$0.p50, $0.p95, $0.p99] }.compactMap(\.self).max() ?? 0
        // An allowed time far above all that was needed would press the lines to the ground.
        let isNear = withinSeconds.map { $0 <= most * 2.5 } ?? false
        self.withinSeconds = isNear ? withinSeconds : nil
        values = Ticks.durations(upTo: max(most, self.withinSeconds ?? 0))
        plot = Plot(from: from, to: to, bottomValue: 0, topValue: values.last ?? 1, height: 236)
    }

    func html(id: HTML, title: String) -> HTML {
        var content = plot.grid(values) { Ticks.duration($0) } + plot.provisionalBands(periods)
        if let withinSeconds {
            let y = plot.y(withinSeconds)
            content.append(
                """
                <line class="target" x1="\(plot.left)" x2="\(plot.end)" y1="\(y)" y2="\(y)"/>\
                <text class="strong" x="\(plot.end + 6)" y="\(y + 4)">\(Ticks.duration(withinSeconds))</text>
                """)
        }
        content += line("p99", \.p99) + line("p95", \.p95) + line("p50", \.p50)
        content += plot.timeAxis(ticks)
        content += plot.hits(periods) { period in
            guard let p50 = period.p50, let p95 = period.p95, let p99 = period.p99 else {
                return "none completed"
            }
            return "p50 \(Human.duration(p50)), p95 \(Human.duration(p95)), p99 \(Human.duration(p99))"
        }
        return plot.drawing(title, "The percentiles stand in the table below.", id: id, content)
    }

    /// Neighbours are joined; where a period has nothing, the line ends, and one alone is a dot.
    private func line(_ style: HTML, _ value: KeyPath<SLAReport.Period, Double?>) -> [HTML] {
        var runs: [[(x: Double, y: Double, end: Double)]] = []
        for period in periods {
            guard let seconds = period[keyPath: value] else { continue }
            let x = plot.x((max(period.begins, plot.from) + min(period.ends, plot.to)) / 2)
            if let last = runs.last?.last, abs(last.end - period.begins) < 1 {
                runs[runs.count - 1].append((x, plot.y(seconds), period.ends))
            } else {
                runs.append([(x, plot.y(seconds), period.ends)])
            }
        }
        return runs.map { run in
            guard run.count > 1 else {
                return "<circle class=\"dot \(style)\" cx=\"\(run[0].x)\" cy=\"\(run[0].y)\" r=\"2.5\"/>"
            }
            let points = run.map { point -> HTML in "\(point.x),\(point.y)" }
            return "<polyline class=\"line \(style)\" points=\"\(points)\"/>"
        }
    }

    var legend: HTML {
        let within: HTML =
            withinSeconds == nil
            ? .nothing
            : "<li><svg aria-hidden=\"true\" viewBox=\"0 0 22 12\"><line class=\"target\" x1=\"0\" x2=\"22\" y1=\"6\" y2=\"6\"/></svg>time allowed</li>"
        return """
            <ul class="legend" aria-hidden="true">
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><line class="line p50" x1="1" x2="21" y1="6" y2="6"/></svg>p50 (half took less)</li>
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><line class="line p95" x1="1" x2="21" y1="6" y2="6"/></svg>p95</li>
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><line class="line p99" x1="1" x2="21" y1="6" y2="6"/></svg>p99</li>
            \(within)
            </ul>
            """
    }

    var table: HTMLTable {
        var table = HTMLTable(
            "Durations as a table",
            [.init(title: "From")] + ["p50", "p95", "p99"].map { .init(title: $0, isNumber: true) }
                + [.init(title: "")])
        for period in periods {
            table.add(
                ["\(period.label)"]
                    + [period.p50, period.p95, period.p99].map { "\($0.map(Human.duration) ?? "–")" }
                    + ["\(period.isFinal ? "final" : "provisional")"])
        }
        return table
    }
}

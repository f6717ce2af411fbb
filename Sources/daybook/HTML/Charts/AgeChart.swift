/// How many cases are open, by how old they are: bars that lie, with the deadline between them.
struct AgeChart {
    let ages: [SLAReport.AgeClass]
    let withinSeconds: Double?

    private static let row = 26.0
    private static let left = 150.0

    func html(id: HTML) -> HTML {
        let most = max(ages.map(\.cases).max() ?? 0, 1)
        let width = Plot.width - AgeChart.left - 90
        let deadline = ages.firstIndex {
            ($0.fromSeconds > 0 || withinSeconds == 0) && $0.fromSeconds == withinSeconds
        }
        let room = deadline == nil ? 0 : 24.0
        let height = Double(ages.count) * AgeChart.row + room + 8
        var (content, y): ([HTML], Double) = ([], 4)
        for (index, age) in ages.enumerated() {
            if index == deadline {
                content.append(
                    """
                    <line class="target" x1="0" x2="\(Plot.width)" y1="\(y + 12)" y2="\(y + 12)"/>\
                    <text class="strong" x="\(Plot.width)" y="\(y + 7)" text-anchor="end">deadline</text>
                    """)
                y += room
            }
            let length = Double(age.cases) / Double(most) * width
            let isBeyond = deadline.map { index >= $0 } ?? (age.overdue > 0)
            let style: HTML = isBeyond ? "overdue" : "waiting"
            content.append(
                """
                <g><title>\(words(age)): \(Human.count(age.cases)) open, \(Human.count(age.overdue)) of them overdue</title>\
                <rect class="hit" x="0" y="\(y)" width="\(Plot.width)" height="\(AgeChart.row)"/>\
                <text x="\(AgeChart.left - 10)" y="\(y + 17)" text-anchor="end">\(words(age))</text>\
                <rect class="\(style)" x="\(AgeChart.left)" y="\(y + 4)" width="\(age.cases == 0 ? 0 : max(length, 2))" height="\(AgeChart.row - 8)" rx="2"/>\
                <text class="strong" x="\(AgeChart.left + (age.cases == 0 ? 0 : max(length, 2)) + 8)" y="\(y + 17)">\(Human.count(age.cases))</text></g>
                """)
            y += AgeChart.row
        }
        return """
            <div class="chart"><svg viewBox="0 0 \(Plot.width) \(height)" role="img" aria-labelledby="\(id)-t">
            <title id="\(id)-t">Open cases by age</title>
            \(content)
            </svg></div>
            """
    }

    private func words(_ age: SLAReport.AgeClass) -> String {
        guard let to = age.toSeconds else { return "over \(Ticks.duration(age.fromSeconds))" }
        return age.fromSeconds == 0
            ? "under \(Ticks.duration(to))" : "\(Ticks.duration(age.fromSeconds)) – \(Ticks.duration(to))"
    }

    var table: HTMLTable {
        var table = HTMLTable(
            "Ages as a table",
            [
                .init(title: "Age"), .init(title: "Open", isNumber: true),
                .init(title: "Of these overdue", isNumber: true),
            ])
        for age in ages {
            table.add(["\(words(age))", "\(Human.count(age.cases))", "\(Human.count(age.overdue))"])
        }
        return table
    }
}

import Pipeline

/// Comparisons as people and programs read them.
struct ComparisonText {
    let comparisons: [Comparison]

    init(_ comparisons: [Comparison]) { self.comparisons = comparisons }

    /// Nil where there is nothing to tell to a person.
    func text(_ format: String) throws -> String? {
        switch format {
        case "json": try json()
        case "csv": csv
        default: comparisons.isEmpty ? nil : comparisons.map(table).joined(separator: "\n\n")
        }
    }

    private func table(_ comparison: Comparison) -> String {
        var table = TextTable([
            .init(title: "", isNumber: false), .init(title: "this span"), .init(title: "before"),
            .init(title: "change"),
        ])
        for line in comparison.lines {
            table.add([
                Comparison.label(line.name), Comparison.text(line.value, line.unit),
                Comparison.text(line.before, line.unit), Comparison.change(line),
            ])
        }
        return """
            \(Cell.line(comparison.sla))
              this span: \(comparison.spanWords)
              before:    \(comparison.beforeWords)

            \(table.text)
            """
    }

    /// Beside their names, as they stand in the JSON.
    private var csv: String {
        let header = [
            "sla", "from", "to", "before_from", "before_to", "figure", "unit", "value", "before", "change",
            "change_ratio",
        ]
        let rows = comparisons.flatMap { comparison in
            comparison.lines.map { line in
                [
                    comparison.sla, comparison.span.from, comparison.span.until, comparison.beforeSpan.from,
                    comparison.beforeSpan.until, line.name, line.unit.rawValue, number(line.value),
                    number(line.before), number(line.change), number(line.changeRatio),
                ]
            }
        }
        return CSVText.lines([header] + rows)
    }

    private func number(_ value: Double?) -> String {
        guard let value else { return "" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }

    private struct Document: Encodable {
        struct Entry: Encodable {
            let sla: String
            let from: String
            let to: String
            let beforeFrom: String
            let beforeTo: String
            let figures: [Figure]
        }
        struct Figure: Encodable {
            let figure: String
            let unit: String
            @OrNull var value: Double?
            @OrNull var before: Double?
            @OrNull var change: Double?
            @OrNull var changeRatio: Double?
        }
        let comparisons: [Entry]
    }

    private func json() throws -> String {
        try JSONOutput.text(
            Document(
                comparisons: comparisons.map { comparison in
                    .init(
                        sla: comparison.sla, from: ShownTimes.iso(comparison.span.from),
                        to: ShownTimes.iso(comparison.span.until),
                        beforeFrom: ShownTimes.iso(comparison.beforeSpan.from),
                        beforeTo: ShownTimes.iso(comparison.beforeSpan.until),
                        figures: comparison.lines.map {
                            .init(
                                figure: $0.name, unit: $0.unit.rawValue, value: $0.value, before: $0.before,
                                change: $0.change, changeRatio: $0.changeRatio)
                        })
                }), keys: .convertToSnakeCase)
    }
}

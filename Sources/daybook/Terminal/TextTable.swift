/// Rows in columns, aligned.
struct TextTable {
    struct Column {
        let title: String
        var isNumber = true
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// A row's cells are each on one line, whatever they hold.
    mutating func add(_ row: [String]) { rows.append(row.map(Cell.line)) }

    /// The table with its titles, each line indented by two.
    var text: String {
        let widths = columns.indices.map { index in
            ([columns[index].title] + rows.map { $0[index] }).map(\.displayWidth).max() ?? 0
        }
        return ([columns.map(\.title)] + rows).map { row in
            let cells = zip(row, zip(columns, widths)).map { cell, layout in
                layout.0.isNumber ? cell.paddingLeft(to: layout.1) : cell.padding(to: layout.1)
            }
            var line = "  " + cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}

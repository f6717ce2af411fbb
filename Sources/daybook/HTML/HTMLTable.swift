/// A table whose first column names its rows.
struct HTMLTable {
    struct Column {
        let title: String
        var isNumber = false
    }

    let caption: String
    let columns: [Column]
    private var rows: [[HTML]] = []

    init(_ caption: String, _ columns: [Column]) { (self.caption, self.columns) = (caption, columns) }

    mutating func add(_ cells: [HTML]) { rows.append(cells) }

    var isEmpty: Bool { rows.isEmpty }

    var html: HTML {
        let head = columns.map { column -> HTML in
            column.isNumber
                ? "<th scope=\"col\" class=\"n\">\(column.title)</th>"
                : "<th scope=\"col\">\(column.title)</th>"
        }
        let body = rows.map { cells -> HTML in
            let cells = zip(cells, columns).enumerated().map { index, pair -> HTML in
                let (cell, column) = pair
                if index == 0 { return "<th scope=\"row\">\(cell)</th>" }
                return column.isNumber ? "<td class=\"n\">\(cell)</td>" : "<td>\(cell)</td>"
            }
            return "<tr>\(cells)</tr>"
        }
        return """
            <div class="scroll" role="region" aria-label="\(caption)" tabindex="0"><table>
            <caption>\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)
            </tbody>
            </table></div>
            """
    }

    /// Below a chart that shows the same.
    var folded: HTML { "<details><summary>\(caption)</summary>\n\(html)\n</details>" }
}

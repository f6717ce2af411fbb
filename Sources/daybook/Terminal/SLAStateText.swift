import Postgres

/// What SLAs say of cases, for people: the rows of `sql/desk/slas.sql`.
enum SLAStateText {
    static func table(_ rows: [Result.Row], _ times: ShownTimes, showsCases: Bool) throws -> String {
        var columns = [
            TextTable.Column(title: "SLA", isNumber: false),
            TextTable.Column(title: "state", isNumber: false),
            TextTable.Column(title: "started", isNumber: false),
            TextTable.Column(title: "deadline", isNumber: false),
            TextTable.Column(title: "ended", isNumber: false), TextTable.Column(title: "took"),
            TextTable.Column(title: "allowed"),
        ]
        if showsCases { columns.insert(.init(title: "case", isNumber: false), at: 0) }
        var table = TextTable(columns)
        for row in rows {
            func time(_ column: String) throws -> String? {
                try row.getIfPresent(column, as: String.self).map(times.short)
            }
            let cycle: Int = try row.get("cycle")
            let anomaly = try row.getIfPresent("anomaly", as: String.self).map { " (\($0))" } ?? ""
            var cells = [
                try row.get("sla") + (cycle > 1 ? " (cycle \(cycle))" : ""), try state(row) + anomaly,
                try time("started_at") ?? "·", try time("breach_at") ?? "·",
                try time("completed_at") ?? time("cancelled_at") ?? "·",
                try row.getIfPresent("elapsed_seconds", as: Double.self).map(Human.duration) ?? "·",
                Human.duration(try row.get("within_seconds")),
            ]
            if showsCases { cells.insert(Cell.text(try row.get("case_id")), at: 0) }
            table.add(cells)
        }
        return table.text
    }

    /// `overdue by 2d 6h`.
    private static func state(_ row: Result.Row) throws -> String {
        let state: String = try row.get("state")
        guard let past = try row.getIfPresent("overdue_seconds", as: Double.self) else { return state }
        switch state {
        case "overdue": return "overdue by \(Human.duration(past.rounded()))"
        case "open": return "open, \(Human.duration(-past.rounded())) left"
        default: return state
        }
    }
}

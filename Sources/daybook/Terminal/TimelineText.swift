import Postgres

/// The events of cases, for people: the rows of `report.case_timeline`.
struct TimelineText {
    let times: ShownTimes
    /// Whether the events are of several cases.
    var showsCases = false

    /// `4 events from 2026-01-05 22:08:07 to 2026-01-06 06:05:27 UTC, of 3 services`.
    func headline(_ rows: [Result.Row]) throws -> String {
        guard let first = rows.first, let last = rows.last else { return "no events" }
        let services = Set(try rows.map { try $0.get("service", as: String.self) })
        let from = times.short(try first.get("occurred_at"))
        let to = times.named(try last.get("occurred_at"))
        let span = rows.count == 1 ? "at \(to)" : "from \(from) to \(to)"
        return
            "\(Human.plural(rows.count, "event")) \(span), of \(Human.plural(services.count, "service"))"
    }

    func table(_ rows: [Result.Row]) throws -> String {
        let hasCorrelation = try rows.contains {
            try $0.getIfPresent("correlation_id", as: String.self) != nil
        }
        let entities = Set(try rows.map { try $0.get("entity", as: String.self) })
        let hasNotes = try rows.contains { try !notes($0).isEmpty }
        var columns = [
            TextTable.Column(title: "#"),
            TextTable.Column(
                title: times.zone == "UTC" ? "time (UTC)" : "time (\(times.zone))", isNumber: false),
        ]
        if entities.count > 1 { columns.append(.init(title: "entity", isNumber: false)) }
        if showsCases { columns.append(.init(title: "case", isNumber: false)) }
        columns += [
            .init(title: "after"), .init(title: "usual (95%)"), .init(title: "type", isNumber: false),
            .init(title: "service", isNumber: false),
        ]
        if hasCorrelation { columns.append(.init(title: "correlation", isNumber: false)) }
        if hasNotes { columns.append(.init(title: "", isNumber: false)) }
        var table = TextTable(columns)
        for row in rows {
            var cells = [
                Human.count(try row.get("nth")), times.precise(try row.get("occurred_at")),
            ]
            if entities.count > 1 { cells.append(Cell.text(try row.get("entity"))) }
            if showsCases { cells.append(Cell.text(try row.get("case_id"))) }
            cells += [
                try row.getIfPresent("gap_seconds", as: Double.self).map { "+" + Human.duration($0) } ?? "·",
                try usual(row), Cell.text(try row.get("type")), Cell.text(try row.get("service")),
            ]
            if hasCorrelation {
                cells.append(
                    try row.getIfPresent("correlation_id", as: String.self).map(Cell.text) ?? "·")
            }
            if hasNotes { cells.append(try notes(row).joined(separator: "; ")) }
            table.add(cells)
        }
        return table.text
    }

    private func usual(_ row: Result.Row) throws -> String {
        guard let median = try row.getIfPresent("usual_p50_seconds", as: Double.self),
            let most = try row.getIfPresent("usual_p95_seconds", as: Double.self)
        else { return "·" }
        return "\(Human.duration(median)) (\(Human.duration(most)))"
    }

    private func notes(_ row: Result.Row) throws -> [String] {
        var notes: [String] = []
        if let gap = try row.getIfPresent("gap_seconds", as: Double.self),
            let most = try row.getIfPresent("usual_p95_seconds", as: Double.self), gap > most
        {
            notes.append("slower than usual")
        }
        if try row.get("is_out_of_order") {
            notes.append("the clock contradicts sequence \(try row.get("sequence", as: String.self))")
        }
        if try row.get("is_dead_letter") { notes.append("dead letter") }
        return notes
    }
}

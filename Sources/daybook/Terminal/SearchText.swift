import Pipeline
import Postgres

/// What a search has found, for people: the rows of `sql/desk/found_cases.sql`.
enum SearchText {
    static func table(_ rows: [Result.Row], _ times: ShownTimes) throws -> String {
        let entities = Set(try rows.map { try $0.get("entity", as: String.self) })
        let isOfEvents = try rows.contains { try $0.getIfPresent("type", as: String.self) != nil }
        var columns = [
            TextTable.Column(title: "case", isNumber: false), TextTable.Column(title: "events"),
            TextTable.Column(title: "last (\(times.zone))", isNumber: false),
        ]
        if entities.count > 1 { columns.insert(.init(title: "entity", isNumber: false), at: 0) }
        if isOfEvents {
            columns += [.init(title: "type", isNumber: false), .init(title: "service", isNumber: false)]
        }
        columns.append(.init(title: "the case is at", isNumber: false))
        var table = TextTable(columns)
        for row in rows {
            func cell(_ column: String) throws -> String {
                try row.getIfPresent(column, as: String.self).map(Cell.text) ?? "·"
            }
            var cells = [
                try cell("case_id"), Human.count(try row.get("events")),
                times.short(try row.get("last_at")),
            ]
            if entities.count > 1 { cells.insert(try cell("entity"), at: 0) }
            if isOfEvents { cells += [try cell("type"), try cell("service")] }
            cells.append(try cell("case_last_type"))
            table.add(cells)
        }
        return table.text
    }

    /// - Parameter fields: what was asked for, as it was written.
    static func searched(_ searched: CaseSearch.Searched, fields: [String]) -> String {
        guard searched.way == .scan else { return searched.description }
        let path = fields.first.map { field in
            SearchCondition.columns.contains(field)
                || field.hasPrefix("details.") || field.hasPrefix("/") ? field : "details.\(field)"
        }
        let hint = path.map {
            "; declared as a key, as in \"keys\": {\"name\": [\"\($0)\"]}, it is found in all"
        }
        return searched.description + (hint ?? "")
    }
}

import Postgres

/// From which day on events and reports are kept (`daybook.retention`), and which rows of a model's table a transform may
/// touch: not those behind which events are gone, for what it would compute of the rest is half of the truth.
struct KeptRows {
    /// As literals; nil where nothing was dropped.
    private let rawFrom: String?
    private let reportFrom: String?

    init(_ connection: Connection) throws {
        let row = try connection.query(
            """
            SELECT CASE WHEN raw_from > '-infinity' THEN raw_from END, CASE WHEN report_from > '-infinity' THEN report_from END
            FROM daybook.retention
            """
        ).first()
        rawFrom = try row.getIfPresent(0, as: String.self).map(KeptRows.literal)
        reportFrom = try row.getIfPresent(1, as: String.self).map(KeptRows.literal)
    }

    /// A condition over the rows of a relation named `name`, by itself in FROM, that are to be as the SELECT says; true
    /// where all are.
    func condition(_ model: Model, _ name: String) -> String {
        var conditions: [String] = []
        let readsEvents = model.from.contains { $0.relation.hasPrefix("raw.") }
        let caseColumn = model.caseColumn
        // The tables of declared fields are rows of events, and go with them.
        if readsEvents, let caseColumn, rawFrom != nil, model.schema == "report" {
            let column = "\(name).\(quoteIdentifier(caseColumn))"
            conditions.append(
                "NOT EXISTS (SELECT FROM daybook.frozen_cases AS frozen WHERE frozen.case_id = \(column))")
        }
        if let time = model.time {
            let floors = [reportFrom, readsEvents && caseColumn == nil ? rawFrom : nil].compactMap { $0 }
            conditions += floors.map { "coalesce((\(time)) >= \($0), true)" }
        }
        return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
    }

    /// The beginning of a UTC day.
    private static func literal(_ day: String) -> String {
        "\(quoteLiteral("\(day) 00:00:00+00"))::timestamptz"
    }
}

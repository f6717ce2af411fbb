import Postgres

/// From which day on events and reports are kept (`daybook.retention`), and which rows of a model's table a transform may
/// touch: not those behind which events are gone, for what it would compute of the rest is half of the truth.
struct KeptRows {
    /// As literals; nil where nothing was dropped.
    private let rawFrom: String?
    private let reportFrom: String?
    private let connection: Connection

    init(_ connection: Connection) throws {
        self.connection = connection
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
    func condition(_ model: Model, _ name: String) throws -> String {
        guard rawFrom != nil || reportFrom != nil else { return "true" }
        var conditions: [String] = []
        let readsEvents = try model.from.contains { try isOfEvents($0.relation) }
        let caseColumn = model.caseColumn
        // The tables of declared fields are rows of events, and go with them.
        if readsEvents, let caseColumn, let rawFrom, !model.keepsColumns {
            // As daybook.frozen_cases, with the day as the planner can reckon with it. A case of another entity is another.
            var frozen = "report.cases AS frozen"
            var match = [
                "frozen.case_id = \(name).\(quoteIdentifier(caseColumn))", "frozen.first_at < \(rawFrom)",
                "NOT EXISTS (SELECT FROM daybook.late_cases AS late WHERE late.case_id = frozen.case_id)",
            ]
            if model.key.contains("entity") { match.append("frozen.entity = \(name).entity") }
            if model.key.contains("sla") {
                frozen += " JOIN daybook.slas AS judged ON judged.entity = frozen.entity"
                match.append("judged.sla = \(name).sla")
            }
            conditions.append("NOT EXISTS (SELECT FROM \(frozen) WHERE \(match.joined(separator: " AND ")))")
        }
        if let time = model.time {
            let floors = [reportFrom, readsEvents && caseColumn == nil ? rawFrom : nil].compactMap { $0 }
            conditions += floors.map { "coalesce((\(time)) >= \($0), true)" }
        }
        return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
    }

    /// Whether a relation holds events, or is a view that reads such a one.
    private func isOfEvents(_ relation: String) throws -> Bool {
        if relation.hasPrefix("raw.") { return true }
        return try connection.query(
            """
            WITH RECURSIVE read (relid) AS (
                SELECT to_regclass($1)::oid
                UNION
                SELECT d.refobjid
                FROM read
                JOIN pg_rewrite AS r ON r.ev_class = read.relid
                JOIN pg_depend AS d
                    ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
            )
            SELECT EXISTS (
                SELECT FROM read JOIN pg_class AS c ON c.oid = read.relid WHERE c.relnamespace = 'raw'::regnamespace
            )
            """, [relation]
        ).first().get(0)
    }

    /// The beginning of a UTC day.
    private static func literal(_ day: String) -> String {
        "\(quoteLiteral("\(day) 00:00:00+00"))::timestamptz"
    }
}

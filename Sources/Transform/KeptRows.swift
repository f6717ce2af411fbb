import Postgres

/// From which day on events and reports are kept (`daybook.retention`), and which rows of a model's table a transform may
/// touch: not those behind which events are gone, for what it would compute of the rest is half of the truth.
struct KeptRows {
    /// As literals; nil where nothing was dropped.
    private let rawFrom: String?
    private let reportFrom: String?
    /// Whether any case is being erased.
    private let forgets: Bool
    private let connection: Connection

    init(_ connection: Connection) throws {
        self.connection = connection
        let row = try connection.query(
            """
            SELECT CASE WHEN raw_from > '-infinity' THEN raw_from END,
                CASE WHEN report_from > '-infinity' THEN report_from END,
                EXISTS (SELECT FROM daybook.forgotten_cases)
            FROM daybook.retention
            """
        ).first()
        rawFrom = try row.getIfPresent(0, as: String.self).map(KeptRows.literal)
        reportFrom = try row.getIfPresent(1, as: String.self).map(KeptRows.literal)
        forgets = try row.get(2)
    }

    /// A condition over the rows of a relation named `name`, by itself in FROM, that are to be as the SELECT says; true
    /// where all are.
    func condition(_ model: Model, _ name: String) throws -> String {
        guard rawFrom != nil || reportFrom != nil else { return "true" }
        var conditions: [String] = []
        let readsEvents = try model.from.contains { try isOfEvents($0.relation) }
        if readsEvents, let rawFrom, !model.areEvents {
            // As daybook.frozen_cases, with the day as the planner can reckon with it.
            let isFrozen = [
                "listed.first_at < \(rawFrom)",
                "NOT EXISTS (SELECT FROM daybook.late_cases AS late WHERE late.case_id = listed.case_id)",
            ]
            if let frozen = isListed(model, name, in: "report.cases", isFrozen) {
                conditions.append("NOT \(frozen)")
            }
        }
        if let time = model.time {
            let floors = [reportFrom, readsEvents && model.caseColumn == nil ? rawFrom : nil].compactMap {
                $0
            }
            conditions += floors.map { "coalesce((\(time)) >= \($0), true)" }
        }
        guard !conditions.isEmpty else { return "true" }
        let isOpen = conditions.joined(separator: " AND ")
        guard forgets, let forgotten = isListed(model, name, in: "daybook.forgotten_cases") else {
            return isOpen
        }
        return "(\(isOpen) OR \(forgotten))"
    }

    /// A condition: whether the row's case is among those of a table, of its entity where its key tells that; a case of
    /// another entity is another. Nil where rows are of no case.
    private func isListed(
        _ model: Model, _ name: String, in table: String, _ conditions: [String] = []
    ) -> String? {
        guard let caseColumn = model.caseColumn else { return nil }
        var from = "\(table) AS listed"
        var match = ["listed.case_id = \(name).\(quoteIdentifier(caseColumn))"] + conditions
        if model.key.contains("entity") { match.append("listed.entity = \(name).entity") }
        if model.key.contains("sla") {
            from += " JOIN daybook.slas AS judged ON judged.entity = listed.entity"
            match.append("judged.sla = \(name).sla")
        }
        return "EXISTS (SELECT FROM \(from) WHERE \(match.joined(separator: " AND ")))"
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

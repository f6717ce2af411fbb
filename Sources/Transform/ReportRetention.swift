import Postgres

/// Drops what report tables tell of long ago: hours by their time, and cases with all that is told of them once the last of
/// it is over. A model's header says when a row is (`-- time: …`); tables of models without it are kept for ever.
package struct ReportRetention {
    private let models: [Model]
    private let connection: Connection

    /// - Parameter models: those of files.
    package init(_ models: [Model], _ connection: Connection) {
        self.models = models
        self.connection = connection
    }

    /// What became of a table.
    package struct Outcome: Sendable, Encodable {
        package let table: String
        package let rows: Int
    }

    /// Drops what is before a day; but nothing of days of which there are events, for it could be computed again. In a
    /// transaction of the caller, while no transform runs.
    package func drop(before day: String) throws -> [Outcome] {
        let kept = try connection.query(
            """
            UPDATE daybook.retention SET report_from = greatest(report_from, least(raw_from, $1::date))
            RETURNING report_from, report_from > '-infinity'
            """, [day]
        ).first()
        guard try kept.get(1) else { return [] }
        let time = "\(quoteLiteral(try kept.get(0, as: String.self)))::date"
        let dated = try dated()
        try findCases(of: dated, before: time)
        let outcomes = try dated.flatMap { try drop($0, before: time) }.filter { $0.rows > 0 }
        if !outcomes.isEmpty { try Dimensions.refresh(connection) }
        return outcomes
    }

    private static let cases = "report.cases"

    /// Of models with a time, those whose tables are there.
    private func dated() throws -> [Model] {
        try models.filter {
            guard $0.time != nil else { return false }
            return try connection.query("SELECT to_regclass($1) IS NOT NULL", [$0.quotedName]).first().get(0)
        }
    }

    /// Makes `pg_temp.past_cases`.
    private func findCases(of dated: [Model], before time: String) throws {
        let conditions = dated.filter { $0.key.contains("case_id") }.map { model in
            """
            NOT EXISTS (
                SELECT FROM \(model.quotedName) AS r
                WHERE r.case_id::text = c.case_id AND coalesce((\(model.time ?? "")) >= \(time), true)
            )
            """
        }
        try connection.createTemporary(
            "past_cases",
            as: """
                SELECT DISTINCT case_id FROM \(ReportRetention.cases) AS c
                WHERE last_at < \(time)
                    AND NOT EXISTS (
                        SELECT FROM daybook.frozen_news AS n, daybook.retention AS k
                        WHERE n.case_id = c.case_id AND n.last_day >= k.raw_from
                    )
                    AND \((["true"] + conditions).joined(separator: " AND "))
                """, keys: ["case_id"], action: "find the cases of before \(time)")
        // Dead letters alone make no case.
        try connection.execute(
            """
            DELETE FROM daybook.wide_cases AS w
            USING daybook.retention AS k
            WHERE w.last_day < k.raw_from
                AND NOT EXISTS (SELECT FROM \(ReportRetention.cases) AS c WHERE c.case_id = w.case_id)
            """)
        for table in ["daybook.late_cases", "daybook.wide_cases", "daybook.frozen_news"] {
            try connection.execute(
                "DELETE FROM \(table) WHERE case_id IN (SELECT case_id FROM pg_temp.past_cases)")
        }
    }

    private func drop(_ model: Model, before time: String) throws -> [Outcome] {
        guard let age = model.time else { return [] }
        guard !model.key.contains("case_id") else {
            return [
                try delete(
                    model.name, model.quotedName, "case_id::text IN (SELECT case_id FROM pg_temp.past_cases)")
            ]
        }
        return try [delete(model.name, model.quotedName, "(\(age)) < \(time)")]
            + (model.history.map { [try delete($0, $0, "(\(age)) < \(time)")] } ?? [])
    }

    private func delete(_ name: String, _ table: String, _ condition: String) throws -> Outcome {
        let result = try connection.query(
            "DELETE FROM \(table) WHERE \(condition)", action: "drop old rows of \(name)")
        return Outcome(table: name, rows: result.affectedRows)
    }
}

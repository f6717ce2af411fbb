import Postgres
import SQLFiles
import Transform

/// The report tables against a full rebuild: what each model's SELECT gives now.
package enum Rebuild {
    /// Of cases that lost events to their retention, which no SELECT knows any more, nothing is compared.
    ///
    /// Of the first table that differs a few rows, `-` those that it lacks and `+` those that it has too many; of the
    /// history the hours whose current row it does not hold exactly once, and versions that changed nothing. Empty
    /// where all is as it must be.
    package static func differences(_ models: [Model], _ connection: Connection) throws -> [String] {
        for model in models {
            let columns = try connection.query("SELECT * FROM (\(model.query)\n) AS s LIMIT 0").columns
                .joined(
                    separator: ", ")
            let compared =
                ["report.cases", "report.fact_sla", "daybook.case_paths", "report.case_keys"].contains(
                    model.name)
                ? " WHERE case_id NOT IN (SELECT case_id FROM daybook.frozen_cases)" : ""
            // A row whose sums are all 0 is none.
            let counted =
                model.additive.isEmpty
                ? compared
                : " WHERE NOT (\(model.additive.map { "\($0) = 0" }.joined(separator: " AND ")))"
            let rows = try connection.query(
                """
                WITH wanted AS MATERIALIZED (SELECT \(columns) FROM (\(model.query)\n) AS s\(counted)),
                stored AS MATERIALIZED (SELECT \(columns) FROM \(model.name)\(compared))
                SELECT '-' || w::text FROM (TABLE wanted EXCEPT ALL TABLE stored) AS w
                UNION ALL
                SELECT '+' || s::text FROM (TABLE stored EXCEPT ALL TABLE wanted) AS s
                ORDER BY 1 LIMIT 6
                """
            ).rows
            guard rows.isEmpty else {
                return try rows.map { "\(model.name): \(try $0.get(0, as: String.self))" }
            }
        }
        return try connection.query(
            """
            SELECT 'history: -' || h::text
            FROM (TABLE report.sla_hourly EXCEPT ALL SELECT * FROM report.sla_hourly_as_of(now())) AS h
            UNION ALL
            SELECT 'history: +' || h::text
            FROM (SELECT * FROM report.sla_hourly_as_of(now()) EXCEPT ALL TABLE report.sla_hourly) AS h
            UNION ALL
            SELECT 'one version in two: ' || a::text
            FROM report.sla_hourly_history AS a
            JOIN report.sla_hourly_history AS b
                ON b.sla = a.sla AND b.hour_start = a.hour_start AND b.valid_from = a.valid_to
            WHERE to_jsonb(a) - '{valid_from,valid_to,load_ids,cause}'::text[]
                = to_jsonb(b) - '{valid_from,valid_to,load_ids,cause}'::text[]
            LIMIT 6
            """
        ).rows.map { try $0.get(0) }
    }
}

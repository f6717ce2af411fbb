import Postgres

/// What transforms have made of a database: the report tables and what is remembered of how they came about, without
/// the times at which that was.
struct ReportState: Equatable {
    /// Of each table its name, the number of its rows, and the sum of their hashes.
    private let tables: [[String]]

    private static let relations = [
        "report.cases", "report.fact_sla", "report.sla_hourly", "report.sla_hourly_by_end",
        "report.sla_hourly_by_breach", "report.sla_hourly_history", "report.event_hourly",
        "report.step_hourly",
        "report.step_durations", "report.usual_steps", "report.active_users_daily", "report.dim_sla",
        "report.dim_service",
        "report.dim_day", "report.dim_hour", "daybook.user_days", "daybook.slas", "daybook.sla_types",
        "daybook.judged_slas", "daybook.models", "daybook.transforms", "daybook.touched_cases",
        "daybook.wide_cases", "daybook.entities",
    ]

    init(_ connection: Connection) throws {
        // Whether a version has ended is no time. The pairs of start and end have no other name than their times.
        let parts = ReportState.relations.map { relation in
            """
            SELECT '\(relation)', count(*),
                sum(hashtextextended((
                    to_jsonb(t) - '{restated_at,built_at,valid_from,valid_to}'::text[]
                        || jsonb_build_object('ended', to_jsonb(t) ->> 'valid_to' IS NOT NULL)
                )::text, 0))
            FROM \(relation) AS t
            """
        }
        let result = try connection.query(parts.joined(separator: "\nUNION ALL\n"))
        tables = result.rows.map { row in (0..<result.columnCount).map { row.text($0) ?? "∅" } }
    }

    /// The tables that differ, with the numbers of their rows.
    func difference(from other: ReportState) -> String {
        zip(tables, other.tables).filter { $0 != $1 }
            .map { "\($0[0]) has \($0[1]) rows (\($0[2])), not \($1[1]) (\($1[2]))" }
            .joined(separator: "; ")
    }
}

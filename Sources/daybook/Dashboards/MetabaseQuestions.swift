import Warehouse

/// Questions in SQL, one a file: for Metabase, and for whatever else takes a SELECT. Each shows the latest days that have
/// data, so that it can be run as it is.
struct MetabaseQuestions {
    let project: DashboardProject

    struct Question {
        let file: String
        let title: String
        let description: String
        /// How Metabase is to show it.
        let display: String
        let sql: String
    }

    private static let days = 14

    var questions: [Question] { project.slas.flatMap(questions(of:)) + shared }

    var files: GeneratedFiles {
        var files = GeneratedFiles()
        for question in questions {
            files.add(
                question.file,
                """
                -- \(question.title)
                -- \(question.description)
                -- Show as: \(question.display)
                -- \(GeneratedFiles.mark).
                \(question.sql)

                """)
        }
        let lines = questions.map { "- `\($0.file)`: \($0.title)" }
        files.add(
            "README.md",
            """
            <!-- \(GeneratedFiles.mark). -->
            # \(DashboardProject.oneLine(project.title)): questions for Metabase

            1. Admin, Databases, Add: PostgreSQL, host `\(project.connection.host)`, port `\(project.connection.port)`,
               database `\(project.connection.database)`, user `\(project.connection.user)`; only the schema `report`.\(secured)
               `daybook grant-reader` makes such a user.
            2. New, SQL query: paste a file, run it, choose the display that its header names, save it.
            3. New, Dashboard: add the questions.

            \(lines.joined(separator: "\n"))

            """)
        return files
    }

    private var secured: String {
        let connection = project.connection
        guard let mode = connection.sslMode else { return "" }
        let file = connection.sslRootCertificate.map { ", root certificate `\($0)`" } ?? ""
        return "\n   Use a secure connection (SSL): SSL mode `\(mode)`\(file)."
    }

    private func questions(of sla: SLADefinition) -> [Question] {
        let name = DashboardProject.literal(sla.name)
        let (slug, title) = (project.slug(sla), DashboardProject.oneLine(sla.name))
        let target = sla.target.map { String($0) } ?? "NULL::double precision"
        let latest = """
            hour_start > (SELECT max(hour_start) FROM report.sla_hourly WHERE sla = \(name)) - interval '\(MetabaseQuestions.days) days'
            """
        return [
            Question(
                file: "\(slug)_attainment.sql", title: "\(title): attainment by hour",
                description: "The share met of those due, beside the target.",
                display: "line; x: hour_start; y: attainment, target",
                sql: """
                    SELECT hour_start, attainment, \(target) AS target, is_final
                    FROM report.sla_hourly
                    WHERE sla = \(name)
                        AND \(latest)
                    ORDER BY hour_start
                    """),
            Question(
                file: "\(slug)_durations.sql", title: "\(title): time from start to end",
                description:
                    "Percentiles in seconds of the cases completed, by the hour in which they started.",
                display: "line; x: hour_start; y: p50_seconds, p95_seconds, p99_seconds, within_seconds",
                sql: """
                    SELECT hour_start, p50_seconds, p95_seconds, p99_seconds,
                        \(Double(sla.withinMicroseconds) / 1e6) AS within_seconds
                    FROM report.sla_hourly
                    WHERE sla = \(name)
                        AND \(latest)
                    ORDER BY hour_start
                    """),
            Question(
                file: "\(slug)_cases.sql", title: "\(title): what became of the cases",
                description: "Cases by the hour in which they started.",
                display: "stacked bars; x: hour_start; y: met, late, overdue, in_time, cancelled",
                sql: """
                    SELECT hour_start, met, late, overdue, open - overdue AS in_time, cancelled
                    FROM report.sla_hourly
                    WHERE sla = \(name)
                        AND \(latest)
                    ORDER BY hour_start
                    """),
            Question(
                file: "\(slug)_open.sql", title: "\(title): the oldest open cases",
                description: "Open cases, those first that have waited longest.",
                display: "table",
                sql: """
                    SELECT f.case_id, f.started_at, f.breach_at, coalesce(f.breached, false) AS is_overdue,
                        c.last_type, c.last_service, c.last_at
                    FROM report.fact_sla AS f
                    LEFT JOIN report.cases AS c ON c.case_id = f.case_id AND c.entity = \(DashboardProject.literal(sla.entity))
                    WHERE f.sla = \(name) AND f.status = 'in_progress'
                    ORDER BY f.started_at, f.case_id
                    LIMIT 100
                    """),
        ]
    }

    private var shared: [Question] {
        let latest =
            "hour_start > (SELECT max(hour_start) FROM report.event_hourly) - interval '\(MetabaseQuestions.days) days'"
        return [
            Question(
                file: "events_by_hour.sql", title: "Events by hour and service",
                description: "How much is told, and how much of it are errors.",
                display: "stacked area; x: hour_start; y: events; series: service",
                sql: """
                    SELECT hour_start, service, sum(events) AS events, sum(errors) AS errors,
                        sum(errors)::double precision / nullif(sum(events), 0) AS error_ratio
                    FROM report.event_hourly
                    WHERE \(latest)
                    GROUP BY hour_start, service
                    ORDER BY hour_start, service
                    """),
            Question(
                file: "steps.sql", title: "How long steps take",
                description: "Mean seconds from one event of a case to the next, and how often.",
                display: "table",
                sql: """
                    SELECT entity, from_type, to_type, sum(steps) AS steps,
                        (sum(total_seconds) / nullif(sum(steps), 0))::double precision AS avg_seconds
                    FROM report.step_hourly
                    WHERE hour_start > (SELECT max(hour_start) FROM report.step_hourly) - interval '\(MetabaseQuestions.days) days'
                    GROUP BY entity, from_type, to_type
                    ORDER BY steps DESC
                    LIMIT 100
                    """),
        ]
    }
}

extension DashboardProject {
    /// For headers of one line.
    static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0 == "\u{2028}"
                        || $0 == "\u{2029}" ? " " : $0
                }))
    }
}

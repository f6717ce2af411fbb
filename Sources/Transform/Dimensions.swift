import Postgres

/// Keeps what the figures are joined with: the SLAs, services, days and hours that they name (`report.dim_*`), and what of
/// steps is usual. The last thing that a transform writes; the keys that lead to them are looked at when it commits.
struct Dimensions {
    private let connection: Connection
    private let changes: Changes

    /// Whose hours are told; those of any other table are among them.
    private static let hourly = [
        "report.event_hourly", "report.sla_hourly", "report.sla_hourly_by_end", "report.sla_hourly_by_breach",
    ]

    init(_ changes: Changes, _ connection: Connection) {
        self.changes = changes
        self.connection = connection
    }

    /// Brings them up to date with what this transform has written.
    ///
    /// - Parameter isWhole: makes them anew of all that is reported: what nothing names any more is dropped.
    func update(isWhole: Bool) throws {
        if isWhole { return try Dimensions.refresh(connection) }
        try connection.query("SELECT daybook.keep_slas()", action: "write report.dim_sla")
        if let steps = changes.changedRows(of: "report.step_durations") {
            try connection.query(
                "SELECT daybook.keep_usual_steps(array_agg(DISTINCT entity)) FROM \(steps) AS s",
                action: "write report.usual_steps")
        }
        let parts = Dimensions.hourly.compactMap(changes.changedRows)
        guard !parts.isEmpty else { return }
        let selects = parts.map { "SELECT hour_start FROM \($0) AS part" }
        try connection.query(
            """
            SELECT daybook.add_days(array_agg(DISTINCT day))
            FROM (
                SELECT (hour_start AT TIME ZONE 'UTC')::date AS day
                FROM (\(selects.joined(separator: " UNION "))) AS h
            ) AS new
            WHERE NOT EXISTS (SELECT FROM report.dim_day AS old WHERE old.day = new.day)
            HAVING count(*) > 0
            """, action: "write report.dim_hour")
        guard let events = changes.changedRows(of: "report.event_hourly") else { return }
        try connection.query(
            "SELECT daybook.keep_services(array_agg(DISTINCT service)) FROM \(events) AS e",
            action: "write report.dim_service")
    }

    /// Makes them anew of all that is reported.
    static func refresh(_ connection: Connection) throws {
        try connection.query(
            "SELECT daybook.refresh_dimensions(), daybook.refresh_usual_steps()",
            action: "write the dimensions")
    }
}

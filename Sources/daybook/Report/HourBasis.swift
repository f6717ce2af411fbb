import SQLFiles

/// Which of a case's hours counts.
enum HourBasis: String, CaseIterable {
    case start, end, breach

    /// The hourly table by this hour.
    var table: String { self == .start ? "report.sla_hourly" : "report.sla_hourly_by_\(rawValue)" }

    /// What a case does in the hour.
    var verb: String {
        switch self {
        case .start: "started"
        case .end: "were completed"
        case .breach: "missed their deadline"
        }
    }

    /// The hour of a fact, as the indexes of report.fact_sla have it.
    private var hour: String {
        switch self {
        case .start: "report.hour(started_at)"
        case .end: "report.hour(completed_at)"
        case .breach: "(CASE WHEN breached THEN report.hour(breach_at) END)"
        }
    }

    /// A statement of ours, which is written for the hours of starts.
    func sql(_ path: String) -> String {
        SQLFiles.builtin.text(path)
            .replacing("report.hour(started_at)", with: hour)
            .replacing("FROM report.sla_hourly\n", with: "FROM \(table)\n")
    }
}

import Postgres

/// The figures of an SLA over a span, recomputed from its facts.
struct Figures {
    let started: Int
    let completed: Int
    let met: Int
    let late: Int
    let open: Int
    let overdue: Int
    let cancelled: Int
    let anomalous: Int
    let breached: Int
    /// A share; nil where nothing was due.
    let attainment: Double?
    let avgSeconds: Double?
    let p50Seconds: Double?
    let p90Seconds: Double?
    let p95Seconds: Double?
    let p99Seconds: Double?
    let maxSeconds: Double?
    /// Hours that hold a case, and those of them that may still change without late data.
    let hours: Int
    let provisionalHours: Int

    /// Of a span without any case.
    static let none = Figures()

    private init() {
        (started, completed, met, late, open, overdue, cancelled) = (0, 0, 0, 0, 0, 0, 0)
        (anomalous, breached, hours, provisionalHours) = (0, 0, 0, 0)
        (attainment, avgSeconds, maxSeconds) = (nil, nil, nil)
        (p50Seconds, p90Seconds, p95Seconds, p99Seconds) = (nil, nil, nil, nil)
    }

    private init(_ row: Result.Row) throws {
        started = try row.get("started")
        completed = try row.get("completed")
        met = try row.get("met")
        late = try row.get("late")
        open = try row.get("open")
        overdue = try row.get("overdue")
        cancelled = try row.get("cancelled")
        anomalous = try row.get("anomalous")
        breached = try row.get("breached")
        attainment = try row.getIfPresent("attainment")
        avgSeconds = try row.getIfPresent("avg_seconds")
        p50Seconds = try row.getIfPresent("p50_seconds")
        p90Seconds = try row.getIfPresent("p90_seconds")
        p95Seconds = try row.getIfPresent("p95_seconds")
        p99Seconds = try row.getIfPresent("p99_seconds")
        maxSeconds = try row.getIfPresent("max_seconds")
        hours = try row.get("hours")
        provisionalHours = try row.get("provisional_hours")
    }

    /// By SLA; one without a case in the span is missing.
    static func read(
        of slas: [String], from: String?, to: String?, by: HourBasis, _ connection: Connection
    ) throws -> [String: Figures] {
        let rows = try connection.query(by.sql("report/figures.sql"), [slas, from, to]).rows
        return Dictionary(
            uniqueKeysWithValues: try rows.map { (try $0.get("sla", as: String.self), try Figures($0)) })
    }

    /// One figure, by the name that its column has in report.sla_hourly.
    struct Figure {
        enum Unit: String { case cases, share, seconds, hours }
        let name: String
        let unit: Unit
        let value: Double?
    }

    var all: [Figure] {
        let counts = [
            ("started", started), ("completed", completed), ("met", met), ("late", late), ("open", open),
            ("overdue", overdue), ("cancelled", cancelled), ("anomalous", anomalous), ("breached", breached),
        ]
        let times = [
            ("avg_seconds", avgSeconds), ("p50_seconds", p50Seconds), ("p90_seconds", p90Seconds),
            ("p95_seconds", p95Seconds), ("p99_seconds", p99Seconds), ("max_seconds", maxSeconds),
        ]
        return counts.map { Figure(name: $0.0, unit: .cases, value: Double($0.1)) }
            + [Figure(name: "attainment", unit: .share, value: attainment)]
            + times.map { Figure(name: $0.0, unit: .seconds, value: $0.1) }
            + [
                Figure(name: "hours", unit: .hours, value: Double(hours)),
                Figure(name: "provisional_hours", unit: .hours, value: Double(provisionalHours)),
            ]
    }
}

import Postgres
import SQLFiles

/// Everything that a page tells of one SLA.
struct SLAReport {
    struct Promise {
        let sla: String
        let description: String?
        let owner: String?
        let entity: String?
        let withinSeconds: Double?
        let target: Double?
        let asOf: String?
        let watermark: String?
        let startTypes: String?
        let endTypes: String?
        let cancelTypes: String?
    }

    /// An hour, day or week with its figures; times are seconds since 1970.
    struct Period {
        let begins: Double
        let ends: Double
        let label: String
        let started: Int
        let met: Int
        let late: Int
        let waiting: Int
        let overdue: Int
        let cancelled: Int
        let attainment: Double?
        let p50: Double?
        let p95: Double?
        let p99: Double?
        let isFinal: Bool
    }

    struct LateCase {
        let caseID: String
        let cycle: Int
        let isOpen: Bool
        let started: Double
        let deadline: Double
        /// When it was completed; of an open one, up to when it is judged.
        let until: Double
        let startedText: String
        let deadlineText: String
        let completedText: String?
        let overSeconds: Double
        let events: [Event]
    }

    struct Event {
        let at: Double
        let atText: String
        let type: String
        let service: String
    }

    struct AgeClass {
        let fromSeconds: Double
        /// Nil: without end.
        let toSeconds: Double?
        let cases: Int
        let overdue: Int
    }

    struct OpenCase {
        let caseID: String
        let isOverdue: Bool
        let startedText: String
        let deadlineText: String
        let ageSeconds: Double
        let lastType: String?
        let lastService: String?
        let silentSeconds: Double?
    }

    struct Restatement {
        let hourText: String
        let restatedText: String
        let cause: String
        let before: Counts
        /// Nil where the hour is gone.
        let after: Counts?
        let loads: Int?
        let objects: String?

        struct Counts {
            let started: Int
            let met: Int
            let breached: Int
            let attainment: Double?
        }
    }

    struct Source {
        let name: String
        let latestText: String?
        let loadedText: String?
        let ageSeconds: Double
        /// fresh, late or stale; nil where nothing is declared.
        let freshness: String?
        let holdsBack: Bool
    }

    let promise: Promise
    let figures: Figures
    let periods: [Period]
    let worst: [LateCase]
    let ages: [AgeClass]
    let openCases: [OpenCase]
    let restatements: [Restatement]
    let allRestatements: Int
    let sources: [Source]
}

// MARK: - Reading

extension SLAReport {
    /// What is asked of every SLA of a page.
    struct Question {
        let from: String
        let to: String
        /// hour, day or week.
        let period: String
        let by: HourBasis
        /// Restatements since then are told.
        let since: String
    }

    private static let mostWorst = 5
    private static let mostEvents = 200
    private static let mostOpen = 10
    private static let mostRestatements = 20

    init(_ promise: Promise, _ figures: Figures, _ question: Question, _ connection: Connection) throws {
        let sla = promise.sla
        func ask(_ name: String, _ parameters: [(any PostgresParameter)?]) throws -> [Result.Row] {
            try connection.query(question.by.sql("report/\(name).sql"), [sla] + parameters).rows
        }
        self.promise = promise
        self.figures = figures
        periods = try ask("page_periods", [question.from, question.to, question.period]).map(Period.init)
        worst = try ask("page_worst", [question.from, question.to, SLAReport.mostWorst]).map { row in
            let events = try connection.query(
                SQLFiles.builtin.text("report/page_timeline.sql"),
                [
                    try row.get("case_id", as: String.self), try row.get("entity", as: String.self),
                    SLAReport.mostEvents,
                ])
            return try LateCase(row, try events.rows.map(Event.init))
        }
        let bounds = SLAReport.ageBounds(within: promise.withinSeconds ?? 0)
        var ages: [Int: (cases: Int, overdue: Int)] = [:]
        for row in try ask("page_ages", [bounds]) {
            ages[try row.get("class")] = (try row.get("cases"), try row.get("overdue"))
        }
        self.ages = bounds.indices.map { index in
            let found = ages[index + 1] ?? (0, 0)
            return AgeClass(
                fromSeconds: bounds[index],
                toSeconds: index + 1 < bounds.count ? bounds[index + 1] : nil, cases: found.cases,
                overdue: found.overdue)
        }
        openCases = try ask("page_open", [SLAReport.mostOpen]).map(OpenCase.init)
        let changes = try ask("page_restatements", [question.since, SLAReport.mostRestatements])
        restatements = try changes.map(Restatement.init)
        allRestatements = try changes.first?.get("all_changes") ?? 0
        sources = try ask("page_sources", []).map(Source.init)
    }

    static func promises(of slas: [String]?, _ connection: Connection) throws -> [Promise] {
        try connection.query(SQLFiles.builtin.text("report/page_promises.sql"), [slas]).rows.map(Promise.init)
    }

    /// Where classes of age begin: parts of the time allowed, before and after the deadline.
    private static func ageBounds(within: Double) -> [Double] {
        within > 0
            ? [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 4].map { $0 * within }
            : [0, 3_600, 14_400, 86_400, 259_200, 604_800]
    }
}

extension SLAReport.Promise {
    init(_ row: Result.Row) throws {
        sla = try row.get("sla")
        description = try row.getIfPresent("description")
        owner = try row.getIfPresent("owner")
        entity = try row.getIfPresent("entity")
        withinSeconds = try row.getIfPresent("within_seconds")
        target = try row.getIfPresent("target")
        asOf = try row.getIfPresent("as_of")
        watermark = try row.getIfPresent("watermark")
        startTypes = try row.getIfPresent("start_types")
        endTypes = try row.getIfPresent("end_types")
        cancelTypes = try row.getIfPresent("cancel_types")
    }
}

extension SLAReport.Period {
    init(_ row: Result.Row) throws {
        begins = try row.get("begins_at")
        ends = try row.get("ends_at")
        label = try row.get("label")
        started = try row.get("started")
        met = try row.get("met")
        late = try row.get("late")
        waiting = try row.get("waiting")
        overdue = try row.get("overdue")
        cancelled = try row.get("cancelled")
        attainment = try row.getIfPresent("attainment")
        p50 = try row.getIfPresent("p50_seconds")
        p95 = try row.getIfPresent("p95_seconds")
        p99 = try row.getIfPresent("p99_seconds")
        isFinal = try row.get("is_final")
    }
}

extension SLAReport.LateCase {
    init(_ row: Result.Row, _ events: [SLAReport.Event]) throws {
        caseID = try row.get("case_id")
        cycle = try row.get("cycle")
        isOpen = try row.get("status", as: String.self) == "in_progress"
        started = try row.get("started")
        deadline = try row.get("deadline")
        until = try row.get("until")
        startedText = try row.get("started_text")
        deadlineText = try row.get("deadline_text")
        completedText = try row.getIfPresent("completed_text")
        overSeconds = try row.get("over_seconds")
        self.events = events
    }
}

extension SLAReport.Event {
    init(_ row: Result.Row) throws {
        at = try row.get("at")
        atText = try row.get("at_text")
        type = try row.get("type")
        service = try row.get("service")
    }
}

extension SLAReport.OpenCase {
    init(_ row: Result.Row) throws {
        caseID = try row.get("case_id")
        isOverdue = try row.get("is_overdue")
        startedText = try row.get("started_text")
        deadlineText = try row.get("deadline_text")
        ageSeconds = try row.get("age_seconds")
        lastType = try row.getIfPresent("last_type")
        lastService = try row.getIfPresent("last_service")
        silentSeconds = try row.getIfPresent("silent_seconds")
    }
}

extension SLAReport.Restatement {
    init(_ row: Result.Row) throws {
        hourText = try row.get("hour_text")
        restatedText = try row.get("restated_text")
        cause = try row.get("cause")
        loads = try row.getIfPresent("loads")
        objects = try row.getIfPresent("objects")
        func counts(_ side: String) throws -> Counts? {
            guard let started = try row.getIfPresent("started_\(side)", as: Int.self) else { return nil }
            return Counts(
                started: started, met: try row.get("met_\(side)"), breached: try row.get("breached_\(side)"),
                attainment: try row.getIfPresent("attainment_\(side)"))
        }
        before = try counts("before") ?? Counts(started: 0, met: 0, breached: 0, attainment: nil)
        after = try counts("after")
    }
}

extension SLAReport.Source {
    init(_ row: Result.Row) throws {
        name = try row.get("source")
        latestText = try row.getIfPresent("latest_text")
        loadedText = try row.getIfPresent("loaded_text")
        ageSeconds = try row.get("age_seconds")
        freshness = try row.getIfPresent("freshness")
        holdsBack = try row.get("holds_back")
    }
}

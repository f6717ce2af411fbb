import Events
import Postgres

/// The page of `daybook trace --format html`: what happened to a case, each gap drawn to scale beside what is usual.
struct TracePage {
    struct Event {
        let at: Double
        let time: String
        let entity: String
        let caseID: String
        let type: String
        let service: String
        let eventID: String
        let correlationID: String?
        let userID: String?
        let sequence: String?
        /// File or URL, and where in it.
        let place: String
        let gapSeconds: Double?
        let usualSeconds: Double?
        let usualMostSeconds: Double?
        let isDeadLetter: Bool
        let isOutOfOrder: Bool
        let details: String?

        var isSlow: Bool {
            if let gapSeconds, let usualMostSeconds { gapSeconds > usualMostSeconds } else { false }
        }
    }

    struct SLAState {
        let sla: String
        let caseID: String
        let cycle: Int
        /// met, late, open, overdue, cancelled or not started.
        let state: String
        let overdueSeconds: Double?
        let started: Double?
        let deadline: Double?
        let ended: Double?
        let startedText: String?
        let deadlineText: String?
        let endedText: String?
        let elapsedSeconds: Double?
        let withinSeconds: Double

        var isOpen: Bool { state == "overdue" || state == "open" }
    }

    struct Reject {
        let id: Int
        let time: String
        let source: String
        let place: String
        let reason: String
    }

    let title: String
    let subtitle: String
    let events: [Event]
    let slas: [SLAState]
    let rejects: [Reject]
    /// Whether these are the latest, and there are more.
    let moreRejects: Bool
    /// What was looked into for rejects, and what else is to be known, a sentence each.
    let rejectsSearched: String
    let notes: [String]
    let zone: String
    let madeText: String
    let marks: Page.Marks
    /// Whether the events are of several cases.
    let showsCases: Bool

    var text: String {
        Page(
            title: title, subtitle: "\(subtitle)", body: "\([timeline, states, eventList, rejectList])",
            foot: """
                Made by Daybook on \(madeText). Times of \(zone). Usual: the median of this step over all cases, and what \
                95% stay within.
                """,
            marks: marks
        ).text
    }

    /// An open case lasts until now, by the clock that judges it.
    private var openUntil: Double? {
        slas.filter(\.isOpen).compactMap { state in
            state.deadline.flatMap { at in state.overdueSeconds.map { at + $0 } }
        }.max()
    }

    // MARK: - To scale

    private var timeline: HTML {
        guard let first = events.map(\.at).min(), let latest = events.map(\.at).max() else { return .nothing }
        // What happened takes half of the line at least, however long it is over, or a deadline ahead.
        let limit = latest > first ? latest + (latest - first) * TracePage.mostAhead : .infinity
        let until = max(latest, openUntil ?? latest)
        let missed = slas.filter { $0.state == "overdue" || $0.state == "late" }
        // Those that were met are of no interest, unless they are all that there is.
        let told =
            slas.count > TracePage.mostDeadlines ? slas.filter { $0.isOpen || $0.state == "late" } : slas
        let deadlines = told.compactMap { state in
            state.deadline.map {
                CaseStrip.Deadline(
                    at: $0, title: "\(state.sla): due \(state.deadlineText ?? "")", label: "due: \(state.sla)"
                )
            }
        }
        let ahead = until + max(until - first, 1)
        let shown = deadlines.filter { $0.at >= first && $0.at <= min(ahead, limit) }
        let to = max(min(until, limit), shown.map(\.at).max() ?? first)
        let breach = missed.compactMap(\.deadline).min()
        let strip = CaseStrip(
            events: events.map {
                .init(
                    at: $0.at, title: "\($0.time) \($0.type) (\($0.service))", isDeadLetter: $0.isDeadLetter)
            },
            from: first, to: to, allowed: first...(breach.map { max(first, min($0, to)) } ?? to),
            beyond: breach.flatMap { $0 <= to ? max($0, first)...max($0, first, min(until, to)) : nil },
            deadlines: shown, rest: until > to ? breach == nil ? .allowed : .beyond : nil)
        let drawn = strip.drawing(id: "strip", title: "Timeline of \(title): \(events.count) events")
        var words = ["To scale; the numbers are those of the list below."]
        if breach != nil { words.append("Hatched: beyond the first deadline that was missed.") }
        if until > to {
            words.append(
                "Cut at the right: the case is open, and it is \(Human.duration((until - latest).rounded())) since its last event."
            )
        }
        let hidden = drawn.unlabelled + deadlines.count - shown.count
        if hidden > 0 {
            words.append(
                "And \(Human.plural(hidden, "more deadline")), which \(hidden == 1 ? "stands" : "stand") in the list of SLAs."
            )
        }
        let paragraphs = notes.map { note -> HTML in "<p class=\"soft small\">\(note)</p>" }
        return """
            <section class="card" aria-labelledby="timeline">
            <h2 id="timeline">Timeline</h2>
            <p class="soft small">\(words.joined(separator: " "))</p>
            <figure>\(drawn.html)</figure>
            \(paragraphs)
            </section>
            """
    }

    /// How long the time after the last event may be, as a share of that before it; what is cut off takes room, too.
    private static let mostAhead = 0.85
    /// More deadlines than can be read.
    private static let mostDeadlines = 4

    // MARK: - Lists

    private var states: HTML {
        guard !slas.isEmpty else { return .nothing }
        var columns: [HTMLTable.Column] = [
            .init(title: "SLA"), .init(title: "Standing"), .init(title: "Started"), .init(title: "Due"),
            .init(title: "Ended"), .init(title: "Took", isNumber: true),
            .init(title: "Allowed", isNumber: true),
        ]
        if showsCases { columns.insert(.init(title: "Case"), at: 1) }
        var table = HTMLTable("What the SLAs say", columns)
        for state in slas {
            let style: HTML =
                switch state.state {
                case "met": "word-good"
                case "late", "overdue": "word-bad"
                default: "plain"
                }
            let past = state.overdueSeconds.map { Human.duration(abs($0.rounded())) } ?? ""
            let words =
                switch state.state {
                case "overdue": "overdue by \(past)"
                case "open": "open, \(past) left"
                default: state.state
                }
            var cells: [HTML] = [
                "\(state.sla)\(state.cycle > 1 ? " (cycle \(state.cycle))" : "")",
                "<span class=\"\(style)\">\(words)</span>", "\(state.startedText ?? "–")",
                "\(state.deadlineText ?? "–")", "\(state.endedText ?? "–")",
                "\(state.elapsedSeconds.map(Human.duration) ?? "–")",
                "\(Human.duration(state.withinSeconds))",
            ]
            if showsCases { cells.insert("<span class=\"id\">\(state.caseID)</span>", at: 1) }
            table.add(cells)
        }
        return """
            <section class="card" aria-labelledby="slas">
            <h2 id="slas">What the SLAs say</h2>
            \(table.html)
            </section>
            """
    }

    private var eventList: HTML {
        let most = events.flatMap { [$0.gapSeconds, $0.usualMostSeconds] }.compactMap(\.self).max() ?? 0
        let hasCorrelation = events.contains { $0.correlationID != nil }
        var columns: [HTMLTable.Column] = [
            .init(title: "Number"), .init(title: "Time (\(zone))"), .init(title: "After", isNumber: true),
            .init(title: "Usual (95%)"), .init(title: "To scale"), .init(title: "Event"),
        ]
        if showsCases { columns.insert(.init(title: "Case"), at: 2) }
        if hasCorrelation { columns.append(.init(title: "Correlation")) }
        columns.append(.init(title: "More"))
        var table = HTMLTable("Events", columns)
        for (index, event) in events.enumerated() {
            var cells: [HTML] = [
                "\(index + 1)", "<span style=\"white-space:nowrap\">\(event.time)</span>",
                gap(event), usual(event), bar(event, most: most),
                "<div class=\"what\"><span class=\"id\">\(event.type)</span> <span class=\"soft\">\(event.service)</span>\(marks(event))</div>",
            ]
            if showsCases {
                cells.insert("\(event.entity) <span class=\"id\">\(event.caseID)</span>", at: 2)
            }
            if hasCorrelation { cells.append("<span class=\"id\">\(event.correlationID ?? "–")</span>") }
            cells.append(more(event))
            table.add(cells)
        }
        if let silence {
            var cells: [HTML] = ["", "", silence, "", "", "<span class=\"soft\">nothing since</span>"]
            if hasCorrelation { cells.append("") }
            table.add(cells + [""])
        }
        return """
            <section class="card gaps" aria-labelledby="events">
            <h2 id="events">Events</h2>
            <p class="soft small">The bar is the time since the event before; the stroke in the frame the usual time, and the frame what 95% stay within.</p>
            \(table.html)
            </section>
            """
    }

    /// How long nothing has happened, where one case waits.
    private var silence: HTML? {
        guard !showsCases, let openUntil, let latest = events.map(\.at).max(), openUntil > latest else {
            return nil
        }
        let words = Human.duration((openUntil - latest).rounded())
        return slas.contains { $0.state == "overdue" }
            ? "<span class=\"word-bad\">+\(words)</span>" : "+\(words)"
    }

    private func gap(_ event: Event) -> HTML {
        guard let gap = event.gapSeconds else { return "" }
        return event.isSlow
            ? "<span class=\"word-bad\">+\(Human.duration(gap))</span>" : "+\(Human.duration(gap))"
    }

    private func usual(_ event: Event) -> HTML {
        guard let usual = event.usualSeconds, let most = event.usualMostSeconds else { return "–" }
        return "\(Human.duration(usual)) (\(Human.duration(most)))"
    }

    private func bar(_ event: Event, most: Double) -> HTML {
        guard let gap = event.gapSeconds, most > 0 else { return "" }
        func x(_ seconds: Double) -> Double { max(0, seconds) / most * 216 + 2 }
        var frame: HTML = .nothing
        var words = "\(Human.duration(gap)) after the event before"
        if let usual = event.usualSeconds, let limit = event.usualMostSeconds {
            frame = """
                <rect class="usual" x="2" y="1.5" width="\(max(x(limit) - 2, 1))" height="11"/>\
                <line class="usual" x1="\(x(usual))" x2="\(x(usual))" y1="1.5" y2="12.5"/>
                """
            words += "; usually \(Human.duration(usual)), 95% within \(Human.duration(limit))"
        }
        return """
            <svg viewBox="0 0 220 14" role="img" aria-label="\(words)"><title>\(words)</title>\
            <rect class="gap\(event.isSlow ? " slow" : "")" x="2" y="4" width="\(max(x(gap) - 2, 1))" height="6"/>\(frame)</svg>
            """
    }

    private func marks(_ event: Event) -> HTML {
        var marks: [HTML] = []
        if event.isSlow { marks.append("<br><span class=\"word-warn\">slower than usual</span>") }
        if event.isDeadLetter { marks.append("<br><span class=\"word-bad\">dead letter</span>") }
        if event.isOutOfOrder {
            marks.append(
                "<br><span class=\"word-warn\">its clock contradicts sequence \(event.sequence ?? "")</span>")
        }
        return "\(marks)"
    }

    private func more(_ event: Event) -> HTML {
        let facts: [(String, String?)] = [
            ("Event", event.eventID), ("Read from", event.place), ("User", event.userID),
            ("Sequence", event.sequence),
        ]
        let entries = facts.compactMap { name, value -> HTML? in
            value.map { "<div><dt>\(name)</dt><dd class=\"id\">\($0)</dd></div>" }
        }
        let details = event.details.map { text -> HTML in
            "<div><dt>Details</dt><dd class=\"id\">\(text)</dd></div>"
        }
        return
            "<details><summary>more</summary><dl class=\"meta\">\(entries)\(details ?? .nothing)</dl></details>"
    }

    private var rejectList: HTML {
        var table = HTMLTable(
            "Rejected records",
            [
                .init(title: "Reject"), .init(title: "Rejected"), .init(title: "Source"),
                .init(title: "Place"),
                .init(title: "Because"),
            ])
        for reject in rejects {
            table.add([
                "\(reject.id)", "\(reject.time)", "\(reject.source)", "\(reject.place)", "\(reject.reason)",
            ])
        }
        let count =
            rejects.isEmpty
            ? "None"
            : moreRejects
                ? "The latest \(Human.count(rejects.count)); there are more" : Human.count(rejects.count)
        return """
            <section class="card" aria-labelledby="rejects">
            <h2 id="rejects">Rejected records that mention it</h2>
            <p class="soft small">\(count), \(rejectsSearched).</p>
            \(rejects.isEmpty ? .nothing : table.html)
            </section>
            """
    }
}

// MARK: - From rows

extension TracePage.Event {
    /// - Parameter row: of `report.case_timeline`.
    init(_ row: Result.Row, _ times: ShownTimes) throws {
        let time: String = try row.get("occurred_at")
        at = TracePage.seconds(time)
        self.time = times.precise(time)
        entity = try row.get("entity")
        caseID = try row.get("case_id")
        type = try row.get("type")
        service = try row.get("service")
        eventID = try row.get("event_id")
        correlationID = try row.getIfPresent("correlation_id")
        userID = try row.getIfPresent("user_id")
        sequence = try row.getIfPresent("sequence")
        let object = try row.getIfPresent("object", as: String.self) ?? "?"
        let unit = object.contains("://") ? "position" : "byte"
        place = "\(object), \(unit) \(try row.getIfPresent("start_position", as: String.self) ?? "?")"
        gapSeconds = try row.getIfPresent("gap_seconds")
        usualSeconds = try row.getIfPresent("usual_p50_seconds")
        usualMostSeconds = try row.getIfPresent("usual_p95_seconds")
        isDeadLetter = try row.get("is_dead_letter")
        isOutOfOrder = try row.get("is_out_of_order")
        details = try row.getIfPresent("details")
    }
}

extension TracePage.SLAState {
    init(_ row: Result.Row, _ times: ShownTimes) throws {
        func time(_ column: String) throws -> String? { try row.getIfPresent(column) }
        sla = try row.get("sla")
        caseID = try row.get("case_id")
        cycle = try row.get("cycle")
        state = try row.get("state")
        overdueSeconds = try row.getIfPresent("overdue_seconds")
        let (begun, due) = (try time("started_at"), try time("breach_at"))
        let over = try time("completed_at") ?? time("cancelled_at")
        (started, deadline, ended) = (
            begun.map(TracePage.seconds), due.map(TracePage.seconds), over.map(TracePage.seconds)
        )
        (startedText, deadlineText, endedText) = (
            begun.map(times.short), due.map(times.short), over.map(times.short)
        )
        elapsedSeconds = try row.getIfPresent("elapsed_seconds")
        withinSeconds = try row.get("within_seconds")
    }
}

extension TracePage.Reject {
    init(_ row: Result.Row, _ times: ShownTimes) throws {
        id = try row.get("reject_id")
        time = times.short(try row.get("rejected_at"))
        source =
            "\(try row.get("pipeline", as: String.self)).\(try row.getIfPresent("source", as: String.self) ?? "?")"
        let line = try row.getIfPresent("line", as: Int.self).map { "line \($0)" }
        place =
            "\(try row.get("object", as: String.self)) \(try line ?? "byte \(row.get("byte_offset", as: Int.self))")"
        reason = try row.get("reason")
    }
}

extension TracePage {
    /// Since 1970, of a time that the server wrote.
    fileprivate static func seconds(_ text: String) -> Double {
        Timestamp(text).map { Double($0.microseconds) / 1e6 } ?? 0
    }
}

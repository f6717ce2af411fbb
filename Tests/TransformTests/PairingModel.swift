import Foundation

/// An event as raw keeps it; times in microseconds since 1970.
struct ModelEvent {
    var entity: String
    var caseID: String
    var sourceID: Int32
    var eventID: String
    var occurredAt: Int64
    var sequence: Int64?
    var type: String
    var service: String
    var loadID: Int64
    var position: Int64
}

/// An SLA as a person writes it: `order.*` is a namespace.
struct ModelSLA {
    var name: String
    var entity: String
    var start: [String]
    var end: [String]
    var cancel: [String]
    var within: Int64
    /// `first`, `last` or `each`.
    var occurrence: String
    /// Puts the emitter's order before the clock.
    var isBySequence: Bool
    var clockSkew: Int64
    var asOf: Int64
    var version = 1
}

struct ModelCase: Equatable {
    var firstAt: Int64
    var lastAt: Int64
    var events: Int64
    var lastType: String
    var lastService: String
}

struct ModelFact: Equatable {
    var startedAt: Int64?
    var completedAt: Int64?
    var cancelledAt: Int64?
    var elapsedSeconds: Double?
    var withinSeconds: Double
    var breachAt: Int64?
    var status: String
    var breached: Bool?
    var anomaly: String?
    var startEventID: String?
    var endEventID: String?
    var version: Int
}

struct ModelHour: Equatable {
    var started: Int64 = 0
    var completed: Int64 = 0
    var met: Int64 = 0
    var late: Int64 = 0
    var open: Int64 = 0
    var overdue: Int64 = 0
    var cancelled: Int64 = 0
    var anomalous: Int64 = 0
    var breached: Int64 = 0
    var oldestOpen: Int64?
    /// attainment, average, p50, p90, p95, p99, max
    var figures: [Double?] = []

    /// Figures are equal when no reader could tell them apart: sums and interpolations round differently.
    static func == (a: ModelHour, b: ModelHour) -> Bool {
        [a.started, a.completed, a.met, a.late, a.open, a.overdue, a.cancelled, a.anomalous, a.breached]
            == [
                b.started, b.completed, b.met, b.late, b.open, b.overdue, b.cancelled, b.anomalous,
                b.breached,
            ]
            && a.oldestOpen == b.oldestOpen && a.figures.count == b.figures.count
            && zip(a.figures, b.figures).allSatisfy { a, b in
                guard let a, let b else { return a == nil && b == nil }
                return abs(a - b) <= 1e-12 * max(1, abs(a))
            }
    }
}

/// The rules of pairing, case by case and with plain loops: what the report tables are to hold.
struct PairingModel {
    let events: [ModelEvent]

    /// - Parameter raw: every version of every event; of each event the one that arrived last counts.
    init(raw: [ModelEvent]) {
        var latest: [String: ModelEvent] = [:]
        for event in raw {
            let key = "\(event.caseID) \(event.sourceID) \(event.eventID)"
            if let other = latest[key], (other.loadID, other.position) > (event.loadID, event.position) {
                continue
            }
            latest[key] = event
        }
        events = Array(latest.values)
    }

    // MARK: - Order

    private enum Role: Int { case start, end, cancel }

    private struct Mark {
        let event: ModelEvent
        let role: Role
    }

    /// By sequence first, where the SLA says so and every mark of the case has one.
    private static func precedesBySequence(_ a: Mark, _ b: Mark) -> Bool {
        guard let first = a.event.sequence, let second = b.event.sequence else {
            preconditionFailure("a mark without a sequence")
        }
        return first != second ? first < second : precedes(a, b)
    }

    /// By time; at equal times by sequence where both have it, then start, end, cancel, then the event's id.
    ///
    /// The rule compares two; among three of one time of which some have a sequence it need not be an order, so
    /// no history that is compared with the model may hold such a tie.
    private static func precedes(_ a: Mark, _ b: Mark) -> Bool {
        if a.event.occurredAt != b.event.occurredAt { return a.event.occurredAt < b.event.occurredAt }
        if let first = a.event.sequence, let second = b.event.sequence, first != second {
            return first < second
        }
        if a.role != b.role { return a.role.rawValue < b.role.rawValue }
        let (first, second) = (Array(a.event.eventID.utf8), Array(b.event.eventID.utf8))
        if first != second { return first.lexicographicallyPrecedes(second) }
        return a.event.sourceID < b.event.sourceID
    }

    private static func matches(_ type: String, _ patterns: [String]) -> Bool {
        patterns.contains { pattern in
            pattern.hasSuffix(".*") ? type.hasPrefix(pattern.dropLast()) : type == pattern
        }
    }

    // MARK: - Tables

    /// `report.cases` by "entity case".
    func cases() -> [String: ModelCase] {
        Dictionary(grouping: events) { "\($0.entity) \($0.caseID)" }.mapValues { events in
            let times = events.map(\.occurredAt)
            // No SLA is looked at, so no role.
            let last = events.map { Mark(event: $0, role: .start) }.max(by: PairingModel.precedes)!.event
            return ModelCase(
                firstAt: times.min()!, lastAt: times.max()!, events: Int64(events.count),
                lastType: last.type, lastService: last.service)
        }
    }

    /// `report.fact_sla` of one SLA, by "case cycle".
    func facts(of sla: ModelSLA) -> [String: ModelFact] {
        var facts: [String: ModelFact] = [:]
        for (caseID, events) in Dictionary(grouping: events.filter { $0.entity == sla.entity }, by: \.caseID)
        {
            for (index, fact) in PairingModel.facts(of: sla, events).enumerated() {
                facts["\(caseID) \(index + 1)"] = fact
            }
        }
        return facts
    }

    /// The facts of a case, in the order of their cycles.
    private static func facts(of sla: ModelSLA, _ events: [ModelEvent]) -> [ModelFact] {
        func marks(_ role: Role, _ patterns: [String]) -> [Mark] {
            events.filter { matches($0.type, patterns) }.map { Mark(event: $0, role: role) }
        }
        let ends = marks(.end, sla.end)
        let cancels = marks(.cancel, sla.cancel)
        let starts = marks(.start, sla.start)
        let isBySequence =
            sla.isBySequence && (starts + ends + cancels).allSatisfy { $0.event.sequence != nil }
        let precedes = isBySequence ? PairingModel.precedesBySequence : PairingModel.precedes
        let isLast = sla.occurrence == "last"
        var fact = ModelFact(
            withinSeconds: Double(sla.within) / 1e6, status: "completed", version: sla.version)

        guard let start = starts.min(by: precedes) else {
            let end = isLast ? ends.max(by: precedes) : ends.min(by: precedes)
            guard let end else { return [] }
            fact.completedAt = end.event.occurredAt
            fact.endEventID = end.event.eventID
            fact.anomaly = "end_without_start"
            return [fact]
        }
        let startedAt = start.event.occurredAt
        let deadline = startedAt + sla.within
        fact.startedAt = startedAt
        fact.startEventID = start.event.eventID
        fact.breachAt = deadline

        // "At or after": everything that does not come before the start.
        let following = ends.filter { !precedes($0, start) }
        let earlier = ends.filter { precedes($0, start) }
        let firstEnd = following.min(by: precedes)
        let cancel = cancels.filter { !precedes($0, start) }.min(by: precedes)

        func complete(at time: Int64, by end: Mark) {
            // By sequence it may follow and yet be stamped earlier.
            let time = max(time, startedAt)
            if end.event.occurredAt < startedAt { fact.anomaly = "clock_skew" }
            fact.completedAt = time
            fact.endEventID = end.event.eventID
            fact.elapsedSeconds = Double(time - startedAt) / 1e6
            fact.breached = time > deadline
        }
        if let cancel, firstEnd.map({ precedes(cancel, $0) }) ?? true {
            fact.cancelledAt = cancel.event.occurredAt
            fact.status = "cancelled"
        } else if let firstEnd {
            let end = isLast ? following.max(by: precedes)! : firstEnd
            complete(at: end.event.occurredAt, by: end)
        } else if sla.clockSkew > 0, !isBySequence, let early = earlier.max(by: precedes),
            startedAt - early.event.occurredAt <= sla.clockSkew
        {
            // An end closes nothing before its start, so a cancel came first; only a case that would stay open
            // is closed by an end of a clock that is behind.
            complete(at: startedAt, by: early)
            fact.anomaly = "clock_skew"
        } else {
            fact.status = "in_progress"
            fact.breached = deadline < sla.asOf ? true : nil
            fact.anomaly = earlier.isEmpty ? nil : "end_before_start"
        }
        // The rest of the case, as if what has happened so far had not.
        let closing = [firstEnd, cancel].compactMap { $0 }.min(by: precedes)
        guard sla.occurrence == "each", let closing,
            let next = starts.filter({ precedes(closing, $0) }).min(by: precedes)
        else { return [fact] }
        return [fact] + cycles(of: sla, from: next, marks: starts + ends + cancels, by: precedes)
    }

    /// The cycles from a start on, one after the other.
    private static func cycles(
        of sla: ModelSLA, from start: Mark, marks: [Mark], by precedes: (Mark, Mark) -> Bool
    ) -> [ModelFact] {
        let startedAt = start.event.occurredAt
        var fact = ModelFact(
            startedAt: startedAt, withinSeconds: Double(sla.within) / 1e6, breachAt: startedAt + sla.within,
            status: "in_progress", startEventID: start.event.eventID, version: sla.version)
        let following = marks.filter { precedes(start, $0) }
        guard let closing = following.filter({ $0.role != .start }).min(by: precedes) else {
            fact.breached = startedAt + sla.within < sla.asOf ? true : nil
            return [fact]
        }
        if closing.role == .cancel {
            fact.status = "cancelled"
            fact.cancelledAt = closing.event.occurredAt
        } else {
            let time = max(closing.event.occurredAt, startedAt)
            fact.status = "completed"
            fact.completedAt = time
            fact.endEventID = closing.event.eventID
            fact.elapsedSeconds = Double(time - startedAt) / 1e6
            fact.breached = time > startedAt + sla.within
            if closing.event.occurredAt < startedAt { fact.anomaly = "clock_skew" }
        }
        let next = following.filter { $0.role == .start && precedes(closing, $0) }.min(by: precedes)
        guard let next else { return [fact] }
        return [fact] + cycles(of: sla, from: next, marks: marks, by: precedes)
    }

    /// Which time of a fact decides its hour.
    enum HourOf { case start, end, breach }

    /// `report.sla_hourly` of one SLA by hour, without `is_final` and `restated_at`; or the table by end or breach.
    func hours(of sla: ModelSLA, by hourOf: HourOf = .start) -> [Int64: ModelHour] {
        let hour: Int64 = 3_600_000_000
        func time(_ fact: ModelFact) -> Int64? {
            switch hourOf {
            case .start: fact.startedAt
            case .end: fact.completedAt
            case .breach: fact.breached == true ? fact.breachAt : nil
            }
        }
        let counted = facts(of: sla).values.filter { time($0) != nil }
        return Dictionary(grouping: counted) { time($0)! / hour * hour }.mapValues { all in
            var row = ModelHour()
            row.anomalous = Int64(all.count { $0.anomaly != nil })
            // An end without a start is an anomaly and nothing else.
            let facts = all.filter { $0.startedAt != nil }
            row.started = Int64(facts.count)
            for fact in facts {
                switch fact.status {
                case "completed":
                    row.completed += 1
                    if fact.breached! { row.late += 1 } else { row.met += 1 }
                case "cancelled":
                    row.cancelled += 1
                default:
                    row.open += 1
                    if fact.breached == true { row.overdue += 1 }
                    row.oldestOpen = min(row.oldestOpen ?? .max, fact.startedAt!)
                }
            }
            row.breached = row.late + row.overdue
            let elapsed = facts.compactMap { fact in fact.completedAt.map { $0 - fact.startedAt! } }.sorted()
            let isDue = row.met + row.breached > 0
            row.figures = [
                isDue ? Double(row.met) / Double(row.met + row.breached) : nil,
                elapsed.isEmpty ? nil : Double(elapsed.reduce(0, +)) / Double(elapsed.count) / 1e6,
            ]
            row.figures += [0.5, 0.9, 0.95, 0.99].map { PairingModel.percentile($0, of: elapsed) }
            row.figures.append(elapsed.last.map { Double($0) / 1e6 })
            return row
        }
    }

    /// SQL's `percentile_cont`: between the two values beside the place `share * (n - 1)`, linearly.
    private static func percentile(_ share: Double, of sorted: [Int64]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let place = share * Double(sorted.count - 1)
        let (low, high) = (sorted[Int(place.rounded(.down))], sorted[Int(place.rounded(.up))])
        return (Double(low) + (place - place.rounded(.down)) * Double(high - low)) / 1e6
    }
}

import Events
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// Random histories: the report tables hold, row for row, what the plain model says.
@Suite
struct PairingPropertyTests {
    /// Each seed goes through several rounds on one database: histories grow, shrink and are judged anew, so that
    /// what a round before left in the tables is put right too.
    @Test("Random histories give what the model gives", arguments: [1, 2, 3, 4] as [UInt64])
    func matchesModel(seed: UInt64) throws {
        let database = try TestDatabase()
        let warehouse = try Warehouse.open(database.url)
        let models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
        var histories = RandomHistories(seed: seed)
        var found: Set<String> = []
        for round in 1...4 {
            histories.advance()
            try write(histories.events, warehouse.connection)
            _ = try TransformRunner(models, warehouse.connection, isFullRefresh: true).run {
                let catalogue = Catalogue(warehouse.connection)
                try catalogue.define(histories.slas.map(\.definition), ofPipelines: ["shop"])
                try catalogue.setClocks(
                    asOf: Timestamp(microseconds: histories.asOf), ofPipelines: ["shop"], mayGoBack: true)
            }
            found.formUnion(try compare(histories, "seed \(seed), round \(round)", warehouse.connection))
        }
        // Histories without the odd cases would prove nothing.
        #expect(found.count == 9, "seed \(seed): only \(found.sorted())")
    }

    private func write(_ events: [ModelEvent], _ connection: Connection) throws {
        var leaves = DayLeaves(connection)
        try leaves.ensure(Set(events.map { Int32($0.occurredAt / 86_400_000_000) }).sorted())
        try connection.transaction {
            try connection.execute("DELETE FROM raw.events_by_day")
            try connection.execute(
                """
                INSERT INTO raw.events_by_day (occurred_at, load_id, position, sequence, event_day, source_id,
                    entity, case_id, event_id, type, service)
                VALUES
                \(events.map(\.values).joined(separator: ",\n"))
                """)
        }
    }

    /// Compares every row; gives the kinds of facts that there were: status, anomaly, breached.
    private func compare(_ histories: RandomHistories, _ place: String, _ connection: Connection) throws
        -> Set<String>
    {
        let model = PairingModel(raw: histories.events)
        func expectEqual<Row: Equatable>(_ table: String, _ stored: [String: Row], _ wanted: [String: Row]) {
            let wrong = Set(stored.keys).union(wanted.keys).filter { stored[$0] != wanted[$0] }.sorted()
            guard let key = wrong.first else { return }
            let words = key.split(separator: " ")
            let events = model.events.filter { words.contains(Substring($0.caseID)) }.sorted {
                $0.occurredAt < $1.occurredAt
            }
            Issue.record(
                """
                \(place), \(table): \(wrong.count) of \(wanted.count) rows are wrong, the first is \(key)
                stored: \(stored[key].map { "\($0)" } ?? "no row")
                wanted: \(wanted[key].map { "\($0)" } ?? "no row")
                \(histories.slas.filter { key.hasPrefix("\($0.name) ") }.map { "\($0)" }.joined())
                \(events.map { "\($0)" }.joined(separator: "\n"))
                """)
        }
        expectEqual("report.cases", try StoredTables.cases(connection), model.cases())
        var (facts, hours): ([String: ModelFact], [String: ModelHour]) = ([:], [:])
        for sla in histories.slas {
            for (caseID, fact) in model.facts(of: sla) { facts["\(sla.name) \(caseID)"] = fact }
            for (hour, row) in model.hours(of: sla) { hours["\(sla.name) \(hour)"] = row }
        }
        expectEqual("report.fact_sla", try StoredTables.facts(connection), facts)
        expectEqual("report.sla_hourly", try StoredTables.hours(connection), hours)
        for (table, hourOf) in [("by_end", PairingModel.HourOf.end), ("by_breach", .breach)] {
            var hours: [String: ModelHour] = [:]
            for sla in histories.slas {
                for (hour, row) in model.hours(of: sla, by: hourOf) { hours["\(sla.name) \(hour)"] = row }
            }
            let name = "report.sla_hourly_\(table)"
            expectEqual(name, try StoredTables.hours(connection, name), hours)
        }
        return Set(
            facts.values.map { "\($0.status) \($0.anomaly ?? "") \($0.breached.map { "\($0)" } ?? "")" })
    }
}

extension ModelEvent {
    /// The event as a row of VALUES.
    fileprivate var values: String {
        let time = Timestamp(microseconds: occurredAt).description
        return """
            ('\(time)', \(loadID), \(position), \(sequence.map { "\($0)" } ?? "NULL::bigint"), \
            date '\(time.prefix(10))', \(sourceID), '\(entity)', '\(caseID)', '\(eventID)', '\(type)', \
            '\(service)')
            """
    }
}

extension ModelSLA {
    fileprivate var definition: SLADefinition {
        SLADefinition(
            name: name, pipeline: "shop", entity: entity, start: start.map(TypePattern.init),
            end: end.map(TypePattern.init), cancel: cancel.map(TypePattern.init), withinMicroseconds: within,
            target: nil, occurrence: occurrence,
            orderBy: isBySequence ? "sequence" : "time", clockSkewMicroseconds: clockSkew,
            clock: "wall")
    }
}

/// The report tables in the model's terms.
private enum StoredTables {
    static func micros(_ column: String) -> String { "(extract(epoch FROM \(column)) * 1000000)::bigint" }

    static func cases(_ connection: Connection) throws -> [String: ModelCase] {
        let rows = try connection.query(
            """
            SELECT entity || ' ' || case_id, \(micros("first_at")), \(micros("last_at")), events, last_type,
                last_service
            FROM report.cases
            """
        ).rows
        return try table(rows) { row in
            ModelCase(
                firstAt: try row.get(1), lastAt: try row.get(2), events: try row.get(3),
                lastType: try row.get(4), lastService: try row.get(5))
        }
    }

    static func facts(_ connection: Connection) throws -> [String: ModelFact] {
        let rows = try connection.query(
            """
            SELECT sla || ' ' || case_id || ' ' || cycle,
                \(micros("started_at")), \(micros("completed_at")), \(micros("cancelled_at")), elapsed_seconds,
                within_seconds, \(micros("breach_at")), status, breached, anomaly, start_event_id, end_event_id,
                definition_version
            FROM report.fact_sla
            """
        ).rows
        return try table(rows) { row in
            ModelFact(
                startedAt: try row.getIfPresent(1), completedAt: try row.getIfPresent(2),
                cancelledAt: try row.getIfPresent(3), elapsedSeconds: try row.getIfPresent(4),
                withinSeconds: try row.get(5), breachAt: try row.getIfPresent(6), status: try row.get(7),
                breached: try row.getIfPresent(8), anomaly: try row.getIfPresent(9),
                startEventID: try row.getIfPresent(10), endEventID: try row.getIfPresent(11),
                version: try row.get(12))
        }
    }

    static func hours(_ connection: Connection, _ name: String = "report.sla_hourly") throws -> [String:
        ModelHour]
    {
        let rows = try connection.query(
            """
            SELECT sla || ' ' || \(micros("hour_start")), started, completed, met, late, open, overdue, cancelled,
                anomalous, breached, \(micros("oldest_open_started_at")), attainment, avg_seconds, p50_seconds,
                p90_seconds, p95_seconds, p99_seconds, max_seconds
            FROM \(name)
            """
        ).rows
        return try table(rows) { row in
            ModelHour(
                started: try row.get(1), completed: try row.get(2), met: try row.get(3), late: try row.get(4),
                open: try row.get(5), overdue: try row.get(6), cancelled: try row.get(7),
                anomalous: try row.get(8), breached: try row.get(9), oldestOpen: try row.getIfPresent(10),
                figures: try (11...17).map { try row.getIfPresent($0) })
        }
    }

    private static func table<Row>(
        _ rows: [Result.Row], _ read: (Result.Row) throws -> Row
    ) throws -> [String: Row] {
        Dictionary(uniqueKeysWithValues: try rows.map { (try $0.get(0, as: String.self), try read($0)) })
    }
}

/// Histories with few times, few types and few events a case: what is rare in life is frequent here.
private struct RandomHistories {
    private(set) var events: [ModelEvent] = []
    private(set) var slas: [ModelSLA] = []
    private(set) var asOf: Int64 = 0

    private var random: Randomness
    private var nextLoad: Int64 = 1

    private static let second: Int64 = 1_000_000
    /// 2026-01-05 22:00 UTC: the histories cross midnight.
    private static let base: Int64 = 1_767_650_400 * second
    private static let hours: [Int64] = [0, 0, 1, 2].map { $0 * 3_600 * second }
    /// Times of a case; their differences are the durations below, so that an event falls on a deadline often.
    private static let offsets: [Int64] = [
        0, 1, 250_000, 500_000, second, 60 * second, 600 * second, 600 * second + 1, 3_600 * second,
    ]
    private static let durations: [Int64] = [
        250_000, 500_000, second, 60 * second, 600 * second, 3_600 * second, 90_000 * second,
    ]
    private static let skews: [Int64] = [0, 0, 1, 250_000, second, 60 * second]
    private static let types = [
        "order", "orders.made", "order.made", "order.made.web", "order.sent", "order.lost", "end", "stop",
    ]
    private static let patterns = types + ["order.*", "order.made.*"]

    init(seed: UInt64) { random = Randomness(state: seed) }

    /// Cases get events and versions of events, some vanish, and every SLA is judged or even defined anew.
    mutating func advance() {
        let gone = Set((0..<12).map { _ in "c\(random.below(160))" })
        events.removeAll { gone.contains($0.caseID) }
        for _ in 0..<500 { addEvent() }
        for _ in 0..<80 { addVersion() }
        settleTies()
        defineSLAs()
        // On some deadline, mostly.
        asOf = random.pick(events).occurredAt + random.pick(slas).within
        for index in slas.indices { slas[index].asOf = asOf }
    }

    private mutating func addEvent() {
        let entity = random.pick(["order", "parcel"])
        let number = random.below(160)
        add(
            ModelEvent(
                // Half of the cases have a namesake of the other entity.
                entity: entity, caseID: number < 80 ? "c\(number)" : "c\(number)\(entity)",
                // Both sources of an entity number their events alike.
                sourceID: Int32(entity == "order" ? 1 : 3) + Int32(random.below(2)),
                eventID: random.pick(["a", "B", "_c", "d", "E", "f"]),
                occurredAt: RandomHistories.base + RandomHistories.hours[number % 4]
                    + random.pick(RandomHistories.offsets),
                sequence: random.below(2) == 0 ? nil : Int64(random.below(3)),
                type: random.pick(RandomHistories.types), service: random.pick(["web", "app"]), loadID: 0,
                position: 0))
    }

    /// The same event once more, with another time and perhaps of another type.
    private mutating func addVersion() {
        var event = random.pick(events)
        event.occurredAt += random.pick([-1, 1]) * random.pick(RandomHistories.durations)
        if random.below(3) == 0 { event.type = random.pick(RandomHistories.types) }
        add(event)
    }

    /// Versions arrive in any order of loads and of positions in a load.
    private mutating func add(_ event: ModelEvent) {
        var event = event
        nextLoad += Int64(random.below(2))
        event.loadID = max(1, nextLoad - Int64(random.below(4)))
        event.position = Int64(random.below(1_000_000))
        let isTaken = events.contains { other in
            // Raw holds an event of one time once, and a place of a load holds one record.
            other.caseID == event.caseID && other.eventID == event.eventID && other.sourceID == event.sourceID
                && (other.occurredAt == event.occurredAt
                    || (other.loadID, other.position) == (event.loadID, event.position))
        }
        if !isTaken { events.append(event) }
    }

    /// Gives all events of a tie of three or more a sequence where one has it: the design orders two events of
    /// which one has a sequence, but among three of them its rule need not be an order.
    private mutating func settleTies() {
        let current = PairingModel(raw: events).events
        let ties = Dictionary(grouping: current) { "\($0.entity) \($0.caseID) \($0.occurredAt)" }
        for index in events.indices where events[index].sequence == nil {
            let event = events[index]
            let tie = ties["\(event.entity) \(event.caseID) \(event.occurredAt)"] ?? []
            if tie.count > 2, tie.contains(where: { $0.sequence != nil }) {
                events[index].sequence = Int64(random.below(3))
            }
        }
    }

    private mutating func defineSLAs() {
        let before = slas
        slas = (0..<14).map { index in
            if index < before.count, random.below(2) == 0 { return before[index] }
            var sla = ModelSLA(
                name: "sla\(index)", entity: index % 2 == 0 ? "order" : "parcel",
                start: types(1 + random.below(2)), end: types(1 + random.below(2)),
                cancel: types(random.below(3)), within: random.pick(RandomHistories.durations),
                occurrence: random.pick(["first", "last", "each", "each"]),
                isBySequence: random.below(3) == 0,
                clockSkew: random.pick(RandomHistories.skews), asOf: 0)
            if index < before.count {
                sla.version = before[index].version + (sla.means(before[index]) ? 0 : 1)
            }
            return sla
        }
        // The last two come and go.
        if random.below(2) == 0 { slas.removeLast(2) }
    }

    private mutating func types(_ count: Int) -> [String] {
        (0..<count).map { _ in random.pick(RandomHistories.patterns) }
    }
}

extension ModelSLA {
    /// Whether the other judges in the same way.
    fileprivate func means(_ other: ModelSLA) -> Bool {
        (entity, Set(start), Set(end)) == (other.entity, Set(other.start), Set(other.end))
            && (Set(cancel), within, occurrence, clockSkew, isBySequence)
                == (Set(other.cancel), other.within, other.occurrence, other.clockSkew, other.isBySequence)
    }
}

/// SplitMix64: the same numbers for a seed on every platform.
struct Randomness {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

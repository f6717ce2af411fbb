import Events
import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// Random histories in random loads, transformed after each: the report tables hold, row for row and at every step, what
/// a full rebuild would give.
///
/// `DAYBOOK_TEST_SEED` takes a seed that was printed, `DAYBOOK_TORTURE=1` 5,000 histories.
@Suite
struct RestatementPropertyTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed =
        environment["DAYBOOK_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
    private static let histories = environment["DAYBOOK_TORTURE"] == "1" ? 5_000 : 48

    @Test("Any history in any loads: after each transform what a full rebuild would give")
    func equalsRebuild() throws {
        let (seed, histories) = (RestatementPropertyTests.seed, RestatementPropertyTests.histories)
        let lanes = 2
        let errors = Atomic<[String]>([])
        DispatchQueue.concurrentPerform(iterations: lanes) { lane in
            do {
                let warehouse = try LoadingWarehouse()
                if lane == 1 { try ColumnarStandIn.install(warehouse.connection) }
                for number in stride(from: lane, to: histories, by: lanes) {
                    var history = try LoadedHistory(seed: seed &+ UInt64(number), warehouse)
                    try history.run { problem in
                        errors.change { $0.append("seed \(seed), history \(number): \(problem)") }
                    }
                    guard errors.value.isEmpty else { return }
                }
            } catch {
                errors.change { $0.append("seed \(seed): \(error)") }
            }
        }
        #expect(errors.value.isEmpty, "\(errors.value.joined(separator: "\n"))")
        print("RestatementPropertyTests: \(histories) histories; repeat with DAYBOOK_TEST_SEED=\(seed)")
    }
}

/// One history: what happens, in which loads it comes, in which order they are committed, and what else changes on
/// the way.
private struct LoadedHistory {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }
    private var dice: Randomness
    private let models: [Model]
    private var slas: [SLADefinition] = []
    private var fields: [EventField] = []
    private var asOf: Int64

    /// 2026-01-05 22:00 UTC: the histories cross midnight.
    private static let base: Int64 = 1_767_650_400_000_000
    private static let second: Int64 = 1_000_000
    private static let offsets: [Int64] = [
        0, 0, 1, second, 60 * second, 600 * second, 600 * second + 1, 3_600 * second, 9_000 * second,
        100_000 * second,
    ]
    private static let types = [
        "order.made", "order.made.web", "order.sent", "order.lost", "order.failed", "end",
    ]
    private static let amounts = [
        "1", "2.50", "\"3\"", "\"4e1\"", "\"1e999999\"", "\"many\"", "\"\"", "null", "{}", "[1]", "true",
        "-0",
    ]

    init(seed: UInt64, _ warehouse: LoadingWarehouse) throws {
        self.warehouse = warehouse
        dice = Randomness(state: seed)
        models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
        asOf = LoadedHistory.base
        try warehouse.connection.execute(
            """
            CREATE TABLE IF NOT EXISTS public.dropped_events AS TABLE raw.events WITH NO DATA;
            CREATE TABLE IF NOT EXISTS public.frozen (model text, row jsonb);
            TRUNCATE raw.events_by_day, raw.event_segments, raw.columnar_by_day, raw.building, daybook.building, daybook.rejects, daybook.loads,
                daybook.claims, daybook.replacements, daybook.sla_types, daybook.slas, daybook.judged_slas,
                daybook.touched_cases, daybook.wide_cases, daybook.entities, report.cases, report.fact_sla,
                report.sla_hourly, report.sla_hourly_history, report.sla_hourly_by_end, report.sla_hourly_by_breach,
                daybook.event_fields, daybook.late_cases, daybook.case_paths, daybook.user_days, report.event_hourly,
                report.step_hourly, report.step_durations, report.active_users_daily, report.dim_sla,
                report.dim_service, report.dim_hour, report.dim_day, report.usual_steps, public.dropped_events,
                public.frozen;
            DROP TABLE IF EXISTS raw.event_order, raw.event_end;
            UPDATE daybook.transforms SET seen = '{}';
            UPDATE daybook.retention SET raw_from = '-infinity', report_from = '-infinity'
            """)
    }

    mutating func run(_ tell: (String) -> Void) throws {
        defineAll()
        defineFields()
        let batches = try claim(makeBatches())
        let keys = RecentKeys()
        for (step, batch) in shuffled(batches).enumerated() {
            // Each way into a leaf: fresh keys, remembered keys, a day without an index.
            var loader = Loader(
                connection, recentKeys: dice.below(2) == 0 ? keys : RecentKeys(),
                buildsNewDays: dice.below(3) == 0)
            _ = try LoadingWarehouse.load(batch.lines, at: 0, from: batch.origin, with: &loader)
            if dice.below(2) == 0 { try finishDays() }
            if dice.below(5) == 0 { try compactDays() }
            if dice.below(8) == 0 { try dropDays() }
            if dice.below(4) == 0 { try loseEvents() }
            if dice.below(4) == 0 { defineSome() }
            if dice.below(4) == 0 { defineFields() }
            if dice.below(2) == 0 { asOf += Int64(dice.below(40_000)) * LoadedHistory.second }
            if dice.below(3) == 0 { continue }
            try transform()
            guard try isRebuilt(tell, "step \(step)") else { return }
        }
        try finishDays()
        try transform()
        guard try isRebuilt(tell, "the last step") else { return }
        let versions = try warehouse.database.value("SELECT count(*) FROM report.sla_hourly_history")
        let again = try transform()
        if again.contains(where: { $0.rowsChanged > 0 }) {
            tell("a run that changes nothing wrote: \(again)")
        }
        if try warehouse.database.value("SELECT count(*) FROM report.sla_hourly_history") != versions {
            tell("a run that changes nothing wrote history")
        }
    }

    @discardableResult
    private func transform() throws -> [ModelResult] {
        let tables = EventTables(fields, ofPipelines: ["p"])
        return try TransformRunner(models, connection, eventTables: tables, rebuildShare: 2).run {
            let catalogue = Catalogue(connection)
            try catalogue.define(slas, ofPipelines: ["p"])
            let isWall = slas.contains { $0.clock == "wall" }
            try catalogue.setClocks(
                asOf: isWall ? Timestamp(microseconds: asOf) : nil, ofPipelines: ["p"], mayGoBack: isWall)
        }
    }

    /// Whether each table holds what its SELECT gives, and the history tells which loads did it.
    private func isRebuilt(_ tell: (String) -> Void, _ step: String) throws -> Bool {
        var differences = try Rebuild.differences(
            EventTables.models(connection) + models, connection)
        differences += try connection.query(
            """
            SELECT 'no load of its own: ' || h::text
            FROM report.sla_hourly_history AS h
            WHERE (cause = 'load') <> (load_ids IS NOT NULL)
            LIMIT 6
            """
        ).rows.map { try $0.get(0) }
        differences += try connection.query(LoadedHistory.unjoined).rows.map { try $0.get(0) }
        // An SLA that is defined no more, or for another entity, takes all of its facts with it.
        try connection.execute(
            """
            DELETE FROM public.frozen AS f
            WHERE model = 'report.fact_sla' AND NOT EXISTS (
                SELECT FROM daybook.slas AS s
                JOIN report.cases AS c ON c.entity = s.entity
                WHERE s.sla = f.row ->> 'sla' AND c.case_id = f.row ->> 'case_id'
            )
            """)
        differences += try connection.query(LoadedHistory.forgotten).rows.map { try $0.get(0) }
        guard differences.isEmpty else {
            tell("\(step): \(differences)")
            return false
        }
        return true
    }

    // MARK: - What happens

    private mutating func makeBatches() -> [String] {
        var known: [(number: Int, caseID: Int, time: Int64, type: String)] = []
        return (0..<3 + dice.below(4)).map { _ in
            var lines = ""
            for _ in 0..<1 + dice.below(25) {
                var event = (
                    number: known.count, caseID: dice.below(12),
                    time: LoadedHistory.base + dice.pick(LoadedHistory.offsets),
                    type: dice.pick(LoadedHistory.types)
                )
                if !known.isEmpty, dice.below(3) == 0 {
                    // Again: as it was, with another content, or at another time.
                    event = dice.pick(known)
                    switch dice.below(3) {
                    case 0: break
                    case 1: event.type = dice.pick(LoadedHistory.types)
                    default: event.time += [-1, 1][dice.below(2)] * dice.pick(LoadedHistory.offsets)
                    }
                }
                known.append(event)
                let sequence = dice.below(2) == 0 ? "" : ",\"seq\":\(dice.below(3))"
                let amount =
                    dice.below(3) == 0 ? "" : ",\"details\":{\"amount\":\(dice.pick(LoadedHistory.amounts))}"
                let entity = event.caseID % 3 == 0 ? ",\"entity\":\"parcel\"" : ""
                let service = dice.below(2) == 0 ? "" : ",\"service\":\"s\(dice.below(2))\""
                let user = dice.below(3) == 0 ? "" : ",\"user\":\"u\(event.caseID % 2 + dice.below(2))\""
                lines +=
                    "{\"id\":\"e\(event.number)\",\"case\":\"c\(event.caseID)\",\"time\":\(event.time),"
                    + "\"type\":\"\(event.type)\"\(sequence)\(entity)\(service)\(user)\(amount)}\n"
            }
            return lines
        }
    }

    /// Batches are claimed in their order, by a source of either rule, and then committed in any.
    private mutating func claim(_ texts: [String]) throws -> [(origin: BatchOrigin, lines: String)] {
        try texts.enumerated().map { index, lines in
            let rule = dice.pick([OnChange.keepFirst, .keepLast])
            let sourceID = try Catalogue(connection).sourceID(
                pipeline: "p", name: rule.rawValue, entity: dice.pick(["order", "parcel"]), onChange: rule,
                latenessMicroseconds: dice.pick([0, 0, 600 * LoadedHistory.second]))
            let loadID = try Ledger.claimLoadID(
                source: sourceID, objectIdentity: "\(index)",
                range: ReadRange(start: 0, end: Int64(lines.utf8.count), firstLine: 1, endLine: 1), connection
            )
            let origin = BatchOrigin(
                loadID: loadID, runID: warehouse.runID, pipeline: "p", sourceID: sourceID, onChange: rule,
                object: "\(index)", objectIdentity: "\(index)", tailHash: "")
            return (origin, lines)
        }
    }

    private mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var elements = elements
        for index in elements.indices.dropFirst() { elements.swapAt(index, dice.below(index + 1)) }
        return elements
    }

    private func finishDays() throws {
        for day in try BuildingDays.unfinished(connection) { try BuildingDays.finish(day, connection) }
    }

    /// What is wrong with the dimensions: keys are looked at as each transform is committed, but not that dimensions
    /// say the right thing of what they name, and no more than they are to; and what of steps is usual.
    private static let unjoined = """
        SELECT 'dim_sla: ' || (d.sla, s.sla)::text
        FROM report.dim_sla AS d
        FULL JOIN daybook.slas AS s USING (sla)
        WHERE (d.entity, d.is_defined, d.definition_version) IS DISTINCT FROM (s.entity, true, s.definition_version)
            AND NOT (s.sla IS NULL AND NOT d.is_defined AND d.sla IN (SELECT sla FROM report.sla_hourly))
        UNION ALL
        SELECT 'dim_service: ' || (d, e)::text
        FROM report.dim_service AS d
        FULL JOIN (
            SELECT service, min(hour_start) AS first_hour, max(hour_start) AS last_hour
            FROM report.event_hourly GROUP BY service
        ) AS e USING (service)
        WHERE (d.first_hour, d.last_hour) IS DISTINCT FROM (e.first_hour, e.last_hour)
        UNION ALL
        SELECT 'dim_day: a gap after ' || day
        FROM (SELECT day, lead(day) OVER (ORDER BY day) AS next FROM report.dim_day) AS d
        WHERE next > day + 1
        UNION ALL
        SELECT 'dim_hour: ' || day || ' has ' || count(hour_start)
        FROM report.dim_day LEFT JOIN report.dim_hour USING (day) GROUP BY day HAVING count(hour_start) <> 24
        UNION ALL
        SELECT 'fact_sla: of hour ' || start_hour
        FROM report.fact_sla
        WHERE start_hour NOT IN (SELECT hour_start FROM report.dim_hour)
        UNION ALL
        SELECT 'usual_steps: ' || (u, c)::text
        FROM report.usual_steps AS u
        FULL JOIN (
            SELECT c.*
            FROM (SELECT DISTINCT entity FROM report.step_durations) AS e
            CROSS JOIN LATERAL daybook.count_usual_steps(e.entity) AS c
        ) AS c USING (entity, from_type, to_type)
        WHERE u IS DISTINCT FROM c
        LIMIT 6
        """

    /// Some days, and not all of them to the end.
    private mutating func compactDays() throws {
        let form = try StorageForm.resolve(dice.below(4) == 0 ? .segments : nil, connection)
        let compaction = Compaction(connection, into: form)
        try compaction.prepare(waitSeconds: 5)
        for day in try compaction.due(before: CalendarDay(daysSinceEpoch: 1_000_000)) where dice.below(3) > 0
        {
            if dice.below(4) == 0 {
                let function = form == .columnar ? "compact_day_columnar" : "compact_day"
                try connection.query("SELECT daybook.\(function)($1::date)", [day.day])
            } else {
                _ = try compaction.compact(day, waitSeconds: 5)
            }
        }
    }

    /// Days that are past their retention, whatever needs them: what is told of their cases stays as it was before.
    private mutating func dropDays() throws {
        let limit = "2026-01-0\(5 + dice.below(4))"
        try connection.execute("CREATE TEMPORARY TABLE before AS SELECT case_id FROM daybook.frozen_cases")
        let retention = Retention(connection)
        for day in try retention.due(before: limit) {
            try connection.query(
                "CREATE TEMPORARY TABLE day_events AS SELECT * FROM raw.events WHERE event_day = \(quoteLiteral(day.day))"
            )
            let isGone = try retention.drop(day, waitSeconds: 5) != nil
            if isGone { try connection.execute("INSERT INTO public.dropped_events TABLE pg_temp.day_events") }
            try connection.execute("DROP TABLE pg_temp.day_events")
            if !isGone { break }
        }
        try retention.dropEventFields()
        for table in ["report.cases", "report.fact_sla", "daybook.case_paths"] {
            try connection.query(
                """
                INSERT INTO public.frozen
                SELECT $1, to_jsonb(t) FROM \(table) AS t
                WHERE case_id IN (SELECT case_id FROM daybook.frozen_cases EXCEPT TABLE pg_temp.before)
                """, [table])
        }
        try connection.execute("DROP TABLE pg_temp.before")
    }

    /// What is wrong with what is told of cases that lost events, and which cases are taken for such.
    private static let forgotten = """
        SELECT 'frozen: -' || f::text
        FROM (
            SELECT * FROM public.frozen
            EXCEPT ALL
            (SELECT 'report.cases', to_jsonb(c) FROM report.cases AS c
            UNION ALL
            SELECT 'report.fact_sla', to_jsonb(f) FROM report.fact_sla AS f
            UNION ALL
            SELECT 'daybook.case_paths', to_jsonb(p) FROM daybook.case_paths AS p)
        ) AS f
        UNION ALL
        SELECT 'frozen: +' || f::text
        FROM (
            SELECT 'report.fact_sla', to_jsonb(f) FROM report.fact_sla AS f WHERE case_id IN (SELECT case_id FROM daybook.frozen_cases)
            EXCEPT ALL
            SELECT * FROM public.frozen
        ) AS f
        UNION ALL
        -- A version of an event that another has taken the place of is no loss.
        SELECT 'lost, and not frozen: ' || d::text
        FROM public.dropped_events AS d
        WHERE case_id NOT IN (SELECT case_id FROM daybook.frozen_cases)
            AND EXISTS (SELECT FROM report.cases AS c WHERE c.case_id = d.case_id)
            AND NOT EXISTS (
                SELECT FROM raw.events AS e
                WHERE (e.case_id, e.source_id, e.event_id) = (d.case_id, d.source_id, d.event_id)
                    AND (e.load_id, e.position) > (d.load_id, d.position)
            )
        UNION ALL
        SELECT 'frozen, and lost nothing: ' || f::text
        FROM daybook.frozen_cases AS f
        WHERE case_id NOT IN (SELECT case_id FROM public.dropped_events)
        LIMIT 6
        """

    /// What deletes events says whose they were; segments that hold some are taken apart before.
    private mutating func loseEvents() throws {
        let caseID = "c\(dice.below(12))"
        try connection.query(
            """
            SELECT daybook.reopen_segments(event_day, array_agg(segment_id))
            FROM raw.event_segments
            WHERE daybook.holds_any_case(case_ids, case_uuids, ARRAY[$1])
            GROUP BY event_day
            """, [caseID])
        try connection.query(
            """
            WITH lost AS (DELETE FROM raw.events_by_day WHERE case_id = $1 RETURNING case_id)
            INSERT INTO daybook.touched_cases SELECT DISTINCT case_id FROM lost ON CONFLICT DO NOTHING
            """, [caseID])
    }

    // MARK: - Definitions

    private mutating func defineAll() {
        let clock = dice.pick(["wall", "data"])
        slas = (0..<1 + dice.below(4)).map { definition("sla\($0)", clock) }
    }

    private mutating func defineSome() {
        let index = dice.below(slas.count + 1)
        guard index < slas.count else {
            let name = (0...slas.count).map { "sla\($0)" }.first { name in !slas.contains { $0.name == name }
            }!
            slas.append(definition(name, slas[0].clock))
            return
        }
        if slas.count > 1, dice.below(3) == 0 {
            slas.remove(at: index)
        } else {
            slas[index] = definition(slas[index].name, slas[index].clock)
        }
    }

    /// Fields come and go; one that comes again may stand elsewhere, and keeps its type.
    private mutating func defineFields() {
        let all: [(namespace: String, name: String, type: EventField.ColumnType)] = [
            ("order", "amount", .numeric), ("order", "label", .text), ("end", "amount", .bigint),
            ("end", "raw", .jsonb),
        ]
        fields = all.filter { _ in dice.below(3) > 0 }.map { field in
            EventField(
                namespace: field.namespace, name: field.name, pipeline: "p",
                paths: [FieldPath(steps: ["details", "amount"]), FieldPath(steps: ["sequence"])]
                    .prefix(1 + dice.below(2)).map { $0 },
                type: field.type,
                map: dice.below(2) == 0 ? nil : #"{"1": "7", "2": 8, "many": null, "3": "three"}"#)
        }
    }

    private mutating func definition(_ name: String, _ clock: String) -> SLADefinition {
        func types(_ dice: inout Randomness, _ count: Int) -> [TypePattern] {
            (0..<count).map { _ in TypePattern(dice.pick(LoadedHistory.types + ["order.*"])) }
        }
        return SLADefinition(
            name: name, pipeline: "p", entity: dice.pick(["order", "parcel"]),
            start: types(&dice, 1 + dice.below(2)), end: types(&dice, 1), cancel: types(&dice, dice.below(2)),
            withinMicroseconds: max(LoadedHistory.second, dice.pick(LoadedHistory.offsets)), target: nil,
            occurrence: dice.pick(["first", "last", "each", "each"]),
            orderBy: dice.pick(["time", "time", "sequence"]),
            clockSkewMicroseconds: dice.pick([0, 0, LoadedHistory.second]), clock: clock)
    }
}

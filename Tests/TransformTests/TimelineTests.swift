import Events
import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

private let seeds: [UInt64] = [1, 2, 3, 4]
private let forms: [StorageForm] = [.segments, .columnar]

/// `report.case_timeline` and `report.case_keys`, against plain SQL over all of raw.
@Suite
struct TimelineTests {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }
    private let models: [Model]

    init() throws {
        warehouse = try LoadingWarehouse()
        models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
    }

    private func key(_ name: String, _ paths: String..., of pipeline: String = "p") throws -> CaseKey {
        CaseKey(name: name, pipeline: pipeline, paths: try paths.map { try FieldPath(parsing: $0) })
    }

    @discardableResult
    private func transform(_ keys: [CaseKey]) throws -> [ModelResult] {
        try TransformRunner(
            models, connection, caseKeys: CaseKeys(keys, ofPipelines: ["p"]), rebuildShare: 2
        ).run {}
    }

    private func keyDifferences() throws -> [String] {
        try Rebuild.differences(CaseKeys.models(connection), connection)
    }

    private func compact(_ form: StorageForm) throws {
        if form == .columnar, try StorageForm.resolve(nil, connection) != .columnar {
            try ColumnarStandIn.install(connection)
        }
        let compaction = Compaction(connection, into: form)
        try compaction.prepare(waitSeconds: 5)
        for day in try compaction.due(before: CalendarDay(daysSinceEpoch: 1_000_000)) {
            _ = try compaction.compact(day, waitSeconds: 5)
        }
        try compaction.finish()
    }

    // MARK: - Random histories

    /// In every state: events that no transform has seen, versions on other days, days compacted and added to.
    @Test("Time lines and keys of random histories are those of plain SQL", arguments: seeds)
    func histories(_ seed: UInt64) throws {
        var dice = Dice(seed: seed)
        let keys = [
            try key("invoice", "details.invoice", "details.bill.no"), try key("who", "user_id"),
        ]
        for round in 0..<6 {
            var lines = ""
            for _ in 0..<40 { lines += line(&dice) }
            try warehouse.load(lines, object: "o\(round)", onChange: .keepLast)
            if dice.chance(0.6) {
                try transform(keys)
                #expect(try keyDifferences() == [])
            }
            if dice.chance(0.4) { try compact(forms[Int(seed) % 2]) }
            #expect(try wrongLines() == [], "round \(round)")
        }
    }

    /// Few cases, ids, times and numbers, so that everything happens.
    private func line(_ dice: inout Dice) -> String {
        let day = 5 + dice.roll(4)
        let second = dice.roll(3)
        var fields = [
            #""id":"e\#(dice.roll(12))""#, #""case":"c\#(dice.roll(6))""#,
            #""time":"2026-01-0\#(day)T10:00:0\#(second)Z""#,
            #""type":"order.\#(["made", "paid", "sent"][dice.roll(3)])""#,
            #""service":"\#(["shop", "till"][dice.roll(2)])""#,
            #""entity":"\#(["order", "bill"][dice.roll(2)])""#,
        ]
        if dice.chance(0.6) { fields.append(#""seq":\#(dice.roll(9))"#) }
        if dice.chance(0.5) { fields.append(#""user":"u\#(dice.roll(3))""#) }
        let details = [
            #"{"invoice":"i\#(dice.roll(3))"}"#, #"{"bill":{"no":\#(dice.roll(3))}}"#,
            #"{"invoice":["i1","i1",7,null,{"a":1}]}"#, #"{"invoice":""}"#, #"{"invoice":{}}"#, "null",
        ][dice.roll(6)]
        fields.append(#""details":\#(details)"#)
        return "{\(fields.joined(separator: ","))}\n"
    }

    /// The cases whose time line is not what the plain order over all current events gives.
    private func wrongLines() throws -> [String] {
        try connection.query(
            """
            WITH tied AS (
                SELECT *, CASE WHEN bool_and(sequence IS NOT NULL) OVER (PARTITION BY case_id, entity, occurred_at)
                    THEN sequence END AS tie
                FROM raw.current_events
            ),
            wanted AS (
                SELECT case_id::text, occurred_at, entity, event_id::text, type, load_id, position, details,
                    row_number() OVER (
                        PARTITION BY case_id ORDER BY occurred_at, entity, tie, event_id, source_id) AS nth,
                    extract(epoch FROM occurred_at - lag(occurred_at) OVER (
                        PARTITION BY case_id, entity ORDER BY occurred_at, tie, event_id, source_id
                    ))::double precision AS gap
                FROM tied
            ),
            told AS (
                SELECT t.case_id, t.occurred_at, t.entity, t.event_id, t.type, t.load_id, t.start_position, t.details,
                    t.nth, t.gap_seconds
                FROM (SELECT DISTINCT case_id FROM raw.events) AS c
                CROSS JOIN LATERAL report.case_timeline(c.case_id) AS t
            )
            SELECT '-' || w::text FROM (TABLE wanted EXCEPT ALL TABLE told) AS w
            UNION ALL
            SELECT '+' || t::text FROM (TABLE told EXCEPT ALL TABLE wanted) AS t
            UNION ALL
            -- Of all cases together, too.
            SELECT 'together: ' || case_id || ' ' || event_id
            FROM raw.current_events AS e
            FULL JOIN daybook.current_events_of_cases(ARRAY(SELECT DISTINCT case_id FROM raw.events)) AS t
                USING (case_id, source_id, event_id, load_id, position, occurred_at)
            WHERE e.type IS DISTINCT FROM t.type
            LIMIT 6
            """
        ).rows.map { try $0.get(0) }
    }

    // MARK: - Time lines

    @Test("A time line opens the days of its case, and no others")
    func days() throws {
        for day in 1...9 {
            try warehouse.load(
                #"{"id":"e\#(day)","case":"c\#(day % 2)","time":"2026-01-0\#(day)T10:00:00Z","type":"a.b"}"#
                    + "\n",
                object: "o\(day)")
            if day == 6 { try transform([]) }
        }
        let days = try connection.query("SELECT daybook.days_of_cases('{c0}')::text").first().text(0)
        // From its first to its last by the transform, and those that no transform has seen.
        #expect(
            days
                == "{2026-01-02,2026-01-03,2026-01-04,2026-01-05,2026-01-06,2026-01-07,2026-01-08,2026-01-09}"
        )
        let none = try connection.query("SELECT daybook.days_of_cases('{nobody}')::text").first().text(0)
        #expect(none == "{2026-01-07,2026-01-08,2026-01-09}")
        #expect(try connection.query("SELECT * FROM report.case_timeline('nobody')").count == 0)
    }

    @Test("A clock that contradicts the sequence is told, by who counts")
    func outOfOrder() throws {
        func load(_ object: String, _ events: [(String, Int?, String)]) throws {
            let lines = events.enumerated().map { index, event in
                let sequence = event.1.map { ",\"seq\":\($0)" } ?? ""
                return
                    #"{"id":"e\#(index)","case":"\#(object)","time":"2026-01-05T10:00:0\#(index)Z","type":"\#(event.0)","#
                    + #""service":"\#(event.2)"\#(sequence)}"# + "\n"
            }
            try warehouse.load(lines.joined(), object: object)
        }
        func told(_ caseID: String) throws -> [String] {
            try connection.query(
                "SELECT type FROM report.case_timeline($1) WHERE is_out_of_order", [caseID]
            ).rows.map { try $0.get(0) }
        }
        // One counter across services: the clock of one of them is ahead.
        try load("one", [("a", 1, "x"), ("c", 3, "y"), ("b", 2, "x"), ("d", 4, "y")])
        #expect(try told("one") == ["b"])
        // The same number twice: each service counts for itself.
        try load("each", [("a", 5, "x"), ("b", 1, "y"), ("c", 6, "x"), ("d", 1, "y"), ("e", 0, "y")])
        #expect(try told("each") == ["e"])
        try load("none", [("a", nil, "x"), ("b", 2, "x"), ("c", nil, "x"), ("d", 3, "x")])
        #expect(try told("none") == [])
    }

    // MARK: - Keys

    @Test("Values are kept as text, each of a list, and however long they are")
    func values() throws {
        let long = String(repeating: "ü€", count: 5_000)
        func line(_ id: Int, _ details: String) -> String {
            #"{"id":"e\#(id)","case":"c\#(id)","time":"2026-01-05T10:00:0\#(id)Z","type":"a","details":\#(details)}"#
                + "\n"
        }
        try warehouse.load(
            line(1, #"{"no":"it's <script>\\ %_\n"}"#) + line(2, #"{"no":12.50}"#)
                + line(3, #"{"no":["a","b",true]}"#) + line(4, #"{"no":"\#(long)"}"#)
                + line(5, #"{"no":null,"other":"z"}"#) + line(6, #"{"no":{"a":1}}"#))
        try transform([try key("no", "details.no", "details.other")])
        let found = try connection.query(
            """
            SELECT case_id || ' ' || CASE WHEN value = report.key_value($1) THEN 'long' ELSE value END
            FROM report.case_keys WHERE key = 'no' ORDER BY case_id, value
            """, [long]
        ).rows.map { try $0.get(0, as: String.self) }
        #expect(
            found == ["c1 it's <script>\\ %_\n", "c2 12.50", "c3 a", "c3 b", "c3 true", "c4 long", "c5 z"])
        #expect(try keyDifferences() == [])
    }

    @Test("A changed declaration computes the keys anew, and the last that goes takes them along")
    func declarations() throws {
        try warehouse.load(
            #"{"id":"1","case":"c","time":"2026-01-05T10:00:00Z","type":"a","user":"u","details":{"a":"A","b":"B"}}"#
                + "\n")
        func stored() throws -> [String] {
            try connection.query("SELECT key || '=' || value FROM report.case_keys ORDER BY 1").rows
                .map { try $0.get(0) }
        }
        #expect(try transform([]).contains { $0.model == "report.case_keys" } == false)
        try transform([try key("k", "details.a")])
        #expect(try stored() == ["k=A"])
        try transform([try key("k", "details.b"), try key("who", "user_id")])
        #expect(try stored() == ["k=B", "who=u"])
        // Another pipeline's events are not meant.
        _ = try TransformRunner(
            models, connection, caseKeys: CaseKeys([try key("a", "details.a", of: "q")], ofPipelines: ["q"])
        ).run {}
        #expect(try stored() == ["k=B", "who=u"])
        _ = try TransformRunner(models, connection, caseKeys: CaseKeys([], ofPipelines: ["p", "q"])).run {}
        #expect(try stored() == [])
        #expect(try transform([]).contains { $0.model == "report.case_keys" } == false)
    }

    @Test("Events that are gone take their keys along")
    func erased() throws {
        let line = { (id: Int, user: String) in
            #"{"id":"\#(id)","case":"c","time":"2026-01-05T10:00:0\#(id)Z","type":"a","user":"\#(user)"}"#
                + "\n"
        }
        try warehouse.load(line(1, "u1") + line(2, "u2"))
        let keys = [try key("who", "user_id")]
        try transform(keys)
        try connection.execute(
            """
            DELETE FROM raw.events_by_day WHERE event_id = '2';
            INSERT INTO daybook.touched_cases (case_id) VALUES ('c')
            """)
        try transform(keys)
        #expect(
            try connection.query("SELECT string_agg(value, ',') FROM report.case_keys").first().text(0)
                == "u1")
        #expect(try keyDifferences() == [])
    }
}

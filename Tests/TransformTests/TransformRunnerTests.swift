import Events
import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// The texts as the files `own0.sql`, `own1.sql`, … of a project.
private func ownFiles(_ texts: [String]) throws -> [SQLFiles.File] {
    let project = try TemporaryProject()
    for (index, text) in texts.enumerated() { try project.write("sql/transforms/own\(index).sql", text) }
    return try SQLFiles(files: []).adding(project: URL(fileURLWithPath: project.path("sql"))).files
}

/// What an error tells, without the project's directory.
private func told(_ error: TransformError?) -> String? {
    error?.description.replacing(#/\S*/sql/transforms//#, with: "")
}

/// The headers of transform files, and the order in which they run.
@Suite
struct ModelTests {
    private func model(_ text: String) throws -> Model { try Model(ownFiles([text])[0]) }

    @Test func readsTheHeader() throws {
        let model = try model(
            """
            -- model: report.own
            -- key: day,  entity
            -- A remark without a field.
            -- from: report.cases, raw.events
            -- description: Cases: by day.
            SELECT 1
            """)
        #expect(model.name == "report.own")
        #expect(model.key == ["day", "entity"])
        #expect(model.from.map(\.relation) == ["report.cases", "raw.events"])
        #expect(model.description == "Cases: by day.")
    }

    @Test(
        "A header that cannot be used is told with its place",
        arguments: [
            ("-- model: report.own\n-- keys: a\nSELECT 1", 2, "unknown header \"keys\""),
            ("-- model: report.own\n-- key: a\n-- key: b\n-- from: raw.events\nSELECT 1", 3, "given twice"),
            ("-- model: report.own\n-- from: raw.events\nSELECT 1", 1, "lacks \"-- key: …\""),
            ("-- model: report.own\n-- key:\n-- from: raw.events\nSELECT 1", 1, "lacks \"-- key: …\""),
            ("-- key: a\n-- from: raw.events\nSELECT 1", 1, "lacks \"-- model: …\""),
            ("-- model: report.own\n-- key: a\nSELECT 1", 1, "lacks \"-- from: …\""),
            ("-- model: raw.own\n-- key: a\n-- from: raw.events\nSELECT 1", 1, "a table of report"),
            ("-- model: own\n-- key: a\n-- from: raw.events\nSELECT 1", 1, "a table of report"),
            ("SELECT 1", 1, "lacks \"-- model: …\""),
            ("-- model: daybook.own\n-- key: a\n-- from: raw.events\nSELECT 1", 1, "a table of report"),
            (
                "-- model: report.own\n-- key: a\n-- from: report.cases\n-- additive: a\nSELECT 1", 4,
                "cannot be a sum"
            ),
            (
                "-- model: report.own\n-- key: a\n-- from: report.cases\n-- additive: ,\nSELECT 1", 4,
                "is empty"
            ),
            (
                "-- model: report.own\n-- key: a\n-- from: report.cases\n-- additive:\nSELECT 1", 4,
                "is empty"
            ),
        ])
    func refusesHeader(text: String, line: Int, message: String) {
        let error = #expect(throws: TransformError.self) { try model(text) }
        let told = told(error) ?? ""
        #expect(told.hasPrefix("own0.sql:\(line): "))
        #expect(told.contains(message))
    }

    @Test func readsWindowsLines() throws {
        let text = "-- model: report.own\r\n-- key: a\r\n-- from: raw.events\r\nSELECT 1 AS a\r\n"
        let model = try model(text)
        #expect(model.name == "report.own")
        #expect(model.key == ["a"])
    }

    private func ordered(_ models: [(name: String, from: String)]) throws -> [Model] {
        try Model.ordered(
            ownFiles(models.map { "-- model: report.\($0.name)\n-- key: a\n-- from: \($0.from)\nSELECT 1" }))
    }

    @Test func ordersByWhatIsRead() throws {
        let models = try ordered([
            ("a", "report.c, report.b"), ("b", "report.c"), ("c", "raw.events"), ("d", "report.not_a_model"),
        ])
        // What is no model may be a view of one: who reads it comes last.
        #expect(models.map(\.table) == ["c", "b", "a", "d"])
    }

    @Test func aHistoryComesWithItsModel() throws {
        let models = try Model.ordered(
            SQLFiles.builtin.folder("transforms")
                + ownFiles(["-- model: report.own\n-- key: a\n-- from: report.sla_hourly_history\nSELECT 1"]))
        #expect(
            models.last?.table == "own"
                || models.firstIndex { $0.table == "own" }! > models.firstIndex { $0.table == "sla_hourly" }!)
    }

    @Test func refusesCircles() {
        let three = #expect(throws: TransformError.self) {
            try ordered([("a", "report.b"), ("b", "report.c"), ("c", "report.a"), ("d", "raw.events")])
        }
        #expect(
            told(three)
                == "own0.sql:1: these models read each other in a circle: report.a, report.b, report.c")
        let one = #expect(throws: TransformError.self) {
            try ordered([("d", "raw.events"), ("a", "report.a")])
        }
        #expect(told(one) == "own1.sql:1: these models read each other in a circle: report.a")
    }

    @Test(
        "Sums are kept over one model's rows, and of nothing else is known how it was before",
        arguments: [
            ("raw.current_events", "filled by no model"), ("report.not_a_model", "filled by no model"),
            ("report.cases, report.fact_sla", "reads one relation"),
        ])
    func refusesSums(from: String, message: String) throws {
        let text = "-- model: report.own\n-- key: a\n-- from: \(from)\n-- additive: n\nSELECT 1 AS a, 1 AS n"
        let error = #expect(throws: TransformError.self) {
            try Model.ordered(SQLFiles.builtin.folder("transforms") + ownFiles([text]))
        }
        #expect(told(error)?.hasPrefix("own0.sql:4: ") == true && told(error)?.contains(message) == true)
    }

    @Test func refusesTwoFilesForOneTable() {
        let error = #expect(throws: TransformError.self) {
            try ordered([("a", "raw.events"), ("a", "raw.events")])
        }
        #expect(told(error)?.hasPrefix("own1.sql:1: report.a is filled by own0.sql already") == true)
    }
}

/// What a transform writes, and what it leaves alone.
@Suite
struct TransformRunnerTests {
    private let database: TestDatabase
    private let warehouse: Warehouse
    private var connection: Connection { warehouse.connection }

    init() throws {
        database = try TestDatabase()
        warehouse = try Warehouse.open(database.url)
    }

    // MARK: - Steps

    private static func sla(
        _ name: String = "made", entity: String = "order", start: [String] = ["order.made"],
        end: [String] = ["order.sent"], cancel: [String] = [], within: Int64 = 600, target: Double? = nil,
        occurrence: String = "first", skew: Int64 = 0, clock: String = "data"
    ) -> SLADefinition {
        SLADefinition(
            name: name, pipeline: "shop", entity: entity, start: start.map(TypePattern.init),
            end: end.map(TypePattern.init), cancel: cancel.map(TypePattern.init),
            withinMicroseconds: within * 1_000_000, target: target, occurrence: occurrence,
            clockSkewMicroseconds: skew, clock: clock)
    }

    /// Writes events as a load of the source would; times are of 2026-01-05, UTC.
    private func load(
        _ events: [(caseID: String, time: String, type: String)], source: String = "web",
        entity: String = "order"
    ) throws {
        var leaves = DayLeaves(connection)
        try leaves.ensure([20_458])
        let catalogue = Catalogue(connection)
        let sourceID = try catalogue.sourceID(pipeline: "shop", name: source, entity: entity)
        guard !events.isEmpty else { return }
        let runID = try #require(
            try catalogue.beginRun(pipeline: "shop", host: "test", processID: 1, version: "test"))
        let loadID = try connection.nextLoadID()
        let times = events.map { "2026-01-05T\($0.time)Z" }
        try connection.transaction {
            try connection.query(
                """
                INSERT INTO daybook.loads (load_id, run_id, pipeline, source_id, object, object_identity,
                    start_position, end_position, tail_hash, first_line, end_line, read, loaded, duplicate,
                    conflicting, rejected, filtered, min_occurred_at, max_occurred_at)
                OVERRIDING SYSTEM VALUE
                VALUES ($1::bigint, $2::bigint, 'shop', $3::int, 'log', $1, 0, 1, '', 1, 1, $4::bigint,
                    $4::bigint, 0, 0, 0, 0, $5::timestamptz, $6::timestamptz)
                """, [loadID, runID, sourceID, events.count, times.min()!, times.max()!])
            for (index, event) in events.enumerated() {
                try connection.query(
                    """
                    INSERT INTO raw.events_by_day (occurred_at, load_id, position, event_day, source_id, entity,
                        case_id, event_id, type, service)
                    VALUES ($1::timestamptz, $2::bigint, $3::bigint, '2026-01-05', $4::int, $5, $6, $7, $8, $9)
                    """,
                    [
                        times[index], loadID, index, sourceID, entity, event.caseID, "\(loadID)-\(index)",
                        event.type, source,
                    ])
            }
        }
    }

    @discardableResult
    private func run(
        _ slas: [SLADefinition] = [sla()], own: [String] = [], asOf: String? = nil
    ) throws -> [String: ModelResult] {
        let models = try Model.ordered(SQLFiles.builtin.folder("transforms") + ownFiles(own))
        let results = try TransformRunner(models, connection).run {
            let catalogue = Catalogue(connection)
            try catalogue.define(slas, ofPipelines: ["shop"])
            try catalogue.setClocks(
                asOf: asOf.flatMap { Timestamp("2026-01-05T\($0)Z") }, ofPipelines: ["shop"], mayGoBack: false
            )
        }
        return Dictionary(uniqueKeysWithValues: results.map { ($0.model, $0) })
    }

    /// Everything that the report tables hold, down to where the rows lie and which transaction wrote them.
    private func tables() throws -> [[String]] {
        try ["cases", "fact_sla", "sla_hourly"].flatMap { table in
            try database.rows("SELECT ctid, xmin, t.* FROM report.\(table) AS t ORDER BY ctid")
        }
    }

    private func values(_ sql: String) throws -> [String] {
        try database.rows(sql).map { $0.joined(separator: " ") }
    }

    private static let morning = [
        (caseID: "a", time: "08:10:00", type: "order.made"),
        (caseID: "a", time: "08:15:00", type: "order.sent"),
        (caseID: "b", time: "09:10:00", type: "order.made"),
        (caseID: "c", time: "09:40:00", type: "order.made"),
        (caseID: "d", time: "10:10:00", type: "order.made"),
    ]

    // MARK: - Hours

    @Test("The same cases by the hour of their end, and of the deadline that they missed")
    func hoursByEndAndBreach() throws {
        try load(
            TransformRunnerTests.morning + [
                ("b", "10:05:00", "order.sent"), ("e", "10:06:00", "order.sent"), ("x", "12:00:00", "noise"),
            ])
        try run()
        let figures =
            "to_char(hour_start AT TIME ZONE 'UTC', 'HH24'), started, met, late, open, anomalous, is_final"
        #expect(
            try values("SELECT \(figures) FROM report.sla_hourly_by_end ORDER BY 1") == [
                "08 1 1 0 0 0 t", "10 1 0 1 0 1 t",
            ])
        // b is late, c and d are overdue.
        #expect(
            try values("SELECT \(figures) FROM report.sla_hourly_by_breach ORDER BY 1") == [
                "09 2 0 1 1 0 t", "10 1 0 0 1 0 t",
            ])
    }

    @Test("A source's lateness and a silent source hold finality back, and it is told which")
    func finalityWaitsForLateAndSilentSources() throws {
        func final() throws -> [String] {
            try values("SELECT is_final FROM report.sla_hourly_by_end ORDER BY hour_start")
        }
        func holder() throws -> [String] {
            try values(
                "SELECT s.name FROM daybook.watermarks AS w JOIN daybook.sources AS s ON source_id = held_by")
        }
        try load(TransformRunnerTests.morning)
        try run()
        #expect(try final() == ["t"])
        // It may tell of what happened two hours before its latest event.
        try Catalogue(connection).sourceID(
            pipeline: "shop", name: "web", entity: "order", latenessMicroseconds: 7_200_000_000)
        try run()
        #expect(try final() == ["f"])
        try load([("y", "11:30:00", "noise")])
        try Catalogue(connection).sourceID(
            pipeline: "shop", name: "web", entity: "order", latenessMicroseconds: 7_200_000_000)
        try run()
        #expect(try final() == ["t"])
        #expect(try holder() == ["web"])
        try load([], source: "app")
        try run()
        #expect(try final() == ["f"])
        #expect(try holder() == ["app"])
    }

    @Test("Days of a zone have 23 and 25 hours where its clocks are set")
    func localDays() throws {
        try connection.execute(
            """
            INSERT INTO report.dim_sla (sla, name, is_defined) VALUES ('made', 'Made', false);
            INSERT INTO report.fact_sla (sla, case_id, cycle, started_at, within_seconds, status, definition_version)
            SELECT 'made', n::text, 1, timestamptz '2026-01-01 00:30Z' + n * interval '1 hour', 60, 'in_progress', 1
            FROM generate_series(0, 365 * 24 - 1) AS n
            """)
        let days = try values(
            """
            SELECT local_day, hours, started FROM report.sla_daily_local('Europe/Berlin')
            WHERE local_day IN ('2026-03-28', '2026-03-29', '2026-10-25') ORDER BY 1
            """)
        #expect(days == ["2026-03-28 24 24", "2026-03-29 23 23", "2026-10-25 25 25"])
        try connection.execute(
            """
            SELECT daybook.add_days('{2026-10-25}');
            INSERT INTO report.sla_hourly (sla, hour_start, started, completed, met, late, open, overdue, cancelled,
                anomalous, breached, is_final, restated_at)
            SELECT 'made', '2026-10-25 00:00Z'::timestamptz + n * interval '1 hour', 1, 0, 0, 0, 1, 0, 0, 0, 0, false,
                now()
            FROM generate_series(0, 1) AS n
            """)
        // The same hour of the clock twice, with another offset.
        #expect(
            try values(
                "SELECT local_hour, utc_offset FROM report.sla_hourly_local('Europe/Berlin') ORDER BY hour_start"
            )
                == ["2026-10-25 02:00:00 02:00:00", "2026-10-25 02:00:00 01:00:00"])
    }

    // MARK: - Writing

    @Test func writesNothingWhereNothingChanged() throws {
        try load(TransformRunnerTests.morning)
        let first = try run()
        let rows = [
            "report.cases": 4, "report.fact_sla": 4, "report.sla_hourly": 3, "report.sla_hourly_by_end": 1,
            "report.sla_hourly_by_breach": 1, "daybook.case_paths": 4, "report.event_hourly": 4,
            "report.step_hourly": 1, "report.step_durations": 1, "daybook.user_days": 0,
            "report.active_users_daily": 0,
        ]
        #expect(first.mapValues(\.rowsChanged) == rows)
        #expect(first.mapValues(\.keys) == rows)
        let before = try tables()
        let second = try run()
        #expect(second.values.allSatisfy { $0.rowsChanged == 0 })
        #expect(second.values.allSatisfy { $0.keys == 0 })
        #expect(try tables() == before)
    }

    @Test("A run that changes nothing does not lock rows either: a lock is a write to the row's page")
    func locksNothingWhereNothingChanged() throws {
        try load(TransformRunnerTests.morning)
        try run()
        try run()
        #expect(try database.value("SELECT count(*) FROM report.fact_sla WHERE xmax <> 0") == "0")
    }

    @Test func restatesOnlyTheHourThatChanged() throws {
        try load(TransformRunnerTests.morning)
        try run([TransformRunnerTests.sla(clock: "wall")])
        let before = try values("SELECT hour_start, xmin, restated_at FROM report.sla_hourly ORDER BY 1")
        // The watermark stays where it was.
        try load([("b", "09:15:00", "order.sent")])
        let results = try run([TransformRunnerTests.sla(clock: "wall")])
        // No event names a user.
        #expect(
            results.values.allSatisfy { $0.rowsChanged == ($0.model.contains("user") ? 0 : 1) }, "\(results)")
        let after = try values("SELECT hour_start, xmin, restated_at FROM report.sla_hourly ORDER BY 1")
        #expect(after.count == 3)
        #expect([after[0], after[2]] == [before[0], before[2]])
        #expect(after[1] != before[1])
        #expect(
            try values(
                """
                SELECT hour_start FROM report.sla_hourly
                WHERE restated_at > (SELECT min(restated_at) FROM report.sla_hourly)
                """) == ["2026-01-05 09:00:00+00"])
    }

    @Test func deletesRowsOfVanishedCases() throws {
        try load(TransformRunnerTests.morning)
        try run()
        try connection.execute(
            """
            DELETE FROM raw.events_by_day WHERE case_id IN ('a', 'c');
            INSERT INTO daybook.touched_cases VALUES ('a'), ('c')
            """)
        let results = try run()
        for table in ["cases", "fact_sla", "sla_hourly"] {
            #expect(results["report.\(table)"]?.rowsChanged == 2, "\(table)")
        }
        #expect(try values("SELECT hour_start FROM report.sla_hourly_by_end") == [])
        #expect(try values("SELECT case_id FROM report.cases ORDER BY 1") == ["b", "d"])
        #expect(try values("SELECT case_id FROM report.fact_sla ORDER BY 1") == ["b", "d"])
        #expect(
            try values("SELECT hour_start, started FROM report.sla_hourly ORDER BY 1")
                == ["2026-01-05 09:00:00+00 1", "2026-01-05 10:00:00+00 1"])
    }

    // MARK: - Models of a project

    private static let own = """
        -- model: report.own
        -- key: service
        -- from: report.cases
        -- description: It's ours.
        SELECT last_service AS service, count(*) AS cases
        FROM report.cases
        GROUP BY last_service
        """

    @Test func givesAnOwnModelItsTable() throws {
        try load(TransformRunnerTests.morning)
        #expect(try run(own: [TransformRunnerTests.own])["report.own"]?.rowsChanged == 1)
        #expect(try values("SELECT * FROM report.own") == ["web 4"])
        #expect(try database.value("SELECT obj_description('report.own'::regclass)") == "It's ours.")
        #expect(
            try database.value(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'report.own'::regclass")
                == "PRIMARY KEY (service)")
        try load([("e", "11:00:00", "order.made")], source: "app")
        try connection.execute(
            """
            DELETE FROM raw.events_by_day WHERE case_id = 'd';
            INSERT INTO daybook.touched_cases VALUES ('d')
            """)
        #expect(try run(own: [TransformRunnerTests.own])["report.own"]?.rowsChanged == 2)
        #expect(try values("SELECT * FROM report.own ORDER BY 1") == ["app 1", "web 3"])
        #expect(try run(own: [TransformRunnerTests.own])["report.own"]?.rowsChanged == 0)
    }

    @Test func ownModelMayBeOnlyItsKey() throws {
        try load(TransformRunnerTests.morning)
        let own = """
            -- model: report.own
            -- key: day
            -- from: raw.events
            SELECT DISTINCT event_day AS day FROM raw.events
            """
        #expect(try run(own: [own])["report.own"]?.rowsChanged == 1)
        #expect(try run(own: [own])["report.own"]?.rowsChanged == 0)
    }

    @Test func refusesSelectThatDoesNotFit() throws {
        try load(TransformRunnerTests.morning)
        try run(own: [TransformRunnerTests.own])
        let other = TransformRunnerTests.own.replacingOccurrences(of: "AS cases", with: "AS number")
        let error = #expect(throws: TransformError.self) { try run(own: [other]) }
        #expect(
            told(error) == "own0.sql:5: the SELECT does not fit report.own: the SELECT lacks cases; "
                + "the table has no number; a table that others may read keeps its columns: drop it, and the next "
                + "transform makes it anew: DROP TABLE \"report\".\"own\"")
    }

    @Test(
        "An error of the SQL names the file and the line",
        arguments: [
            (TransformRunnerTests.own.replacingOccurrences(of: "count(*)", with: "cuont(*)"), 5),
            (TransformRunnerTests.own.replacingOccurrences(of: "GROUP BY last_service", with: "GROUP BY"), 7),
            // Characters of several code points before the mistake.
            (
                "-- \(String(repeating: "🇳🇱e\u{301}", count: 40))\n"
                    + TransformRunnerTests.own.replacingOccurrences(of: "count(*)", with: "cuont(*)"), 6
            ),
            (
                TransformRunnerTests.own.replacingOccurrences(of: "-- from", with: "--\n-- from")
                    .replacingOccurrences(of: "count(*)", with: "1 / lost"), 6
            ),
        ])
    func namesTheLine(text: String, line: Int) throws {
        let error = #expect(throws: TransformError.self) { try run(own: [text]) }
        #expect(told(error)?.hasPrefix("own0.sql:\(line): ") == true)
    }

    @Test func namesTheLineOfWindowsFiles() throws {
        let text = TransformRunnerTests.own.replacingOccurrences(of: "count(*)", with: "cuont(*)")
            .replacingOccurrences(of: "\n", with: "\r\n")
        let error = #expect(throws: TransformError.self) { try run(own: [text]) }
        #expect(error?.line == 5)
    }

    @Test func anErrorWithoutPlaceNamesTheFile() throws {
        try load(TransformRunnerTests.morning)
        let text = TransformRunnerTests.own.replacingOccurrences(of: "count(*)", with: "1 / (count(*) - 4)")
        let error = #expect(throws: TransformError.self) { try run(own: [text]) }
        #expect(told(error) == "own0.sql: division by zero")
    }

    @Test func aFailingModelLeavesEveryTableAsItWas() throws {
        try load(TransformRunnerTests.morning)
        try run()
        let before = try tables()
        let slas = try values("SELECT s.*, s.xmin FROM daybook.slas AS s")
        try load([("e", "11:00:00", "order.made"), ("b", "11:00:00", "order.sent")])
        let failing = TransformRunnerTests.own.replacingOccurrences(
            of: "count(*)", with: "1 / (count(*) - 5)")
        #expect(throws: TransformError.self) {
            try run(
                [TransformRunnerTests.sla(within: 60)], own: [TransformRunnerTests.own, renamed(failing)])
        }
        #expect(try tables() == before)
        #expect(try values("SELECT s.*, s.xmin FROM daybook.slas AS s") == slas)
        #expect(try database.value("SELECT to_regclass('report.own') IS NULL") == "t")
        // The lock is free again, and the connection good.
        #expect(try run()["report.cases"]?.rowsChanged == 2)
    }

    /// The model under another name.
    private func renamed(_ text: String) -> String {
        text.replacingOccurrences(of: "report.own", with: "report.own_failing")
    }

    // MARK: - Definitions

    @Test func versionRisesWithTheMeaning() throws {
        try load(TransformRunnerTests.morning)
        typealias Tests = TransformRunnerTests
        let steps: [(sla: SLADefinition, version: String)] = [
            (Tests.sla(), "1"), (Tests.sla(), "1"), (Tests.sla(target: 0.9), "1"),
            (Tests.sla(target: 0.8), "1"),
            (Tests.sla(), "1"), (Tests.sla(within: 60), "2"), (Tests.sla(within: 60), "2"),
            (Tests.sla(end: ["order.gone", "order.sent"], within: 60), "3"),
            (Tests.sla(end: ["order.sent", "order.gone", "order.sent"], within: 60), "3"),
            (Tests.sla(end: ["order.*"], within: 60), "4"),
            (Tests.sla(cancel: ["order.sent"], within: 60), "5"),
            (Tests.sla(start: ["order.sent"], within: 60), "6"), (Tests.sla(occurrence: "last"), "7"),
            (Tests.sla(occurrence: "last", skew: 1), "8"), (Tests.sla(entity: "parcel"), "9"),
            (Tests.sla(), "10"),
        ]
        for (index, step) in steps.enumerated() {
            try run([step.sla])
            let version = try database.value("SELECT definition_version FROM daybook.slas")
            #expect(version == step.version, "step \(index)")
            #expect(
                try values("SELECT DISTINCT definition_version FROM report.fact_sla")
                    == (step.sla.entity == "order" ? [step.version] : []), "step \(index)")
        }
        #expect(try database.value("SELECT count(*) FROM report.fact_sla") == "4")
    }

    @Test func theFactsOfARemovedSLAGo() throws {
        try load(TransformRunnerTests.morning)
        try run([TransformRunnerTests.sla(), TransformRunnerTests.sla("other")])
        #expect(try database.value("SELECT count(*) FROM report.fact_sla") == "8")
        let kept = try values("SELECT ctid, xmin, * FROM report.fact_sla WHERE sla = 'made' ORDER BY case_id")
        try run()
        #expect(try values("SELECT ctid, xmin, * FROM report.fact_sla ORDER BY case_id") == kept)
        #expect(try values("SELECT DISTINCT sla FROM report.sla_hourly") == ["made"])
        #expect(try database.value("SELECT count(*) FROM daybook.sla_types WHERE sla = 'other'") == "0")
    }

    // MARK: - Time

    private func finalHours() throws -> [String] {
        try values(
            "SELECT to_char(hour_start AT TIME ZONE 'UTC', 'HH24') FROM report.sla_hourly WHERE is_final ORDER BY 1"
        )
    }

    @Test func finalityFollowsTheWatermark() throws {
        try load(TransformRunnerTests.morning)
        try run()
        // The watermark is 10:10: the deadlines of both hours have passed, and the hours are over.
        #expect(try finalHours() == ["08", "09"])
        // A source of the entity that has not reported yet holds everything back.
        try load([], source: "app")
        try run()
        #expect(try finalHours() == [])
        // One of another entity does not.
        try load([], source: "depot", entity: "parcel")
        try load([("x", "08:59:59.999999", "order.seen")], source: "app")
        try run()
        // 08:20 has passed, but the hour is not over.
        #expect(try finalHours() == [])
        try load([("x", "09:00:00", "order.seen")], source: "app")
        try run()
        #expect(try finalHours() == ["08"])
        // The hour is over, and the last deadline, 09:50, has passed.
        try load([("x", "10:00:00", "order.seen")], source: "app")
        try run()
        #expect(try finalHours() == ["08", "09"])
        // A late start moves the last deadline to 10:05.
        try load([("e", "09:55:00", "order.made")], source: "app")
        try run()
        #expect(try finalHours() == ["08"])
        try load([("x", "10:05:00.000001", "order.seen")], source: "app")
        try run()
        #expect(try finalHours() == ["08", "09"])
    }

    @Test(
        "An hour is not final while a case of it is on its deadline: at the next instant it would be overdue")
    func finalityWaitsForTheLastDeadline() throws {
        try load([("a", "08:55:00", "order.made"), ("x", "09:05:00", "order.seen")])
        try run()
        #expect(try values("SELECT open, overdue, is_final FROM report.sla_hourly") == ["1 0 f"])
        try load([("x", "09:05:00.000001", "order.seen")])
        try run()
        #expect(try values("SELECT open, overdue, is_final FROM report.sla_hourly") == ["1 1 t"])
    }

    @Test func finalityWaitsForTheTimeAtWhichOpenCasesAreJudged() throws {
        try load([("a", "08:10:00", "order.made"), ("x", "10:00:00", "order.seen")])
        // The events go further than the judgement: at a later one the case will be overdue.
        try run(asOf: "08:15:00")
        #expect(try values("SELECT open, overdue, is_final FROM report.sla_hourly") == ["1 0 f"])
        try run(asOf: "10:00:00")
        #expect(try values("SELECT open, overdue, is_final FROM report.sla_hourly") == ["1 1 t"])
    }

    @Test func dataClockIsTheLatestEventOfThePipelinesEntities() throws {
        try run()
        #expect(try database.value("SELECT as_of IS NULL FROM daybook.slas") == "t")
        try load([("a", "08:10:00", "order.made"), ("x", "08:20:00", "order.seen")])
        try run()
        #expect(try values("SELECT as_of FROM daybook.slas") == ["2026-01-05 08:20:00+00"])
        #expect(try values("SELECT breached FROM report.fact_sla") == ["∅"])
        try load([("p", "08:20:00.000001", "parcel.seen")], source: "depot", entity: "parcel")
        try run()
        #expect(try values("SELECT as_of FROM daybook.slas") == ["2026-01-05 08:20:00.000001+00"])
        #expect(try values("SELECT breached FROM report.fact_sla") == ["t"])
        // It does not go back when the event goes.
        try connection.execute("DELETE FROM raw.events_by_day WHERE case_id = 'p'")
        try run()
        #expect(try values("SELECT as_of FROM daybook.slas") == ["2026-01-05 08:20:00.000001+00"])
    }

    @Test func wallClockIsNow() throws {
        try load([("a", "08:10:00", "order.made")])
        let before = try #require(try database.value("SELECT clock_timestamp()"))
        try run([TransformRunnerTests.sla(within: 86_400 * 36_500, clock: "wall")])
        #expect(
            try database.value("SELECT as_of BETWEEN '\(before)' AND clock_timestamp() FROM daybook.slas")
                == "t")
        #expect(try values("SELECT breached FROM report.fact_sla") == ["∅"])
        try run([TransformRunnerTests.sla(clock: "wall")])
        #expect(
            try values(
                """
                SELECT breached IS NOT DISTINCT FROM CASE WHEN breach_at < as_of THEN true END
                FROM report.fact_sla JOIN daybook.slas USING (sla)
                """) == ["t"])
    }

    @Test func aGivenTimeJudgesAndDoesNotGoBack() throws {
        try load([("a", "08:10:00", "order.made")])
        try run(asOf: "08:20:00")
        #expect(try values("SELECT breached FROM report.fact_sla") == ["∅"])
        try run(asOf: "08:20:00.000001")
        #expect(try values("SELECT breached FROM report.fact_sla") == ["t"])
        #expect(throws: WarehouseError.self) { try run(asOf: "08:20:00") }
        #expect(try values("SELECT as_of FROM daybook.slas") == ["2026-01-05 08:20:00.000001+00"])
    }
}

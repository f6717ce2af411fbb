import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// Models of a project: after any load they hold what their SELECT gives, and what is wrong with one is told.
@Suite
struct OwnModelTests {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }

    init() throws {
        warehouse = try LoadingWarehouse()
        try load(1...8)
    }

    private func load(_ numbers: ClosedRange<Int>, object: String = "a") throws {
        let lines = numbers.map { number in
            #"{"id":"e\#(number)","case":"c\#(number)","user":"u\#(number % 3)","time":"2026-01-0\#(number % 3 + 1)T10:00:00Z","type":"order.made"}"#
                + "\n"
        }
        try warehouse.load(lines.joined(), object: object)
    }

    @discardableResult
    private func transform(_ texts: [String], rebuildShare: Double = 2) throws -> [Model] {
        let project = try TemporaryProject()
        for (index, text) in texts.enumerated() { try project.write("sql/transforms/own\(index).sql", text) }
        let models = try Model.ordered(
            SQLFiles.builtin.adding(project: URL(fileURLWithPath: project.path("sql"))).folder("transforms"))
        _ = try TransformRunner(models, connection, rebuildShare: rebuildShare).run {}
        return models
    }

    private func refusal(_ text: String) throws -> String {
        let error = #expect(throws: TransformError.self) { try transform([text]) }
        return (error?.description ?? "").replacing(#/\S*/sql/transforms//#, with: "")
    }

    @Test(
        "Whatever a model reads and is linked by, it is kept",
        arguments: [
            // Sums, of rows that come, change and go, and of sums.
            """
            -- model: report.own
            -- key: last_type
            -- from: report.cases
            -- additive: cases, events
            SELECT last_type, count(*) AS cases, sum(events)::bigint AS events FROM report.cases GROUP BY 1
            """,
            """
            -- model: report.own
            -- key: day
            -- from: report.event_hourly
            -- additive: events
            SELECT (hour_start AT TIME ZONE 'UTC')::date AS day, sum(events) AS events
            FROM report.event_hourly GROUP BY 1
            """,
            """
            -- model: report.own
            -- key: last_type
            -- from: report.cases
            -- additive: long
            SELECT last_type, count(*) FILTER (WHERE events > 2) AS long FROM report.cases GROUP BY 1
            """,
            // By another name of the case; by other columns of events, whose former values nobody knows.
            """
            -- model: report.own
            -- key: order_id
            -- from: raw.current_events on order_id = case_id
            SELECT case_id AS order_id, count(*) AS events FROM raw.current_events GROUP BY 1
            """,
            """
            -- model: report.own
            -- key: case_id
            -- from: raw.events_by_day
            SELECT case_id, count(*) AS events FROM raw.events_by_day GROUP BY 1
            """,
            """
            -- model: report.own
            -- key: day
            -- from: raw.events on day = event_day
            SELECT event_day AS day, count(*) AS events FROM raw.events GROUP BY 1;
            -- The end.
            """,
            """
            -- model: report.own
            -- key: u
            -- from: raw.events on u = user_id
            SELECT user_id AS u, count(*) AS events FROM raw.events GROUP BY 1
            """,
            // The catalogue, and what is made of report tables.
            """
            -- model: report.own
            -- key: object
            -- from: daybook.loads
            SELECT object, count(*) AS loads FROM daybook.loads GROUP BY object
            """,
            """
            -- model: report.own
            -- key: n
            -- from: report.view_of_cases
            SELECT 1 AS n, count(*) AS cases FROM report.view_of_cases
            """,
            """
            -- model: report.own
            -- key: n
            -- from: report.sla_hourly_history
            SELECT 1 AS n, count(*) AS versions FROM report.sla_hourly_history
            """,
        ])
    func isKept(text: String) throws {
        try connection.execute("CREATE VIEW report.view_of_cases AS SELECT * FROM report.cases")
        let models = try transform([text])
        for round in 1...3 {
            try load(10 * round...10 * round + 4, object: "\(round)")
            try transform([text])
            #expect(try Rebuild.differences(models, connection) == [], "round \(round)")
        }
    }

    @Test(
        "What tables tell of dropped days stays: by case, by time where the header has one; what is made of report tables is computed"
    )
    func keepsWhatIsDropped() throws {
        let byCase = """
            -- model: report.by_case
            -- key: order_id
            -- from: raw.current_events on order_id = case_id
            SELECT case_id AS order_id, count(*) AS events FROM raw.current_events GROUP BY 1
            """
        let byDay = """
            -- model: report.by_day
            -- key: day
            -- from: raw.events
            -- time: day
            SELECT event_day AS day, count(*) AS events FROM raw.events GROUP BY 1
            """
        let forgetful = byDay.replacing("by_day", with: "forgetful").replacing("-- time: day\n", with: "")
        let counted = """
            -- model: report.counted
            -- key: case_id
            -- from: report.cases
            SELECT case_id, events FROM report.cases
            """
        let models = try transform([byCase, byDay, forgetful])
        #expect(models.filter(\.forgets).map(\.name) == ["report.forgetful"])
        let database = warehouse.database
        let before = try ["by_case", "by_day"].map {
            try database.rows("SELECT * FROM report.\($0) ORDER BY 1")
        }
        let retention = Retention(connection)
        for due in try retention.due(before: "2026-01-03") { _ = try retention.drop(due, waitSeconds: 5) }
        try load(9...11, object: "b")
        try transform([byCase, byDay, forgetful, counted])
        // The new events lie on the first three days; two of these are gone.
        try transform([byCase.replacing("count(*)", with: "sum(1)"), byDay, forgetful, counted])
        #expect(try database.rows("SELECT count(*) FROM report.by_case") == [["11"]])
        #expect(
            try database.rows(
                "SELECT * FROM report.by_case WHERE order_id < 'c9' AND order_id NOT IN ('c10', 'c11') ORDER BY 1"
            ) == before[0])
        #expect(
            try database.rows("SELECT * FROM report.by_day WHERE day < '2026-01-03' ORDER BY 1")
                == before[1].filter { $0[0] < "2026-01-03" })
        #expect(try database.value("SELECT events FROM report.by_day WHERE day = '2026-01-03'") == "4")
        #expect(
            try database.rows("SELECT * FROM report.forgetful ORDER BY 1") == [
                ["2026-01-01", "1"], ["2026-01-02", "1"], ["2026-01-03", "4"],
            ])
        #expect(try database.value("SELECT count(*) FROM report.counted") == "11")
    }

    @Test func columnsAreDescribed() throws {
        let text = """
            -- model: report.own
            -- key: case_id
            -- from: report.cases
            -- column events: How many it's had.
            SELECT case_id, events FROM report.cases
            """
        func comment() throws -> String? {
            try connection.query("SELECT col_description('report.own'::regclass, 2)").first().text(0)
        }
        try transform([text])
        #expect(try comment() == "How many it's had.")
        try transform([text.replacingOccurrences(of: "it's", with: "the case")])
        #expect(try comment() == "How many the case had.")
    }

    @Test(
        "What is wrong with a SELECT is told with its line, and what to do",
        arguments: [
            (
                "-- model: report.own\n-- key: case_id\n-- from: report.cases\nSELECT 'a' AS case_id FROM report.cases",
                #"own0.sql:4: the SELECT gives the key {"case_id":"a"} more than once"#
            ),
            (
                "-- model: report.own\n-- key: a\n-- from: report.cases\n\nSELECT case_id FROM report.cases",
                "own0.sql:5: the key column a is not in the SELECT"
            ),
            (
                "-- model: report.own\n-- key: case_id\n-- from: report.cases\n-- column evnts: So many.\nSELECT case_id, events FROM report.cases",
                "own0.sql:4: the column evnts is not in the SELECT, which gives case_id, events"
            ),
            (
                "-- model: report.own\n-- key: case_id\n-- from: report.missing\nSELECT case_id\nFROM report.missing",
                #"own0.sql:5: relation "report.missing" does not exist"#
            ),
            (
                "-- model: report.own\n-- key: case_id\n-- from: report.cases\nWITH gone AS (DELETE FROM report.cases RETURNING case_id)\nSELECT case_id FROM gone",
                "own0.sql:4: WITH clause containing a data-modifying statement must be at the top level"
            ),
            (
                "-- model: report.own\n-- key: case_id\n-- from: report.cases\nSELECT case_id FROM report.cases; DELETE FROM report.cases",
                #"own0.sql:4: syntax error at or near ";""#
            ),
        ])
    func tellsWhatIsWrong(text: String, message: String) throws {
        try transform([])
        let told = try refusal(text)
        #expect(told.hasPrefix(message), "\(told)")
        #expect(try warehouse.database.value("SELECT count(*) FROM report.cases") == "8")
    }

    @Test func aChangeOfTypesIsToldWithTheWay() throws {
        let text =
            "-- model: report.own\n-- key: n\n-- from: report.cases\nSELECT 1 AS n, count(*) AS a FROM report.cases"
        try transform([text])
        #expect(
            try refusal(text.replacingOccurrences(of: "count(*)", with: "count(*)::text"))
                == "own0.sql:4: the SELECT does not fit report.own: a is text, in the table bigint; a table that others may "
                + "read keeps its columns: drop it, and the next transform makes it anew: DROP TABLE \"report\".\"own\""
        )
    }

    @Test("A model that was gone for a while is computed as a whole when it comes back")
    func comesBack() throws {
        let text = """
            -- model: report.own
            -- key: case_id
            -- from: report.cases
            SELECT case_id, events FROM report.cases
            """
        try transform([text])
        try load(20...24, object: "b")
        try transform([])
        let models = try transform([text])
        #expect(try Rebuild.differences(models, connection) == [])
    }
}

import Events
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

private let events: [(type: String, details: String?, isError: Bool)] = [
    ("order.failed", nil, true), ("order.payment_failed", nil, true), ("OrderFailed", nil, true),
    ("error", nil, true), ("http.timeout", nil, true), ("job.timed_out", "{}", true),
    ("order.unfailed", nil, false), ("failed.retried", nil, false), ("order.made", nil, false),
    ("a", #"{"level": "ERROR"}"#, true), ("a", #"{"level": "info"}"#, false), ("a", #"{"level": 3}"#, false),
    ("a", #"{"severity": "critical"}"#, true), ("a", #"{"log": {"level": "fatal"}}"#, true),
    ("a", #"{"log.level": "err"}"#, true), ("a", #"{"severityNumber": 17}"#, true),
    ("a", #"{"severityNumber": 13}"#, false), ("a", #"{"severityNumber": "17"}"#, false),
    ("a", #"{"status": 502}"#, true), ("a", #"{"status": "503"}"#, true), ("a", #"{"status": 404}"#, false),
    ("a", #"{"status": "5xx"}"#, false), ("a", #"{"http": {"response": {"status_code": 500}}}"#, true),
    ("a", #"["level", "error"]"#, false), ("a", #""level""#, false), ("a", #"{"log": "error"}"#, false),
]

/// What all events tell, and what it is joined with.
@Suite
struct StarTests {
    private let warehouse: LoadingWarehouse
    private let models: [Model]
    private var connection: Connection { warehouse.connection }

    init() throws {
        warehouse = try LoadingWarehouse()
        models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
    }

    private func values(_ query: String) throws -> [String] {
        let result = try connection.query(query)
        return result.rows.map { row in
            (0..<result.columnCount).map { row.text($0) ?? "∅" }.joined(separator: " ")
        }
    }

    private func load(_ lines: [String], object: String = "a") throws {
        try warehouse.load(lines.joined(separator: "\n") + "\n", object: object)
    }

    private func event(
        _ id: String, _ caseID: String, _ time: String, _ type: String, user: String? = nil
    ) -> String {
        let user = user.map { #","user":"\#($0)""# } ?? ""
        return #"{"id":"\#(id)","case":"\#(caseID)","time":"\#(time)","type":"\#(type)"\#(user)}"#
    }

    @discardableResult
    private func transform(
        _ slas: [SLADefinition] = [], calendar: ReportCalendar? = nil, isFullRefresh: Bool = false
    ) throws -> [ModelResult] {
        let results = try TransformRunner(
            models, connection, isFullRefresh: isFullRefresh, calendar: calendar, rebuildShare: 2
        ).run {
            try Catalogue(connection).define(slas, ofPipelines: ["p"])
            try Catalogue(connection).setClocks(
                asOf: isFullRefresh ? nil : Timestamp(microseconds: 1_800_000_000_000_000),
                ofPipelines: ["p"],
                mayGoBack: true)
        }
        // Of what is past its retention, a SELECT gives more than a table is to hold.
        if try values("SELECT report_from > '-infinity' FROM daybook.retention") == ["f"] {
            #expect(try Rebuild.differences(models, connection) == [])
        }
        return results
    }

    private func sla(_ name: String, description: String? = nil) -> SLADefinition {
        SLADefinition(
            name: name, pipeline: "p", entity: "order", start: [TypePattern("order.made")],
            end: [TypePattern("order.sent")], cancel: [], withinMicroseconds: 3_600_000_000, target: 0.9,
            occurrence: "first", clockSkewMicroseconds: 0, clock: "wall", description: description,
            owner: "ops")
    }

    // MARK: - Events, steps and users

    @Test func countsEventsStepsAndUsers() throws {
        try load([
            event("1", "a", "2026-01-05T10:00:00Z", "order.made", user: "u"),
            event("2", "a", "2026-01-05T10:00:30Z", "order.failed", user: "u"),
            event("3", "a", "2026-01-06T10:00:30Z", "order.sent"),
            event("4", "b", "2026-01-05T10:10:00Z", "order.made", user: "v"),
            event("5", "b", "2026-01-05T10:11:00Z", "order.failed", user: "u"),
        ])
        try transform()
        #expect(
            try values(
                "SELECT hour_start, type, events, errors, error_ratio FROM report.event_hourly ORDER BY 1, 2")
                == [
                    "2026-01-05 10:00:00+00 order.failed 2 2 1", "2026-01-05 10:00:00+00 order.made 2 0 0",
                    "2026-01-06 10:00:00+00 order.sent 1 0 0",
                ])
        #expect(
            try values(
                "SELECT hour_start, from_type, to_type, steps, round(total_seconds), avg_seconds FROM report.step_hourly ORDER BY 1"
            ) == [
                "2026-01-05 10:00:00+00 order.made order.failed 2 90 45",
                "2026-01-06 10:00:00+00 order.failed order.sent 1 86400 86400",
            ])
        #expect(
            try values("SELECT day, active_users FROM report.active_users_daily") == ["2026-01-05 2"])
        // A version of an event that comes later is not another event; and a case that is gone was never there.
        try load([event("2", "a", "2026-01-05T10:00:40Z", "order.failed", user: "w")], object: "b")
        try connection.execute(
            "DELETE FROM raw.events_by_day WHERE case_id = 'b'; INSERT INTO daybook.touched_cases VALUES ('b')"
        )
        try transform()
        #expect(
            try values("SELECT type, events FROM report.event_hourly ORDER BY 1")
                == ["order.failed 1", "order.made 1", "order.sent 1"])
        #expect(
            try values("SELECT avg_seconds FROM report.step_hourly ORDER BY hour_start") == ["40", "86390"])
        #expect(try values("SELECT user_id, events FROM daybook.user_days ORDER BY 1") == ["u 1", "w 1"])
    }

    @Test("What is an error", arguments: events)
    func isError(type: String, details: String?, isError: Bool) throws {
        let told: Bool = try connection.query("SELECT report.is_error($1, $2::jsonb)", [type, details])
            .first()
            .get(0)
        #expect(told == isError, "\(type) \(details ?? "")")
    }

    @Test func bucketsHaveTheBoundsOfTheirDefinition() throws {
        let wrong = try values(
            """
            SELECT us, bucket
            FROM (
                SELECT us, daybook.duration_bucket(us / 1000000.0) AS bucket
                FROM (
                    SELECT (power(1.37::numeric, n) + 999)::bigint AS us FROM generate_series(1, 100) AS n
                    UNION ALL
                    SELECT 1000000 * (1::bigint << n) + d FROM generate_series(0, 20) AS n, generate_series(-1, 1) AS d
                ) AS u
            ) AS b
            WHERE NOT (us > power(2::numeric, bucket / 8.0) * 1000000
                AND us <= power(2::numeric, (bucket + 1) / 8.0) * 1000000) AND us < 340000000000000
            """)
        #expect(wrong == [])
        #expect(
            try values("SELECT daybook.duration_bucket(s) FROM unnest(ARRAY[0, 0.0009, 1e12]) AS s")
                == ["-81", "-81", "227"])
    }

    @Test func tellsUsualStepsWithinFivePercent() throws {
        try connection.execute(
            """
            SELECT daybook.add_days(ARRAY(SELECT date '2026-01-01' + n FROM generate_series(-1, 199) AS n));
            CREATE TEMPORARY TABLE taken AS
            SELECT n % 200 AS day, 'b' || n % 2 AS to_type, round((exp((n * 7919 % 9973) / 1000.0))::numeric, 6) AS seconds
            FROM generate_series(1, 20000) AS n;
            -- Before the latest 28 days all took another time.
            INSERT INTO report.step_durations
            SELECT 'order', 'a', date '2026-01-01' + day, to_type,
                daybook.duration_bucket(CASE WHEN day < 172 THEN seconds * 50 ELSE seconds END), count(*)
            FROM pg_temp.taken GROUP BY 1, 2, 3, 4, 5;
            SELECT daybook.refresh_usual_steps()
            """)
        let off = """
            SELECT abs(u.p50_seconds / t.p50 - 1) < 0.05 AND abs(u.p95_seconds / t.p95 - 1) < 0.05 AND u.steps = t.steps
            FROM report.usual_steps(%) AS u
            JOIN (
                SELECT to_type, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
                    percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95, count(*) AS steps
                FROM pg_temp.taken WHERE day >= 172 GROUP BY to_type
            ) AS t USING (to_type)
            """
        #expect(try values(off.replacing("%", with: "'order'")) == ["t", "t"])
        #expect(try values(off.replacing("%", with: "'order', 'a'")) == ["t", "t"])
        #expect(try values(off.replacing("%", with: "'order', 'a', 'b1'")) == ["t"])
        #expect(try values("SELECT count(*) FROM report.usual_steps('parcel')") == ["0"])
        #expect(try values("SELECT count(*) FROM report.usual_steps('order', 'b0')") == ["0"])
    }

    // MARK: - Dimensions

    @Test func describesHoursByTheClocksOfTheProject() throws {
        try load([
            event("1", "a", "0001-01-01T10:00:00Z", "order.made"),
            event("2", "a", "2026-03-28T22:30:00Z", "order.made"),
            event("3", "a", "2026-03-30T10:00:00Z", "order.made"),
        ])
        try transform()
        // What lies between is bridged, but not two thousand years.
        #expect(
            try values("SELECT day FROM report.dim_day ORDER BY 1")
                == ["0001-01-01", "2026-03-28", "2026-03-29", "2026-03-30"])
        #expect(try values("SELECT count(*) FROM report.dim_hour") == ["96"])
        let hours = """
            SELECT local_start, utc_offset_minutes, local_hour, local_weekday_name, local_month_name, local_is_weekend
            FROM report.dim_hour
            WHERE hour_start IN ('2026-03-28 23:00Z', '2026-03-29 01:00Z') ORDER BY hour_start
            """
        #expect(try values(hours)[0] == "2026-03-28 23:00:00 0 23 Saturday March t")
        let versions = try values("SELECT xmin FROM report.dim_hour ORDER BY hour_start")
        try transform(calendar: ReportCalendar(timeZone: "Europe/Berlin", locale: "de_DE"))
        #expect(
            try values(hours) == [
                "2026-03-29 00:00:00 60 0 Sonntag März t", "2026-03-29 03:00:00 120 3 Sonntag März t",
            ])
        #expect(
            try values(
                "SELECT weekday_name, iso_week, week_start FROM report.dim_day WHERE day = '2026-03-30'")
                == ["Montag 14 2026-03-30"])
        let described = try values("SELECT xmin FROM report.dim_hour ORDER BY hour_start")
        #expect(described != versions)
        try transform(calendar: ReportCalendar(timeZone: "Europe/Berlin", locale: "de_DE"))
        #expect(try values("SELECT xmin FROM report.dim_hour ORDER BY hour_start") == described)
        let error = #expect(throws: TransformError.self) {
            try transform(calendar: ReportCalendar(timeZone: "Mars/Olympus"))
        }
        #expect(error?.description.contains("time_zone is \"Mars/Olympus\"") == true)
        // An event of the year 1 that is gone is told no more, once all is made anew.
        try connection.execute("DELETE FROM raw.events_by_day WHERE event_id = '1'")
        try transform(isFullRefresh: true)
        #expect(try values("SELECT min(day) FROM report.dim_day") == ["2026-03-28"])
    }

    @Test func describesSLAsAsTheyAreDefined() throws {
        try load([
            event("1", "a", "2026-01-05T10:00:00Z", "order.made"),
            event("2", "a", "2026-01-05T10:30:00Z", "order.sent"),
        ])
        try transform([sla("order_sent"), sla("other")])
        let slas =
            "SELECT sla, name, description, within_seconds, owner, is_defined FROM report.dim_sla ORDER BY 1"
        #expect(
            try values(slas) == ["order_sent Order sent ∅ 3600 ops t", "other Other ∅ 3600 ops t"])
        try transform([sla("order_sent", description: "Within <b>'an hour'</b>")])
        #expect(try values(slas) == ["order_sent Order sent Within <b>'an hour'</b> 3600 ops t"])
        #expect(
            try values("SELECT entity, start_hour FROM report.fact_sla") == ["order 2026-01-05 10:00:00+00"])
        try transform([])
        #expect(try values(slas) == [])
    }

    @Test func countsDaysAndWeeksFromFacts() throws {
        let lines = (0..<60).flatMap { number in
            let (hour, minute) = (String(format: number % 24), String(format: number))
            return [
                event("s\(number)", "c\(number)", "2026-01-0\(number % 3 + 3)T\(hour):00:00Z", "order.made"),
                event(
                    "e\(number)", "c\(number)", "2026-01-0\(number % 3 + 3)T\(hour):\(minute):00Z",
                    "order.sent"),
            ]
        }
        try load(lines)
        try transform([sla("order_sent")])
        #expect(
            try values("SELECT day, started, met, p50_seconds, max_seconds FROM report.sla_daily ORDER BY 1")
                == [
                    "2026-01-03 20 20 1710 3420", "2026-01-04 20 20 1770 3480", "2026-01-05 20 20 1830 3540",
                ])
        #expect(
            try values(
                "SELECT week_start, started, p50_seconds, attainment FROM report.sla_weekly ORDER BY 1")
                == ["2025-12-29 40 1740 1", "2026-01-05 20 1830 1"])
        #expect(
            try values(
                "SELECT period_start, started, is_final FROM report.sla_periods('month', 'Asia/Kolkata')")
                == ["2026-01-01 60 f"])
    }

    @Test("Types and users may be longer than an index takes; an empty user is none")
    func longNames() throws {
        // Of digests, which nothing compresses.
        let long = try values(
            "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 125) AS n")[0]
        try load([
            event("1", "a", "2026-01-01T10:00:00Z", "order.made", user: long),
            event("2", "a", "2026-01-01T11:00:00Z", "order.\(long)", user: ""),
            event("3", "a", "2026-01-01T12:00:00Z", "order.\(long)", user: "u"),
        ])
        try transform([sla("order_sent")])
        #expect(
            try values("SELECT last_type LIKE 'order.%...%', length(last_type) FROM report.cases") == [
                "t 135"
            ])
        #expect(
            try values("SELECT length(type), events FROM report.event_hourly ORDER BY hour_start")
                == ["10 1", "135 1", "135 1"])
        #expect(
            try values("SELECT length(user_id), events FROM daybook.user_days ORDER BY 1") == [
                "1 1", "135 1",
            ])
        #expect(try values("SELECT active_users FROM report.active_users_daily") == ["2"])
        #expect(try values("SELECT length(last_type) FROM report.locate('a')") == ["4006"])
    }

    @Test("Past their retention, rows go with what they are joined by, and a rebuild agrees")
    func dropsWhatIsPast() throws {
        try load([
            event("1", "a", "2026-01-01T10:00:00Z", "order.made", user: "u"),
            event("2", "a", "2026-01-01T11:00:00Z", "order.sent"),
            event("3", "b", "2026-01-01T12:00:00Z", "order.made"),
            event("4", "b", "2026-01-05T12:00:00Z", "order.sent", user: "u"),
        ])
        try transform([sla("order_sent")])
        let retention = Retention(connection)
        for day in try retention.due(before: "2026-01-02") { _ = try retention.drop(day, waitSeconds: 5) }
        // What is told of the case that goes on is frozen.
        try transform([sla("order_sent")])
        try connection.transaction { _ = try ReportRetention(models, connection).drop(before: "2026-01-02") }
        #expect(try values("SELECT case_id FROM daybook.case_paths") == ["b"])
        #expect(try values("SELECT type, events FROM report.event_hourly") == ["order.sent 1"])
        #expect(try values("SELECT day FROM report.active_users_daily") == ["2026-01-05"])
        // The fact that is left began before.
        #expect(try values("SELECT min(day), max(day) FROM report.dim_day") == ["2026-01-01 2026-01-05"])
        #expect(try transform([sla("order_sent")]).allSatisfy { $0.rowsChanged == 0 })
        let rebuilt = try transform([sla("order_sent")], isFullRefresh: true)
        #expect(
            rebuilt.filter { $0.rowsChanged > 0 }.map(\.model).allSatisfy { $0.contains("sla") }, "\(rebuilt)"
        )
        #expect(try values("SELECT type, events FROM report.event_hourly") == ["order.sent 1"])
    }

    // MARK: - For BI tools

    @Test func everythingInReportIsDescribedAndNeedsNoQuotes() throws {
        #expect(
            try values(
                """
                SELECT c.relname, a.attname
                FROM pg_class AS c
                LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE c.relnamespace = 'report'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
                    AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL
                        OR quote_ident(c.relname) <> c.relname OR quote_ident(a.attname) <> a.attname)
                UNION ALL
                SELECT proname, NULL FROM pg_proc
                WHERE pronamespace = 'report'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
                """) == [])
    }

    @Test func everyTableIsJoinedByKeys() throws {
        #expect(
            try values(
                """
                SELECT conrelid::regclass || '(' || string_agg(DISTINCT a.attname, ',') || ') ' || confrelid::regclass
                FROM pg_constraint AS k
                JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                WHERE k.contype = 'f' AND k.connamespace = 'report'::regnamespace
                GROUP BY k.oid, k.conrelid, k.confrelid ORDER BY 1
                """) == StarTests.keys)
    }

    private static let keys = [
        "report.active_users_daily(day) report.dim_day", "report.dim_hour(day) report.dim_day",
        "report.event_hourly(hour_start) report.dim_hour", "report.event_hourly(service) report.dim_service",
        "report.fact_sla(sla) report.dim_sla",
        "report.sla_hourly(hour_start) report.dim_hour", "report.sla_hourly(sla) report.dim_sla",
        "report.sla_hourly_by_breach(hour_start) report.dim_hour",
        "report.sla_hourly_by_breach(sla) report.dim_sla",
        "report.sla_hourly_by_end(hour_start) report.dim_hour",
        "report.sla_hourly_by_end(sla) report.dim_sla",
        "report.step_durations(day) report.dim_day", "report.step_hourly(hour_start) report.dim_hour",
    ]
}

extension String {
    /// Two digits.
    fileprivate init(format number: Int) { self = number < 10 ? "0\(number)" : "\(number)" }
}

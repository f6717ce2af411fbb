import Foundation
import Postgres
import TestSupport
import Testing

/// What ran and how everything stands, as people and programs see it: `runs` and `status`.
@Suite
struct RunsTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try define()
        try write(hoursAgo: 10)
    }

    /// - Parameter rules: what the source says beside its file and its event.
    private func define(_ rules: String = "", pipeline: String = "") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order"\(pipeline),
              "sources": [ { "name": "shop", "file": { "path": "a.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" }\(rules) } ],
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
    }

    private func write(hoursAgo: Double) throws {
        let time = Date().addingTimeInterval(-3_600 * hoursAgo).formatted(.iso8601)
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"\(time)","type":"order.created","order":"o1"}
            {"id":"2","at":"\(time)","type":"order.paid","order":"o1"}
            {"id":"2","at":"\(time)","type":"order.paid","order":"o1"}
            {"id":"3"}
            {"id":"4","at":"noon","type":"order.created","order":"o2"}
            {"id":"5","at":"night","type":"order.created","order":"o2"}

            """)
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func stale(_ outcome: DaybookCommand.Outcome) throws -> [String] {
        let stale = try #require(try json(outcome.out)["stale"] as? [[String: Any]])
        return stale.map { "\($0["kind"] ?? "") \($0["name"] ?? "")" }
    }

    private func lastLine(_ text: String) -> String {
        String(text.split(separator: "\n").last ?? "")
    }

    // MARK: - runs

    @Test("Runs are listed newest first, by pipeline, and those that failed alone")
    func list() throws {
        #expect(try command.run("runs").error.contains("holds nothing yet; see: daybook run"))
        #expect(try command.run("run").status == 0)
        try project.write("b.ndjson", "")
        try project.write(
            "pipelines/bills.jsonc",
            #"{ "pipeline": "bills", "sources": [ { "name": "api", "file": { "path": "gone.ndjson" }, "event": { "occurred_at": "at", "type": "type" } } ] }"#
        )
        #expect(try command.run("runs", "bills").out.contains("nothing has run yet"))
        #expect(try command.run("run", "bills").status == 69)
        let list = try command.run("runs")
        #expect(list.status == 0)
        let lines = list.out.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(
            lines.map { Array($0.prefix(4)) }.dropFirst() == [
                ["2", "bills", "failed", "hand"], ["1", "orders", "succeeded", "hand"],
            ])
        #expect(lines[1].contains { $0.contains("gone.ndjson") } && !list.out.contains("for (UTC)"))
        #expect(Array(lines[2].suffix(3)) == ["6", "2", "3"])
        #expect(try command.run("runs", "--last", "1").out.split(separator: "\n").count == 2)
        #expect(try !command.run("runs", "orders").out.contains("bills"))
        #expect(try command.run("runs", "orders", "--failed").out == "no run has failed\n")

        let document = try json(try command.run("runs", "--failed", "--json").out)
        let runs = try #require(document["runs"] as? [[String: Any]])
        #expect(
            runs.count == 1 && runs[0]["run_id"] as? Int == 2 && runs[0]["pipeline"] as? String == "bills")
        #expect((runs[0]["error"] as? String)?.contains("gone.ndjson") == true)
        let none = try json(try command.run("runs", "orders", "--failed", "--json").out)
        #expect((none["runs"] as? [Any])?.isEmpty == true)

        let typo = try command.run("runs", "oders")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"orders\"?"))
        #expect(try command.run("runs", "--last", "0").status == 64)
    }

    @Test("What a schedule began is told with its times: caught up, another attempt, skipped")
    func scheduled() throws {
        #expect(try command.run("run").status == 0)
        try database.execute(
            """
            UPDATE daybook.runs
            SET started_by = 'schedule', attempt = 2, nominal_from = '2026-01-05 10:00Z',
                nominal_at = '2026-01-05 12:00Z', nominal_times = 3;
            INSERT INTO daybook.runs (
                pipeline, status, ended_at, error, host, process_id, version, started_by, nominal_at, nominal_from,
                nominal_times)
            VALUES ('orders', 'skipped', now(), 'a run is going on', 'h', 1, '0', 'schedule', '2026-01-05 13:00Z',
                '2026-01-05 13:00Z', 1)
            """)
        let list = try command.run("runs").out
        #expect(
            list.contains("for (UTC)") && list.contains("schedule, attempt 2  2026-01-05 12:00 +2 caught up"))
        #expect(list.contains("skipped") && list.contains("a run is going on"))
        let one = try command.run("runs", "show", "1").out
        #expect(
            one.contains("for          3 times, 2026-01-05 10:00:00 to 2026-01-05 12:00:00 UTC"), "\(one)")
        // What was skipped is no run that could have failed.
        let status = try command.run("status")
        #expect(status.status == 0 && status.out.contains("succeeded"), "\(status.out)")
    }

    @Test("One run is shown whole: its objects with counts, and its rejects by reason")
    func show() throws {
        #expect(try command.run("run").status == 0)
        let shown = try command.run("runs", "show", "1")
        #expect(shown.status == 0 && shown.out.hasPrefix("run 1\n"))
        for part in [
            "pipeline     orders", "status       succeeded", "started by   hand", "read         6",
            "duplicate    1",
            "rejected     3", "a.ndjson", "bad_time", "missing_time", "line 5: ",
        ] {
            #expect(shown.out.contains(part), "\(part) in \(shown.out)")
        }
        let document = try json(try command.run("runs", "show", "1", "--json").out)
        let run = try #require(document["run"] as? [String: Any])
        #expect(run["loaded"] as? Int == 2 && run["status"] as? String == "succeeded")
        let columns = try database.value(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'daybook.runs'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        #expect("\(run.count - 1)" == columns)
        let objects = try #require(document["objects"] as? [[String: Any]])
        #expect(
            objects.count == 1 && objects[0]["read"] as? Int == 6 && objects[0]["source"] as? String == "shop"
        )
        let rejects = try #require(document["rejects"] as? [[String: Any]])
        #expect(rejects.map { $0["reason_code"] as? String } == ["bad_time", "missing_time"])
        #expect(rejects.map { $0["rejects"] as? Int } == [2, 1])

        let missing = try command.run("runs", "show", "99")
        #expect(missing.status == 64 && missing.error.contains("there is no run 99"))
        #expect(missing.error.contains("daybook runs lists those that there are"))
        for words in [["show"], ["show", "last"], ["show", "1", "2"], ["show", "1", "--failed"]] {
            let outcome = try Shell.run(
                DaybookCommand.path, ["runs"] + words, in: project.directory, command.environment)
            #expect(outcome.status == 64, "\(words)")
        }
    }

    // MARK: - status

    @Test("A source is fresh, late or stale by its definition; stale ends with 2, late does not")
    func freshness() throws {
        let empty = try command.run("status")
        #expect(empty.status == 1 && empty.error.contains("see: daybook run"))
        #expect(try command.run("run").status == 0)
        #expect(try command.run("status").status == 0)
        for (rules, state, code) in [
            (#"{ "warn": "11h", "error": "12h" }"#, "fresh, up to 11h 00m", 0),
            (#"{ "warn": "9h", "error": "12h" }"#, "late, over 9h 00m", 0),
            (#"{ "warn": "1h" }"#, "late, over 1h 00m", 0),
            (#"{ "error": "9h" }"#, "stale, over 9h 00m", 2),
        ] {
            try define(", \"freshness\": \(rules)")
            #expect(try command.run("run").status == 0)
            let status = try command.run("status")
            #expect(status.status == code && status.out.contains("10h 00m  \(state)"), "\(status.out)")
            #expect(lastLine(status.out).hasPrefix("stale: ") == (code == 2))
            let document = try command.run("status", "--json")
            #expect(document.status == code)
            #expect(try stale(document) == (code == 2 ? ["source orders.shop"] : []))
            let source = try #require((try json(document.out)["sources"] as? [[String: Any]])?.first)
            #expect(source["freshness"] as? String == String(state.prefix { $0 != "," }))
            #expect(source["age_seconds"] as? Double ?? 0 > 35_000)
        }
        #expect(
            lastLine(try command.run("status").out)
                == "stale: the latest event of orders.shop is 10h 00m old (more than 9h 00m)")
    }

    @Test("A source that never could be read grows stale, and a run that failed is told, until one succeeds")
    func failed() throws {
        try define(#", "freshness": { "error": "1s" }"#)
        try FileManager.default.removeItem(atPath: project.path("a.ndjson"))
        #expect(try command.run("run").status == 69)
        Thread.sleep(forTimeInterval: 1.1)
        let status = try command.run("status")
        #expect(status.status == 2, "\(status.out)\(status.error)")
        let last = lastLine(status.out)
        #expect(last.contains("orders.shop has told nothing since it is known"))
        #expect(last.contains("the last run of orders failed: ") && last.contains("a.ndjson"))
        #expect(try stale(try command.run("status", "--json")) == ["source orders.shop", "run orders"])
        try define()
        try write(hoursAgo: 0)
        #expect(try command.run("run").status == 0)
        #expect(try command.run("status").status == 0)
    }

    @Test("A pipeline is behind when no run stands for a time of its schedule, and none goes on")
    func behind() throws {
        try define(pipeline: #", "schedule": { "every": "1h", "jitter": "10m" }"#)
        #expect(try command.run("run").status == 0)
        let connection = try database.connect()
        // Nobody has looked at the schedule yet.
        #expect(try command.run("status").status == 0)
        func account(_ ago: String) throws {
            try connection.execute(
                """
                INSERT INTO daybook.schedules (pipeline, schedule, accounted_until)
                VALUES ('orders', 'every 1h', date_bin('1 hour', now() - interval '\(ago)', '1970-01-01Z'))
                ON CONFLICT (pipeline) DO UPDATE SET accounted_until = excluded.accounted_until
                """)
        }
        try account("0")
        #expect(try command.run("status").status == 0)
        try account("3 hours")
        let status = try command.run("status")
        #expect(status.status == 2 && status.out.contains("behind since "), "\(status.out)")
        #expect(lastLine(status.out).hasPrefix("stale: orders is behind its schedule: nothing ran for "))
        let document = try command.run("status", "--json")
        #expect(document.status == 2)
        #expect(try stale(document) == ["schedule orders"])
        let pipeline = try #require((try json(document.out)["pipelines"] as? [[String: Any]])?.first)
        #expect(pipeline["is_behind"] as? Bool == true)
        let next = try #require(pipeline["next_run_at"] as? String)
        #expect(next.hasSuffix(":00:00Z"))
        #expect((pipeline["last_run"] as? [String: Any])?["status"] as? String == "succeeded")

        // A run that goes on is told with its holder, and nothing is behind meanwhile.
        try connection.execute("UPDATE daybook.runs SET status = 'running', ended_at = NULL")
        try connection.execute("SELECT pg_advisory_lock(x'64617962'::int, hashtext('orders'))")
        let running = try command.run("status")
        #expect(running.status == 0 && running.out.contains("running"), "\(running.out)")
        #expect(running.out.contains("run 1, process "))
        let held = try #require(
            (try json(try command.run("status", "--json").out)["pipelines"] as? [[String: Any]])?.first)
        #expect((held["locked_by"] as? [String: Any])?["run_id"] as? Int == 1)
        // One that was killed holds no lock.
        try connection.execute("SELECT pg_advisory_unlock_all()")
        let killed = try command.run("status")
        #expect(killed.status == 2 && killed.out.contains("the last run of orders failed: it was killed"))
    }

    @Test("Alerts that fire are counted, and messages that no channel took are told")
    func alerts() throws {
        #expect(try command.run("run").status == 0)
        try database.execute(
            """
            INSERT INTO daybook.alert_rules (rule, pipeline, type, sla, parameters, severity)
            VALUES ('late', 'orders', 'overdue', 'paid', '{}', 'warning');
            INSERT INTO daybook.alerts (rule, case_id, cycle, state, since, detected_late_seconds, summary, details)
            VALUES ('late', 'o1', 1, 'firing', now(), 0, 'o1 is late', '{}'),
                ('late', 'o2', 1, 'firing', now(), 0, 'o2 is late', '{}');
            INSERT INTO daybook.notifications (channel, rule, idempotency_key, is_repeat, body, attempts, error)
            VALUES ('mail', 'late', 'k', false, '{}', 3, 'sendmail exited with code 75');
            """)
        let status = try command.run("status")
        #expect(status.status == 0 && status.out.contains("2 alerts are firing"), "\(status.out)")
        #expect(status.out.contains("mail: 1 message waits since ") && status.out.contains("code 75"))
        let document = try json(try command.run("status", "--json").out)
        #expect((document["alerts"] as? [String: Any])?["firing"] as? Int == 2)
        #expect((document["outbox"] as? [[String: Any]])?.first?["channel"] as? String == "mail")
    }

    @Test("status --metrics writes the metrics to a file or to stdout, and nothing else")
    func metrics() throws {
        #expect(try command.run("run").status == 0)
        let written = try command.run("status", "--metrics", "a.prom")
        #expect(written.status == 0 && written.out.isEmpty && written.error.isEmpty)
        let file = try String(contentsOfFile: project.path("a.prom"), encoding: .utf8)
        let out = try command.run("status", "--metrics", "-").out
        for text in [file, out] {
            #expect(text.hasPrefix("# TYPE daybook_run_seconds gauge\n") && text.hasSuffix("} 1\n# EOF\n"))
        }
        let nowhere = try command.run("status", "--metrics", "no/a.prom")
        #expect(nowhere.status == 1 && nowhere.error.contains("no/a.prom cannot be written"))
        #expect(try command.run("status", "--metrics", "-", "--json").status == 64)
    }

    @Test("Both work with a database and no project, and with definitions that have mistakes")
    func withoutProject() throws {
        try define(pipeline: #", "schedule": "@hourly""#)
        let broken = try command.run("status")
        #expect(broken.status == 1)
        try define()
        #expect(try command.run("run").status == 0)
        let directory = "\(NSTemporaryDirectory())daybook-nowhere-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let nowhere = DaybookCommand(in: directory, database: database.url)
        let status = try nowhere.run("status")
        #expect(status.status == 0 && status.out.contains("orders    ") && status.out.contains("orders.shop"))
        let document = try json(try nowhere.run("status", "--json").out)
        for key in ["pipelines", "sources", "slas", "disk", "days", "stale"] {
            #expect(document[key] != nil, "\(key)")
        }
        #expect(try nowhere.run("runs", "orders").out.contains("succeeded"))
        #expect(try nowhere.run("runs", "show", "1").status == 0)
        #expect(try DaybookCommand(in: directory, database: nil).run("runs").error.contains("pipelines/"))

        try define(#", "freshness": 5"#)
        let mistaken = try command.run("status")
        #expect(mistaken.status == 0 && mistaken.error.contains("pipelines/orders.jsonc has mistakes"))
        #expect(mistaken.out.contains("orders    "))
    }
}

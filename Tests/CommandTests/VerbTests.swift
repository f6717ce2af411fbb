import Foundation
import TestSupport
import Testing

/// The command as a person and as a program meets it: help, output, mistakes, exit codes.
@Suite
struct VerbTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "a.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-01T10:00:00Z","type":"order.created","order":"o1"}
            {"id":"2","at":"2026-01-01T10:30:00Z","type":"order.paid","order":"o1"}
            {"id":"3","at":"2026-01-01T10:40:00Z","type":"order.created","order":"o2"}
            {"id":"4","at":"2026-01-01T13:00:00Z","type":"order.created","order":"o3"}

            """)
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("Every verb has help, and a word that is none gets a suggestion")
    func help() throws {
        let all = try command.run("--help")
        #expect(all.status == 0)
        for verb in [
            "init", "demo", "guess", "check", "preview", "run", "load", "transform", "restate", "report",
            "explain", "dashboards",
            "status", "runs",
            "drift", "lineage",
            "verify", "compact", "retain", "export",
            "test",
            "generate", "schedule", "alerts",
            "db",
        ] {
            #expect(all.out.contains("\n  \(verb) "), "\(verb)")
            let help = try command.run(verb, "--help")
            #expect(help.status == 0 && help.out.contains("usage: daybook \(verb)"), "\(verb)")
        }
        let typo = try command.run("rnu")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"run\"?"))
        let option = try command.run("run", "--jsn")
        #expect(option.status == 64 && option.error.contains("did you mean \"--json\"?"))
        #expect(try command.run("run", "--as-of", "noon").status == 64)
        #expect(try command.run("run", "--as-of").status == 64)
        #expect(try command.run("run", "--lock-wait", "-1").status == 64)
        #expect(try command.run("report", "--format", "xml").status == 64)
        #expect(try command.run().status == 64)
    }

    @Test("compact in text and JSON: what it would do, what it did, and that nothing is left to do")
    func compact() throws {
        #expect(try command.run("compact").status == 1)
        #expect(try command.run("run").status == 0)
        let plan = try command.run("compact", "--dry-run")
        #expect(
            plan.status == 0 && plan.out.contains("would be compacted:") && plan.out.contains("2026-01-01"))
        let planned = try #require(
            try json(try command.run("compact", "--dry-run", "--json").out)["days"] as? [[String: Any]])
        #expect(planned.map { $0["day"] as? String } == ["2026-01-01"])
        #expect(try command.run("compact", "--older-than", "90000d").out.contains("nothing before"))
        #expect(try command.run("compact", "--older-than", "soon").status == 64)
        let days = try #require(
            try json(try command.run("compact", "--json").out)["days"] as? [[String: Any]])
        #expect(days.map { $0["events"] as? Int } == [4] && days[0]["leaf_dropped"] as? Bool == true)
        #expect(try command.run("compact").out.contains("nothing before"))
        let status = try json(try command.run("status", "--json").out)
        let disk = try #require(status["disk"] as? [String: Any])
        #expect(disk["segment_days"] as? Int == 1 && disk["heap_days"] as? Int == 0)
        #expect((disk["next_30_days_bytes"] as? Int ?? 0) > 0)
        #expect((status["days"] as? [[String: Any]])?.first?["events"] as? Int == 4)
        #expect(try command.run("status").out.contains("raw.events: 0 leaves of 0 B, 1 compacted day of "))
        #expect(try database.value("SELECT count(*) FROM raw.events") == "4")
        #expect(try command.run("verify").status == 0)
    }

    @Test("export: events and report tables, whole or some days, as CSV and NDJSON, compressed")
    func export() throws {
        #expect(try command.run("run").status == 0)
        let csv = try command.run("export", "events")
        #expect(csv.status == 0 && csv.out.split(separator: "\n").count == 5, "\(csv.error)")
        #expect(csv.out.hasPrefix("occurred_at,load_id,position,"))
        #expect(
            try command.run("export", "events", "--from", "2026-01-02").out.hasPrefix("occurred_at,load_id,"))
        #expect(try command.run("compact").status == 0)
        #expect(try command.run("export", "events").out == csv.out)
        let lines = try command.run("export", "events", "--format", "ndjson").out.split(separator: "\n")
        #expect(try lines.map { try json(String($0))["event_id"] as? String } == ["1", "2", "3", "4"])
        let file = project.path("hours.ndjson.gz")
        let hours = try command.run("export", "sla_hourly", "--out", file)
        #expect(hours.status == 0 && hours.error.contains("rows in"), "\(hours.error)")
        let unpacked = try Shell.run("/bin/sh", ["-c", "gzip -dc '\(file)'"], in: project.directory, [:])
        #expect(unpacked.out.split(separator: "\n").count == 2 && unpacked.out.contains("\"sla\":\"paid\""))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: project.directory).allSatisfy {
                !$0.hasSuffix(".partial")
            })
        let typo = try command.run("export", "sla_hourli")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"sla_hourly\"?"))
        #expect(try command.run("export").status == 64)
        #expect(try command.run("export", "events", "--out", "/nowhere/a.csv").status == 1)
    }

    @Test("compact_after: a run compacts what is old enough, and says so")
    func compactAfter() throws {
        try project.write("pipelines/project.jsonc", #"{ "compact_after": "7d" }"#)
        let run = try command.run("run")
        #expect(run.status == 0 && run.error.contains("compacted 1 day of 4 events"), "\(run.error)")
        #expect(try database.value("SELECT count(*) FROM raw.events_by_day") == "0")
        // A late event that changes an hour, on a day that is compacted.
        try project.append(
            "a.ndjson", #"{"id":"5","at":"2026-01-01T10:50:00Z","type":"order.paid","order":"o2"}"# + "\n")
        #expect(try command.run("run").error.contains("compacted 1 day of 4 events"))
        #expect(try database.value("SELECT sum(completed) FROM report.sla_hourly") == "2")
        #expect(try command.run("run").error.isEmpty)
        try project.write("pipelines/project.jsonc", #"{ "compact_after": 7 }"#)
        #expect(try command.run("run").status == 78)
    }

    @Test(
        "retain: what is past its retention goes, what a provisional hour needs stays, and the reports stay as they are"
    )
    func retain() throws {
        #expect(try command.run("retain").status == 64)
        try project.write("pipelines/project.jsonc", #"{ "retention": { "raw": "30d", "rejects": "7d" } }"#)
        #expect(try command.run("retain").status == 1)
        try project.append(
            "a.ndjson",
            #"{"id":"5","at":"2026-01-02T10:00:00Z","type":"order.created","order":"o5"}"# + "\n{}\n")
        #expect(try command.run("run").status == 0)
        let report = try command.run("report", "paid", "--format", "csv").out
        let plan = try command.run("retain", "--dry-run")
        #expect(plan.status == 0 && plan.out.contains("would be dropped:") && plan.out.contains("2026-01-01"))
        #expect(plan.out.contains("2026-01-02 and later days stay: 2026-01-02 10:00 of paid is provisional"))
        #expect(try database.value("SELECT count(*) FROM raw.events") == "5")
        let outcome = try json(try command.run("retain", "--json").out)
        let days = try #require(outcome["days"] as? [[String: Any]])
        #expect(days.map { $0["day"] as? String } == ["2026-01-01"] && days[0]["events"] as? Int == 4)
        #expect((outcome["need"] as? [String: Any])?["day"] as? String == "2026-01-02")
        #expect(outcome["rejects"] as? Int == 0)
        #expect(try command.run("verify").status == 0)
        #expect(try command.run("verify", "--deep").status == 0)
        // What is told of cases that began on that day stays, in a full refresh too; what comes for them later is kept.
        try project.append(
            "a.ndjson", #"{"id":"6","at":"2026-01-02T11:00:00Z","type":"order.paid","order":"o2"}"# + "\n")
        #expect(try command.run("run").status == 0)
        #expect(try command.run("transform", "--full-refresh").status == 0)
        #expect(
            try command.run("restate", "orders", "--from", "2026-01-01", "--to", "2026-01-02").status == 0)
        #expect(try command.run("report", "paid", "--format", "csv").out == report)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "2")
        #expect(try command.run("retain").out.contains("2026-01-02 and later days stay"))
        // A case that comes whole after its day was dropped lost nothing, and is told of like all others.
        try project.append(
            "a.ndjson", #"{"id":"7","at":"2026-01-01T12:00:00Z","type":"order.created","order":"o7"}"# + "\n")
        #expect(try command.run("run").status == 0)
        try project.append(
            "a.ndjson", #"{"id":"8","at":"2026-01-01T12:30:00Z","type":"order.paid","order":"o7"}"# + "\n")
        #expect(try command.run("run").status == 0)
        let late = "SELECT started, met FROM report.sla_hourly WHERE hour_start = '2026-01-01 12:00Z'"
        #expect(try database.rows(late) == [["1", "1"]])
        #expect(try command.run("retain").out.contains("2026-01-01"))
        // From now on it has lost its events.
        try project.append(
            "a.ndjson", #"{"id":"9","at":"2026-01-01T12:10:00Z","type":"order.created","order":"o7"}"# + "\n")
        #expect(try command.run("run").status == 0)
        #expect(try database.rows(late) == [["1", "1"]])
        #expect(try command.run("retain").out.contains("2026-01-01"))
        // Rejects by their coming; runs, but for the last of each pipeline.
        try database.execute("UPDATE daybook.rejects SET rejected_at = now() - interval '8 days'")
        try database.execute("UPDATE daybook.runs SET ended_at = now() - interval '8 days'")
        let rest = try command.run("retain", "--runs", "7d")
        #expect(rest.out.contains("1 reject went") && rest.out.contains("runs went"), "\(rest.out)")
        #expect(try database.value("SELECT count(*) FROM daybook.runs") == "1")
        #expect(try command.run("verify").status == 0)
        #expect(try command.run("retain", "--rejects", "99999999d", "--runs", "900000d").status == 0)
        #expect(try command.run("retain", "--raw", "1h").status == 64)
        #expect(try command.run("retain", "--report", "10d").status == 64)
        try project.write("pipelines/project.jsonc", #"{ "retention": "soon" }"#)
        #expect(try command.run("retain").status == 78)
    }

    @Test(
        "A retain that is killed has dropped a day or has not, and the next goes on",
        arguments: ["drop-day:1", "dropped-day:1", "drop-day:2"])
    func retainKilled(_ point: String) throws {
        for day in 2...4 {
            try project.append(
                "a.ndjson",
                #"{"id":"d\#(day)","at":"2026-01-0\#(day)T10:00:00Z","type":"order.created","order":"p\#(day)"}"#
                    + "\n")
        }
        #expect(try command.run("run").status == 0)
        var killed = command
        killed.environment["DAYBOOK_FAIL_POINT"] = point
        #expect(try killed.run("retain", "--raw", "30d").signal == SIGKILL)
        #expect(try command.run("verify").status == 0)
        #expect(try command.run("retain", "--raw", "30d").status == 0)
        #expect(try database.rows("SELECT DISTINCT event_day FROM raw.events") == [["2026-01-04"]])
        #expect(try database.value("SELECT sum(dropped) FROM daybook.loads") == "6")
        #expect(try command.run("verify").status == 0)
    }

    @Test("A case that lost events is known as such as long as raw holds any of it, and only as what it was")
    func retainFrozen() throws {
        func append(_ id: Int, _ time: String, _ type: String, _ order: String) throws {
            try project.append(
                "a.ndjson", #"{"id":"\#(id)","at":"\#(time)","type":"\#(type)","order":"\#(order)"}"# + "\n")
        }
        try append(5, "2026-01-05T10:00:00Z", "order.created", "o5")
        #expect(try command.run("run").status == 0)
        // What was there before its day was dropped, and nobody has looked at, is no late event.
        try append(6, "2026-01-05T08:30:00Z", "order.paid", "o2")
        #expect(try command.run("load").status == 0)
        let waiting = try command.run("retain", "--raw", "30d")
        #expect(waiting.out.contains("2026-01-01 and later days stay: load"), "\(waiting.out)")
        #expect(try command.run("transform").status == 0)
        #expect(
            try command.run("retain", "--raw", "30d").out.contains(
                "1 case that began on a dropped day went on after it"))
        let facts = try database.rows("SELECT * FROM report.fact_sla ORDER BY case_id")
        #expect(
            try database.value("SELECT completed_at FROM report.fact_sla WHERE case_id = 'o2'")
                == "2026-01-05 08:30:00+00")
        try append(7, "2026-01-05T11:00:00Z", "order.paid", "o3")
        #expect(try command.run("run").status == 0)
        // Only o1 is over: of o2 and o3 raw holds events.
        #expect(
            try command.run("retain", "--raw", "30d", "--report", "40d").out.contains(
                "1 row of report.cases went"))
        #expect(try command.run("transform", "--full-refresh").status == 0)
        #expect(
            try database.rows("SELECT * FROM report.fact_sla ORDER BY case_id")
                == facts.filter { !$0.contains("o1") })
        // The same id is another case as another thing.
        try project.write(
            "pipelines/parcels.jsonc",
            """
            { "pipeline": "parcels", "entity": "parcel", "clock": "data",
              "sources": [ { "name": "depot", "file": { "path": "b.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "sent", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
        try project.write(
            "b.ndjson", #"{"id":"1","at":"2026-01-05T12:00:00Z","type":"order.created","order":"o2"}"# + "\n")
        #expect(try command.run("run").status == 0)
        #expect(try database.value("SELECT count(*) FROM report.fact_sla WHERE sla = 'sent'") == "1")
        #expect(try command.run("verify").status == 0)
    }

    @Test("A full refresh after all events of an SLA are gone keeps its time")
    func retainKeepsClocks() throws {
        #expect(try command.run("run").status == 0)
        // Later events of the entity, of no SLA.
        try project.append(
            "a.ndjson", #"{"id":"5","at":"2026-01-05T10:00:00Z","type":"order.seen","order":"o5"}"# + "\n")
        #expect(try command.run("run").status == 0)
        #expect(try command.run("retain", "--raw", "30d").status == 0)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "0")
        let hours = try database.rows("SELECT sla, hour_start, is_final FROM report.sla_hourly ORDER BY 1, 2")
        #expect(try command.run("transform", "--full-refresh").status == 0)
        #expect(try database.value("SELECT as_of FROM daybook.slas") == "2026-01-05 10:00:00+00")
        #expect(
            try database.rows("SELECT sla, hour_start, is_final FROM report.sla_hourly ORDER BY 1, 2")
                == hours)
    }

    @Test("retain --report: cases and hours go when all that is told of them is past")
    func retainReports() throws {
        try project.append(
            "a.ndjson", #"{"id":"5","at":"2026-01-03T10:00:00Z","type":"order.created","order":"o5"}"# + "\n")
        #expect(try command.run("run").status == 0)
        // Events of before are there as long as something needs them.
        #expect(
            try command.run("retain", "--raw", "30d", "--report", "40d").out.contains(
                "3 rows of report.cases went"))
        #expect(try database.rows("SELECT case_id FROM report.cases") == [["o5"]])
        #expect(try database.rows("SELECT case_id FROM report.fact_sla") == [["o5"]])
        #expect(
            try database.value("SELECT min(hour_start) FROM report.sla_hourly") == "2026-01-03 10:00:00+00")
        #expect(
            try database.value("SELECT min(hour_start) FROM report.sla_hourly_history")
                == "2026-01-03 10:00:00+00")
        let after = try database.rows("SELECT * FROM report.fact_sla")
        // What comes later for such an hour makes no report of half of it.
        try project.append(
            "a.ndjson", #"{"id":"7","at":"2026-01-01T12:00:00Z","type":"order.created","order":"o7"}"# + "\n")
        #expect(try command.run("run").status == 0)
        #expect(try command.run("transform", "--full-refresh").status == 0)
        #expect(try database.rows("SELECT * FROM report.fact_sla") == after)
        #expect(
            try database.rows("SELECT DISTINCT report.hour(hour_start) FROM report.sla_hourly").count == 1)
        #expect(try command.run("verify").status == 0)
        #expect(try command.run("test").status == 0)
    }

    @Test("run --json has the documented shape; load and transform print it too")
    func runJSON() throws {
        let load = try command.run("load", "--json")
        #expect(load.status == 0, "\(load.error)")
        let loaded = try json(load.out)
        #expect(loaded["loaded"] as? Int == 4)
        #expect((loaded["models"] as? [Any])?.isEmpty == true)
        let transformed = try json(try command.run("transform", "--json").out)
        #expect(transformed["read"] as? Int == 0)

        let run = try json(try command.run("run", "orders", "--json").out)
        let keys = [
            "run_id", "pipeline", "status", "read", "loaded", "duplicate", "conflicting", "rejected",
            "filtered", "seconds", "models", "load",
        ]
        #expect(Set(run.keys) == Set(keys))
        #expect(
            Set((loaded["load"] as? [String: Any] ?? [:]).keys)
                == ["bytes", "batches", "seconds", "rows_per_second", "server_share"])
        #expect(run["status"] as? String == "succeeded" && run["pipeline"] as? String == "orders")
        let model = try #require((run["models"] as? [[String: Any]])?.last)
        #expect(Set(model.keys) == ["model", "keys", "rows_changed", "seconds"])
        #expect(model["rows_changed"] as? Int == 0)
    }

    @Test("report shows the hours as a table, as CSV and as JSON")
    func report() throws {
        #expect(try command.run("run").status == 0)
        let table = try command.run("report", "paid")
        #expect(table.status == 0)
        #expect(table.out.contains("paid: within 1h 00m"))
        #expect(table.out.contains("2026-01-01 10:00        2    1     ·     1        1"))
        let csv = try command.run("report", "--format", "csv").out.split(separator: "\n")
        #expect(csv.count == 3)
        #expect(
            csv[0].hasPrefix(
                "sla,hour_start,started,completed,met,late,open,overdue,cancelled,anomalous,breached"))
        #expect(csv[1].hasPrefix("paid,2026-01-01 10:00:00+00,2,1,1,0,1,1,0,0,1,0.5,1800,"))
        let rows = try json(try command.run("report", "--json", "--from", "2026-01-01T13:00").out)["rows"]
        let hours = try #require(rows as? [[String: Any]])
        #expect(hours.count == 1 && hours[0]["open"] as? Int == 1 && hours[0]["attainment"] is NSNull)
        let ends = try command.run("report", "--by", "end", "--format", "csv").out.split(separator: "\n")
        #expect(ends.count == 2 && ends[1].hasPrefix("paid,2026-01-01 10:00:00+00,1,1,1,0,0,0,0,0,0,1,1800,"))
        let breaches = try command.run("report", "--by", "breach", "--zone", "America/New_York")
        #expect(breaches.out.contains("2026-01-01 06:00-05 "))
        #expect(try command.run("report", "--zone", "Moon/Base").status == 64)
        #expect(try command.run("report", "--by", "middle").status == 64)
        let unknown = try command.run("report", "payed")
        #expect(unknown.status == 64 && unknown.error.contains("there are: paid"))
    }

    @Test(
        "restate mends cases and hours that somebody changed by hand, and writes nothing where all is right")
    func restate() throws {
        #expect(try command.run("run").status == 0)
        let days = ["--from", "2026-01-01", "--to", "2026-01-01"]
        func restate() throws -> DaybookCommand.Outcome {
            try command.run("restate", "orders", days[0], days[1], days[2], days[3], "--json")
        }
        func changes(_ outcome: DaybookCommand.Outcome) throws -> Int {
            let models = try #require(try json(outcome.out)["models"] as? [[String: Any]])
            return models.reduce(0) { $0 + ($1["rows_changed"] as? Int ?? 0) }
        }
        #expect(try changes(try restate()) == 0)
        let before = try database.rows(
            "SELECT sla, hour_start, started, met FROM report.sla_hourly ORDER BY 1, 2")
        let connection = try database.connect()
        try connection.execute(
            """
            UPDATE report.sla_hourly SET met = 17;
            UPDATE report.fact_sla SET status = 'cancelled' WHERE case_id = 'o2';
            DELETE FROM report.fact_sla WHERE case_id = 'o3'
            """)
        #expect(try changes(try restate()) > 3)
        #expect(
            try database.rows("SELECT sla, hour_start, started, met FROM report.sla_hourly ORDER BY 1, 2")
                == before)
        #expect(
            try database.value("SELECT count(*) FROM report.fact_sla WHERE status = 'in_progress'") == "2")
        try connection.execute("DELETE FROM raw.events_by_day WHERE case_id = 'o3'")
        #expect(try changes(try restate()) > 0)
        #expect(try database.value("SELECT count(*) FROM report.cases") == "2")
        #expect(try command.run("restate", "orders").status == 64)
        #expect(
            try command.run("restate", "orders", "--from", "2026-01-02", "--to", "2026-01-01").status == 64)
        #expect(try command.run("restate", "ordres", days[0], days[1], days[2], days[3]).status == 78)
    }

    @Test("test runs Daybook's checks and tests and a project's own, and tells which rows fail")
    func test() throws {
        #expect(try command.run("run").status == 0)
        let sound = try command.run("test")
        #expect(sound.status == 0 && sound.out.contains("ok      check  durations:"), "\(sound.error)")
        #expect(sound.out.contains("ok      test   cycles:"))
        try project.write(
            "sql/checks/few.sql",
            "-- severity: warn\n-- description: few\nSELECT case_id FROM report.cases;\n")
        let warned = try command.run("test", "few")
        #expect(warned.status == 0 && warned.out.contains("warn    check  few: few\n        case_id=o1\n"))
        try project.write("sql/checks/none.sql", "SELECT 'a' AS b FROM generate_series(1, 7)")
        let failed = try command.run("test", "none")
        #expect(failed.status == 2 && failed.out.contains("b=a") && failed.out.contains("and 2 more"))
        let document = try json(try command.run("test", "--json").out)
        #expect(document["ok"] as? Bool == false)
        let checks = try #require(document["checks"] as? [[String: Any]])
        let few = try #require(checks.first { $0["check"] as? String == "few" })
        #expect(
            few["failures"] as? Int == 3 && (few["rows"] as? [[String: String]])?.first == ["case_id": "o1"])
        try project.write(
            "sql/tests/late.sql",
            """
            -- test: late
            -- model: report.sla_hourly
            -- given: report.fact_sla (sla, case_id, cycle, started_at, completed_at, status, breached)
            VALUES ('paid', 'o1', 1, '2026-01-05 08:00Z', '2026-01-05 12:00Z', 'completed', true)
            -- expect: (sla, hour_start, late)
            VALUES ('paid', '2026-01-05 08:00Z', 2)
            """)
        let late = try command.run("test", "late")
        #expect(
            late.status == 2 && late.out.contains(#"- {"sla":"paid""#) && late.out.contains(#""late":1}"#))
        // What is given stays in the test.
        #expect(try database.value("SELECT count(*) FROM report.fact_sla") == "3")
    }

    @Test("A check or a test that cannot be used is told with its file and line")
    func brokenTests() throws {
        #expect(try command.run("run").status == 0)
        for (path, text, line, words) in [
            ("checks/a", "-- severity: fatal\nSELECT 1", 1, "it must be error or warn"),
            ("checks/a", "-- description: x\nSELECT 1\nFROM nowhere", 3, "nowhere"),
            ("checks/a", "DELETE FROM report.cases", 1, "syntax error"),
            ("tests/a", "-- test: x\n-- model: report.ordes\n", 2, "there is no model report.ordes"),
            ("tests/a", "-- model: report.cases\n-- given: raw.events\n", 2, "write it like"),
            (
                "tests/a", "-- model: report.cases\n-- given: raw.events (a)\n-- expect: (a)\n", 2,
                "does not read"
            ),
            ("tests/a", "-- model: report.cases\n-- expect: (cas_id)\nVALUES (1)", 2, "cas_id"),
            ("tests/a", "-- model: report.cases\n-- expect: (events)\nVALUES ('x')", 3, "bigint"),
        ] {
            try project.write("sql/\(path).sql", text)
            let outcome = try command.run("test")
            #expect(
                outcome.status == 78 && outcome.error.contains("sql/\(path).sql:\(line): ")
                    && outcome.error.contains(words), "\(text): \(outcome.error)")
            try FileManager.default.removeItem(atPath: project.path("sql/\(path).sql"))
        }
        #expect(try command.run("test", "durration").error.contains("did you mean \"durations\"?"))
    }

    @Test("status tells how fresh the sources are, and which holds an SLA back")
    func status() throws {
        #expect(try command.run("load").status == 0)
        #expect(try command.run("status").out.contains("orders.shop  2026-01-01 13:00"))
        #expect(try command.run("transform", "--as-of", "2026-01-02T13:00:00Z").status == 0)
        #expect(try command.run("status").out.contains("held back by orders.shop, 1d 0h behind"))
        let document = try json(try command.run("status", "--json").out)
        let slas = try #require(document["slas"] as? [[String: Any]])
        #expect(slas.count == 1 && slas[0]["held_by"] as? String == "orders.shop")
        #expect((document["sources"] as? [[String: Any]])?.first?["loaded"] as? Int == 4)
    }

    @Test("lineage shows the way to the columns of a table, as text, Mermaid and JSON, and makes nothing")
    func lineage() throws {
        func make(_ words: String...) throws -> String {
            let outcome = try Shell.run(
                DaybookCommand.path, ["lineage"] + words, in: command.directory, command.environment)
            #expect(outcome.status == 0 && outcome.error.isEmpty, "\(words): \(outcome.error)")
            return outcome.out
        }
        // Without tables the files tell what they can.
        let bare = try command.run("lineage")
        #expect(
            bare.status == 0 && bare.error.contains("columns are missing: the database holds nothing yet"))
        #expect(bare.out.hasPrefix("orders.shop  ndjson: a.ndjson\n└─ raw.events\n"))
        #expect(bare.out.contains("  reads    raw.current_events\n"))
        #expect(try database.value("SELECT to_regnamespace('raw')::text") == nil)
        let alone = try DaybookCommand(in: project.directory, database: nil).run("lineage", "cases")
        #expect(alone.status == 0 && alone.error.contains("no database yet; see: daybook run"))
        #expect(!FileManager.default.fileExists(atPath: project.path(".daybook")))
        let down = try command.run("lineage", "--database", "postgresql://me:hush-hush@127.0.0.1:1/x")
        #expect(down.status == 0 && down.error.contains("columns are missing: connect: "))
        #expect(!down.error.contains("hush-hush"))

        #expect(try command.run("run").status == 0)
        let model = try make("report.fact_sla")
        #expect(model.contains("      └─ report.fact_sla ◀\n         ├─ report.sla_hourly\n"))
        #expect(model.contains("           raw.events: entity, type\n"))
        #expect(
            model.contains(
                "  status              text                      in_progress, completed or cancelled\n"))
        #expect(try make("fact_sla") == model)
        let document = try json(try make("orders.shop", "--json"))
        let nodes = try #require(document["nodes"] as? [[String: Any]])
        #expect(nodes[0]["name"] as? String == "orders.shop" && nodes[0]["kind"] as? String == "source")
        let cases = try #require(nodes.first { $0["name"] as? String == "report.cases" })
        #expect(cases["key"] as? [String] == ["entity", "case_id"])
        let column = try #require((cases["columns"] as? [[String: String]])?.first)
        #expect(
            column == ["name": "entity", "type": "text", "description": "What kind of thing the case is"])
        let edges = try #require(document["edges"] as? [[String: Any]])
        let read = try #require(
            edges.first { $0["from"] as? String == "raw.events" && $0["to"] as? String == "report.fact_sla" })
        #expect(read["columns"] as? [String] == ["entity", "type"])
        let picture = try make("--format", "mermaid")
        #expect(picture.hasPrefix("flowchart LR\n  n0[/\"orders.shop<br/>ndjson#58; a.ndjson\"/]\n"))

        let typo = try command.run("lineage", "fact_slo")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"fact_sla\"?"))
        #expect(try command.run("lineage", "--format", "dot").status == 64)
    }

    @Test("--as-of judges at its time; going back needs --full-refresh")
    func asOf() throws {
        #expect(try command.run("run", "--as-of", "2026-01-01T13:30:00Z").status == 0)
        let overdue = "SELECT sum(overdue) FROM report.sla_hourly"
        #expect(try database.value(overdue) == "1")
        #expect(try command.run("transform", "--as-of", "2026-01-02").status == 0)
        #expect(try database.value(overdue) == "2")
        let back = try command.run("transform", "--as-of", "2026-01-01T10:45:00Z")
        #expect(back.status == 64 && back.error.contains("--full-refresh"))
        #expect(try database.value(overdue) == "2")
        #expect(try command.run("transform", "--as-of", "2026-01-01T10:45:00Z", "--full-refresh").status == 0)
        #expect(try database.value(overdue) == "0")
    }

    @Test("verify proves what is whole and names what is not")
    func verify() throws {
        #expect(try command.run("verify").status == 1)  // nothing there yet
        #expect(try command.run("run").status == 0)
        let whole = try command.run("verify", "--json")
        #expect(whole.status == 0)
        #expect(try json(whole.out)["ok"] as? Bool == true)

        try database.connect().execute("DELETE FROM raw.events_by_day WHERE event_id = '3'")
        let broken = try command.run("verify")
        #expect(broken.status == 2)
        #expect(broken.error.contains("the ledger says 4 rows, raw.events holds 3"))
    }

    @Test(
        "A run can be rehearsed: it tells the cases, facts and hours that would change, and leaves no trace")
    func rehearsal() throws {
        func state() throws -> [String] {
            try [
                "raw.events", "report.cases", "report.fact_sla", "report.sla_hourly_history", "daybook.loads",
                "daybook.runs",
            ]
            .map { try database.value("SELECT count(*) FROM \($0)") ?? "" }
        }
        let first = try json(try command.run("run", "--dry-run", "--json").out)
        #expect(try database.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'daybook'") == "0")
        #expect((first["reads"] as? [Any])?.count == 1)
        #expect((first["cases"] as? [Any])?.count == 3)
        #expect((first["hours"] as? [Any])?.count == 2)
        #expect((first["runs"] as? [[String: Any]])?.first?["loaded"] as? Int == 4)

        #expect(try command.run("run").status == 0)
        let before = try state()
        let nothing = try json(try command.run("run", "--dry-run", "--json").out)
        for key in ["cases", "facts", "hours"] {
            #expect((nothing[key] as? [Any])?.isEmpty == true, "\(key)")
        }
        // The hour of 10 is final: its deadlines lie before the latest event.
        try project.append(
            "a.ndjson", #"{"id":"5","at":"2026-01-01T10:50:00Z","type":"order.paid","order":"o2"}"# + "\n")
        let text = try command.run("run", "--dry-run")
        #expect(text.status == 0, "\(text.error)")
        for line in [
            "1 case would change: 1 changed", "1 fact would change: 1 changed",
            "1 hour would change: 1 changed, 1 of them final",
            "in_progress → completed", "nothing was changed",
        ] { #expect(text.out.contains(line), "\(line): \(text.out)") }
        #expect(try state() == before)
        let told = try json(try command.run("run", "--dry-run", "--json").out)
        #expect(told["finals"] as? Int == 1)
        let hour = try #require((told["hours"] as? [[String: Any]])?.first)
        #expect((hour["before"] as? [String: Any])?["met"] as? Int == 1)
        #expect((hour["after"] as? [String: Any])?["met"] as? Int == 2)
        // What was told comes true.
        #expect(try command.run("run").status == 0)
        #expect(
            try database.value("SELECT met FROM report.sla_hourly WHERE hour_start = '2026-01-01 10:00Z'")
                == "2")
        #expect(
            try command.run("transform", "--full-refresh", "--dry-run").out.contains("0 hours would change"))
    }

    @Test("restate puts right what was deleted by hand, also of the cases themselves")
    func restateDeleted() throws {
        #expect(try command.run("run").status == 0)
        let facts = "SELECT string_agg(f::text, ' ' ORDER BY f::text) FROM report.fact_sla AS f"
        let whole = try database.value(facts)
        try database.execute("DELETE FROM report.cases; UPDATE report.fact_sla SET status = 'cancelled'")
        #expect(
            try command.run("restate", "orders", "--from", "2026-01-01", "--to", "2026-01-01").status == 0)
        #expect(try database.value(facts) == whole)
        #expect(try database.value("SELECT count(*) FROM report.cases") == "3")
        // A case that is another by now.
        try database.execute("UPDATE raw.events_by_day SET case_id = 'o9' WHERE case_id = 'o1'")
        #expect(
            try command.run("restate", "orders", "--from", "2026-01-01", "--to", "2026-01-01").status == 0)
        #expect(
            try database.value("SELECT string_agg(case_id, ' ' ORDER BY case_id) FROM report.cases")
                == "o2 o3 o9")
        #expect(
            try database.value("SELECT string_agg(case_id, ' ' ORDER BY case_id) FROM report.fact_sla")
                == "o2 o3 o9")
    }

    @Test("An SLA waits for the sources that tell of its entity, and for none that is gone")
    func waits() throws {
        func define(_ sources: String, slas: String) throws {
            try project.write(
                "pipelines/orders.jsonc",
                #"{ "pipeline": "orders", "clock": "data", "sources": [ \#(sources) ], "slas": [ \#(slas) ] }"#
            )
        }
        func source(_ name: String) -> String {
            #"{ "name": "\#(name)", "file": { "path": "\#(name).ndjson" }, "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "entity": "kind" } }"#
        }
        let sla = #"{ "name": "paid", "entity": "invoice", "start": "made", "end": "paid", "within": "1h" }"#
        func event(_ id: Int, _ hour: Int, _ type: String) -> String {
            #"{"id":"\#(id)","at":"2026-01-0\#(hour < 24 ? 1 : 2)T\#(hour % 24 < 10 ? "0" : "")\#(hour % 24):00:00Z","type":"\#(type)","order":"i\#(id)","kind":"invoice"}"#
                + "\n"
        }
        try project.write("new.ndjson", event(1, 8, "made") + event(2, 30, "made"))
        try project.write("old.ndjson", event(3, 7, "noted"))
        try define(source("new") + ", " + source("old"), slas: sla)
        #expect(try command.run("run").status == 0)
        let final = "SELECT is_final FROM report.sla_hourly WHERE hour_start = '2026-01-01 08:00Z'"
        #expect(try database.value(final) == "f")
        #expect(try command.run("status").out.contains("held back by orders.old"))
        try define(source("new"), slas: sla)
        #expect(try command.run("run").status == 0)
        #expect(try database.value(final) == "t")
        #expect(try !command.run("status").out.contains("orders.old"))

        // A pipeline whose file is gone goes with a full refresh of all.
        try project.write(
            "pipelines/bills.jsonc",
            #"{ "pipeline": "bills", "sources": [ \#(source("new")) ], "slas": [ { "name": "billed", "start": "made", "end": "paid", "within": "1h" } ] }"#
        )
        #expect(try command.run("run").status == 0)
        #expect(
            try database.value("SELECT string_agg(sla, ' ' ORDER BY sla) FROM daybook.slas") == "billed paid")
        try FileManager.default.removeItem(atPath: project.path("pipelines/bills.jsonc"))
        #expect(try command.run("transform", "--full-refresh").status == 0)
        #expect(try database.value("SELECT string_agg(sla, ' ' ORDER BY sla) FROM daybook.slas") == "paid")
    }

    @Test("A file that was cut to nothing is told")
    func truncated() throws {
        #expect(try command.run("run").status == 0)
        try project.write("a.ndjson", "")
        let outcome = try command.run("run")
        #expect(outcome.status == 0 && outcome.error.contains("a.ndjson was truncated since it was read"))
    }

    @Test("load --dry-run says what would be read and writes nothing")
    func dryRun() throws {
        let dry = try command.run("load", "--dry-run")
        #expect(dry.status == 0 && dry.out.contains("a.ndjson"), "\(dry.error)")
        #expect(try database.value("SELECT to_regclass('daybook.loads')::text") == nil)
        #expect(try command.run("run").status == 0)
        #expect(try command.run("load", "--dry-run").out.contains("0 files with 0 B to read"))
    }

    @Test("What is out of reach ends with 69 and tells no secret; what is not ours is refused")
    func outOfReach() throws {
        let down = try command.run("run", "--database", "postgresql://me:hush-hush@127.0.0.1:1/x")
        #expect(down.status == 69)
        #expect(!down.error.contains("hush-hush") && !down.out.contains("hush-hush"))
        let garbled = try command.run("run", "--database", "postgresql://me:hush-hush@[nowhere/x?y")
        #expect(garbled.status == 69 && !garbled.error.contains("hush-hush"))

        let foreign = try TestDatabase()
        try foreign.connect().execute("CREATE SCHEMA report; CREATE TABLE report.mine (x int)")
        let refused = try command.run("run", "--database", foreign.url)
        #expect(refused.status == 1 && refused.error.contains("schema \"report\" that Daybook did not make"))
        #expect(try foreign.value("SELECT to_regnamespace('raw')::text") == nil)
    }

    @Test("A missing file ends with 69, nothing but rejects with 65, a bad definition with 78")
    func exitCodes() throws {
        try FileManager.default.removeItem(atPath: project.path("a.ndjson"))
        #expect(try command.run("run").status == 69)
        try project.write("a.ndjson", "nonsense\n")
        let rejects = try command.run("run", "--json")
        #expect(rejects.status == 65)
        #expect(try json(rejects.out)["status"] as? String == "failed")
        try project.write("pipelines/orders.jsonc", "{ \"pipeline\": \"orders\", ")
        let broken = try command.run("run")
        #expect(broken.status == 78 && broken.error.hasPrefix("pipelines/orders.jsonc:1:"))
        let brokenJSON = try command.run("run", "--json")
        #expect(try json(brokenJSON.out)["status"] as? String == "failed")
        let check = try command.run("check", "--json")
        #expect(check.status == 78)
        #expect(try json(check.out)["ok"] as? Bool == false)
        try FileManager.default.removeItem(atPath: project.path("pipelines"))
        #expect(try command.run("run").status == 78)
    }

    @Test("init writes a project that check finds good, and overwrites nothing")
    func initialise() throws {
        let made = try command.run("init", "shop")
        #expect(made.status == 0)
        let check = try command.run("check", "--project", "shop")
        #expect(check.status == 0 && check.out == "ok\n", "\(check.error)")
        #expect(try command.run("init", "shop").status == 64)
        // This repository's own pipeline is the same one.
        let ours = try String(
            contentsOfFile: "\(TestData.repository)/pipelines/orders.jsonc", encoding: .utf8)
        #expect(
            try String(contentsOfFile: project.path("shop/pipelines/orders.jsonc"), encoding: .utf8) == ours)
    }

    @Test("demo tells the whole story, and only on the database that it was pointed at")
    func demo() throws {
        // The environment's database is left alone.
        let named = try TestDatabase()
        let demo = try command.run("demo", "story", "--orders", "500", "--database", named.url)
        #expect(demo.status == 0, "\(demo.error)")
        #expect(demo.out.contains("order_delivered: within 3d 0h") && demo.out.contains("What to try next"))
        #expect(try database.value("SELECT to_regclass('daybook.loads')::text") == nil)
        let again = try command.run("demo", "story", "--orders", "500", "--database", named.url)
        #expect(again.out.contains("0 loaded"))
    }

    @Test("generate is deterministic")
    func generate() throws {
        #expect(try command.run("generate", "--orders", "300", "--out", "one").status == 0)
        #expect(try command.run("generate", "--orders", "300", "--out", "two").status == 0)
        #expect(try command.run("generate", "--orders", "300", "--seed", "2", "--out", "three").status == 0)
        let bytes = try ["one", "two", "three"].map {
            try Data(contentsOf: URL(fileURLWithPath: project.path($0)))
        }
        #expect(bytes[0] == bytes[1] && bytes[0] != bytes[2] && bytes[0].count > 100_000)
    }

    @Test("Ctrl-C stops at a safe point with 130, and the next run goes on")
    func interrupt() throws {
        #expect(try command.run("generate", "--events", "600000", "--out", "big.ndjson").status == 0)
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [ { "name": "big", "file": { "path": "big.ndjson" },
                "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
            """)
        let load = try command.start(["load"])
        func hasLoaded() throws -> Bool {
            guard try database.value("SELECT to_regclass('daybook.loads')::text") != nil else { return false }
            return try database.value("SELECT count(*) FROM daybook.loads") != "0"
        }
        while load.isRunning, try !hasLoaded() { Thread.sleep(forTimeInterval: 0.02) }
        load.send(SIGINT)
        #expect(try load.outcome().status == 130)
        #expect(
            try database.value("SELECT status || ': ' || error FROM daybook.runs")?.hasPrefix(
                "failed: interrupted") == true)
        // New days of a large load wait to be finished by the next run.
        let before = try database.value(
            "SELECT (SELECT count(*) FROM raw.events) + (SELECT count(*) FROM raw.building)")
        #expect(Int(before ?? "") ?? 0 > 0)
        #expect(try command.run("load").status == 0)
        #expect(try command.run("verify").status == 0)
        let lines = try String(contentsOfFile: project.path("big.ndjson"), encoding: .utf8).utf8.count {
            $0 == 0x0A
        }
        #expect(try database.value("SELECT sum(loaded + duplicate) FROM daybook.loads") == "\(lines)")
    }
}

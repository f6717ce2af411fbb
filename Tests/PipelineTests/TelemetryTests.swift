import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing
import Warehouse

/// What runs tell of themselves to monitoring systems and to catalogues of lineage.
@Suite
struct TelemetryTests {
    private let project: TemporaryProject
    private let database: TestDatabase

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        try define()
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-01T10:00:00Z","type":"order.created","order":"o1"}
            {"id":"2","at":"2026-01-01T10:30:00Z","type":"order.paid","order":"o1"}
            {"id":"2","at":"2026-01-01T10:30:00Z","type":"order.paid","order":"o1"}
            {"id":"3","at":"2026-01-01T10:40:00Z","type":"order.created","order":"o2"}
            {"id":"4","at":"2026-01-01T12:20:00Z","type":"order.created","order":"o3"}
            {"id":"5"}

            """)
    }

    private func define(file: String = "a.ndjson", sla: String = "paid") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "\(file)" }, "freshness": { "error": "1h" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": \(TelemetryTests.json(sla)), "start": "order.created", "end": "order.paid",
                "within": "1h", "target": 0.9 } ] }
            """)
    }

    private static func json(_ text: String) -> String {
        String(decoding: (try? JSONEncoder().encode(text)) ?? Data(), as: UTF8.self)
    }

    /// Runs all, and gives what was noted, but for rejects.
    @discardableResult
    private func run(
        _ options: RunOptions = RunOptions(), environment: [String: String] = [:]
    ) throws -> [String] {
        nonisolated(unsafe) var notes: [String] = []
        let opened = try Project(directory: project.directory, environment: environment)
        _ = try Run(
            opened, try opened.pipelines([]), options, interruption: Interruption(),
            observer: RunObserver(progress: { _ in }, note: { notes.append($0) })
        ).run(database.url)
        return notes.filter { !$0.hasPrefix("orders: ") && !$0.hasPrefix("alerts: ") }
    }

    // MARK: - Metrics

    private func metrics(_ file: String = "daybook.prom") throws -> String {
        try String(contentsOfFile: project.path(file), encoding: .utf8)
    }

    @Test("Every run leaves its metrics in a file, whole, also one that failed")
    func metricsFile() throws {
        try project.write("pipelines/project.jsonc", #"{ "metrics": "daybook.prom" }"#)
        #expect(try run() == [])
        var text = try metrics()
        for line in [
            "# TYPE daybook_runs counter", #"daybook_runs_total{pipeline="orders",status="succeeded"} 1"#,
            "# UNIT daybook_run_seconds seconds",
            #"daybook_events_read_total{pipeline="orders",source="shop"} 6"#,
            #"daybook_events_loaded_total{pipeline="orders",source="shop"} 4"#,
            #"daybook_events_duplicate_total{pipeline="orders",source="shop"} 1"#,
            #"daybook_events_rejected_total{pipeline="orders",source="shop"} 1"#,
            #"daybook_events_filtered_total{pipeline="orders",source="shop"} 0"#,
            #"daybook_source_stale{pipeline="orders",source="shop"} 1"#, #"daybook_sla_open{sla="paid"} 2"#,
            #"daybook_sla_overdue{sla="paid"} 1"#, #"daybook_sla_attainment_ratio{sla="paid"} 0.5"#,
            #"daybook_sla_target_ratio{sla="paid"} 0.9"#,
            #"daybook_sla_watermark_timestamp_seconds{sla="paid"} 1767270000"#,
            "daybook_build_info{version=\"\(daybookVersion)\"} 1",
        ] {
            #expect(text.contains("\n\(line)\n") || text.hasPrefix("\(line)\n"), "\(line) in \(text)")
        }
        #expect(text.hasSuffix("\n# EOF\n"))
        let attributes = try FileManager.default.attributesOfItem(atPath: project.path("daybook.prom"))
        #expect(attributes[.posixPermissions] as? Int == 0o644)

        try define(file: "gone.ndjson")
        try run()
        text = try metrics()
        #expect(text.contains(#"daybook_runs_total{pipeline="orders",status="failed"} 1"#))
        #expect(text.contains(#"daybook_run_timestamp_seconds{pipeline="orders",status="failed"} "#))
        let files = try FileManager.default.contentsOfDirectory(atPath: project.directory)
        #expect(files.sorted() == ["a.ndjson", "daybook.prom", "pipelines"])

        // That the file cannot be written is told, and no failure.
        try define()
        try project.write("pipelines/project.jsonc", #"{ "metrics": "nowhere/daybook.prom" }"#)
        let notes = try run()
        #expect(
            notes.count == 1
                && notes[0].contains("nowhere/daybook.prom cannot be written: there is no folder"))
        #expect(
            try database.value("SELECT status FROM daybook.runs ORDER BY run_id DESC LIMIT 1") == "succeeded")
    }

    @Test(
        "Attainment is that of the cases whose deadline was in the 24 hours before as_of, to the microsecond")
    func attainment() throws {
        var dice = Dice(seed: 7)
        var lines = ""
        let start = 1_767_225_600.0
        var deadlines: [Double] = []
        for number in 0..<600 {
            let created = start + Double.random(in: 0..<200_000, using: &dice).rounded()
            lines +=
                #"{"id":"a\#(number)","at":\#(created),"type":"order.created","order":"o\#(number)"}"# + "\n"
            deadlines.append(created + 3_600)
            let end =
                ["order.paid", "order.paid", "order.cancelled", "none"].randomElement(using: &dice) ?? ""
            let elapsed = Double.random(in: 0..<7_200, using: &dice).rounded()
            lines +=
                #"{"id":"b\#(number)","at":\#(created + elapsed),"type":"\#(end)","order":"o\#(number)"}"#
                + "\n"
        }
        try project.write("a.ndjson", lines)
        try run()
        let connection = try database.connect()
        for _ in 0..<60 {
            // Whole hours, too, and times at which something is due, or was a day before.
            let asOf: Double =
                switch Int.random(in: 0..<4, using: &dice) {
                case 0: start + 3_600 * Double.random(in: 0..<55, using: &dice).rounded()
                case 1: deadlines.randomElement(using: &dice) ?? 0
                case 2: 86_400 + (deadlines.randomElement(using: &dice) ?? 0)
                default: start + Double.random(in: 0..<200_000, using: &dice)
                }
            try connection.query("UPDATE daybook.slas SET as_of = to_timestamp($1::double precision)", [asOf])
            let expected: Double? = try connection.query(
                """
                SELECT count(*) FILTER (WHERE NOT breached)::double precision / nullif(count(breached), 0)
                FROM report.fact_sla JOIN daybook.slas AS s USING (sla)
                WHERE status <> 'cancelled' AND breach_at >= as_of - interval '24 hours' AND breach_at < as_of
                """
            ).first().getIfPresent(0)
            let line = try Metrics.text(connection).split(separator: "\n").first {
                $0.hasPrefix("daybook_sla_attainment_ratio{")
            }
            #expect(line.flatMap { Double($0.split(separator: " ")[1]) } == expected, "\(asOf)")
        }
    }

    /// Whether Python knows the parsers of Prometheus' own client.
    private static let hasParsers = isPython("import prometheus_client.openmetrics.parser")

    private static func isPython(_ line: String) -> Bool {
        (try? Shell.run(
            "/usr/bin/env", ["python3", "-c", line], in: NSTemporaryDirectory(),
            ProcessInfo.processInfo.environment
        ).status) == 0
    }

    @Test(
        "Prometheus' own parsers read the same of it, in its old and in its new format",
        .enabled(if: hasParsers))
    func parsers() throws {
        let name = "paid \"in\ntime\" \\ ü"
        try define(sla: name)
        try run()
        try database.execute(
            """
            INSERT INTO daybook.channels (channel, kind, group_wait, group_interval) VALUES ('mail', 'mail', '0', '0');
            INSERT INTO daybook.alert_rules (rule, pipeline, type, parameters, severity)
            VALUES ('late', 'orders', 'overdue', '{}', 'critical')
            """)
        try project.write("metrics.prom", try Metrics.text(try database.connect()))
        try project.write(
            "read.py",
            """
            import json, sys
            from prometheus_client import parser
            from prometheus_client.openmetrics import parser as openmetrics
            text = open(sys.argv[1], encoding="utf-8").read()
            def samples(families):
                return sorted([s.name, sorted(s.labels.items()), s.value] for f in families for s in f.samples)
            new = list(openmetrics.text_string_to_metric_families(text))
            assert samples(new) == samples(parser.text_string_to_metric_families(text))
            print(json.dumps({"families": [[f.name, f.type, f.unit] for f in new], "samples": samples(new)}))
            """)
        let outcome = try Shell.run(
            "/usr/bin/env", ["python3", "read.py", "metrics.prom"], in: project.directory,
            ProcessInfo.processInfo.environment)
        #expect(outcome.status == 0, "\(outcome.error)")
        let read = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: [[Any]]])
        let families = read["families", default: []].map { $0.compactMap { $0 as? String } }
        #expect(families.contains(["daybook_runs", "counter", ""]))
        #expect(families.contains(["daybook_database_bytes", "gauge", "bytes"]))
        #expect(families.count == 19, "\(families)")
        let labels = read["samples", default: []].compactMap { $0[1] as? [[String]] }.joined()
        #expect(labels.contains(["sla", name]))
    }

    // MARK: - OpenLineage

    private func events(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func fileEvents() throws -> [[String: Any]] {
        try events(try String(contentsOfFile: project.path("lineage.ndjson"), encoding: .utf8))
    }

    /// What stands at a path of members and places.
    private func value(_ path: String, _ event: [String: Any]) -> Any? {
        path.split(separator: "/").reduce(event as Any?) { value, key in
            if let object = value as? [String: Any] { return object[String(key)] }
            if let array = value as? [Any], let place = Int(key), place < array.count { return array[place] }
            return nil
        }
    }

    @Test("A run tells when it begins and how it ends, with what it reads and writes, by lines of a file")
    func lineageFile() throws {
        try project.write(
            "pipelines/project.jsonc",
            #"{ "openlineage": { "file": "lineage.ndjson", "namespace": "shop" } }"#)
        #expect(try run() == [])
        var events = try fileEvents()
        #expect(events.map { $0["eventType"] as? String } == ["START", "COMPLETE"])
        let runID = try #require(value("run/runId", events[0]) as? String)
        #expect(
            runID.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil
        )
        #expect(value("run/runId", events[1]) as? String == runID)
        for event in events {
            #expect(value("job/namespace", event) as? String == "shop")
            #expect(value("job/name", event) as? String == "orders")
            #expect(
                (event["schemaURL"] as? String)?.hasSuffix("/2-0-2/OpenLineage.json#/$defs/RunEvent") == true)
            #expect((event["producer"] as? String)?.hasPrefix("urn:daybook:") == true)
            #expect(value("run/facets/processing_engine/name", event) as? String == "PostgreSQL")
            #expect((event["eventTime"] as? String).map { $0.hasSuffix("Z") } == true)
            #expect(value("inputs/0/namespace", event) as? String == "file")
            #expect(value("inputs/0/name", event) as? String == project.path("a.ndjson"))
            let outputs = try #require(event["outputs"] as? [[String: Any]])
            let names = outputs.compactMap { $0["name"] as? String }
            #expect(names.contains("\(database.name).raw.events"))
            #expect(names.contains("\(database.name).report.sla_hourly"))
            #expect((outputs[0]["namespace"] as? String)?.hasPrefix("postgres://") == true)
            let fields = try #require(value("outputs/0/facets/schema/fields", event) as? [[String: Any]])
            #expect(fields.first?["name"] as? String == "occurred_at")
            #expect(fields.first?["type"] as? String == "timestamp with time zone")
        }
        #expect(value("inputs/0/inputFacets", events[0]) == nil)
        #expect(value("inputs/0/inputFacets/inputStatistics/rowCount", events[1]) as? Int == 6)
        #expect(value("inputs/0/inputFacets/inputStatistics/fileCount", events[1]) as? Int == 1)
        #expect(value("outputs/0/outputFacets/outputStatistics/rowCount", events[1]) as? Int == 4)

        // Another run is another; what only transforms reads the events.
        try define(file: "gone.ndjson")
        try run()
        var transform = RunOptions()
        transform.loads = false
        try run(transform)
        events = try fileEvents()
        #expect(
            events.map { $0["eventType"] as? String }.dropFirst(2) == ["START", "FAIL", "START", "COMPLETE"])
        #expect(Set(events.compactMap { value("run/runId", $0) as? String }).count == 3)
        #expect(
            (value("run/facets/errorMessage/message", events[3]) as? String)?.contains("gone.ndjson") == true)
        #expect(value("inputs/0/name", events[5]) as? String == "\(database.name).raw.events")

        // What is only tried tells nothing.
        let opened = try project.project()
        _ = try Run(
            opened, try opened.pipelines([]), transform, interruption: Interruption(),
            observer: RunObserver(progress: { _ in }, note: { _ in })
        ).rehearse(database.url)
        #expect(try fileEvents().count == 6)
    }

    @Test("The time of the schedule that a run stands for goes with it, and the run that began it")
    func facets() throws {
        try run()
        try project.write("pipelines/project.jsonc", #"{ "openlineage": { "file": "lineage.ndjson" } }"#)
        var command = DaybookCommand(in: project.directory, database: database.url)
        let parent = "01234567-89ab-7def-8123-456789abcdef"
        command.environment["OPENLINEAGE_PARENT_ID"] = "http://airflow/nightly/\(parent)"
        #expect(try command.run("run", "orders", "--nominal", "2026-01-05T10:00:00Z").status == 0)
        for event in try fileEvents() {
            #expect(
                value("run/facets/nominalTime/nominalStartTime", event) as? String == "2026-01-05T10:00:00Z")
            #expect(value("run/facets/parent/run/runId", event) as? String == parent)
            #expect(value("run/facets/parent/job/name", event) as? String == "nightly")
            #expect(value("run/facets/parent/job/namespace", event) as? String == "http://airflow")
        }
        #expect(try fileEvents().count == 2)
        command.environment["OPENLINEAGE_PARENT_ID"] = "nightly"
        #expect(try command.run("run").status == 0)
        #expect(value("run/facets/parent", try fileEvents()[2]) == nil)
    }

    @Test("The end of a run that was killed is told by the next one")
    func killed() throws {
        try run()
        try database.execute("UPDATE daybook.runs SET status = 'running', ended_at = NULL")
        try project.write("pipelines/project.jsonc", #"{ "openlineage": { "file": "lineage.ndjson" } }"#)
        try run()
        try run()
        let events = try fileEvents()
        #expect(
            events.map { $0["eventType"] as? String } == ["FAIL", "START", "COMPLETE", "START", "COMPLETE"])
        #expect(value("run/facets/errorMessage/message", events[0]) as? String == "it was killed")
        #expect(value("run/runId", events[0]) as? String != value("run/runId", events[1]) as? String)
        let name = try #require(project.directory.split(separator: "/").last)
        #expect(value("job/namespace", events[0]) as? String == String(name))
    }

    @Test("An endpoint gets the events with its key; one that is down costs a run a note and a moment")
    func lineageEndpoint() throws {
        let api = try TestAPI { _ in TestAPI.Answer("", status: 201) }
        let environment = ["KEY": "s3cret-of-the-endpoint"]
        try project.write(
            "pipelines/project.jsonc",
            #"{ "openlineage": { "url": "\#(api.url)/api/v1/lineage", "api_key": "${KEY}" } }"#)
        #expect(try run(environment: environment) == [])
        #expect(api.requests.map(\.method) == ["POST", "POST"])
        #expect(api.requests.allSatisfy { $0.path == "/api/v1/lineage" })
        #expect(api.requests[0].headers["authorization"] == "Bearer s3cret-of-the-endpoint")
        #expect(api.requests[0].headers["content-type"] == "application/json")
        #expect(
            try api.requests.map { try events($0.body)[0]["eventType"] as? String } == ["START", "COMPLETE"])

        api.forgetRequests()
        api.change { TestAPI.Answer("no \($0.headers["authorization"] ?? "")", status: 500) }
        let refused = try run(environment: environment)
        #expect(
            refused.count == 1 && refused[0].contains("answered 500")
                && refused[0].contains("2 events are lost"))
        #expect(!refused[0].contains("s3cret"), "\(refused)")
        #expect(api.requests.count == 1)

        api.change { _ in
            var answer = TestAPI.Answer("")
            answer.delay = 20
            return answer
        }
        let stopwatch = Stopwatch()
        let slow = try run(environment: environment)
        #expect(slow.count == 1 && slow[0].hasPrefix("openlineage: ") && stopwatch.seconds < 8, "\(slow)")
        api.stop()
        let down = try run(environment: environment)
        #expect(down.count == 1 && down[0].contains("did not answer"), "\(down)")
        #expect(
            try database.value("SELECT string_agg(DISTINCT status, ' ') FROM daybook.runs") == "succeeded")
    }

    @Test(
        "What cannot be meant is refused with its place",
        arguments: [
            (#""openlineage": {}"#, #"lacks "url" or "file""#),
            (#""openlineage": { "url": "http://a/b", "file": "c" }"#, "keep one"),
            (#""openlineage": { "url": "lineage" }"#, "is no address"),
            (#""openlineage": { "file": "a", "api_key": "k" }"#, "is for a url"),
            (#""openlineage": { "fill": "a" }"#, #"did you mean "file"?"#),
            (#""openlineage": { "url": "http://a/b", "api_key": "${NONE}" }"#, "NONE is not set"),
            (#""metrics": """#, "metrics is empty"), (#""metrics": true"#, "must be a string"),
        ])
    func mistakes(_ text: String, _ words: String) throws {
        try project.write("pipelines/project.jsonc", "{ \(text) }")
        let problems = try project.project().problems.filter { $0.severity == .error }
        #expect(problems.count == 1 && problems[0].message.contains(words), "\(problems)")
        #expect(problems.allSatisfy { $0.line == 1 && $0.column > 2 })
    }
}

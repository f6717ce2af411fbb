import Foundation
import TestSupport
import Testing

/// Names that would end a quoting, or mean something to a tool that reads them.
private let hostileNames = [
    "it's 100%", "$__interval $x [[y]]", "{{ z }}", "\"; DROP TABLE report.cases; --", "a\nb: - {c}", "ünï ☃",
    "back\\slash", "<script>alert(1)</script>", "A", "a", "a 2",
]

private let python = ["/usr/bin/python3", "/usr/local/bin/python3", "/root/.pyenv/shims/python3"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// `dashboards`: files for tools that are written elsewhere.
@Suite
struct DashboardTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try define(["paid"] + hostileNames)
    }

    private func define(_ names: [String]) throws {
        let slas = try names.map { name in
            let name = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
            return
                #"{ "name": \#(name), "start": "order.made", "end": "order.paid", "within": "1h", "target": 0.9 }"#
        }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "a.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ \(slas.joined(separator: ",\n")) ] }
            """)
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-05T10:00:00Z","type":"order.made","order":"o1"}
            {"id":"2","at":"2026-01-05T10:30:00Z","type":"order.paid","order":"o1"}
            {"id":"3","at":"2026-01-05T10:40:00Z","type":"order.made","order":"o2"}

            """)
    }

    private func write(_ tool: String, _ more: String...) throws -> DaybookCommand.Outcome {
        try Shell.run(
            DaybookCommand.path, ["dashboards", "--for", tool, "--out", project.path(tool)] + more,
            in: project.directory, command.environment)
    }

    @Test("TLS that the URL asks for stands in what each tool reads")
    func secured() throws {
        let url = "postgresql://bi@db.example/shop?sslmode=verify-full&sslrootcert=/etc/ca%20one.pem"
        for (tool, told) in [
            ("grafana", ["sslmode: verify-full", "sslRootCertFile: /etc/ca one.pem"]),
            ("superset", ["shop?sslmode=verify-full&sslrootcert=%2Fetc%2Fca%20one.pem"]),
            ("metabase", ["SSL mode `verify-full`, root certificate `/etc/ca one.pem`"]),
        ] {
            #expect(try write(tool, "--connect", url).status == 0)
            let texts = try files(tool).values
            for words in told {
                #expect(texts.contains { $0.replacing("\"", with: "").contains(words) }, "\(tool): \(texts)")
            }
        }
        for wrong in ["sslmode=verify", "user=root", "sslmode"] {
            #expect(
                try write("grafana", "--connect", "postgresql://bi@db.example/shop?\(wrong)").status == 64)
        }
    }

    private func files(_ tool: String) throws -> [String: String] {
        let paths =
            FileManager.default.enumerator(atPath: project.path(tool))?.compactMap { $0 as? String } ?? []
        var files: [String: String] = [:]
        for path in paths {
            guard let data = FileManager.default.contents(atPath: project.path("\(tool)/\(path)")) else {
                continue
            }
            files[path] = String(decoding: data, as: UTF8.self)
        }
        return files
    }

    @Test("Each tool's files, the same each time, without a password, and over nobody else's")
    func everyTool() throws {
        for tool in ["grafana", "superset", "metabase"] {
            let outcome = try write(tool)
            #expect(outcome.status == 0 && outcome.out.contains("for 12 SLAs"), "\(outcome.error)")
            let first = try files(tool)
            #expect(first.count > 3)
            #expect(first.values.allSatisfy { $0.contains("Written by daybook dashboards") })
            #expect(try write(tool).status == 0)
            #expect(try files(tool) == first, "\(tool)")
            // One of another's: nothing is written.
            let victim = try #require(first.keys.sorted().first { !$0.hasSuffix(".zip") })
            try project.write("\(tool)/\(victim)", "mine\n")
            let refused = try write(tool, "--title", "Another")
            #expect(refused.status == 1 && refused.error.contains("Daybook did not write it"))
            var now = try files(tool)
            #expect(now.removeValue(forKey: victim) == "mine\n")
            #expect(now.allSatisfy { first[$0.key] == $0.value })
        }
        let secret = try write("grafana", "--connect", "postgresql://r:hunter2@db:5432/x")
        #expect(secret.status == 64 && secret.error.contains("password") && !secret.error.contains("hunter2"))
        for wrong in [
            "mysql://r@db/x", "db", "postgresql://db/x", "postgresql://r@db", "postgresql://r@db/x?a=b",
        ] {
            #expect(try write("grafana", "--connect", wrong).status == 64, "\(wrong)")
        }
        #expect(try command.run("dashboards", "--for", "grafna", "--out", "x").error.contains("grafana"))
        #expect(try command.run("dashboards", "--for", "grafana").status == 64)
        #expect(try command.run("dashboards", "--out", "x").status == 64)
        let json = try write("metabase", "--json", "--title", "x")
        #expect(json.status == 1 && json.out.contains("\"error\""))
        try define([])
        #expect(try write("superset").error.contains("the project has no SLA"))
    }

    @Test("Every question in SQL runs on the tables of a run, and finds the SLA of its name")
    func questions() throws {
        #expect(try command.run("run").status == 0)
        let connection = try database.connect()
        #expect(try write("metabase").status == 0)
        let questions = try files("metabase").filter { $0.key.hasSuffix(".sql") }
        #expect(questions.count == 12 * 4 + 2)
        for (path, sql) in questions {
            let result = try connection.query(sql)
            // One hour of each SLA, and its one open case; steps and events are not this test's.
            if path != "steps.sql", path != "events_by_hour.sql" { #expect(result.count == 1, "\(path)") }
        }
        #expect(try write("grafana").status == 0)
        let text = try #require(try files("grafana")["dashboards/daybook.json"])
        let dashboard = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        #expect(dashboard["schemaVersion"] as? Int == 42)
        var asked = 0
        for panel in panels {
            for target in panel["targets"] as? [[String: Any]] ?? [] {
                let raw = try #require(target["rawSql"] as? String)
                let sql = raw.replacing(/\$__timeFilter\((\w+)\)/) {
                    "\($0.1) BETWEEN '2026-01-01Z' AND '2026-02-01Z'"
                }
                #expect(!sql.contains("$") && !sql.contains("{{") && !sql.contains("[["), "\(sql)")
                let result = try connection.query(sql)
                if sql.contains("sla = ") { #expect(result.count == 1, "\(sql)") }
                asked += 1
            }
        }
        #expect(asked == 12 * 10 + 3)
        // Superset tells of tables and columns what the database does.
        #expect(try write("superset").status == 0)
        let datasets = try files("superset").filter { $0.key.contains("/datasets/") }
        #expect(datasets.count == 4)
        for (path, text) in datasets {
            let table = try #require(path.split(separator: "/").last?.split(separator: ".").first)
            let known = try connection.query(
                """
                SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
                WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
                UNION ALL SELECT '', obj_description($1::regclass)
                """, ["report.\(table)"]
            ).rows.map { (name: $0.text(0) ?? "", comment: $0.text(1) ?? "?") }
            let columns = text[try #require(text.range(of: "\ncolumns:")).upperBound...]
            #expect(!columns.contains("description: null"), "\(path)")
            for (name, comment) in known where name.isEmpty || columns.contains("column_name: \"\(name)\"") {
                #expect(text.replacing("\\\"", with: "\"").contains(comment), "\(path): \(name)")
            }
        }
        #expect(try database.value("SELECT count(*) FROM report.cases") == "2")
    }

    @Test(
        "Superset's bundle is YAML in a ZIP as others read them, whose parts know each other",
        .enabled(if: python != nil))
    func bundle() throws {
        #expect(try write("superset", "--connect", "postgresql://re%20ader@db.example:6432/shop").status == 0)
        #expect(try write("grafana").status == 0)
        try project.write("check.py", DashboardTests.check)
        let outcome = try Shell.run(
            python ?? "", [project.path("check.py"), project.path("superset"), project.path("grafana")],
            in: project.directory, command.environment)
        #expect(outcome.status == 0, "\(outcome.out)\(outcome.error)")
    }

    private static let check = """
        import sys, zipfile, os, glob, json
        superset, grafana = sys.argv[1:3]
        archive = zipfile.ZipFile(superset + "/daybook_superset.zip")
        assert archive.testzip() is None
        for name in archive.namelist():
            assert archive.read(name) == open(os.path.join(superset, name), "rb").read(), name
        json.load(open(grafana + "/dashboards/daybook.json"))
        try:
            import yaml
        except ImportError:
            sys.exit(0)
        load = lambda name: yaml.safe_load(archive.read("daybook_superset/" + name))
        names = archive.namelist()
        database = load("databases/daybook.yaml")
        assert database["sqlalchemy_uri"] == "postgresql+psycopg2://re%20ader:XXXXXXXXXX@db.example:6432/shop", database
        datasets = [yaml.safe_load(archive.read(n)) for n in names if "/datasets/" in n]
        charts = [yaml.safe_load(archive.read(n)) for n in names if "/charts/" in n]
        dashboard = load("dashboards/daybook.yaml")
        assert all(d["database_uuid"] == database["uuid"] and d["schema"] == "report" for d in datasets)
        known = {d["uuid"]: d for d in datasets}
        for chart in charts:
            dataset = known[chart["dataset_uuid"]]
            metrics = {m["metric_name"] for m in dataset["metrics"]}
            params = chart["params"]
            for metric in params.get("metrics", []) + [params.get("metric")]:
                assert metric is None or isinstance(metric, dict) or metric in metrics, (chart["slice_name"], metric)
            columns = {c["column_name"] for c in dataset["columns"]}
            assert set(params.get("all_columns", []) + params.get("groupby", [])) <= columns
        uuids = [c["uuid"] for c in charts]
        assert len(set(uuids)) == len(uuids)
        position = dashboard["position"]
        shown = [v["meta"]["uuid"] for v in position.values() if isinstance(v, dict) and v["type"] == "CHART"]
        assert sorted(shown) == sorted(uuids)
        for key, value in position.items():
            if isinstance(value, dict):
                assert value["id"] == key
                for child in value.get("children", []):
                    assert child in position, child
        slas = [f["comparator"] for c in charts for f in c["params"].get("adhoc_filters", []) if f["subject"] == "sla"]
        assert 'a\\nb: - {c}' in slas and '$__interval $x [[y]]' in slas, slas
        source = yaml.safe_load(open(grafana + "/provisioning/datasources/daybook.yaml"))
        assert source["datasources"][0]["secureJsonData"]["password"] == "${DAYBOOK_PASSWORD}"
        yaml.safe_load(open(grafana + "/provisioning/dashboards/daybook.yaml"))
        """
}

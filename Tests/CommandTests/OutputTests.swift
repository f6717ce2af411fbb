import Foundation
import TestSupport
import Testing

/// What the command writes: files where and how they were asked for, documents that are true, tables that are straight.
@Suite
struct OutputTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand
    /// Steers a terminal, and turns the direction of writing.
    private let odd = "a\u{85}b\u{7F}c\u{202E}d\u{2066}"

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "a.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order",
                  "user_id": "user" } } ],
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
        func line(_ id: Int, _ time: String, _ type: String, _ order: String) throws -> String {
            let object = [
                "id": "\(id)", "at": "2026-01-01T\(time)Z", "type": type, "order": order, "user": "u1",
            ]
            return String(decoding: try JSONEncoder().encode(object), as: UTF8.self) + "\n"
        }
        try project.write(
            "a.ndjson",
            try line(1, "10:00:00", "order.created", "abcdefgh")
                + line(2, "10:30:00", "order.paid", "abcdefgh")
                + line(3, "10:00:00", "order.created", "注文注文") + line(4, "10:30:00", "order.paid", "注文注文")
                + line(5, "10:40:00", "order.created", odd) + "{\"order\": \"x\"}\n{\"order\": \"y\"}\n")
        let run = try command.run("run")
        #expect(run.status == 0, "\(run.error)")
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func list(_ value: Any?) -> [[String: Any]] { value as? [[String: Any]] ?? [] }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: project.path(name), encoding: .utf8)
    }

    // MARK: - Files

    @Test(
        "--out writes what a link leads to, keeps modes and what is beside it, and leaves nothing of its own")
    func outKeepsWhatIsThere() throws {
        try project.write("real.csv", "old")
        try project.write("link.csv.partial", "mine")
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: project.path("real.csv"))
        try files.createSymbolicLink(atPath: project.path("link.csv"), withDestinationPath: "real.csv")
        for (arguments, name) in [
            (["export", "sla_hourly"], "link.csv"), (["report"], "link.csv"),
            (["generate", "--orders", "2"], "link.csv"),
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments + ["--out", name], in: project.directory, command.environment)
            #expect(outcome.status == 0, "\(arguments): \(outcome.error)")
            #expect(try text("real.csv") != "old")
            try project.write("real.csv", "old")
            try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: project.path("real.csv"))
        }
        #expect(try command.run("report", "--out", "link.csv").status == 0)
        #expect(try files.destinationOfSymbolicLink(atPath: project.path("link.csv")) == "real.csv")
        let mode = try files.attributesOfItem(atPath: project.path("real.csv"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try text("link.csv.partial") == "mine")
        #expect(
            try !files.contentsOfDirectory(atPath: project.directory).contains { $0.hasPrefix(".daybook-") })
    }

    @Test("--out - is stdout, and a pipe stays one")
    func outToPipes() throws {
        for arguments in [
            ["export", "sla_hourly"], ["report", "--format", "csv"],
            ["trace", "abcdefgh", "--format", "json"],
            ["generate", "--orders", "2"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments + ["--out", "-"], in: project.directory, command.environment)
            #expect(outcome.status == 0 && outcome.out.count > 100, "\(arguments): \(outcome.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: project.path("-")))
        let piped = try Shell.run(
            "/bin/sh",
            [
                "-c",
                "mkfifo p && { cat p > copy & \"$0\" report --format csv --out p; } && wait && test -p p",
                DaybookCommand.path,
            ], in: project.directory, command.environment)
        #expect(piped.status == 0, "\(piped.error)")
        #expect(try text("copy").hasPrefix("sla,hour_start"))
        let device = try command.run("report", "--format", "csv", "--out", "/dev/null")
        #expect(device.status == 0, "\(device.error)")
    }

    @Test("Where a file stands in the way of a folder, it is named")
    func outBelowFiles() throws {
        for arguments in [
            ["report", "--format", "csv", "--out", "a.ndjson/x/y.csv"],
            ["dashboards", "--for", "grafana", "--out", "a.ndjson/x"],
            ["grant-reader", "nobody", "--passfile", "a.ndjson/x/y"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(
                outcome.status == 1 && outcome.error.contains("a.ndjson is no folder"), "\(outcome.error)")
        }
        #expect(try database.value("SELECT count(*) FROM pg_roles WHERE rolname = 'nobody'") == "0")
    }

    // MARK: - Documents

    @Test("JSON holds the values as they are, and nothing that steers a terminal")
    func documentsAreTrue() throws {
        let trace = try command.run("trace", odd, "--json").out
        #expect(list(try json(trace)["events"]).first?["case_id"] as? String == odd)
        let find = try command.run("find", "user_id=u1", "--json").out
        #expect(list(try json(find)["cases"]).contains { $0["case_id"] as? String == odd })
        let explain = try command.run("explain", "paid", "2026-01-01T10:00", "--json").out
        #expect(list(try json(explain)["cases"]).contains { $0["case_id"] as? String == odd })
        for document in [trace, find, explain] {
            #expect(!document.unicodeScalars.contains { odd.unicodeScalars.contains($0) && $0.value > 0x7A })
        }
        #expect(try command.run("export", "cases").out.contains(odd))
    }

    @Test("What people read holds nothing that steers a terminal or turns the writing")
    func textIsClean() throws {
        for arguments in [
            ["trace", odd], ["locate", odd], ["find", "user_id=u1"], ["explain", "paid", "2026-01-01T10:00"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(
                outcome.status == 0 && outcome.out.contains("a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}"),
                "\(outcome.out)")
            #expect(
                !outcome.out.unicodeScalars.contains { odd.unicodeScalars.contains($0) && $0.value > 0x7A })
        }
    }

    @Test("Members without a value are null, and times are those of ISO 8601 in all documents")
    func documentsAreAlike() throws {
        let explained = try json(try command.run("explain", "paid", "2026-01-01T10:00", "--json").out)
        let definition = try #require(explained["definition"] as? [String: Any])
        #expect(definition["owner"] is NSNull && definition["target"] is NSNull)
        let open = try #require(list(explained["cases"]).first { $0["case_id"] as? String == odd })
        #expect(open["completed_at"] is NSNull && open["end"] is NSNull)
        #expect(open["started_at"] as? String == "2026-01-01T10:40:00.000+00:00")
        let compared = try json(try command.run("report", "--compare", "1d", "--json").out)
        let comparison = try #require(list(compared["comparisons"]).first)
        #expect(list(comparison["figures"]).contains { $0["before"] is NSNull })
        #expect((comparison["from"] as? String)?.hasPrefix("2025-12-31T") == true)
        let found = try json(try command.run("find", "case_id=abcdefgh", "--json").out)
        #expect((found["searched"] as? [String: Any])?["from"] is NSNull)
        #expect(list(found["cases"]).first?["first_at"] as? String == "2026-01-01T10:00:00+00:00")
        let traced = try json(try command.run("trace", "abcdefgh", "--json").out)
        let expected = try json(try command.run("expect", "abcdefgh", "order.paid", "--json").out)
        #expect(
            list(traced["events"]).map { $0["occurred_at"] as? String }
                == list(expected["events"]).map { $0["occurred_at"] as? String })
        let reject = try json(try command.run("rejects", "show", "1", "--json").out)
        #expect(reject["replayed_at"] is NSNull && reject["hex"] is NSNull)
    }

    // MARK: - Times and tables

    @Test("Offsets are those of ISO 8601, to the east of Greenwich; what the server takes beside them is not")
    func zones() throws {
        for (zone, time) in [
            ("+02:00", "12:30:00+02"), ("-0330", "07:00:00-03:30"), ("+05:45", "16:15:00+05:45"),
            ("Etc/GMT+2", "08:30:00-02"), ("europe/berlin", "11:30:00+01"), ("Z", "10:30:00 UTC"),
            ("+00:00", "10:30:00 UTC"), ("+15:00", "01:30:00+15"),
        ] {
            let trace = try command.run("trace", "abcdefgh", "--zone=\(zone)")
            #expect(trace.out.contains(time), "\(zone): \(trace.out)\(trace.error)")
        }
        for zone in ["+02:00", "+15:00", "-15:00"] {
            let report = try command.run("report", "--zone=\(zone)", "--format", "html")
            #expect(report.status == 0, "\(report.error)")
            #expect(try command.run("report", "--zone=\(zone)").out.contains("hour (\(zone))"))
            #expect(
                try command.run("explain", "paid", "2026-01-01T10:00", "--zone=\(zone)").status == 0)
        }
        for zone in ["+25:00", "+02:75", "Anywhere+2", "2", "<x>-2", "Mars", "UTC-3"] {
            for arguments in [["trace", "abcdefgh"], ["report"], ["explain", "paid", "2026-01-01T10:00"]] {
                let outcome = try Shell.run(
                    DaybookCommand.path, arguments + ["--zone=\(zone)"], in: project.directory,
                    command.environment)
                #expect(outcome.status == 64 && outcome.error.contains("+02:00"), "\(zone): \(outcome.error)")
            }
        }
    }

    @Test("Columns stand straight where letters take two cells")
    func wideLetters() throws {
        let lines = try command.run("find", "user_id=u1").out.split(separator: "\n").map(String.init)
        let wide = try #require(lines.first { $0.contains("注文注文") })
        let narrow = try #require(lines.first { $0.contains("abcdefgh") })
        #expect(wide.replacing("注文注文", with: "abcdefgh") == narrow)
    }

    // MARK: - Others

    @Test("A reject that is discarded already keeps who did it, and why")
    func discardedOnce() throws {
        #expect(try command.run("rejects", "discard", "1", "--by", "ann", "--why", "first").status == 0)
        let again = try command.run("rejects", "discard", "1", "2", "--by", "bob", "--why", "second")
        #expect(again.status == 0 && again.error.contains("discarded already"), "\(again.error)")
        #expect(again.error.contains("ann: first"))
        #expect(
            try database.rows("SELECT discarded_by, discarded_why FROM daybook.rejects ORDER BY reject_id")
                == [["ann", "first"], ["bob", "second"]])
    }

    @Test("Durations that the server does not know are refused with words")
    func longDurations() throws {
        let compare = try command.run("report", "--compare", "99999999d")
        #expect(compare.status == 64 && compare.error.contains("36500d at most"), "\(compare.error)")
        let timeout = try command.run("grant-reader", "nobody", "--timeout", "100000d")
        #expect(timeout.status == 64 && timeout.error.contains("more than 24d"), "\(timeout.error)")
    }

    @Test("Without an SLA, report says how to declare one; without a case, every format is done")
    func nothingToReport() throws {
        let definition = try text("pipelines/orders.jsonc")
        let start = try #require(definition.range(of: "\"slas\""))
        try project.write("pipelines/orders.jsonc", definition[..<start.lowerBound] + "}")
        #expect(try command.run("run").status == 0)
        let table = try command.run("report")
        #expect(table.status == 0 && table.out.contains("no SLA is defined"), "\(table.out)\(table.error)")
        for format in ["table", "csv", "json", "html"] {
            #expect(try command.run("report", "--format", format).status == 0, "\(format)")
        }
    }
}

import Foundation
import TestSupport
import Testing

/// `daybook preview`: what would load and what would not, without any database.
@Suite
struct PreviewTests {
    private let project: TemporaryProject
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        // Nothing answers there: whoever asked would fail.
        command = DaybookCommand(in: project.directory, database: "postgresql://127.0.0.1:1/none")
    }

    private func define(_ sources: String) throws {
        try project.write("pipelines/shop.jsonc", #"{ "pipeline": "shop", "sources": [ \#(sources) ] }"#)
    }

    private let event =
        #""event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" }"#

    private func sources(_ outcome: DaybookCommand.Outcome) throws -> [[String: Any]] {
        let document = try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any]
        return try #require(document?["sources"] as? [[String: Any]])
    }

    @Test("Events, rejects with their places, and counts, of the files in the order in which they load")
    func files() throws {
        try define(
            """
            { "name": "log", "file": { "path": ["b.ndjson", "a.ndjson"] }, \(event),
              "where": { "type": { "!=": "debug" } }, "redact": { "details.email": "hash" } }
            """)
        try project.write(
            "b.ndjson",
            """
            {"id":"1","at":"2026-01-01T10:00:00Z","type":"paid","order":"o1","email":"a@b.example","n":12345678901234567890.5}
            {"id":"2","at":"2026-01-01T10:00:00Z","type":"debug"}

            """)
        try project.write(
            "a.ndjson",
            """
            {"id":"3","at":"2026-01-02T10:00:00Z","type":"sent","order":"o1"}
            {"id":"4","at":"yesterday","type":"sent","order":"o1"}
            not json

            """)
        let text = try command.run("preview", "shop")
        #expect(text.status == 0, "\(text.error)")
        for line in [
            "shop.log: b.ndjson and 1 more\n",
            "  2026-01-01T10:00:00Z  paid  o1       1         log      {\"email\":\"",
            "  2026-01-02T10:00:00Z  sent  o1       3         log      {}",
            "  rejected: a.ndjson line 2 (byte 66): bad_time: ",
            "  rejected: a.ndjson line 3 (byte 121): malformed_json: ",
            "\nof all 5 records: 2 would load, 2 rejected, 1 filtered\n",
        ] {
            #expect(text.out.contains(line), "\(line)\n\(text.out)")
        }
        #expect(!text.out.contains("a@b.example"))

        let json = try command.run("preview", "--json")
        #expect(json.out.contains("12345678901234567890.5"))
        let source = try sources(json)[0]
        #expect(
            Set(source.keys) == [
                "pipeline", "source", "object", "events", "rejects", "read", "loaded", "rejected", "filtered",
                "is_partial", "notes", "error",
            ])
        #expect(source["read"] as? Int == 5 && source["loaded"] as? Int == 2)
        #expect(source["rejected"] as? Int == 2 && source["filtered"] as? Int == 1)
        let events = try #require(source["events"] as? [[String: Any]])
        #expect(events.map { $0["event_id"] as? String } == ["1", "3"])
        #expect(events[0]["entity"] as? String == "shop" && events[0]["user_id"] is NSNull)
        #expect((events[0]["details"] as? [String: Any])?["email"] as? String != "a@b.example")
        let rejects = try #require(source["rejects"] as? [[String: Any]])
        #expect(Set(rejects[0].keys) == ["object", "line", "position", "reason_code", "reason", "raw"])
        #expect(rejects.map { $0["reason_code"] as? String } == ["bad_time", "malformed_json"])
        #expect(rejects[1]["line"] as? Int == 3 && rejects[1]["object"] as? String == "a.ndjson")
    }

    @Test("What it shows is what a run loads: ids of positions and of contents too")
    func sameAsRun() throws {
        let database = try TestDatabase()
        try define(
            """
            { "name": "table", "file": { "path": "t.csv" },
              "event": { "occurred_at": "at", "type": "type" } },
            { "name": "wide", "file": { "path": "w.csv", "separator": ";" },
              "events": [
                { "type": {"value": "order.made"}, "occurred_at": "made", "case_id": "id" },
                { "type": {"value": "order.sent"}, "occurred_at": "sent", "case_id": "id" } ] }
            """)
        try project.write("t.csv", "at,type,n\n2026-01-01,a,1\n2026-01-02,b,2\n2026-01-03,c,")
        try project.write("w.csv", "id;made;sent\n1;2026-01-01;2026-01-02\n2;2026-01-01;\n")
        let outcome = try command.run("preview", "--json")
        let previews = try sources(outcome)
        #expect((previews[0]["notes"] as? [String])?.first?.contains("no whole record yet") == true)
        let shown = previews.flatMap { $0["events"] as? [[String: Any]] ?? [] }
        var run = command
        run.environment["DATABASE_URL"] = database.url
        #expect(try run.run("load").status == 0)
        let loaded = try database.rows(
            """
            SELECT event_id, case_id, type, service, position FROM raw.events
            JOIN daybook.sources s USING (source_id) ORDER BY s.name, position, event_id
            """)
        #expect(loaded.count == 5)
        #expect(
            loaded
                == shown.map { event in
                    ["event_id", "case_id", "type", "service"].map { event[$0] as? String ?? "" } + [
                        "\(event["position"] as? Int ?? -1)"
                    ]
                })
    }

    @Test("Of much only the start is looked at; --rows and --source say how much, and of what")
    func start() throws {
        try define(
            """
            { "name": "log", "file": { "path": "big.ndjson" }, \(event) },
            { "name": "other", "file": { "path": "no/*.ndjson" }, \(event) }
            """)
        let lines = (0..<30_000).map {
            #"{"id":"\#($0)","at":"2026-01-01T10:00:00Z","type":"paid","text":"\#(String(repeating: "x", count: 200))"}"#
        }
        try project.write("big.ndjson", lines.joined(separator: "\n") + "\n")
        let outcome = try command.run("preview", "shop", "--rows", "3", "--source", "log", "--json")
        let sources = try sources(outcome)
        #expect(sources.count == 1 && (sources[0]["events"] as? [Any])?.count == 3)
        #expect(sources[0]["read"] as? Int == 1_000 && sources[0]["is_partial"] as? Bool == true)
        let text = try command.run("preview", "--rows", "2")
        #expect(text.out.contains("of the first 1,000 records: 1,000 would load, 0 rejected, 0 filtered"))
        #expect(text.out.split(separator: "\n").allSatisfy { $0.count < 160 }, "\(text.out)")
        #expect(text.error.contains("shop.other: no file matches"))
        #expect(text.status == 0)
    }

    @Test("Of an API the first page")
    func api() throws {
        let pages = EventPages(40, size: 7)
        let api = try TestAPI { pages.answer($0) }
        try define(
            """
            { "name": "api", "http": { "url": "\(api.url)/cursor", "data_path": "data.events",
                "pagination": { "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" } },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } }
            """)
        let source = try sources(try command.run("preview", "shop", "--json"))[0]
        #expect(source["read"] as? Int == 7 && source["is_partial"] as? Bool == true)
        #expect((source["object"] as? String)?.hasSuffix("/cursor") == true)
        #expect(api.requests.count == 1)
    }

    @Test(
        "Exit codes: nothing but rejects, a file that is missing beside one that is there, a bad definition")
    func exitCodes() throws {
        try define(#"{ "name": "log", "file": { "path": "a.ndjson" }, \#(event) }"#)
        try project.write("a.ndjson", #"{"id":"1","at":"noon","type":"a"}"# + "\n")
        let rejects = try command.run("preview")
        #expect(rejects.status == 65 && rejects.out.contains("bad_time"), "\(rejects.out)")
        try define(
            """
            { "name": "gone", "file": { "path": "gone.ndjson" }, \(event) },
            { "name": "log", "file": { "path": "b.ndjson" }, \(event) }
            """)
        try project.write("b.ndjson", #"{"id":"1","at":"2026-01-01","type":"a"}"# + "\n")
        let missing = try command.run("preview")
        #expect(missing.status == 69 && missing.error.contains("there is no such file"))
        #expect(missing.out.contains("1 would load"))
        #expect((try sources(try command.run("preview", "--json"))[0]["error"] as? String) != nil)
        try define(#"{ "name": "log", "fil": 1, \#(event) }"#)
        #expect(try command.run("preview").status == 78)
        #expect(try command.run("preview", "nothing").status == 78)
        try define(#"{ "name": "log", "file": { "path": "b.ndjson" }, \#(event) }"#)
        let unknown = try command.run("preview", "--source", "lgo")
        #expect(unknown.status == 64 && unknown.error.contains("did you mean \"log\"?"))
        #expect(try command.run("preview", "--rows", "0").status == 64)
    }

    @Test("A damaged archive is shown as far as it can be read, and has the exit code of the run that fails")
    func damaged() throws {
        try define(#"{ "name": "log", "file": { "path": "a.ndjson.gz" }, \#(event) }"#)
        let lines = (0..<900).map {
            #"{"id":"\#($0)","at":"2026-01-01T10:00:00Z","type":"a","n":"\#(Int.random(in: 0..<1 << 60))"}"#
                + "\n"
        }
        try project.write("a.ndjson", lines.joined())
        let packed = try Shell.run(
            "/bin/sh", ["-c", "gzip a.ndjson && truncate -s -200 a.ndjson.gz"], in: project.directory,
            command.environment)
        #expect(packed.status == 0)
        let outcome = try command.run("preview")
        #expect(outcome.status == 65, "\(outcome.error)")
        #expect(outcome.error.contains("a.ndjson.gz is damaged") && outcome.out.contains("would load"))
        #expect(try command.run("preview", "--json").status == 65)
    }
}

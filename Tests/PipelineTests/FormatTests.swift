import Events
import Extract
import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Every format that a definition can name, from a file to the rows of `raw.events` and `daybook.rejects`.
struct FormatTests {
    // MARK: - Rows

    @Test("A file becomes these rows, and what is malformed in it these rejects", arguments: LogFixture.all)
    func loads(_ fixture: LogFixture) throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try fixture.write(to: project)
        let counts = try project.counts(on: database)
        let rows = try FormatTests.rows(database)
        #expect(rows == fixture.rows)
        #expect(counts.loaded == fixture.rows.count && counts.rejected == fixture.rejects.count)
        #expect(counts.read == counts.loaded + counts.duplicate + counts.rejected + counts.filtered)

        let positions = try database.rows("SELECT position FROM raw.events ORDER BY position").map { $0[0] }
        #expect(positions == fixture.positions.map { "\($0)" })
        let rejects = try database.rows(
            """
            SELECT line, byte_offset, reason_code, convert_from(raw, 'UTF8') FROM daybook.rejects
            ORDER BY byte_offset
            """)
        #expect(rejects == fixture.expectedRejects)

        // Nothing is read twice, and what was read stands in the ledger.
        #expect(try project.counts(on: database).read == 0)
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
        let opened = try project.project()
        let deep = DeepVerification(opened, try Warehouse.connect(database.url)) { _ in }
        #expect(try deep.run(try opened.pipelines([])).problems == [])
    }

    /// Each event's columns; an id that is derived from the position is "@".
    private static func rows(_ database: TestDatabase) throws -> [[String]] {
        try database.rows(
            """
            SELECT occurred_at AT TIME ZONE 'UTC', type,
                CASE case_id WHEN object_identity || ':' || position THEN '@' ELSE case_id END,
                CASE event_id WHEN object_identity || ':' || position THEN '@' ELSE event_id END,
                service, user_id, correlation_id, sequence, details
            FROM raw.events AS e
            JOIN daybook.loads AS l ON l.load_id = e.load_id
            ORDER BY position, e.event_id
            """)
    }

    // MARK: - Resuming

    @Test(
        "Read in small batches by readers that are killed, a file gives what it gives at once",
        arguments: LogFixture.all)
    func resumes(_ fixture: LogFixture) throws {
        let project = try TemporaryProject()
        try fixture.write(to: project)
        let whole = try Self.read(project, fixture)
        #expect(whole.events.map(\.position) == fixture.positions.map { Int64($0) })
        #expect(whole.rejects.map(\.line) == fixture.rejects.map { Int64($0.line) })
        for most in [1, 7, 64, 300] as [Int64] {
            #expect(try Self.read(project, fixture, most: most) == whole, "batches of \(most) bytes")
        }
    }

    @Test("A file that grew gives each record once, wherever it ended before", arguments: LogFixture.all)
    func grows(_ fixture: LogFixture) throws {
        let project = try TemporaryProject()
        try fixture.write(to: project)
        let whole = try Self.read(project, fixture)
        let bytes = fixture.bytes
        for cut in stride(from: 0, through: bytes.count, by: 13) + [bytes.count - 1] {
            try project.write(fixture.file, Array(bytes[..<cut]))
            let first = try Self.read(project, fixture, isSettled: false)
            try project.write(fixture.file, bytes)
            let rest = try Self.read(project, fixture, from: first.end)
            #expect(first.events + rest.events == whole.events, "cut at \(cut)")
            #expect(first.rejects + rest.rejects == whole.rejects, "cut at \(cut)")
        }
    }

    /// What readers made of a file.
    private struct Reading: Equatable {
        struct Event: Equatable {
            let position: Int64
            let id: String
            let details: String
        }

        struct Refused: Equatable {
            let position: Int64
            let line: Int64
            let code: RejectCode
        }

        var events: [Event] = []
        var rejects: [Refused] = []
        var end: (position: Int64, line: Int64) = (0, 1)

        static func == (left: Reading, right: Reading) -> Bool {
            left.events == right.events && left.rejects == right.rejects && left.end == right.end
        }
    }

    /// Reads a file from a place to its end.
    ///
    /// - Parameter most: the bytes of a batch, behind which another reader goes on; nil: one reader reads all.
    private static func read(
        _ project: TemporaryProject, _ fixture: LogFixture,
        from start: (position: Int64, line: Int64) = (0, 1),
        most: Int64? = nil, isSettled: Bool = true
    ) throws -> Reading {
        let source = try #require(try project.project().pipelines([]).first?.sources.first)
        let form = try #require(source.files?.form)
        let file = try #require(try FilePattern(fixture.file, relativeTo: project.directory).files().first)
        var reading = Reading()
        reading.end = start
        var batch = EventBatch()
        while true {
            let stretch = ReadPlan.Stretch(
                start: reading.end.position, end: .max, line: reading.end.line, isTail: true)
            let reader = try FileReader(
                ReadPlan(file, identity: "file"), stretch, form: form, mapping: source.mapping,
                isSettled: isSettled)
            let before = reading.end.position
            while try reader.fill(&batch, upTo: most.map { reading.end.position + $0 } ?? .max) {
                for event in batch.events {
                    reading.events.append(
                        Reading.Event(
                            position: event.position, id: batch.arena.string(of: event.eventID),
                            details: batch.arena.string(of: event.details)))
                }
                reading.rejects += batch.rejects.map {
                    Reading.Refused(position: $0.position, line: $0.line, code: $0.code)
                }
                reading.end = (batch.range.end, batch.range.endLine)
                if most != nil { break }
            }
            guard most != nil, reading.end.position > before else { return reading }
        }
    }

    // MARK: - What a definition says beside the format

    /// Loads lines by a source that is said to be `keys`.
    private func load(_ keys: String, _ files: [String: String]) throws -> TestDatabase {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try project.write(
            "pipelines/shop.jsonc",
            "{ \"pipeline\": \"shop\", \"sources\": [ { \"name\": \"all\", \(keys) } ] }")
        for (name, text) in files { try project.write(name, text) }
        try project.counts(on: database)
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
        return database
    }

    private static let cloudEvents = """
        {"specversion":"1.0","id":"1","source":"/a","type":"t.new","time":"2026-01-05T08:00:00Z","subject":"s","data":{"order":"o-1","n":1}}
        {"specversion":"1.0","id":"1","source":"/b","type":"t.new","time":"2026-01-05T08:00:00Z","subject":"s","data":{"order":"o-1","n":2}}
        {"specversion":"1.0","id":"1","source":"/a","type":"t.new","time":"2026-01-05T08:00:00Z","subject":"s","data":{"order":"o-1","n":1}}

        """

    @Test("Events of CloudEvents are told apart by source and id, and one that comes twice is a duplicate")
    func cloudEventIdentity() throws {
        let database = try load(
            #""file": { "path": "*.log", "format": "cloudevents" }"#, ["a.log": Self.cloudEvents])
        #expect(
            try database.rows("SELECT event_id, details -> 'data' ->> 'n' FROM raw.events ORDER BY 1")
                == [["/a 1", "1"], ["/b 1", "2"]])
        #expect(
            try database.rows("SELECT read, loaded, duplicate, conflicting FROM daybook.loads")
                == [["3", "2", "1", "0"]])
    }

    @Test("A field that the definition names takes the place of the format's, and the others stay")
    func overrides() throws {
        let database = try load(
            #""file": { "path": "*.log", "format": "cloudevents" }, "event": { "case_id": "data.order" }"#,
            ["a.log": Self.cloudEvents])
        #expect(
            try database.rows(
                "SELECT case_id, event_id, type, service, occurred_at AT TIME ZONE 'UTC' FROM raw.events ORDER BY 2"
            )
                == [
                    ["o-1", "/a 1", "t.new", "/a", "2026-01-05 08:00:00"],
                    ["o-1", "/b 1", "t.new", "/b", "2026-01-05 08:00:00"],
                ])
        let access = try load(
            #"""
            "file": { "path": "*.log", "format": "access" },
            "event": { "type": "{method}.{status}", "case_id": ["user", "host"], "service": {"value": "web"} }
            """#,
            ["a.log": "h1 - u1 [05/Jan/2026:08:00:00 +0100] \"GET / HTTP/1.1\" 200 5\n"])
        #expect(
            try access.rows(
                "SELECT occurred_at AT TIME ZONE 'UTC', type, case_id, service, user_id FROM raw.events")
                == [["2026-01-05 07:00:00", "GET.200", "u1", "web", "u1"]])
    }

    @Test(
        "Of the fields that a format would take, those that another took the place of stay in the details",
        arguments: [
            [
                "logfmt", "",
                #"time=2026-01-05 event=order.paid msg="card 4711 declined" ts=1 user=u1 user_id=u2"#,
                #"{"ts": "1", "msg": "card 4711 declined", "user": "u1"}"#,
            ],
            ["logfmt", "", "ts=2026-01-05 level=info msg=paid user=u1 n=1", #"{"n": "1", "level": "info"}"#],
            [
                "logfmt", #", "event": { "type": ["event", "msg"] }"#,
                "time=2026-01-05 event=paid msg=done user=u1 user_id=u2", #"{"user": "u1"}"#,
            ],
            [
                "otlp", "",
                #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"INFO","timeUnixNano":"1767600000000000000","eventName":"paid","flags":1}]}]}]}"#,
                #"{"flags": 1, "scope": {}, "resource": {}, "severityText": "INFO", "timeUnixNano": 1767600000000000000}"#,
            ],
            [
                "ecs", "",
                #"{"@timestamp":"2026-01-05","event.action":"paid","event.dataset":"shop","user.name":"n","user.id":"u","m":1}"#,
                #"{"m": 1, "user.name": "n", "event.dataset": "shop"}"#,
            ],
            [
                "ecs", "",
                #"{"@timestamp":"2026-01-05","event":{"dataset":"shop"},"m":1,"user":{"id":"u"},"user.id":"u2"}"#,
                #"{"m": 1, "user": {"id": "u"}, "event": {"dataset": "shop"}, "user.id": "u2"}"#,
            ],
        ])
    func keepsWhatWasNotTaken(_ log: [String]) throws {
        let database = try load(
            "\"file\": { \"path\": \"a.log\", \"format\": \"\(log[0])\" }\(log[1])",
            ["a.log": log[2] + "\n"])
        #expect(try database.rows("SELECT details FROM raw.events") == [[log[3]]])
    }

    @Test("JSON in a string is opened where details say so")
    func opened() throws {
        let lines = #"""
            {"at":"2026-01-05T08:00:00Z","what":"a","case":"c","body":"{\"n\":1,\"in\":{\"x\":[true]}}"}
            {"at":"2026-01-05T08:00:01Z","what":"a","case":"c","body":{"n":2}}
            {"at":"2026-01-05T08:00:02Z","what":"a","case":"c","body":""}
            {"at":"2026-01-05T08:00:03Z","what":"a","case":"c"}
            {"at":"2026-01-05T08:00:04Z","what":"a","case":"c","body":"{\"n\":"}
            {"at":"2026-01-05T08:00:05Z","what":"a","case":"c","body":"[1,\"x\"]"}

            """#
        let event = """
            "event": { "occurred_at": "at", "type": "what", "case_id": "case", "sequence": "body.n",
              "details": {"field": "body", "parse": "json"} }
            """
        let database = try load("\"file\": { \"path\": \"a.ndjson\" }, \(event)", ["a.ndjson": lines])
        let rows = try database.rows("SELECT sequence, details FROM raw.events ORDER BY position")
        #expect(
            rows == [
                ["1", #"{"n": 1, "in": {"x": [true]}}"#], ["2", #"{"n": 2}"#], ["∅", "∅"], ["∅", "∅"],
                ["∅", #"[1, "x"]"#],
            ])
        let rejects = try database.rows("SELECT line, reason_code FROM daybook.rejects")
        #expect(rejects == [["5", "malformed_json"]])
        let csv = try load(
            "\"file\": { \"path\": \"a.csv\" }, \(event)",
            ["a.csv": "at,what,case,body\n2026-01-05,a,c,\"{\"\"n\"\":7}\"\n2026-01-05,a,c,\n"])
        #expect(
            try csv.rows("SELECT sequence, details FROM raw.events ORDER BY position") == [
                ["7", #"{"n": 7}"#], ["∅", "∅"],
            ])
    }

    @Test(
        "Where no field gives an id, a list may end with one that is derived",
        arguments: ["position", "content"])
    func derivedAtLast(_ derived: String) throws {
        let line = #"{"time":"2026-01-05","type":"a"}"#
        let database = try load(
            #"""
            "file": { "path": "a.ndjson" },
            "event": { "occurred_at": "time", "type": "type", "event_id": ["id", "key.id", {"derive": "\#(derived)"}] }
            """#,
            [
                "a.ndjson": """
                {"time":"2026-01-05","type":"a","id":"one"}
                {"time":"2026-01-05","type":"a","key":{"id":"two"}}
                {"time":"2026-01-05","type":"a","id":null}
                \(line)
                \(line)

                """
            ])
        let ids = try database.rows("SELECT event_id FROM raw.events ORDER BY position").map { $0[0] }
        #expect(ids.prefix(2) == ["one", "two"])
        if derived == "position" {
            #expect(ids.count == 5 && ids.dropFirst(2).allSatisfy { $0.contains(":") })
        } else {
            let content = SHA256.hex(Array(line.utf8), prefix: 16)
            #expect(ids.count == 4 && ids[3] == content)
        }
    }

    private static func order(_ id: String, _ more: String = "") -> String {
        #"{"id":"\#(id)","time":"2026-01-05","type":"a"\#(more)}"#
    }

    /// JSON in which the second record is too long, written in many ways, and what a source says of it.
    static let overlong: [(name: String, keys: String, text: @Sendable (String) -> String)] = [
        ("lines", "", { "\(order("1"))\n\($0)\n\(order("2"))\n" }),
        ("one behind the other", "", { order("1") + $0 + order("2") }),
        ("an array on a line", "", { "[\(order("1")),\($0),\(order("2"))]" }),
        ("the first of an array", "", { "[\($0),\(order("1")),\(order("2"))]" }),
        ("the last of an array", "", { "[\(order("1")),\(order("2")),\($0)]" }),
        ("an array over lines", "", { "[\n  \(order("1")),\n  \($0),\n  \(order("2"))\n]\n" }),
        (
            "at a path", #", "data_path": "items""#,
            { #"{"n":1,"items":[\#($0),\#(order("1")),\#(order("2"))],"m":2}"# }
        ),
        (
            "at a path, in the middle", #", "data_path": "items""#,
            { "{\"items\":[\(order("1")),\n\($0),\(order("2"))]}\n" }
        ),
        ("a line that is cut", "", { "\(order("1"))\n\($0.dropLast(30))\n\(order("2"))\n" }),
    ]

    @Test(
        "A record that is longer than it may be costs no other, however JSON is written",
        arguments: 0..<overlong.count,
        [5_000, 9 << 20])
    func overlongJSON(_ index: Int, size: Int) throws {
        let form = Self.overlong[index]
        let filler = String(repeating: #"\"}],[{ \\"#, count: size / 10)
        let long = Self.order("0", #","of":[{"x":"\#(filler)"},{"y":{"z":[]}}],"last":"0123456789""#)
        let database = try load(
            #"""
            "file": { "path": "a.json", "max_line": 2048\#(form.keys) },
            "event": { "occurred_at": "time", "type": "type", "event_id": "id" }
            """#, ["a.json": form.text(long)])
        let ids = try database.rows("SELECT event_id FROM raw.events ORDER BY position")
        #expect(ids == [["1"], ["2"]], "\(form.name)")
        let rejects = try database.rows("SELECT reason_code FROM daybook.rejects")
        #expect(rejects == [["line_too_long"]], "\(form.name)")
    }

    // MARK: - One log in two formats

    @Test("A process log in XES is the same log in CSV", .enabled(if: TestData.isThere))
    func xesAndCSV() throws {
        let events = try TestData.csv(TestData.path("patients/patients.csv"))
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try FileManager.default.copyItem(
            atPath: TestData.path("patients/patients.csv"), toPath: project.path("visits.csv"))
        let columns = try #require(events.first).keys
        #expect(columns.contains("patient"), "\(columns)")
        func escaped(_ text: String?) -> String {
            (text ?? "").replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
                "\"", with: "&quot;")
        }
        var xes = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log xes.version=\"1.0\">\n"
        var cases: [String] = []
        let byCase = Dictionary(grouping: events) { $0["patient"] ?? "" }
        for event in events where !cases.contains(event["patient"] ?? "") {
            cases.append(event["patient"] ?? "")
        }
        for name in cases {
            xes += "  <trace>\n    <string key=\"concept:name\" value=\"\(escaped(name))\"/>\n"
            for event in byCase[name] ?? [] {
                xes += """
                        <event>
                          <string key="concept:name" value="\(escaped(event["handling"]))"/>
                          <string key="lifecycle:transition" value="\(escaped(event["registration_type"]))"/>
                          <date key="time:timestamp" value="\(escaped(event["time"]))"/>
                        </event>

                    """
            }
            xes += "  </trace>\n"
        }
        try project.write("visits.xes", xes + "</log>\n")
        try project.write(
            "pipelines/csv.jsonc",
            """
            { "pipeline": "csv", "sources": [ { "name": "visits", "file": { "path": "visits.csv" },
              "event": { "occurred_at": "time", "type": "handling", "case_id": "patient" } } ] }
            """)
        try project.write(
            "pipelines/xes.jsonc",
            """
            { "pipeline": "xes", "sources": [ { "name": "visits", "file": { "path": "visits.xes" } } ] }
            """)
        let reports = try project.run(on: database)
        #expect(reports.map(\.counts.loaded) == [events.count, events.count])
        #expect(reports.allSatisfy { $0.counts.rejected == 0 })
        let differing = try database.value(
            """
            WITH csv AS (SELECT case_id, type, occurred_at FROM raw.events WHERE entity = 'csv'),
            xes AS (SELECT case_id, type, occurred_at FROM raw.events WHERE entity = 'xes')
            SELECT count(*) FROM (
                (TABLE csv EXCEPT ALL TABLE xes) UNION ALL (TABLE xes EXCEPT ALL TABLE csv)) AS d
            """)
        #expect(differing == "0")
        #expect(
            try database.value(
                "SELECT count(DISTINCT details ->> 'lifecycle:transition') FROM raw.events WHERE entity = 'xes'"
            )
                == "2")
    }
}

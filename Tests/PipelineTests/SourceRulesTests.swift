import Events
import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing
import Warehouse

/// What a source's definition says of repeated, changed and bad records, and the proof that reads it all again.
@Suite
struct SourceRulesTests {
    private let project: TemporaryProject
    private let database: TestDatabase

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
    }

    private let event =
        "\"event\": { \"event_id\": \"id\", \"occurred_at\": \"time\", \"type\": \"type\", \"case_id\": \"order\" }"

    private func define(_ rules: String, file: String = "\"path\": \"logs/*.ndjson\"") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [ { "name": "shop", "file": { \(file) }, \(event)\(rules) } ] }
            """)
    }

    private func line(_ number: Int, _ extra: String = "") -> String {
        "{\"id\":\"e\(number)\",\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"order.created\",\"order\":\"o\"\(extra)}\n"
    }

    private func problems() throws -> [String] {
        try Verification.problems(try Warehouse.connect(database.url))
    }

    private func deepProblems() throws -> DeepVerification.Outcome {
        let opened = try Project(directory: project.directory, environment: [:])
        let deep = DeepVerification(opened, try Warehouse.connect(database.url)) { _ in }
        return try deep.run(try opened.pipelines([]))
    }

    // MARK: - max_rejected

    @Test(
        "More rejects than max_rejected fail the run, and what was loaded stays",
        arguments: [
            ("3", 3, false), ("2", 3, true), ("0", 1, true), ("0", 0, false), ("0.03", 3, false),
            ("0.02", 3, true),
        ])
    func maxRejected(_ limit: String, _ bad: Int, _ fails: Bool) throws {
        try define(", \"max_rejected\": \(limit)")
        let lines = (0..<100).map { $0 < bad ? "bad\n" : line($0) }.joined()
        try project.write("logs/a.ndjson", lines)
        let report = try project.run(on: database)[0]
        #expect((report.error is TooManyRejects) == fails)
        #expect(report.status == (fails ? .failed : .succeeded))
        #expect(report.counts.loaded == 100 - bad && report.counts.rejected == bad)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "\(100 - bad)")
        // They were told; a run that reads nothing new has nothing to fail for.
        #expect(try project.run(on: database)[0].error == nil)
        #expect(try problems() == [])
    }

    @Test("The command ends with 65 where max_rejected is exceeded, and says what to look at")
    func exitCode() throws {
        try define(", \"max_rejected\": 0")
        try project.write("logs/a.ndjson", line(1) + "bad\n")
        let outcome = try DaybookCommand(in: project.directory, database: database.url).run("run")
        #expect(outcome.status == 65)
        #expect(outcome.error.contains("max_rejected is 0") && outcome.error.contains("daybook.rejects"))
    }

    @Test(
        "What cannot be meant is refused with its place",
        arguments: [
            (", \"max_rejected\": -1", "max_rejected"), (", \"max_rejected\": 1.5", "share"),
            (", \"max_rejected\": \"5%\"", "max_rejected"),
            (", \"on_change\": \"keep\"", "keep_first"), (", \"identity\": \"global\"", "project"),
            (", \"freshness\": \"1h\"", "must be an object"), (", \"freshness\": {}", "says no age"),
            (", \"freshness\": { \"warn\": \"4h\", \"error\": \"4h\" }", "must be below error"),
            (", \"freshness\": { \"warn\": \"0s\" }", "must be longer than nothing"),
            (", \"freshness\": { \"warm\": \"1h\" }", "did you mean \"warn\"?"),
            (", \"freshness\": { \"error\": \"soon\" }", "which is no duration"),
        ])
    func badRules(_ rules: String, _ words: String) throws {
        try define(rules)
        let opened = try Project(directory: project.directory, environment: [:])
        let error = try #require(throws: DefinitionError.self) { try opened.pipelines([]) }
        #expect("\(error)".contains(words) && "\(error)".contains("pipelines/orders.jsonc:1:"))
    }

    @Test("How old the latest event may be is kept with the source, also where nothing of it could be read")
    func freshness() throws {
        func kept() throws -> String? {
            try database.value(
                "SELECT concat_ws(' ', name, freshness_warn, freshness_error) FROM daybook.sources")
        }
        try define(
            ", \"freshness\": { \"warn\": \"90m\", \"error\": \"PT4H\" }", file: "\"path\": \"gone.ndjson\"")
        #expect(try project.run(on: database)[0].status == .failed)
        #expect(try kept() == "shop 01:30:00 04:00:00")
        try define(", \"freshness\": { \"error\": \"1d\" }")
        try project.run(on: database)
        #expect(try kept() == "shop 24:00:00")
        try define("")
        try project.run(on: database)
        #expect(try kept() == "shop")
    }

    @Test("A source that cannot be read keeps no other from being known")
    func knownBefore() throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [
              { "name": "gone", "file": { "path": "gone.ndjson" }, \(event) },
              { "name": "shop", "file": { "path": "logs/*.ndjson" }, \(event), "freshness": { "error": "1h" } } ] }
            """)
        #expect(try project.run(on: database)[0].status == .failed)
        #expect(
            try database.value("SELECT string_agg(name, ' ' ORDER BY name) FROM daybook.sources")
                == "gone shop")
        // What has told nothing is as old as we know it.
        #expect(
            try database.value(
                "SELECT freshness || ' ' || (age_seconds < 60) FROM daybook.source_freshness WHERE name = 'shop'"
            )
                == "fresh true")
    }

    // MARK: - on_change, identity

    @Test(
        "A changed event keeps its first content, or its last", arguments: ["keep_first", "keep_last", nil])
    func onChange(_ rule: String?) throws {
        try define(rule.map { ", \"on_change\": \"\($0)\"" } ?? "")
        for (index, state) in ["new", "paid", "paid", "sent"].enumerated() {
            try project.write("logs/\(index).ndjson", line(1, ",\"state\":\"\(state)\"") + line(index + 10))
        }
        let counts = try project.counts(on: database)
        #expect(
            counts.loaded == 5 && counts.duplicate == 3 && counts.conflicting == (rule == "keep_last" ? 2 : 3)
        )
        #expect(
            try database.value("SELECT details ->> 'state' FROM raw.events WHERE event_id = 'e1'")
                == (rule == "keep_last" ? "sent" : "new"))
        #expect(try problems() == [])
        #expect(try deepProblems().problems == [])
    }

    @Test("identity project: two sources that tell of the same events tell of them once")
    func identity() throws {
        func source(_ name: String, _ rule: String) -> String {
            "{ \"name\": \"\(name)\", \"file\": { \"path\": \"\(name).ndjson\" }, \(event)\(rule) }"
        }
        let rule = ", \"identity\": \"project\""
        try project.write(
            "pipelines/orders.jsonc",
            "{ \"pipeline\": \"orders\", \"sources\": [ \(source("a", rule)), \(source("b", rule)), \(source("c", "")) ] }"
        )
        for name in ["a", "b", "c"] { try project.write("\(name).ndjson", line(1) + line(2)) }
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 4 && counts.duplicate == 2 && counts.conflicting == 2)
        #expect(
            try database.rows("SELECT source_id > 0, count(*) FROM raw.events GROUP BY 1 ORDER BY 1")
                == [["f", "2"], ["t", "2"]])
        #expect(try problems() == [])
        #expect(try deepProblems().problems == [])
    }

    // MARK: - Rows that the server refuses

    @Test("A database that cannot hold a character refuses that row alone, of CSV with its lines")
    func foreignEncoding() throws {
        let server = try database.connect()
        let name = "\(database.name)_latin1"
        try server.execute(
            "CREATE DATABASE \(name) ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        defer { try? server.execute("DROP DATABASE \(name) WITH (FORCE)") }
        try define("", file: "\"path\": \"logs/*.csv\"")
        try project.write(
            "logs/a.csv",
            "id,time,type,order,note\ne1,2026-01-01,t,o,\"two\nlines é\"\ne2,2026-01-01,t,o,\"three\n\nlines 漢\"\n"
                + "e3,2026-01-01,t,o,plain\n")
        let command = DaybookCommand(
            in: project.directory, database: database.url.replacingOccurrences(of: database.name, with: name))
        let outcome = try command.run("load", "--json")
        #expect(outcome.status == 0, "\(outcome.error)")
        let other = try Connection(command.environment["DATABASE_URL"], applicationName: "tests")
        #expect(
            try other.query("SELECT string_agg(event_id, ',' ORDER BY event_id) FROM raw.events").first().get(
                0) == "e1,e3")
        let reject = try other.query(
            "SELECT line, reason_code, reason, length(raw), byte_offset FROM daybook.rejects"
        ).first()
        #expect(try reject.get(0) == 4 && reject.get(1, as: String.self) == "refused_by_server")
        #expect(try reject.get(2, as: String.self).contains("LATIN1"))
        #expect(try reject.get(3) == "e2,2026-01-01,t,o,\"three\n\nlines 漢\"".utf8.count)
        #expect(try Verification.problems(try Warehouse.connect(command.environment["DATABASE_URL"])) == [])
        #expect(try command.run("verify", "--deep").status == 0)
    }

    // MARK: - verify --deep

    @Test("verify --deep finds what is missing and what differs, and says what it could not read again")
    func deep() throws {
        try define("")
        try project.write("logs/a.ndjson", (0..<50).map { line($0) }.joined() + "bad\n\n")
        try project.write("logs/b.ndjson", (50..<60).map { line($0) }.joined())
        _ = try project.counts(on: database)
        let sound = try deepProblems()
        #expect(sound.problems == [] && sound.events == 60 && sound.loads == 2 && sound.gone == 0)

        let connection = try database.connect()
        try connection.execute("DELETE FROM raw.events_by_day WHERE event_id = 'e7'")
        try connection.execute("UPDATE raw.events_by_day SET type = 'order.faked' WHERE event_id = 'e9'")
        try FileManager.default.removeItem(atPath: project.path("logs/b.ndjson"))
        let found = try deepProblems()
        #expect(found.gone == 1 && found.loads == 1)
        #expect(found.problems.count == 2)
        #expect(found.problems.contains { $0.contains("event e7 ") && $0.contains("missing") })
        #expect(found.problems.contains { $0.contains("event e9 ") && $0.contains("another content") })

        let outcome = try DaybookCommand(in: project.directory, database: database.url).run(
            "verify", "--deep", "--json")
        #expect(outcome.status == 2 && outcome.out.contains("\"gone\" : 1"))
    }

    @Test("Files that are gone are told in one line, each once")
    func goneFiles() throws {
        try define("")
        for number in 0..<9 {
            try project.write("logs/\(number).ndjson", line(number))
            _ = try project.counts(on: database)
        }
        // Another file of a name that was there before.
        try project.write("logs/0.ndjson", line(50))
        _ = try project.counts(on: database)
        for number in 0..<9 {
            try FileManager.default.removeItem(atPath: project.path("logs/\(number).ndjson"))
        }
        let outcome = try DaybookCommand(in: project.directory, database: database.url).run(
            "verify", "--deep")
        #expect(outcome.status == 0 && outcome.out.contains("; 10 loads of files that are gone"))
        let told = outcome.error.split(separator: "\n").filter { $0.contains("cannot be read again") }
        #expect(
            told.count == 1 && told.allSatisfy { $0.contains("9 files are not there") }, "\(outcome.error)")
        #expect(told.allSatisfy { $0.hasSuffix("logs/2.ndjson and 6 more") }, "\(outcome.error)")
    }
}

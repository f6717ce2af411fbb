import Foundation
import Postgres
import TestSupport
import Testing

/// What was erased is nowhere, and all else is as if it had never come.
@Suite
struct EraseTests {
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
              "sources": [ { "name": "shop", "file": { "path": "log.ndjson" }, "keep_original": true,
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order",
                  "user_id": "user" } } ],
              "event_fields": { "order": { "amount": { "type": "numeric" } } },
              "keys": { "invoice": ["details.invoice"] },
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h",
                "alerts": [ { "type": "overdue" } ] } ],
              "alerts": [] }
            """)
    }

    /// Orders over ten days; some are paid late or never, some lines are broken. Ids share beginnings.
    private func lines(seed: Int) -> [(order: String, user: String, line: String)] {
        var dice = Dice(seed: UInt64(seed))
        return (0..<60).flatMap { number -> [(String, String, String)] in
            let order = "case-\(number)"
            let user = "user-\(dice.roll(12))"
            let hour = dice.roll(240)
            func line(_ id: String, _ type: String, _ minutes: Int, more: String = "") -> (
                String, String, String
            ) {
                let at = Date(timeIntervalSince1970: 1_767_225_600 + Double(hour * 3600 + minutes * 60))
                    .formatted(.iso8601)
                return (
                    order, user,
                    "{\"id\":\"\(id)-\(number)\",\"at\":\"\(at)\",\"type\":\"\(type)\",\"order\":\"\(order)\",\"user\":\"\(user)\"\(more)}"
                )
            }
            var lines = [
                line("c", "order.created", 0, more: ",\"amount\":\"x\(order)\",\"invoice\":\"inv-\(order)\"")
            ]
            if dice.roll(3) > 0 { lines.append(line("p", "order.paid", dice.roll(120))) }
            if dice.roll(4) == 0 { lines.append(line("s", "order.sent", 3_000)) }
            if dice.roll(5) == 0 {
                lines.append((order, user, "{\"order\":\"\(order)\",\"user\":\"\(user)\"}"))
            }
            return lines
        }
    }

    @discardableResult
    private func run(_ arguments: String..., on other: TestDatabase? = nil) throws -> String {
        var environment = command.environment
        if let other { environment["DATABASE_URL"] = other.url }
        let outcome = try Shell.run(DaybookCommand.path, arguments, in: project.directory, environment)
        #expect(outcome.status == 0, "\(arguments): \(outcome.out) \(outcome.error)")
        return outcome.out
    }

    /// The tables of a database that hold a text, also as bytes.
    private func holders(of text: String) throws -> [String] {
        let tables = try database.rows(
            """
            SELECT c.oid::regclass FROM pg_class AS c
            WHERE relnamespace IN ('raw'::regnamespace, 'report'::regnamespace, 'daybook'::regnamespace)
                AND relkind IN ('r', 'p')
            """)
        let hex = text.utf8.map { String(format: "%02x", $0) }.joined()
        return try tables.map { $0[0] }.filter { table in
            let pattern = "\(text)(?![0-9])|\(hex)(?!3[0-9])"
            return try database.value(
                "SELECT EXISTS (SELECT FROM \(table) AS t WHERE t::text ~ '\(pattern)')") == "t"
        }
    }

    private func contents(of database: TestDatabase) throws -> [String: [[String]]] {
        var contents: [String: [[String]]] = [:]
        for (relation, columns) in [
            ("raw.events", "occurred_at, entity, case_id, event_id, type, service, user_id, details"),
            ("report.cases", "entity, case_id, first_at, last_at, events, last_type"),
            ("report.fact_sla", "sla, case_id, cycle, started_at, completed_at, status, breached"),
            (
                "report.sla_hourly",
                "sla, hour_start, started, completed, met, late, open, overdue, attainment, p95_seconds, is_final"
            ),
            ("raw.event_order", "case_id, event_id, amount"), ("daybook.conversions", "case_id"),
            ("daybook.rejects", "raw"), ("raw.originals", "bytes"),
        ] {
            contents[relation] = try database.rows(
                "SELECT \(columns) FROM \(relation) ORDER BY 1, 2, 3".replacingOccurrences(
                    of: "1, 2, 3",
                    with: (1...columns.split(separator: ",").count).map(String.init).joined(separator: ", ")))
        }
        return contents
    }

    @Test("Without what was erased the database is as if it had never come", arguments: [1, 2, 3])
    func exactly(seed: Int) throws {
        let lines = lines(seed: seed)
        try project.write("log.ndjson", lines.map { $0.line + "\n" }.joined())
        try run("run")
        if seed == 2 { try run("compact", "--older-than", "1d") }
        let (order, user) = ("case-\(seed)", lines.first { $0.order == "case-\(seed + 20)" }!.user)
        #expect(try holders(of: order).count > 5)
        #expect(try run("erase", order).contains("would be erased"))
        #expect(try holders(of: order).count > 5)
        for arguments in [
            ["erase", order, "--yes", "--json"], ["erase", "--user", user, "--yes", "--reason", "ticket 7"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(outcome.status == 0, "\(outcome.error)")
        }
        #expect(try holders(of: order) == [])
        #expect(try holders(of: user) == [])
        let verified = try run("verify", "--deep")
        // Loads of which rejects went are not compared.
        if seed == 2 {
            #expect(
                verified.contains(/, but for [0-9]+ events? that w[a-z]+ erased on request/), "\(verified)")
        }
        let erasures = try database.rows(
            "SELECT kind, reason FROM daybook.erasures ORDER BY erasure_id")
        #expect(erasures == [["case", "∅"], ["user", "ticket 7"]])

        let other = try TestDatabase()
        try project.write(
            "log.ndjson",
            lines.filter { $0.order != order && $0.user != user }.map { $0.line + "\n" }.joined())
        try run("run", on: other)
        let (left, wanted) = (try contents(of: database), try contents(of: other))
        for (relation, rows) in wanted { #expect(left[relation] == rows, "\(relation)") }
        let causes = try database.rows(
            """
            SELECT DISTINCT cause FROM report.sla_hourly_history
            WHERE valid_from > (SELECT min(valid_from) FROM report.sla_hourly_history)
            """)
        #expect(causes.allSatisfy { $0 == ["erase"] })
    }

    @Test("A case of which only reports tell, because its days were dropped, goes too")
    func frozenCases() throws {
        try project.write(
            "log.ndjson",
            """
            {"id":"1","at":"2026-01-05T10:00:00Z","type":"order.created","order":"old"}
            {"id":"2","at":"2026-01-05T10:10:00Z","type":"order.paid","order":"old"}
            {"id":"3","at":"2026-01-05T10:20:00Z","type":"order.created","order":"old-2"}
            {"id":"4","at":"2026-01-05T10:30:00Z","type":"order.paid","order":"old-2"}
            {"id":"5","at":"\(Date().formatted(.iso8601))","type":"order.created","order":"new"}

            """)
        try run("run")
        try run("retain", "--raw", "30d")
        #expect(
            try database.value("SELECT started FROM report.sla_hourly ORDER BY hour_start LIMIT 1") == "2")
        try run("erase", "old", "--yes")
        #expect(try database.rows("SELECT case_id FROM report.cases ORDER BY 1") == [["new"], ["old-2"]])
        #expect(
            try database.value("SELECT started FROM report.sla_hourly ORDER BY hour_start LIMIT 1") == "1")
        #expect(try database.value("SELECT count(*) FROM daybook.late_cases") == "0")
        try run("verify")
    }

    /// Two entities with a case of one name, which began on a day that was dropped, and went on; keys, and users.
    private func writeFrozen() throws {
        for entity in ["order", "invoice"] {
            try project.write(
                "pipelines/\(entity).jsonc",
                """
                { "pipeline": "\(entity)", "entity": "\(entity)", "clock": "data",
                  "sources": [ { "name": "\(entity)", "file": { "path": "\(entity).ndjson" },
                    "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "case",
                      "user_id": "user" } } ],
                  "keys": { "person": ["user_id"] },
                  "slas": [ { "name": "\(entity)_done", "start": "\(entity).made", "end": "\(entity).done",
                    "within": "5d" } ] }
                """)
            func line(_ id: String, _ name: String, _ at: String, _ what: String, _ user: String) -> String {
                "{\"id\":\"\(id)\",\"at\":\"\(at)\",\"type\":\"\(entity).\(what)\",\"case\":\"\(name)\",\"user\":\"\(user)\"}\n"
            }
            try project.write(
                "\(entity).ndjson",
                line("1", "c1", "2026-01-05T10:00:00Z", "made", "alice")
                    + line("2", "c1", "2026-01-09T10:00:00Z", "seen", "bob")
                    + line("3", "c2", "2026-01-07T10:00:00Z", "made", "bob")
                    + line("4", "new", "2026-03-01T10:00:00Z", "made", "carol"))
        }
        try FileManager.default.removeItem(atPath: project.path("pipelines/orders.jsonc"))
        try run("run")
        let days = Int(Date().timeIntervalSince1970 - 1_767_830_400) / 86_400
        // Up to 2026-01-08 nothing is kept; both cases are, for their deadlines lie behind it.
        try run("retain", "--raw", "\(days)d", "--report", "\(days)d")
        #expect(try database.value("SELECT report_from FROM daybook.retention") == "2026-01-08")
    }

    private func told(of name: String) throws -> [[String]] {
        try database.rows(
            """
            SELECT entity, 'case', to_jsonb(c)::text FROM report.cases AS c WHERE case_id = '\(name)'
            UNION ALL
            SELECT entity, 'fact', to_jsonb(f)::text FROM report.fact_sla AS f WHERE case_id = '\(name)'
            UNION ALL
            SELECT entity, 'path', to_jsonb(p)::text FROM daybook.case_paths AS p WHERE case_id = '\(name)'
            UNION ALL
            SELECT entity, 'key', to_jsonb(k)::text FROM report.case_keys AS k WHERE case_id = '\(name)'
            ORDER BY 1, 2, 3
            """)
    }

    @Test("A case goes with what is kept of it, however old; another entity's of its name stays as it is")
    func oneEntityOfTwo() throws {
        try writeFrozen()
        for name in ["c1", "c2"] {
            let before = try told(of: name)
            #expect(Set(before.map(\.[0])) == ["order", "invoice"])
            try run("erase", name, "--entity", "order", "--yes")
            #expect(try told(of: name) == before.filter { $0[0] == "invoice" })
        }
        #expect(try database.value("SELECT count(*) FROM daybook.forgotten_cases") == "0")
        // Both may come again.
        try project.append(
            "order.ndjson",
            #"{"id":"9","at":"2026-03-02T10:00:00Z","type":"order.seen","case":"c2","user":"bob"}"# + "\n")
        try run("run")
        #expect(try told(of: "c2").filter { $0[0] == "order" }.count > 2)
        try run("verify")
    }

    @Test("A user goes from what is kept of cases whose days were dropped")
    func userOfDroppedDays() throws {
        try writeFrozen()
        #expect(try holders(of: "alice").contains("case_paths"))
        try run("erase", "--user", "alice", "--yes")
        #expect(try holders(of: "alice") == [])
        try run("erase", "--user", "bob", "--yes")
        #expect(try holders(of: "bob") == [])
        #expect(
            try database.rows(
                "SELECT day::text, entity, active_users FROM report.active_users_daily ORDER BY 1, 2")
                == [["2026-03-01", "invoice", "1"], ["2026-03-01", "order", "1"]])
        let again = try Shell.run(
            DaybookCommand.path, ["erase", "--user", "alice"], in: project.directory, command.environment)
        #expect(again.status == 1)
        try run("run")
        try run("verify")
    }

    @Test("Keys of cases that go on are kept when their days are dropped, by rebuilds too")
    func keysOfOldCases() throws {
        try writeFrozen()
        let before = try told(of: "c1")
        try run("transform", "--full-refresh")
        #expect(try told(of: "c1") == before)
        // The same key once more, of a case whose row for it is older than reports are kept.
        try project.append(
            "order.ndjson",
            #"{"id":"9","at":"2026-03-02T10:00:00Z","type":"order.seen","case":"c2","user":"bob"}"# + "\n")
        try run("run")
        try run("run")
        try run("verify")
    }

    @Test func tellsWhatItCannotDo() throws {
        try project.write("log.ndjson", "")
        try run("run")
        for arguments in [
            ["erase", "nobody"], ["erase", "nobody", "--yes", "--json"], ["erase", "--user", "x"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(outcome.status == 1, "\(outcome.error)")
            #expect(
                arguments.contains("--json")
                    ? outcome.out.contains(#""erased" : false"#)
                    : outcome.out.contains("there is nothing of it"))
        }
        #expect(try database.value("SELECT count(*) FROM daybook.erasures") == "0")
        for arguments in [
            ["erase"], ["erase", "a", "--user", "b"], ["erase", "--user", "b", "--entity", "order"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(outcome.status == 64, "\(outcome.error)")
        }
    }

    @Test("A reject names something where a value is that, however it is written")
    func namesOfRejects() throws {
        try project.write("log.ndjson", "")
        try run("run")
        func isNamed(_ name: String, in bytes: String) throws -> Bool {
            try database.value(
                "SELECT encode(convert_to(\(quoteLiteral(bytes)), 'UTF8'), 'escape') ~ daybook.value_pattern(\(quoteLiteral(name)))"
            ) == "t"
        }
        for bytes in [
            #"{"order":"o1"}"#, #"{"order": "o1", "b": 2"#, "o1", "2026-01-05,o1,paid", "a;\"o1\"",
            "at=5 order=o1 x",
            "<order>o1</order>", "GET /orders/o1/paid", "https://shop.example/orders/o1?x=1", "?order=o1&b=2",
            #"{"body":"{\"order\":\"o1\"}"}"#, #"{"order":"\u006f1"}"#, "o1\tpaid", "[o1]", "paid (o1)",
        ] {
            #expect(try isNamed("o1", in: bytes), "\(bytes)")
        }
        for bytes in ["o12", "xo1", "o1é", "", "o1-B", "a.o1.b", #"{"order":"o1-2"}"#, #"{"order":"x o1"}"#] {
            #expect(try !isNamed("o1", in: bytes), "\(bytes)")
        }
        for bytes in [#"{"order":12,"b":1}"#, #"{"order": 12}"#, #"{"order":"12"}"#, #"{"order":12"#] {
            #expect(try isNamed("12", in: bytes), "\(bytes)")
        }
        for bytes in [
            #"{"at":"2026-01-05T11:12:00Z"}"#, #"{"order":999,"at":"10:12"}"#, "2026-01-12", "v1.12",
        ] {
            #expect(try !isNamed("12", in: bytes), "\(bytes)")
        }
        for (name, bytes) in [
            ("José", #"{"user":"Jos\u00e9"}"#), ("José", #"{"user":"Jos\u00E9"}"#),
            ("José", #"{"user":"José"}"#),
            ("😀", #"{"user":"\ud83d\uDE00"}"#), ("a\"b", #"{"user":"a\"b"}"#), ("a\"b", #"x,"a""b",y"#),
            ("a\\b", #"{"user":"a\\b"}"#), ("a/b", #"{"user":"a\/b"}"#), ("a.*b", #"{"user":"a.*b"}"#),
        ] {
            #expect(try isNamed(name, in: bytes), "\(name) in \(bytes)")
        }
        #expect(try !isNamed("a.*b", in: #"{"user":"axxb"}"#))
    }
}

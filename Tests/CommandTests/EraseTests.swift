import Foundation
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
        #expect(
            try run("verify", "--deep").contains(
                /all as they were loaded, but for [0-9]+ events that were erased on request/))
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

    @Test func tellsWhatItCannotDo() throws {
        try project.write("log.ndjson", "")
        try run("run")
        #expect(try run("erase", "nobody").contains("there is nothing of it"))
        #expect(try run("erase", "nobody", "--yes", "--json").contains(#""erased" : false"#))
        #expect(try database.value("SELECT count(*) FROM daybook.erasures") == "0")
        for arguments in [
            ["erase"], ["erase", "a", "--user", "b"], ["erase", "--user", "b", "--entity", "order"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(outcome.status == 64, "\(outcome.error)")
        }
        // A name is a word, not a part of one.
        for (bytes, isNamed) in [
            ("{\"a\":\"o1\"}", "t"), ("o1", "t"), ("o12 o1", "t"), ("o12", "f"), ("xo1", "f"), ("o1é", "f"),
            ("", "f"),
        ] {
            #expect(
                try database.value("SELECT daybook.names(convert_to('\(bytes)', 'UTF8'), 'o1')") == isNamed)
        }
    }
}

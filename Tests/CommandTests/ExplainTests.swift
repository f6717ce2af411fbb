import Foundation
import TestSupport
import Testing

/// `explain`: from a number to the lines it came from.
@Suite
struct ExplainTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try define()
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-05T10:00:00Z","type":"order.made","order":"o1"}
            {"id":"2","at":"2026-01-05T10:30:00Z","type":"order.paid","order":"o1"}
            {"id":"3","at":"2026-01-05T10:40:00Z","type":"order.made","order":"o2 'x' <script>"}
            {"id":"4","at":"2026-01-05T10:50:00Z","type":"order.made","order":"o3"}
            {"id":"5","at":"2026-01-05T10:55:00Z","type":"order.dropped","order":"o3"}
            {"id":"6","at":"2026-01-05T13:00:00Z","type":"order.made","order":"o4"}

            """)
        #expect(try command.run("run").status == 0)
    }

    private func define(within: String = "1h") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "*.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "paid", "description": "Paid at once", "owner": "the till", "start": "order.made",
                "end": "order.paid", "cancel": "order.dropped", "within": "\(within)", "target": 0.9 } ] }
            """)
    }

    private func json(_ arguments: String...) throws -> [String: Any] {
        let outcome = try Shell.run(
            DaybookCommand.path, arguments + ["--json"], in: project.directory, command.environment)
        return try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any],
            "\(outcome.out)\(outcome.error)")
    }

    @Test("Ids stand on one line each, and lines are counted over blocks of the file")
    func longFiles() throws {
        var text = ""
        for number in 1...3_000 {
            text +=
                #"{"id":"l\#(number)\nx","at":"2026-02-01T10:00:00Z","type":"order.made","order":"l\#(number)\ny","#
            text += #""pad":"\#(String(repeating: "p", count: 1_000))"}"# + "\n"
        }
        try project.write("long.ndjson", text)
        #expect(try command.run("run").status == 0)
        let explained = try json("explain", "paid", "2026-02-01T10:00", "--limit", "3000")
        let cases = try #require(explained["cases"] as? [[String: Any]])
        #expect(cases.count == 3_000)
        for one in cases {
            let start = try #require(one["start"] as? [String: Any])
            let number = try #require((one["case_id"] as? String)?.dropFirst().prefix { $0.isNumber })
            #expect(start["line"] as? Int == Int(number))
        }
        let told = try command.run("explain", "paid", "2026-02-01T10:00").out
        #expect(told.contains(#"l1\ny: "#) && told.contains(#"event l1\nx"#), "\(told)")
    }

    @Test("The row is what its cases add up to; each case with file, line, byte, load and definition")
    func explain() throws {
        let outcome = try command.run("explain", "paid", "2026-01-05T10:20")
        #expect(outcome.status == 0, "\(outcome.error)")
        for told in [
            "paid, hour 2026-01-05 10:00 (UTC): cases that started in it", "Paid at once", "owner the till",
            "from order.made to order.paid, cancelled by order.dropped", "judged by version 1",
            "The row is what its 3 cases add up to.", "o1: met, took 30m 00s, due 2026-01-05 11:00:00",
            "a.ndjson:1, byte 0, load 1 of orders.shop", "a.ndjson:2, byte 72,",
            "o2 'x' <script>: overdue", "o3: cancelled", "a.ndjson:5", "first by load (load 1: a.ndjson)",
            "final: only late data can change it",
        ] {
            #expect(outcome.out.contains(told), "\(told) in \(outcome.out)")
        }
        let document = try json("explain", "paid", "2026-01-05T10:00")
        #expect(document["adds_up"] as? Bool == true && document["cases_in_all"] as? Int == 3)
        let cases = try #require(document["cases"] as? [[String: Any]])
        let end = try #require(cases.first?["end"] as? [String: Any])
        #expect(
            end["line"] as? Int == 2 && end["position"] as? Int == 72
                && end["object"] as? String == "a.ndjson")
        let few = try command.run("explain", "paid", "2026-01-05T10:00", "--limit", "1")
        #expect(few.out.contains("and 2 cases more") && few.out.contains("its 3 cases add up"))
    }

    @Test("By the hour of the end and of the deadline; every verdict on a file that is gone")
    func otherHours() throws {
        let end = try command.run("explain", "paid", "2026-01-05T10:00", "--by", "end")
        #expect(end.status == 0 && end.out.contains("cases that were completed in it"), "\(end.error)")
        #expect(end.out.contains("its 1 case add") && end.out.contains("no versions are kept"))
        let breach = try command.run("explain", "paid", "2026-01-05T11:00", "--by", "breach")
        #expect(breach.status == 0 && breach.out.contains("o2 'x' <script>: overdue"), "\(breach.error)")
        // What can no longer be counted in the file is told as a range.
        try project.write("a.ndjson", "{}\n")
        let gone = try command.run("explain", "paid", "2026-01-05T10:00")
        #expect(gone.out.contains("a.ndjson:1, byte 0") && gone.out.contains("byte 72 (lines 1 to 7)"))
    }

    @Test("Every version of the row, with what brought it")
    func history() throws {
        try project.write(
            "b.ndjson",
            """
            {"id":"7","at":"2026-01-05T11:30:00Z","type":"order.paid","order":"o2 'x' <script>"}

            """)
        #expect(try command.run("run").status == 0)
        let late = try command.run("explain", "paid", "2026-01-05T10:00")
        #expect(late.out.contains("history of the row, 2 versions"), "\(late.out)")
        #expect(late.out.contains("restated by load (load 2: b.ndjson)"))
        #expect(late.out.contains("met 1 → 2") && late.out.contains("overdue 1 → 0"))
        try define(within: "40m")
        let before = try command.run("explain", "paid", "2026-01-05T10:00")
        #expect(before.out.contains("judged by version 1 of the definition, which is as above"))
        #expect(try command.run("run").status == 0)
        let after = try command.run("explain", "paid", "2026-01-05T10:00")
        #expect(
            after.out.contains("by definition") && after.out.contains("judged by version 2"), "\(after.out)")
        let versions = try #require(
            try json("explain", "paid", "2026-01-05T10:00")["history"] as? [[String: Any]])
        #expect(versions.count >= 3 && versions.contains { $0["is_restatement"] as? Bool == true })
    }

    @Test("A row that its cases do not add up to is told, and so is what is not there")
    func wrong() throws {
        try database.execute(
            "UPDATE report.sla_hourly SET met = met + 1 WHERE hour_start = '2026-01-05 10:00Z'")
        let tampered = try command.run("explain", "paid", "2026-01-05T10:00")
        #expect(tampered.status == 2 && tampered.out.contains("differs"))
        #expect(tampered.out.contains("is not what its 3 cases add up to"))
        #expect(try json("explain", "paid", "2026-01-05T10:00")["adds_up"] as? Bool == false)
        let hour = try command.run("explain", "paid", "2026-01-05T11:00")
        #expect(hour.status == 1 && hour.error.contains("near it are: 2026-01-05T10:00, 2026-01-05T13:00"))
        let typo = try command.run("explain", "pid", "2026-01-05T11:00")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"paid\"?"))
        #expect(try command.run("explain", "paid").status == 64)
        #expect(try command.run("explain", "paid", "noon").status == 64)
        #expect(try command.run("explain", "paid", "2026-01-05T10:00", "--zone", "Nowhere").status == 64)
        let zone = try command.run("explain", "paid", "2026-01-05T10:00", "--zone", "Asia/Tokyo")
        #expect(zone.out.contains("hour 2026-01-05 19:00 (Asia/Tokyo)"))
        let injected = try command.run("explain", "paid'; DROP TABLE report.cases; --", "2026-01-05T10:00")
        #expect(injected.status == 64)
        #expect(try database.value("SELECT count(*) FROM report.cases") == "4")
    }
}

import Foundation
import Postgres
import TestSupport
import Testing

/// Sending events on: what is sent, in which order, and never twice.
@Suite
struct ResendTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private var command: DaybookCommand
    private static let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order",
              "sources": [
                { "name": "shop", "file": { "path": "a.ndjson" }, "keep_original": true,
                  "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "sequence": "n",
                    "correlation_id": "trace", "service": "by" } },
                { "name": "dlq", "role": "dead_letter", "file": { "path": "d.ndjson" },
                  "event": { "occurred_at": "at", "case_id": "order" } } ] }
            """)
        try project.write(
            "a.ndjson",
            #"""
            {"id":"3","at":"2026-01-01T10:00:00Z","type":"order.paid","order":"o'1","by":"pay","amount":1.50}
            {"id":"1","at":"2026-01-01T08:00:00.123456Z","type":"order.created","order":"o'1","by":"web shop <é>","n":7,"trace":"\#(ResendTests.trace)","x":"<script>"}
            {"id":"2","at":"2026-01-02T08:00:00Z","type":"cart.made","order":"o2","by":"web"}

            """#)
        try project.write(
            "d.ndjson", #"{"order":"o'1","at":"2026-01-01T09:00:00Z","queue":"q","error":"e"}"# + "\n")
        _ = try command.run("run")
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// A server that notes what it is sent.
    private final class Taker: @unchecked Sendable {
        private let lock = NSLock()
        private var taken: [TestAPI.Request] = []
        private var answers: [TestAPI.Answer]
        private var server: TestAPI?

        /// - Parameter answers: the first ones; then it takes all.
        init(_ answers: [TestAPI.Answer] = []) throws {
            self.answers = answers
            server = try TestAPI { [unowned self] request in
                lock.withLock {
                    taken.append(request)
                    return self.answers.isEmpty ? TestAPI.Answer("fine") : self.answers.removeFirst()
                }
            }
        }

        var requests: [TestAPI.Request] { lock.withLock { taken } }
        var url: String { "http://127.0.0.1:\(server?.port ?? 0)/in" }
    }

    @Test("Nothing is sent without --send; then each once, in the order of time, as CloudEvents")
    func cloudEvents() throws {
        let taker = try Taker()
        let rehearsal = try json(
            try command.run("resend", "--case", "o'1", "--to-url", taker.url, "--json").out)
        #expect(rehearsal["pending"] as? Int == 2)
        #expect(rehearsal["dry_run"] as? Bool == true)
        #expect(taker.requests.isEmpty)
        #expect(try command.run("resend", "log").out.contains("nothing was sent on"))

        let sent = try command.run("resend", "--case", "o'1", "--to-url", taker.url, "--send")
        #expect(sent.status == 0)
        #expect(sent.out.contains("2 events sent to"))
        let events = try taker.requests.map { try json($0.body) }
        #expect(events.map { $0["id"] as? String } == ["1", "3"])
        let first = events[0]
        #expect(first["specversion"] as? String == "1.0")
        #expect(first["source"] as? String == "web%20shop%20%3C%C3%A9%3E")
        #expect(first["type"] as? String == "order.created")
        #expect(first["subject"] as? String == "o'1")
        #expect(first["time"] as? String == "2026-01-01T08:00:00.123456Z")
        #expect(first["sequence"] as? String == "7")
        #expect(first["traceparent"] as? String == ResendTests.trace)
        #expect((first["data"] as? [String: Any])?["x"] as? String == "<script>")
        #expect(taker.requests[1].body.contains("1.50"))
        #expect(taker.requests[0].headers["content-type"]?.hasPrefix("application/cloudevents+json") == true)

        let again = try command.run("resend", "--case", "o'1", "--to-url", taker.url, "--send")
        #expect(again.out.contains("2 events sent there before"))
        #expect(taker.requests.count == 2)
        #expect(
            try command.run("resend", "--type", "order.*", "--to-url", taker.url, "--send", "--again").status
                == 0)
        #expect(taker.requests.count == 4)
        let log = try json(try command.run("resend", "log", "--case", "o'1", "--json").out)
        let rows = try #require(log["resent"] as? [[String: Any]])
        #expect(rows.map { $0["nth"] as? Int } == [2, 2, 1, 1])
        #expect(rows.allSatisfy { $0["state"] as? String == "sent" })
        #expect((rows[0]["sent_by"] as? String)?.contains("@") == true)
    }

    @Test("Events are chosen by time, type and source; dead letters only where they are meant")
    func selection() throws {
        func chosen(_ arguments: String...) throws -> [String] {
            let words = ["resend"] + arguments + ["--to-command", "true", "--json"]
            let outcome = try command.start(words).outcome()
            let events = try json(outcome.out)["events"] as? [[String: Any]]
            return (events ?? []).map { "\($0["source"] ?? "") \($0["type"] ?? "")" }
        }
        #expect(
            try chosen("--from", "2026-01-01", "--to", "2026-01-02") == [
                "shop order.created", "shop order.paid",
            ])
        #expect(try chosen("--from", "2026-01-01T10:00:00Z").count == 2)
        #expect(try chosen("--type", "order.*", "--from", "2026-01-01T09:00:00Z") == ["shop order.paid"])
        #expect(try chosen("--type", "order.%") == [])
        #expect(try chosen("--dead-letters") == ["dlq dead_letter"])
        #expect(try chosen("--source", "dlq") == ["dlq dead_letter"])
        #expect(try chosen("--source", "shop").count == 3)
        #expect(try command.run("resend", "--to-command", "true").status == 64)
        #expect(try command.run("resend", "--case", "x").status == 64)
        #expect(
            try command.run("resend", "--source", "shp", "--to-command", "true").error.contains("\"shop\""))
        #expect(try command.run("resend", "--case", "x", "--to-url", "ftp://x").status == 64)
        #expect(
            try command.run("resend", "--case", "x", "--to-url", "http://x", "--rate", "fast").status == 64)
        #expect(
            try command.run("resend", "--case", "x", "--to-url", "http://x", "--header", "A: ${NO_SUCH}")
                .error.contains("NO_SUCH is not set"))
        #expect(try command.run("resend", "lgo").error.contains("\"log\""))
    }

    @Test("Only what counts is sent: no version that another has taken the place of, wherever that one is")
    func versions() throws {
        func chosen(_ arguments: String...) throws -> [String] {
            let words = ["resend"] + arguments + ["--to-command", "true", "--json"]
            let events = try json(try command.start(words).outcome().out)["events"] as? [[String: Any]]
            return (events ?? []).map { "\($0["event_id"] ?? "") \($0["type"] ?? "")" }
        }
        func event(_ id: Int, _ at: String, _ type: String) -> String {
            #"{"id":"\#(id)","at":"\#(at)T08:00:00Z","type":"\#(type)","order":"o5","by":"web"}"# + "\n"
        }
        try project.append(
            "a.ndjson", event(5, "2026-01-09", "order.paid") + event(6, "2026-01-09", "order.left"))
        _ = try command.run("run")
        try project.append("a.ndjson", event(5, "2026-01-03", "order.refused"))
        // Also before a transform has seen it, and where the day was compacted.
        for step in [["load"], ["transform"], []] {
            if step.isEmpty {
                try database.execute(
                    """
                    SELECT daybook.show_segments();
                    SELECT daybook.compact_day('2026-01-03'), daybook.compact_day('2026-01-09')
                    """)
            } else {
                _ = try command.start(step).outcome()
            }
            #expect(try chosen("--from", "2026-01-08", "--to", "2026-01-10") == ["6 order.left"], "\(step)")
            #expect(
                try chosen("--from", "2026-01-02T12:00:00Z", "--to", "2026-01-04") == ["5 order.refused"],
                "\(step)")
            #expect(try chosen("--case", "o5") == ["5 order.refused", "6 order.left"], "\(step)")
            #expect(try chosen("--case", "o5", "--type", "order.paid") == [], "\(step)")
            #expect(try chosen("--case", "o5", "--type", "order.refused").count == 1, "\(step)")
            #expect(try chosen("--type", "order.paid") == ["3 order.paid"], "\(step)")
            #expect(try chosen("--source", "shop", "--type", "order.paid") == ["3 order.paid"], "\(step)")
            #expect(
                try chosen("--source", "shop", "--case", "o5", "--from", "2026-01-09") == ["6 order.left"],
                "\(step)")
            #expect(try chosen("--source", "shop").count == 5, "\(step)")
        }
    }

    @Test("Of dead letters the last version is sent, too, and no day is opened that has none")
    func deadLetterDays() throws {
        func chosen(_ arguments: String...) throws -> [String] {
            let words = ["resend"] + arguments + ["--to-command", "true", "--json"]
            let events = try json(try command.start(words).outcome().out)["events"] as? [[String: Any]]
            return (events ?? []).map { "\($0["case_id"] ?? "") \($0["occurred_at"] ?? "")" }
        }
        try project.write(
            "pipelines/orders.jsonc",
            try String(contentsOfFile: project.path("pipelines/orders.jsonc"), encoding: .utf8)
                .replacingOccurrences(
                    of: #""event": { "occurred_at": "at", "case_id": "order" }"#,
                    with: #""event": { "event_id": "id", "occurred_at": "at", "case_id": "order" }"#))
        try project.append(
            "d.ndjson",
            #"{"id":"d","order":"o8","at":"2026-01-05T09:00:00Z","queue":"q"}"# + "\n"
                + #"{"id":"d","order":"o8","at":"2026-01-06T09:00:00Z","queue":"q"}"# + "\n")
        _ = try command.run("run")
        #expect(try chosen("--dead-letters", "--case", "o8") == ["o8 2026-01-06 09:00:00+00"])
        #expect(try chosen("--dead-letters", "--to", "2026-01-06") == ["o'1 2026-01-01 09:00:00+00"])
        func scans() throws -> String? {
            // What a session has counted is told when it ends.
            var (before, now): (String?, String?) = ("", nil)
            while before != now {
                before = now
                Thread.sleep(forTimeInterval: 0.3)
                now = try database.value(
                    "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'events_20260102'")
            }
            return now
        }
        let before = try scans()
        #expect(try chosen("--dead-letters").count == 2)
        #expect(try chosen("--source", "dlq").count == 2)
        #expect(try scans() == before)
    }

    @Test("The record as it came goes to a command; a source that keeps none is told")
    func originals() throws {
        let sent = try command.run(
            "resend", "--source", "shop", "--format", "original", "--to-command", "cat >> out.ndjson",
            "--send")
        #expect(sent.status == 0)
        let lines = try String(contentsOfFile: project.path("out.ndjson"), encoding: .utf8).split(
            separator: "\n")
        let records = try String(contentsOfFile: project.path("a.ndjson"), encoding: .utf8).split(
            separator: "\n")
        #expect(lines == [records[1], records[0], records[2]])
        let none = try command.run("resend", "--dead-letters", "--format", "original", "--to-command", "true")
        #expect(none.status == 64)
        #expect(none.error.contains("orders/dlq has no \"keep_original\": true"))
        #expect(
            try command.run("resend", "--dead-letters", "--to-command", "cat > letter.json", "--send").status
                == 0)
        #expect(try database.value("SELECT resent_at IS NOT NULL FROM report.dead_letters") == "t")
    }

    @Test("A target that is busy is asked again; at one that refuses it stops, and goes on from there")
    func refusals() throws {
        var environment = command
        environment.environment["TOKEN"] = "sekret-4711"
        let taker = try Taker([
            TestAPI.Answer("busy", status: 503, headers: [("Retry-After", "0")]), TestAPI.Answer("fine"),
            TestAPI.Answer("no: sekret-4711", status: 422),
        ])
        let header = "Authorization: Bearer ${TOKEN}"
        let url = "\(taker.url)?token=geheim"
        let stopped = try environment.run(
            "resend", "--source", "shop", "--to-url", url, "--header", header, "--rate", "1000/s", "--send")
        #expect(stopped.status == 1)
        #expect(stopped.error.contains("did not take 3 of case o'1"))
        #expect(stopped.error.contains("answered 422: no: "))
        #expect(taker.requests.allSatisfy { $0.headers["authorization"] == "Bearer sekret-4711" })
        #expect(taker.requests.count == 3)
        #expect(taker.requests[0].headers["idempotency-key"] == taker.requests[1].headers["idempotency-key"])
        let log = try environment.run("resend", "log", "--json")
        for text in [stopped.out, stopped.error, log.out] {
            #expect(!text.contains("sekret") && !text.contains("geheim"))
        }
        #expect(
            try database.rows("SELECT event_id, state, attempts FROM daybook.resent ORDER BY 1") == [
                ["1", "sent", "2"], ["3", "failed", "1"],
            ])
        let rest = try environment.run(
            "resend", "--source", "shop", "--to-url", url, "--header", header, "--send")
        #expect(rest.out.contains("2 events sent"))
        #expect(taker.requests.count == 5)

        // Nobody is there: it surely did not arrive.
        let nobody = try environment.run(
            "resend", "--source", "dlq", "--to-url", "http://127.0.0.1:9/", "--attempts", "1", "--send")
        #expect(nobody.status == 69)
        #expect(try database.value("SELECT state FROM daybook.resent WHERE target LIKE '%:9/'") == "failed")
        // An answer that never comes tells nothing.
        let silent = try Taker([.silence])
        let unknown = try environment.run(
            "resend", "--source", "dlq", "--to-url", silent.url, "--attempts", "1", "--send")
        #expect(unknown.status == 69)
        #expect(unknown.error.contains("it may have arrived"))
        let later = try environment.run("resend", "--source", "dlq", "--to-url", silent.url, "--send")
        #expect(later.out.contains("1 event may have been sent there before"))
        #expect(silent.requests.count == 1)
        #expect(
            try environment.run("resend", "--source", "dlq", "--to-url", silent.url, "--send", "--unknown")
                .status == 0)
        #expect(silent.requests.count == 2)
    }

    @Test("What may have arrived stays so, whatever is answered later, and is asked for by itself")
    func doubt() throws {
        // Read whole and not answered; then refused, perhaps because it is there.
        let taker = try Taker([TestAPI.Answer("fine"), .silence, TestAPI.Answer("seen", status: 409)])
        let doubtful = try command.run(
            "resend", "--source", "shop", "--to-url", taker.url, "--rate", "1000/s", "--send")
        #expect(doubtful.status == 1 && doubtful.error.contains("not sent again without --unknown"))
        #expect(taker.requests.count == 3)
        let rest = try command.run("resend", "--source", "shop", "--to-url", taker.url, "--send")
        #expect(rest.out.contains("1 event sent to") && rest.out.contains("1 event may have been sent"))
        let asked = try command.run(
            "resend", "--source", "shop", "--to-url", taker.url, "--send", "--unknown", "--json")
        #expect(try json(asked.out)["sent"] as? Int == 3)
        #expect(try taker.requests.map { try json($0.body)["id"] as? String } == ["1", "3", "3", "2", "3"])

        // A command that was ended may have done what it was for.
        let slow = [
            "resend", "--dead-letters", "--to-command", "cat >> got; sleep 60", "--timeout", "1s", "--send",
        ]
        let late = try command.start(slow).outcome()
        #expect(late.status == 69 && late.error.contains("timeout"))
        #expect(try command.start(slow).outcome().out.contains("1 event may have been sent"))
        let got = try String(contentsOfFile: project.path("got"), encoding: .utf8)
        #expect(got.split(separator: "\n").count == 1)
        // No address of ours, no connection: nothing has arrived.
        let nowhere = try command.run(
            "resend", "--dead-letters", "--to-url", "https://127.0.0.1:9/", "--attempts", "1", "--send")
        #expect(nowhere.status == 69 && nowhere.error.contains("the same command goes on"))
    }

    @Test("--again goes on where it stopped, by the time that it is told")
    func goesOnAgain() throws {
        let fine = TestAPI.Answer("fine")
        let taker = try Taker([fine, fine, fine, fine, TestAPI.Answer("no", status: 422)])
        let words = ["resend", "--source", "shop", "--to-url", taker.url, "--rate", "1000/s", "--send"]
        #expect(try command.start(words).outcome().status == 0)
        let stopped = try command.start(words + ["--again"]).outcome()
        #expect(stopped.status == 1)
        let mark = try #require(stopped.error.firstMatch(of: /--sent-before (\S+)/)).1
        let rest = try command.start(words + ["--again", "--sent-before", String(mark)]).outcome()
        #expect(rest.status == 0)
        #expect(
            try taker.requests.map { try json($0.body)["id"] as? String }
                == ["1", "3", "2", "1", "3", "3", "2"])
        #expect(try command.start(words + ["--sent-before", String(mark)]).outcome().status == 64)
    }

    @Test("A record of several events is sent once; what is not there is told")
    func recordsOfSeveralEvents() throws {
        try project.write(
            "pipelines/pairs.jsonc",
            """
            { "pipeline": "pairs", "entity": "order", "sources": [
              { "name": "pairs", "file": { "path": "p.ndjson" }, "keep_original": true, "events": [
                { "event_id": "a", "occurred_at": "at", "type": {"value": "order.begun"}, "case_id": "order" },
                { "event_id": "b", "occurred_at": "at", "type": {"value": "order.ended"}, "case_id": "order" } ] } ] }
            """)
        try project.write(
            "p.ndjson", #"{"a":"a1","b":"b1","order":"p1","at":"2026-01-07T08:00:00Z"}"# + "\n")
        #expect(try command.run("run", "pairs").status == 0)
        let taker = try Taker()
        let words = ["resend", "--source", "pairs", "--to-url", taker.url, "--send", "--format", "original"]
        for _ in 1...2 { #expect(try command.start(words).outcome().status == 0) }
        #expect(taker.requests.count == 1)
        let unknown = try command.run("resend", "--case", "p2", "--to-url", taker.url)
        #expect(unknown.status == 1 && unknown.error.contains("there is no case \"p2\""))
        let none = try command.run("resend", "--type", "order.none", "--to-url", taker.url)
        #expect(none.status == 1 && none.error.contains("no event is of that type"))
    }

    @Test("Events go no faster than they may")
    func rate() throws {
        let taker = try Taker()
        let sent = try command.run(
            "resend", "--source", "shop", "--to-url", taker.url, "--rate", "4/s", "--send")
        #expect(sent.seconds >= 0.5)
        #expect(taker.requests.count == 3)
    }

    @Test("Whoever is killed between the notes of an event leaves one that nobody sends again unasked")
    func kills() throws {
        for (point, arrived) in [("resend-begun", 0), ("resend-sent", 1), ("resend-noted", 1)] {
            let taker = try Taker()
            var killed = command
            killed.environment["DAYBOOK_FAIL_POINT"] = "\(point):2"
            let outcome = try killed.run(
                "resend", "--source", "shop", "--to-url", taker.url, "--rate", "1000/s", "--send")
            #expect(outcome.signal == SIGKILL)
            #expect(taker.requests.count == 1 + arrived)
            let next = try command.run(
                "resend", "--source", "shop", "--to-url", taker.url, "--rate", "1000/s", "--send")
            #expect(next.status == 0)
            let ids = try taker.requests.map { try json($0.body)["id"] as? String }
            #expect(ids == (arrived == 0 ? ["1", "2"] : ["1", "3", "2"]))
            #expect(next.out.contains("may have been sent") == (point != "resend-noted"))
        }
    }
}

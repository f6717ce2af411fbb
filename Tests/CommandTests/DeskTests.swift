import Foundation
import TestSupport
import Testing

/// Ids and types that would do harm where they were not taken for what they are.
private let hostileNames = [
    "it's", "\"; DROP TABLE report.cases; --", "<script>alert(1)</script>", "a\nb", "100%", "_",
    "back\\slash",
    "{\"a\":1}", "ünïcødé ☃", "-x", "--help", "a=b", "$1", "a,b", String(repeating: "long ", count: 400),
]

/// `trace`, `locate`, `find` and `expect`, as people and programs see them.
@Suite
struct DeskTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
    }

    private func define(keys: String = "", more: String = "") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data"\(keys),
              "sources": [
                { "name": "shop", "file": { "path": "shop*.ndjson" }, "event": \(mapping) },
                { "name": "queue", "role": "dead_letter", "file": { "path": "dead*.ndjson" }, "event": \(mapping) } ],
              "slas": [ { "name": "sent", "start": "order.made", "end": "order.sent", "within": "1h" } ] }
            """)
    }

    private let mapping =
        #"{ "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "user_id": "user", "correlation_id": "trace", "service": "by", "sequence": "seq" }"#

    private func line(
        _ id: String, _ time: String, _ type: String, _ caseID: String, _ more: [String: Any] = [:]
    ) throws -> String {
        var object: [String: Any] = [
            "id": id, "at": "2026-01-05T\(time)Z", "type": type, "order": caseID, "by": "shop",
        ]
        object.merge(more) { $1 }
        return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self) + "\n"
    }

    private func json(_ outcome: DaybookCommand.Outcome) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any],
            "\(outcome.out)\(outcome.error)")
    }

    private func list(_ value: Any?) -> [[String: Any]] { value as? [[String: Any]] ?? [] }

    /// Three orders: one is sent, one waits, and one was given up by a broker.
    private func writeOrders() throws {
        try define(keys: #", "keys": { "invoice": ["details.invoice"] }"#)
        try project.write(
            "shop.ndjson",
            try [
                line(
                    "1", "10:00:00", "order.made", "o1",
                    ["seq": 1, "user": "u1", "trace": "t1", "invoice": "I-1"]),
                line("2", "10:10:00", "order.paid", "o1", ["seq": 3, "by": "bank", "trace": "t1"]),
                line(
                    "3", "10:30:00", "order.sent", "o1",
                    ["seq": 2, "by": "depot", "tags": ["gift", "express"]]),
                line(
                    "4", "11:00:00", "order.made", "o2",
                    ["user": "u2", "trace": "t2", "customer": ["email": "a@b.example"]]),
                line("5", "11:05:00", "order.paid", "o2", ["by": "bank", "trace": "t1", "amount": 12.5]),
                line("6", "12:00:00", "order.made", "o3", ["user": "u1"]),
                line("7", "13:00:00", "order.made", "o4"),
                line("8", "13:05:00", "order.paid", "o4", ["by": "bank"]),
                #"{"id":"9","at":"soon","type":"order.sent","order":"o2"}"# + "\n",
                #"{"id":"9","at":"soon","type":"order.sent","order":"o22"}"# + "\n",
            ].joined())
        try project.write(
            "dead.ndjson",
            try line(
                "d1", "12:01:00", "order.made", "o3", ["queue": "orders.dlq", "error": "no such <customer>"]))
        #expect(try command.run("run").status == 0)
    }

    // MARK: - trace

    @Test(
        "A trace shows the events in order, what is late, what the SLAs say, and rejects that mention the case"
    )
    func trace() throws {
        #expect(try command.run("trace", "o1").error.contains("holds nothing yet"))
        try writeOrders()
        let text = try command.run("trace", "o1")
        #expect(text.status == 0, "\(text.error)")
        #expect(
            text.out.contains(
                "order o1: 3 events from 2026-01-05 10:00:00 to 2026-01-05 10:30:00 UTC, of 3 services"))
        #expect(text.out.contains("+20m 00s") && text.out.contains("the clock contradicts sequence 2"))
        #expect(text.out.contains("met") && text.out.contains("rejects: none that mention it, of all 2"))
        #expect(text.out.contains("daybook locate o1"))
        let local = try command.run("trace", "o1", "--zone", "Asia/Kolkata").out
        #expect(local.contains("time (Asia/Kolkata)") && local.contains("2026-01-05 15:30:00+05:30"))

        let document = try json(try command.run("trace", "o2", "--json"))
        let events = list(document["events"])
        #expect(events.map { $0["type"] as? String } == ["order.made", "order.paid"])
        #expect(events[1]["gap_seconds"] as? Double == 300 && events[1]["source"] as? String == "shop")
        #expect(list(document["slas"]).map { $0["state"] as? String } == ["overdue"])
        let rejects = document["rejects"] as? [String: Any]
        // That o22 is mentioned says nothing of o2.
        #expect(list(rejects?["rows"]).map { $0["byte_offset"] as? Int }.count == 1)

        let dead = try command.run("trace", "o3").out
        #expect(dead.contains("dead letter"))
        #expect(
            try command.run("trace", "o3", "--entity", "bill").error.contains("of this id there is: order"))
        let typo = try command.run("trace", "o9")
        #expect(
            typo.status == 1 && typo.error.contains("did you mean \"o") && typo.error.contains("daybook find")
        )
        #expect(try json(try command.run("trace", "o9", "--json"))["status"] as? String == "failed")
        #expect(try command.run("trace").status == 64)
        #expect(try command.run("trace", "o1", "--correlation", "t1").status == 64)
        #expect(try command.run("trace", "o1", "--zone", "Mars").status == 64)
    }

    /// Of a step, more durations than these orders have, all of about so many seconds.
    private func makeUsual(_ from: String, _ to: String, bucket: Int) throws {
        try database.execute(
            """
            INSERT INTO report.step_durations (entity, from_type, day, to_type, bucket, steps)
            VALUES ('order', '\(from)', '2026-01-05', '\(to)', \(bucket), 10000)
            ON CONFLICT DO NOTHING;
            SELECT daybook.refresh_usual_steps()
            """)
    }

    @Test("Steps are compared with what is usual, and what comes next is told")
    func usual() throws {
        try writeOrders()
        // From 2^(48/8) to 2^(49/8) seconds, and from 2^(90/8) to 2^(91/8).
        try makeUsual("order.made", "order.paid", bucket: 48)
        try makeUsual("order.paid", "order.sent", bucket: 90)
        let trace = try command.run("trace", "o1").out
        let slow = try #require(trace.split(separator: "\n").first { $0.contains("order.paid") })
        #expect(
            slow.contains("+10m 00s") && slow.contains(" 1m 0") && slow.contains("slower than usual"),
            "\(trace)")
        let quick = try #require(trace.split(separator: "\n").first { $0.contains("order.sent") })
        #expect(quick.contains("(44m ") && !quick.contains("slower than usual"), "\(trace)")
        let located = try command.run("locate", "o2").out
        #expect(
            located.contains("order.sent (") && located.contains("of the times), usually after 42m"),
            "\(located)")
        #expect(located.contains("; it is 1h 1"), "\(located)")
        let found = list(try json(try command.run("locate", "o2", "--json"))["cases"])
        #expect(found[0]["next_type"] as? String == "order.sent" && found[0]["others_waiting"] as? Int == 1)
    }

    @Test("A correlation id gathers its cases in one time line")
    func correlation() throws {
        try writeOrders()
        let text = try command.run("trace", "--correlation", "t1")
        #expect(text.status == 0, "\(text.error)")
        #expect(text.out.contains("t1: 2 cases: 5 events") && text.out.contains("searched 1 day, 2026-01-05"))
        let document = try json(try command.run("trace", "--correlation", "t1", "--json"))
        #expect(
            list(document["events"]).map { "\($0["nth"] ?? "") \($0["case_id"] ?? "")" }
                == ["1 o1", "2 o1", "3 o1", "4 o2", "5 o2"])
        #expect((document["searched"] as? [String: Any])?["way"] as? String == "scan")
        let none = try command.run("trace", "--correlation", "nobody")
        #expect(none.status == 1 && none.error.contains("searched 1 day") && none.error.contains("--days"))

        try define(keys: #", "keys": { "request": ["correlation_id"] }"#)
        #expect(try command.run("transform").status == 0)
        #expect(
            try command.run("trace", "--correlation", "t1").out.contains(
                "searched all cases, by the key request"))
    }

    @Test("Events that no transform has seen are there for all, but not in keys, which is said")
    func unseen() throws {
        try writeOrders()
        try project.write("shop-2.ndjson", try line("20", "14:00:00", "order.sent", "o2"))
        #expect(try command.run("load").status == 0)
        #expect(
            try command.run("find", "invoice=I-1").out.contains(
                "what 1 load brought is not in it yet: daybook transform"))
        #expect(try command.run("find", "event_id=20").out.contains("o2"))
        #expect(try command.run("trace", "o2").out.contains("order.sent"))
        #expect(try command.run("locate", "o2").out.contains("order.sent (shop) since 2026-01-05 14:00:00"))
    }

    @Test("A case whose events are past their retention is told by what the reports keep")
    func gone() throws {
        // Without an SLA, no hour needs them any more.
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order",
              "sources": [ { "name": "shop", "file": { "path": "shop.ndjson" }, "event": \(mapping) } ] }
            """)
        try project.write(
            "shop.ndjson",
            try line("1", "10:00:00", "order.made", "o1") + line("2", "10:10:00", "order.sent", "o1"))
        #expect(try command.run("run").status == 0)
        #expect(try command.run("retain", "--raw", "1d").status == 0)
        let trace = try command.run("trace", "o1")
        #expect(trace.status == 0 && trace.out.contains("order o1: no events"), "\(trace.out)\(trace.error)")
        #expect(trace.out.contains("are past their retention, and gone"))
        let document = try json(try command.run("trace", "o1", "--json"))
        #expect(list(document["events"]).isEmpty && list(document["cases"]).count == 1)
        let located = try command.run("locate", "o1").out
        #expect(located.contains("order o1: 2 events") && located.contains("order.sent (shop)"))
    }

    // MARK: - locate

    @Test("A case is located: where it waits, with how many others, what its SLAs and dead letters say")
    func locate() throws {
        try writeOrders()
        let waiting = try command.run("locate", "o2")
        #expect(waiting.status == 0, "\(waiting.error)")
        #expect(waiting.out.contains("order.paid (bank) since 2026-01-05 11:05:00 UTC: it waits for 2h 00m"))
        #expect(waiting.out.contains("1 waits there, too, half of them for longer than 0s"))
        #expect(waiting.out.contains("overdue by 1h 05m") && waiting.out.contains("daybook trace o2"))
        let sent = try command.run("locate", "o1").out
        #expect(
            sent.contains("it waits for nothing") && sent.contains("met in 30m 00s")
                && !sent.contains("others"))
        let dead = try command.run("locate", "o3").out
        #expect(dead.contains("queue orders.dlq: no such <customer>") && dead.contains("a dead letter"))

        let found = list(try json(try command.run("locate", "o3", "--json"))["cases"])
        #expect(found.count == 1 && found[0]["last_is_dead_letter"] as? Bool == true)
        #expect(list(found[0]["dead_letters"]).map { $0["queue"] as? String } == ["orders.dlq"])
        #expect(list(found[0]["slas"]).map { $0["state"] as? String } == ["overdue"])
        let missing = try command.run("locate", "O1")
        #expect(missing.status == 1 && missing.error.contains("did you mean \"o1\"?"))
        #expect(try command.run("locate").status == 64)
        #expect(
            try database.rows("SELECT case_id, last_type, is_overdue FROM report.open_cases ORDER BY case_id")
                == [["o2", "order.paid", "t"], ["o3", "order.made", "t"], ["o4", "order.paid", "f"]])
    }

    @Test(
        "A case of which only a dead letter tells is found, too; those that wait where it was given up are counted"
    )
    func deadLetterAlone() throws {
        try writeOrders()
        try project.append(
            "dead.ndjson",
            try line("d2", "12:02:00", "order.lost", "lost-1", ["queue": "orders.dlq"])
                + line("d3", "13:10:00", "order.sent", "o4", ["queue": "orders.dlq"]))
        try project.append("shop.ndjson", try line("10", "13:06:00", "order.made", "o5"))
        for _ in 1...2 {
            #expect(try command.run("run").status == 0)
            #expect(try command.run("trace", "lost-1").out.contains("order.lost"))
            #expect(try command.run("locate", "lost-1").out.contains("queue orders.dlq"))
            // o2 waits behind order.paid, as o4 did when a broker gave up on it.
            let given = list(try json(try command.run("locate", "o4", "--json"))["cases"])
            #expect(given.map { $0["others_waiting"] as? Int } == [1])
        }
    }

    // MARK: - find

    @Test("Cases are found by keys, columns and details, and what was searched is told")
    func find() throws {
        try writeOrders()
        func found(_ words: String...) throws -> ([String], way: String) {
            let outcome = try Shell.run(
                DaybookCommand.path, ["find"] + words + ["--json"], in: project.directory, command.environment
            )
            let document = try json(outcome)
            #expect(outcome.status == (list(document["cases"]).isEmpty ? 1 : 0))
            return (
                list(document["cases"]).compactMap { $0["case_id"] as? String }.sorted(),
                ((document["searched"] as? [String: Any])?["way"] as? String) ?? "?"
            )
        }
        // As a compacted day, by its lists.
        for isCompacted in [false, true] {
            if isCompacted { #expect(try command.run("compact", "--older-than", "1d").status == 0) }
            #expect(try found("invoice=I-1") == (["o1"], "key"))
            #expect(try found("details.invoice=I-1") == (["o1"], "key"))
            #expect(try found("invoice=I-1", "type=order.sent") == (["o1"], "key"))
            #expect(try found("invoice=I-1", "type=order.lost") == ([], "key"))
            #expect(try found("user_id=u1") == (["o1", "o3"], "scan"))
            #expect(try found("customer.email=a@b.example") == (["o2"], "scan"))
            #expect(try found("details.amount=12.5") == (["o2"], "scan"))
            #expect(try found("details.amount=12.50") == (["o2"], "scan"))
            #expect(try found("/tags=gift") == (["o1"], "scan"))
            #expect(try found("tags.1=express") == (["o1"], "scan"))
            #expect(try found("tags.0=express") == ([], "scan"))
            #expect(try found("tags=gift", "service=depot") == (["o1"], "scan"))
            // One event must meet all that are no keys.
            #expect(try found("tags=gift", "service=bank") == ([], "scan"))
            #expect(try found("customer=email") == ([], "scan"))
            #expect(try found("case_id=o4", "type=order.paid") == (["o4"], "case_id"))
            #expect(try found("sequence=2") == (["o1"], "scan"))
            #expect(try found("user_id=u1", "--to", "2026-01-04") == ([], "scan"))
            #expect(
                try found("trace=t1") == ([], "scan") && found("correlation_id=t1") == (["o1", "o2"], "scan"))
            #expect(try found("entity=order", "event_id=4") == (["o2"], "scan"))
        }

        let text = try command.run("find", "type=order.made", "--limit", "2")
        #expect(text.status == 0 && text.out.contains("the latest 2; --limit shows more"))
        #expect(
            text.out.contains("o4") && text.out.contains("o3") && !text.out.contains("o2")
                && text.out.contains("searched 1 day, 2026-01-05") && text.out.contains("declared as a key"))
        #expect(try command.run("find", "invoice=I-2").out.contains("searched all cases, by the key invoice"))
        for wrong in [
            ["find"], ["find", "o1"], ["find", "=x"], ["find", "user_id="], ["find", "details=x"],
            ["find", "a..b=x"], ["find", "a=b", "--days", "0"],
        ] {
            #expect(
                try Shell.run(DaybookCommand.path, wrong, in: project.directory, command.environment).status
                    == 64,
                "\(wrong)")
        }
    }

    @Test("A superseded version is not found, and a compacted day is read like others")
    func versions() throws {
        try writeOrders()
        try project.write("shop-2.ndjson", try line("6", "12:30:00", "order.made", "o3", ["user": "u9"]))
        #expect(try command.run("run").status == 0)
        #expect(try command.run("compact", "--older-than", "1d").status == 0)
        #expect(try command.run("find", "user_id=u9").out.contains("o3"))
        let former = try command.run("find", "user_id=u1")
        #expect(former.out.contains("o1") && !former.out.contains("o3"))
        #expect(try command.run("trace", "o3").out.contains("2 events from 2026-01-05 12:01:00"))
        #expect(try command.run("find", "tags=gift").out.contains("o1"))
        #expect(try command.run("find", "userid=u1").out.contains("did you mean \"user_id\"?"))
        #expect(!(try command.run("find", "sequence=9").out.contains("details.sequence")))
        try project.append(
            "shop.ndjson",
            #"{"id":"n","at":"2026-02-05T10:00:00Z","type":"order.made","order":"o9","by":"shop"}"# + "\n")
        #expect(try command.run("run").status == 0)
        let latest = try command.run("find", "case_id=o1", "--days", "1")
        #expect(latest.status == 1 && latest.out.contains("since 2026-02-05"), "\(latest.out)")
        #expect(try command.run("find", "case_id=o1", "--days", "2").status == 0)
        #expect(try command.run("find", "invoice=I-1", "--days", "1").status == 1)
    }

    // MARK: - expect

    @Test("What is expected is waited for, and the gap is told")
    func expected() throws {
        try define()
        try project.write("shop.ndjson", try line("1", "10:00:00", "order.made", "o1"))
        let waiting = try command.start(["expect", "o1", "order.made,order.sent", "--timeout", "30s"])
        Thread.sleep(forTimeInterval: 0.5)
        try project.append(
            "shop.ndjson",
            try line("2", "10:05:00", "order.paid", "o1") + line("3", "10:06:00", "order.sent", "o1"))
        let came = try waiting.outcome()
        #expect(
            came.status == 0 && came.out.contains("o1: 2 events came as expected"), "\(came.out)\(came.error)"
        )
        #expect(came.seconds < 20)

        let gap = try command.run("expect", "o1", "order.made,order.sent,order.paid", "--timeout", "100ms")
        #expect(gap.status == 2 && gap.out.contains("order.paid did not come within"))
        #expect(
            gap.out.contains("instead came: nothing")
                && gap.out.contains("order.paid came too early: as event 2"))
        let document = try json(
            try command.run("expect", "o1", "order.*,bill.*,order.sent", "--timeout", "100ms", "--json"))
        #expect(document["ok"] as? Bool == false && document["missing"] as? String == "bill.*")
        #expect(document["instead"] as? [String] == ["order.paid", "order.sent"])
        #expect(list(document["events"]).count == 3)
        #expect(
            try command.run("expect", "nobody", "order.made", "--timeout", "10ms").out.contains(
                "no event of this case"))
        #expect(
            try database.value(
                """
                SELECT count(*) FROM daybook.runs AS r
                WHERE r.started_by = 'expect' AND NOT EXISTS (SELECT FROM daybook.loads AS l WHERE l.run_id = r.run_id)
                """) == "0")
        // While a run holds the pipeline, it looks.
        let holder = try database.connect()
        try holder.execute("SELECT pg_advisory_lock(x'64617962'::int, hashtext('orders'))")
        let locked = try command.run("expect", "o1", "order.made")
        #expect(locked.status == 0 && locked.error.contains("another run loads it"), "\(locked.error)")
        for wrong in [
            ["expect", "o1"], ["expect", "o1", "a,,b"], ["expect", "o1", "a", "--timeout", "soon"],
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, wrong, in: project.directory, command.environment)
            #expect(outcome.status == 64, "\(wrong) \(outcome.error)")
        }
    }

    @Test("Files that are not there yet make a wait fail, and no pipeline stale")
    func expectedInVain() throws {
        try define()
        try project.write("shop.ndjson", try line("1", "10:00:00", "order.made", "o1"))
        #expect(try command.run("run").status == 0)
        #expect(try command.run("status").status == 0)
        let runs = try database.value("SELECT count(*) FROM daybook.runs")
        try project.write(
            "pipelines/orders.jsonc",
            try String(contentsOfFile: project.path("pipelines/orders.jsonc"), encoding: .utf8)
                .replacing("shop*.ndjson", with: "nowhere/shop.ndjson"))
        #expect(try command.run("expect", "o1", "order.sent", "--timeout", "1500ms").status == 2)
        let status = try command.run("status")
        #expect(status.status == 0, "\(status.out)")
        #expect(try database.value("SELECT count(*) FROM daybook.runs") == runs)
    }

    // MARK: - Limits

    @Test("Where only the latest are shown, that is told")
    func cut() throws {
        try define()
        try project.write(
            "shop.ndjson",
            try (1...150).map { try line("\($0)", "10:00:00", "order.made", "c\($0)", ["trace": "t9"]) }
                .joined()
                + (1...120).map { "{\"id\":\"r\($0)\",\"at\":\"soon\",\"order\":\"c1\"}\n" }.joined())
        #expect(try command.run("run").status == 0)
        #expect(
            try command.run("trace", "--correlation", "t9").out.contains(
                "t9: the latest 100 cases, there are more"))
        let trace = try command.run("trace", "c1").out
        #expect(
            trace.contains("rejects: the latest 100 that mention it; there are more, of all 120"), "\(trace)")
        let rejects = try json(try command.run("trace", "c1", "--json"))["rejects"] as? [String: Any]
        #expect(rejects?["is_cut"] as? Bool == true && list(rejects?["rows"]).count == 100)
        let page = try command.run("trace", "c1", "--format", "html").out
        #expect(page.contains("The latest 100; there are more"))
    }

    @Test("Commands that are offered can be run, whatever the id")
    func offered() throws {
        try define()
        try project.write(
            "shop.ndjson",
            try line("1", "10:00:00", "order.made", "--x y") + line("2", "10:00:00", "order.made", "a\nb"))
        #expect(try command.run("run").status == 0)
        for id in ["--x y", "a\nb"] {
            let located = try command.run("locate", "--", id).out
            for offer in located.split(separator: "\n").filter({ $0.contains("daybook ") }) {
                let line = offer.trimmingCharacters(in: .whitespaces)
                    .replacing(#/ {2,}.*/#, with: "").replacing("URL", with: "http://127.0.0.1:9/x")
                    .replacing(#/^daybook/#, with: DaybookCommand.path)
                let outcome = try Shell.run(
                    "/bin/bash", ["-c", line], in: project.directory, command.environment)
                #expect(outcome.status == 0, "\(line): \(outcome.error)")
            }
        }
    }

    // MARK: - Hostile names

    @Test("Hostile ids, types and values are only ever values")
    func hostile() throws {
        try define(keys: #", "keys": { "note": ["details.note"] }"#)
        try project.write(
            "shop.ndjson",
            try hostileNames.enumerated().map { index, name in
                try line(
                    "\(index)", "10:00:00", name, name,
                    ["note": name, "user": name, "trace": name, "odd '\"": name])
            }.joined())
        let run = try command.run("run")
        #expect(run.status == 0, "\(run.error)")
        func ask(_ arguments: String...) throws -> DaybookCommand.Outcome {
            try Shell.run(DaybookCommand.path, arguments, in: project.directory, command.environment)
        }
        for name in hostileNames {
            let trace = try json(try ask("trace", "--json", "--", name))
            #expect(list(trace["events"]).map { $0["type"] as? String } == [name])
            let text = try ask("trace", "--", name)
            // On one line each, whatever is in it.
            #expect(
                text.status == 0
                    && text.out.split(separator: "\n").allSatisfy {
                        $0.count < 400 || $0.contains("daybook locate")
                    },
                "\(text.out)")
            #expect(
                list(try json(try ask("locate", "--json", "--", name))["cases"]).map {
                    $0["case_id"] as? String
                } == [name])
            // By key, by reading, and by id.
            let ways = [
                ["note=\(name)"], ["user_id=\(name)", "type=\(name)", "/details/odd '\"=\(name)"],
                ["case_id=\(name)", "correlation_id=\(name)"],
            ]
            for conditions in ways {
                let found = try json(
                    try Shell.run(
                        DaybookCommand.path, ["find", "--json", "--"] + conditions, in: project.directory,
                        command.environment))
                #expect(list(found["cases"]).map { $0["case_id"] as? String } == [name], "\(conditions)")
            }
        }
        for name in hostileNames.prefix(3) {
            #expect(list(try json(try ask("trace", "--json", "--correlation=\(name)"))["cases"]).count == 1)
            #expect(try ask("expect", "--timeout=10ms", "--", name, name).status == 0)
        }
        #expect(try database.value("SELECT count(*) FROM report.cases") == "\(hostileNames.count)")
        // Ids that are nobody's, and fields that are nowhere.
        #expect(try ask("trace", "%").status == 1)
        #expect(try ask("find", "/a'b/\"c=1").status == 1)
    }
}

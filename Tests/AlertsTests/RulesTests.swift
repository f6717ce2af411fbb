import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing

/// What each kind of rule finds, when it ends, and what is told of it.
@Suite struct RulesTests {
    private let project: TemporaryProject
    private let database: TestDatabase

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        try project.write("log.ndjson", "")
    }

    /// - Parameters:
    ///   - rules: of the pipeline, which also may name the SLA `paid`: within an hour, target 0.9.
    ///   - source: what else the source says.
    private func define(
        _ rules: String, clock: String = "data", source: String = "", occurrence: String = "first"
    ) throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "\(clock)",
              "sources": [ { "name": "shop", "file": { "path": "log.ndjson" }\(source),
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "service": "by" } } ],
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "cancel": "order.cancelled",
                "within": "1h", "target": 0.9, "occurrence": "\(occurrence)" } ],
              "alerts": [ \(rules) ] }
            """)
    }

    private func channel(_ more: String = "") throws {
        try project.write(
            "pipelines/project.jsonc",
            "{ \"channels\": { \"desk\": { \"command\": { \"run\": \"cat >> out && echo >> out\" }\(more) } } }"
        )
    }

    /// Minutes of a day in the past.
    private func time(_ minute: Int) -> String {
        Date(timeIntervalSince1970: 1_767_225_600 + Double(minute) * 60).formatted(.iso8601)
    }

    private func event(_ type: String, _ order: String, at time: String, by service: String = "shop") throws {
        let id = UUID().uuidString
        try project.append(
            "log.ndjson",
            "{\"id\":\"\(id)\",\"at\":\"\(time)\",\"type\":\"\(type)\",\"order\":\"\(order)\",\"by\":\"\(service)\"}\n"
        )
    }

    private func event(_ type: String, _ order: String, at minute: Int) throws {
        try event(type, order, at: time(minute))
    }

    /// Runs, and gives all alerts: rule, case, cycle, state.
    @discardableResult
    private func run() throws -> [String] {
        let reports = try project.run(on: database)
        if let error = reports.first?.error { throw error }
        return try database.rows(
            "SELECT rule || ' ' || case_id || ' ' || cycle || ' ' || state FROM daybook.alerts ORDER BY alert_id"
        ).map { $0[0] }
    }

    private func value(_ column: String, where condition: String = "true") throws -> String? {
        try database.value(
            "SELECT \(column) FROM daybook.alerts WHERE \(condition) ORDER BY alert_id DESC LIMIT 1")
    }

    // MARK: - Kinds

    @Test(
        "overdue: fires once the deadline is passed, whatever came of it since; withdrawn where it was in time"
    )
    func overdue() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        try event("order.created", "late", at: 0)
        try event("order.created", "intime", at: 1)
        try event("order.created", "exact", at: 2)
        try event("order.created", "cancelled", at: 3)
        try event("order.created", "young", at: 50)
        try event("tick", "clock", at: 50)
        #expect(try run() == [])
        // At the deadline itself nobody is late.
        try event("tick", "clock", at: 60)
        #expect(try run() == [])
        try event("tick", "clock", at: 64)
        #expect(
            try run().sorted()
                == ["cancelled", "exact", "intime", "late"].map { "paid_overdue \($0) 1 firing" })
        #expect(try value("summary", where: "case_id = 'late'") == "order late: no order.paid within 1h")
        #expect(try value("since::text", where: "case_id = 'late'")?.hasPrefix("2026-01-01 01:00:00") == true)
        try event("order.paid", "late", at: 90)
        try event("order.paid", "intime", at: 30)
        try event("order.paid", "exact", at: 62)
        try event("order.cancelled", "cancelled", at: 10)
        // It is late, and over before anybody looked: both are told.
        try event("order.paid", "young", at: 120)
        try event("tick", "clock", at: 130)
        #expect(
            try run().sorted() == [
                "paid_overdue cancelled 1 withdrawn", "paid_overdue exact 1 withdrawn",
                "paid_overdue intime 1 withdrawn", "paid_overdue late 1 resolved",
                "paid_overdue young 1 resolved",
            ])
        #expect(try value("reason", where: "case_id = 'late'") == "it was completed 30m late")
        #expect(
            try value("reason", where: "case_id = 'intime'")?.hasPrefix("it was completed in time") == true)
        #expect(try run().count == 5)
    }

    @Test("overdue: what was late and over before the rule was there is not told; what still is late is")
    func history() throws {
        try define("")
        try event("order.created", "over", at: 0)
        try event("order.paid", "over", at: 100)
        try event("order.created", "open", at: 0)
        try event("tick", "clock", at: 200)
        #expect(try run() == [])
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        #expect(try run() == ["paid_overdue open 1 firing"])
        // A rule that is no longer there fires no more; one that comes back begins anew.
        try define("")
        #expect(try run() == ["paid_overdue open 1 withdrawn"])
        #expect(try value("reason") == "the rule is no longer defined")
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        #expect(try run() == ["paid_overdue open 1 firing"])
        #expect(try value("fired") == "2")
    }

    @Test("overdue: what was withdrawn, and is late after all, is told again")
    func lateAfterAll() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }", occurrence: "last")
        try channel(", \"group_interval\": \"0s\"")
        try event("order.created", "o", at: 0)
        try event("tick", "clock", at: 70)
        try run()
        try event("order.paid", "o", at: 30)
        #expect(try run() == ["paid_overdue o 1 withdrawn"])
        // The last end counts.
        try event("order.paid", "o", at: 80)
        #expect(try run() == ["paid_overdue o 1 resolved"])
        #expect(try told() == [["o firing"], ["o withdrawn"], ["o firing", "o resolved"]])
    }

    @Test("A rule that cannot be judged keeps no other from it; one that is another now begins anew")
    func redefined() throws {
        let attainment = "{ \"type\": \"attainment\", \"sla\": \"paid\", \"min_cases\": 1, \"name\": \"r\" }"
        let few = "{ \"type\": \"event_count\", \"window\": \"10m\", \"below\": 9 }"
        try define("\(attainment), \(few)")
        // Of an SLA whose clock shows no time yet nothing is known.
        #expect(try run() == [])
        #expect(try database.value("SELECT count(*) FROM daybook.alert_rules") == "2")
        try event("order.created", "o", at: 0)
        try event("tick", "clock", at: 61)
        #expect(try run().sorted() == ["orders_event_count all types 1 firing", "r paid 1 firing"])
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\", \"name\": \"r\" }, \(few)")
        #expect(
            try run().sorted() == [
                "orders_event_count all types 1 firing", "r o 1 firing", "r paid 1 withdrawn",
            ])
        #expect(try value("reason", where: "case_id = 'paid'") == "the rule was defined anew")
    }

    @Test("overdue: each cycle of a case is an alert of its own")
    func cycles() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\", \"name\": \"slow\" }", occurrence: "each")
        try event("order.created", "o", at: 0)
        try run()
        try event("order.paid", "o", at: 70)
        try event("order.created", "o", at: 80)
        try event("tick", "clock", at: 200)
        #expect(
            try run() == ["slow o 1 resolved", "slow o 2 firing"]
                || run() == ["slow o 2 firing", "slow o 1 resolved"])
    }

    @Test("attainment: the share of what is due in the window, once there are enough")
    func attainment() throws {
        try define("{ \"type\": \"attainment\", \"sla\": \"paid\", \"window\": \"2h\", \"min_cases\": 10 }")
        for number in 0..<9 {
            try event("order.created", "o\(number)", at: 0)
            if number > 0 { try event("order.paid", "o\(number)", at: 10) }
        }
        try event("tick", "clock", at: 61)
        // Nine are too few, be they as bad as they may.
        #expect(try run() == [])
        try event("order.created", "o9", at: 0)
        try run()
        #expect(try run() == ["paid_attainment paid 1 firing"])
        #expect(
            try value("value::text") == "0.8" && value("summary")?.contains("80.00% of the 10 cases") == true)
        for number in 10..<30 {
            try event("order.created", "o\(number)", at: 5)
            try event("order.paid", "o\(number)", at: 6)
        }
        try event("tick", "clock", at: 66)
        #expect(try run() == ["paid_attainment paid 1 resolved"])
        // Out of the window nothing is due, and nothing can be said.
        try event("tick", "clock", at: 400)
        #expect(try run() == ["paid_attainment paid 1 resolved"])
    }

    @Test("burn_rate: both windows have to burn")
    func burnRate() throws {
        try define(
            """
            { "type": "burn_rate", "sla": "paid", "min_cases": 4,
              "windows": [ { "long": "2h", "short": "10m", "rate": 3 } ] }
            """)
        // Half of them are late: five times the budget of a tenth.
        for number in 0..<10 {
            try event("order.created", "o\(number)", at: number)
            if number.isMultiple(of: 2) { try event("order.paid", "o\(number)", at: number + 1) }
        }
        try event("tick", "clock", at: 70)
        #expect(try run() == ["paid_burn_rate paid 1 firing"])
        #expect(try abs((Double(value("value") ?? "") ?? 0) - 5) < 1e-9)
        // An hour later the long window still burns, the short one does not.
        for number in 20..<30 {
            try event("order.created", "o\(number)", at: 75)
            try event("order.paid", "o\(number)", at: 76)
        }
        try event("tick", "clock", at: 140)
        #expect(try run() == ["paid_burn_rate paid 1 resolved"])
    }

    @Test("stuck: nothing came after an event of a kind; withdrawn where something had")
    func stuck() throws {
        try define("{ \"type\": \"stuck\", \"after\": [\"order.paid\", \"parcel.*\"], \"for\": \"30m\" }")
        try event("order.paid", "a", at: 0)
        try event("parcel.packed", "b", at: 0)
        try event("order.created", "c", at: 0)
        try event("tick", "clock", at: 30)
        #expect(try run() == [])
        try event("tick", "clock", at: 31)
        #expect(try run().sorted() == ["orders_stuck a 1 firing", "orders_stuck b 1 firing"])
        try event("order.sent", "a", at: 20)
        try event("parcel.lost", "b", at: 40)
        try event("tick", "clock", at: 50)
        #expect(try run().sorted() == ["orders_stuck a 1 withdrawn", "orders_stuck b 1 resolved"])
        // It can come to this again.
        try event("tick", "clock", at: 71)
        #expect(
            try run().sorted() == [
                "orders_stuck a 1 withdrawn", "orders_stuck b 1 resolved", "orders_stuck b 2 firing",
            ])
    }

    @Test("event_count: too few, too many")
    func eventCount() throws {
        try define(
            """
            { "type": "event_count", "name": "few", "event": "order.*", "window": "10m", "below": 2 },
            { "type": "event_count", "name": "many", "event": "order.created", "window": "10m", "above": 3 }
            """)
        for number in 0..<4 { try event("order.created", "o\(number)", at: number) }
        #expect(try run() == ["many order.created 1 firing"])
        try event("tick", "clock", at: 30)
        #expect(try run() == ["many order.created 1 resolved", "few order.* 1 firing"])
        #expect(try value("value", where: "rule = 'few'") == "0")
    }

    @Test("freshness: a stale source holds back what depends on it, and is told of once")
    func freshness() throws {
        try define(
            "{ \"type\": \"overdue\", \"sla\": \"paid\" }", clock: "wall",
            source: ", \"freshness\": {\"error\": \"30m\"}")
        for number in 0..<5 { try event("order.created", "o\(number)", at: number) }
        #expect(try run() == ["orders_freshness orders.shop 1 firing"])
        #expect(try run() == ["orders_freshness orders.shop 1 firing"])
        let now = Date().formatted(.iso8601)
        try event("tick", "clock", at: now)
        #expect(
            try run().sorted()
                == ["orders_freshness orders.shop 1 resolved"]
                + (0..<5).map { "paid_overdue o\($0) 1 firing" })
        #expect(try value("detected_late_seconds > 86400", where: "case_id = 'o1'") == "t")
    }

    @Test("freshness of a service")
    func service() throws {
        try define("{ \"type\": \"freshness\", \"service\": \"depot\", \"for\": \"1h\" }", clock: "wall")
        try event("tick", "clock", at: Date().formatted(.iso8601))
        #expect(try run() == [])
        // One that never told of anything is as old as the rule.
        try database.execute("UPDATE daybook.alert_rules SET defined_at = now() - interval '61 minutes'")
        #expect(try run() == ["depot_freshness depot 1 firing"])
        try event("tick", "clock", at: Date().formatted(.iso8601), by: "depot")
        #expect(try run() == ["depot_freshness depot 1 resolved"])
    }

    // MARK: - Messages

    private func messages() throws -> [[String: Any]] {
        try database.rows("SELECT body::text FROM daybook.notifications ORDER BY notification_id").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0[0].utf8)) as? [String: Any])
        }
    }

    private func told() throws -> [[String]] {
        try messages().map { message in
            (message["alerts"] as? [[String: Any]] ?? []).map { "\($0["case_id"]!) \($0["state"]!)" }.sorted()
        }
    }

    @Test("News of a rule goes into one message, the next not before the interval; of many the first hundred")
    func grouping() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        try channel()
        for number in 0..<130 { try event("order.created", "o\(100 + number)", at: 0) }
        try event("tick", "clock", at: 61)
        try run()
        #expect(try told().map(\.count) == [100] && messages()[0]["more"] as? Int == 30)
        try event("order.paid", "o100", at: 62)
        try run()
        #expect(try told().count == 1)
        try database.execute("UPDATE daybook.notifications SET made_at = made_at - interval '5 minutes'")
        try run()
        #expect(try told().last == ["o100 resolved"])
        let timeline = try #require(
            (messages().last?["alerts"] as? [[String: Any]])?.first?["timeline"] as? [[String: Any]])
        #expect(timeline.map { $0["type"] as? String } == ["order.created", "order.paid"])
    }

    @Test("What fires is told again, unless somebody took it on; what is silenced is told when that ends")
    func repeats() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        try channel(", \"group_interval\": \"0s\", \"repeat_interval\": \"1h\"")
        try event("order.created", "a", at: 0)
        try event("order.created", "b", at: 0)
        try event("tick", "clock", at: 61)
        try run()
        #expect(try told() == [["a firing", "b firing"]])
        try database.execute("UPDATE daybook.notifications SET made_at = made_at - interval '1 hour'")
        try run()
        // What waits for its channel is not repeated.
        #expect(try told().count == 1)
        try database.execute("UPDATE daybook.notifications SET sent_at = now(), made_at = now()")
        try database.execute(
            "UPDATE daybook.alerts SET acknowledged_at = now(), acknowledged_by = 'x' WHERE case_id = 'a'")
        try database.execute("UPDATE daybook.notifications SET made_at = made_at - interval '1 hour'")
        try run()
        #expect(try told().last == ["b firing"] && messages().last?["is_repeat"] as? Bool == true)
        try database.execute(
            "INSERT INTO daybook.silences (case_id, until, made_by) VALUES ('c', now() + interval '1 hour', 'x'), ('d', now() + interval '1 hour', 'x')"
        )
        for order in ["c", "d"] { try event("order.created", order, at: 1) }
        try event("tick", "clock", at: 70)
        try run()
        #expect(try told().count == 2)
        // One is over before its silence is, and never told.
        try event("order.paid", "d", at: 71)
        try run()
        try database.execute("UPDATE daybook.silences SET until = now()")
        try run()
        #expect(try told().count == 3 && told().last == ["c firing"])
        try event("order.paid", "a", at: 72)
        try run()
        #expect(try told().last == ["a resolved"])
    }

    @Test(
        "A channel that is new hears of all that fires; one message that cannot be read holds up no other channel"
    )
    func channels() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }")
        try event("order.created", "a", at: 0)
        try event("tick", "clock", at: 61)
        try run()
        #expect(try told() == [])
        try project.write(
            "pipelines/project.jsonc",
            """
            { "channels": { "x": { "command": { "run": "cat >> x.out" } },
              "y": { "command": { "run": "cat >> y.out" } } } }
            """)
        try run()
        #expect(try told() == [["a firing"], ["a firing"]])
        try database.execute("UPDATE daybook.notifications SET body = '{}' WHERE channel = 'x'")
        let command = DaybookCommand(in: project.directory, database: database.url)
        let sent = try command.run("alerts", "send", "--json")
        #expect(sent.status == 69 && sent.out.contains("\"sent\" : 1"), "\(sent.out)\(sent.error)")
        #expect(FileManager.default.fileExists(atPath: project.path("y.out")))
        #expect(
            try database.rows(
                "SELECT channel, attempts, sent_at IS NULL FROM daybook.notifications ORDER BY 1")
                == [["x", "1", "t"], ["y", "1", "f"]])
        // What failed waits for its time, unless somebody asks for it.
        #expect(try command.run("alerts", "send").status == 0)
        #expect(try command.run("alerts", "send", "--now").status == 69)
        let tested = try command.run("alerts", "test", "y", "--json")
        #expect(tested.status == 0 && tested.out.contains("\"ok\" : true"), "\(tested.out)\(tested.error)")
        #expect(try command.run("alerts", "test", "z").error.contains("there is no channel \"z\""))
        #expect(try command.run("alerts", "ack", "1", "99").status == 1)
        #expect(try value("acknowledged_by IS NULL") == "t")
        let taken = try command.run("alerts", "ack", "1", "--by", "night shift", "--json")
        #expect(taken.status == 0 && taken.out.contains("\"acknowledged_by\" : \"night shift\""))
        let silenced = try command.run("alerts", "silence", "--rule", "paid_overdu", "--for", "2h")
        #expect(silenced.status == 64 && silenced.error.contains("did you mean \"paid_overdue\"?"))
        #expect(try command.run("alerts", "silence", "--case", "a", "--for", "2h").status == 0)
        let shown = try command.run("alerts", "show", "1")
        #expect(shown.out.contains("taken on by night shift") && shown.out.contains("order.created"))
        let list = try command.run("alerts")
        #expect(
            list.out.contains("order a: no order.paid within 1h") && list.out.contains("x: 1 message waiting")
        )
    }

    @Test("A transform has asked no source")
    func evidence() throws {
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\" }", clock: "wall")
        let start = Date() - 3_599
        try event(
            "order.created", "a",
            at: start.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        #expect(try run() == [])
        Thread.sleep(forTimeInterval: 1.5)
        let command = DaybookCommand(in: project.directory, database: database.url)
        #expect(try command.run("transform").status == 0)
        #expect(try database.value("SELECT count(*) FROM daybook.alerts") == "0")
        #expect(try database.value("SELECT count(*) FROM report.fact_sla WHERE breached") == "1")
        #expect(try command.run("alerts").out.contains("1 case held back; its sources were last asked at"))
        #expect(try run() == ["paid_overdue a 1 firing"])
    }

    @Test("In quiet hours only what is critical is told")
    func quiet() throws {
        try define(
            """
            { "type": "overdue", "sla": "paid", "name": "soft" },
            { "type": "overdue", "sla": "paid", "name": "hard", "severity": "critical" }
            """)
        // It is in the midst of them.
        func clock(_ hours: Double) -> String {
            String((Date() + hours * 3_600).formatted(.iso8601).dropFirst(11).prefix(5))
        }
        try channel(", \"quiet_hours\": {\"from\": \"\(clock(-1))\", \"to\": \"\(clock(1))\"}")
        try event("order.created", "a", at: 0)
        try event("tick", "clock", at: 61)
        try run()
        #expect(try messages().map { $0["rule"] as? String } == ["hard"])
        #expect(
            try database.value(
                "SELECT due_at - now() BETWEEN '58 minutes' AND '1 hour' FROM daybook.due_messages WHERE rule = 'soft'"
            ) == "t")
    }

    @Test("The end of quiet hours is that of a clock that is read minute by minute")
    func quietHours() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(seed: seed)
        let connection = try project.connectTo(database)
        for _ in 0..<300 {
            let zone = ["UTC", "Europe/Berlin", "America/New_York"].randomElement(using: &dice)!
            let (from, to) = (dice.roll(1_440), dice.roll(1_440))
            let days = dice.roll(2) == 0 ? nil : (1...7).filter { _ in dice.roll(2) == 0 }
            // Around settings of the clock in 2026, and elsewhere.
            let start =
                [1_774_656_000, 1_792_800_000, 1_772_841_600, 1_767_225_600].randomElement(using: &dice)!
                + dice.roll(3 * 1_440) * 60
            func text(_ minutes: Int) -> String { "\(minutes / 60):\(minutes % 60)" }
            let found: String = try connection.query(
                "SELECT extract(epoch FROM daybook.after_quiet_hours(to_timestamp($1::bigint), $2::time, $3::time, $4, $5::int[]))::bigint::text",
                [start, text(from), text(to), zone, days]
            ).first().get(0)
            var calendar = Calendar(identifier: .iso8601)
            calendar.timeZone = TimeZone(identifier: zone)!
            func offset(_ time: Int) -> Int {
                calendar.timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time)))
            }
            func isQuiet(_ time: Date) -> Bool {
                let parts = calendar.dateComponents([.hour, .minute, .weekday], from: time)
                let (minute, day) = (parts.hour! * 60 + parts.minute!, (parts.weekday! + 5) % 7 + 1)
                let dayBefore = (day + 5) % 7 + 1
                func begins(on day: Int) -> Bool { days?.contains(day) ?? true }
                if from < to { return begins(on: day) && from <= minute && minute < to }
                return begins(on: day) && minute >= from || begins(on: dayBefore) && minute < to
            }
            var expected = start
            while isQuiet(Date(timeIntervalSince1970: Double(expected))), expected < start + 9 * 86_400 {
                expected += 60
            }
            let isForEver = expected >= start + 8 * 86_400
            // A time that the clock shows twice, or leaves out, may be taken for either.
            let (before, after) = (offset(start - 7_200), offset(expected + 7_200))
            let leeway = before == after ? 0 : abs(before - after)
            #expect(
                isForEver || abs((Int(found) ?? 0) - expected) <= leeway,
                "seed \(seed): \(start) \(text(from))-\(text(to)) \(zone) \(days ?? [])")
        }
    }

    @Test("Names that want to be SQL or HTML are names")
    func hostile() throws {
        let name = "'; DROP TABLE daybook.alerts; -- <b>"
        try define("{ \"type\": \"overdue\", \"sla\": \"paid\", \"name\": \"\(name)\" }")
        try channel()
        try event("order.created", "o'--<script>", at: 0)
        try event("tick", "clock", at: 61)
        #expect(try run() == ["\(name) o'--<script> 1 firing"])
        let alert = try #require((messages()[0]["alerts"] as? [[String: Any]])?.first)
        let sql = try #require(alert["sql"] as? String)
        #expect(try database.rows(sql).count == 1)
    }
}

extension TemporaryProject {
    /// A connection to a database that holds Daybook's schemas.
    fileprivate func connectTo(_ database: TestDatabase) throws -> Connection {
        try write(
            "pipelines/p.jsonc",
            "{ \"pipeline\": \"p\", \"sources\": [ { \"name\": \"s\", \"file\": { \"path\": \"*.none\", \"format\": \"ndjson\" }, \"event\": { \"occurred_at\": \"t\", \"type\": \"k\" } } ] }"
        )
        try run(["p"], on: database)
        return try database.connect()
    }
}

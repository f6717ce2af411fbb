import Foundation
import Postgres
import TestSupport
import Testing

/// Orders that are delivered in time, late or never, of which some are heard of late; a clock that jumps over deadlines;
/// runs that are killed between what they find and what they send; channels that fail. In the end each breach was told
/// once, and its end once at most.
@Suite(.serialized)
struct AlertCrashTests {
    private static let failPoints = [
        "mark-seen", "commit-transform", "transform-committed", "alerts-judged", "alerts-written",
        "alerts-committed", "alert-sent",
    ]
    private static let begin = 1_767_225_600  // 2026-01-01
    private static let within = 600

    private struct Order {
        let id: String
        let created: Int
        /// Nil: never.
        let delivered: Int?
        let cancelled: Int?
        /// When the log tells of its end.
        let heard: Int

        /// Whether it is breached once all is heard, at the end of time.
        var isBreached: Bool {
            // Of equal times the end comes first.
            if let cancelled, delivered.map({ cancelled < $0 }) ?? true { return false }
            return delivered.map { $0 > created + AlertCrashTests.within } ?? true
        }
    }

    @Test("Random histories, kills and failing channels")
    func histories() throws {
        let scale = CrashScale.chosen
        var kills = 0
        for round in 0..<(scale.isTorture ? 60 : 5) {
            var dice = scale.dice(50 + round)
            kills += try history(&dice, "round \(round), seed \(scale.seed)")
        }
        #expect(kills > 0)
        tell("alerts: \(kills) kills")
    }

    private func history(_ dice: inout Dice, _ label: String) throws -> Int {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        try write(project)
        var orders: [Order] = []
        for number in 0..<30 {
            let created = AlertCrashTests.begin + dice.roll(3_600)
            let end = created + dice.roll(2 * AlertCrashTests.within)
            let kind = dice.roll(10)
            orders.append(
                Order(
                    id: "o\(number)", created: created, delivered: kind < 7 ? end : nil,
                    cancelled: kind == 7 || kind == 0 ? created + dice.roll(1_200) : nil,
                    heard: end + (dice.roll(3) == 0 ? dice.roll(2_400) : 0)))
        }
        var (now, told): (Int, Set<String>) = (AlertCrashTests.begin, [])
        var kills = 0
        // A message that fails five times holds up no other any more, and may come after its end: no channel is down for so
        // long. A run that is killed may not have tried.
        var failures = ["a": 0, "b": 0]
        // The rule is there before anything happens.
        #expect(try run(project, database, now, nil).status == 0, "\(label)")
        while now < AlertCrashTests.begin + 9_000 {
            now += 1 + dice.roll(dice.roll(4) == 0 ? 3_000 : 500)
            try log(orders, until: now, &told, project)
            let down = ["a", "b"].filter { dice.roll(3) == 0 && failures[$0]! < 4 }
            for channel in ["a", "b"] { try setDown(channel, down.contains(channel), project) }
            let failPoint =
                dice.roll(2) == 0
                ? "\(AlertCrashTests.failPoints.randomElement(using: &dice)!):\(1 + dice.roll(2))" : nil
            let outcome = try run(project, database, now, failPoint)
            kills += outcome.signal == nil ? 0 : 1
            for channel in ["a", "b"] {
                if down.contains(channel) {
                    failures[channel]! += 1
                } else if outcome.signal == nil {
                    failures[channel] = 0
                }
            }
            #expect(outcome.signal == SIGKILL || outcome.status == 0, "\(label): \(outcome.error)")
            // What failed is due again at once: the test does not wait for half a minute.
            try database.execute(
                "UPDATE daybook.notifications SET next_attempt_at = now() WHERE sent_at IS NULL")
        }
        for channel in ["a", "b"] { try setDown(channel, false, project) }
        for _ in 0..<2 {
            #expect(try run(project, database, now + 10_000, nil).status == 0, "\(label)")
            try database.execute(
                "UPDATE daybook.notifications SET next_attempt_at = now() WHERE sent_at IS NULL")
        }
        try compare(orders, project, database, "\(label), \(kills) kills")
        return kills
    }

    private func write(_ project: TemporaryProject) throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order",
              "sources": [ { "name": "shop", "file": { "path": "log.ndjson" }, "identity": "source",
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "delivered", "start": "order.created", "end": "order.delivered",
                "cancel": "order.cancelled", "within": "\(AlertCrashTests.within)s",
                "alerts": [ { "type": "overdue" } ] } ] }
            """)
        let channel = { (name: String) in
            """
            "\(name)": { "command": { "run": "test ! -e down.\(name) && cat >> \(name).out && echo >> \(name).out" },
              "group_interval": "0s" }
            """
        }
        try project.write(
            "pipelines/project.jsonc", "{ \"channels\": { \(channel("a")), \(channel("b")) } }")
        try project.write("log.ndjson", "")
    }

    private func setDown(_ channel: String, _ isDown: Bool, _ project: TemporaryProject) throws {
        let path = project.path("down.\(channel)")
        if isDown { try project.write("down.\(channel)", "") } else { unlink(path) }
    }

    private func log(
        _ orders: [Order], until now: Int, _ told: inout Set<String>, _ project: TemporaryProject
    ) throws {
        func add(_ order: Order, _ type: String, _ at: Int, heard: Int) throws {
            guard heard <= now, told.insert("\(order.id) \(type)").inserted else { return }
            try project.append(
                "log.ndjson",
                "{\"id\":\"\(order.id)-\(type)\",\"at\":\(at),\"type\":\"order.\(type)\",\"order\":\"\(order.id)\"}\n"
            )
        }
        for order in orders {
            try add(order, "created", order.created, heard: order.created)
            if let at = order.delivered { try add(order, "delivered", at, heard: max(at, order.heard)) }
            if let at = order.cancelled { try add(order, "cancelled", at, heard: max(at, order.heard)) }
        }
    }

    private func run(
        _ project: TemporaryProject, _ database: TestDatabase, _ now: Int, _ failPoint: String?
    ) throws -> DaybookCommand.Outcome {
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["DAYBOOK_FAIL_POINT"] = failPoint
        let time = Date(timeIntervalSince1970: Double(now)).formatted(.iso8601)
        return try command.start(["run", "--as-of", time, "--lock-wait", "60"]).outcome()
    }

    // MARK: - What must have come of it

    private struct Message: Decodable, Equatable {
        let idempotencyKey: String
        let alerts: [Alert]
        struct Alert: Decodable, Equatable {
            let caseId: String
            let state: String
        }
    }

    private func compare(
        _ orders: [Order], _ project: TemporaryProject, _ database: TestDatabase, _ label: String
    ) throws {
        #expect(
            try database.value("SELECT count(*) FROM daybook.notifications WHERE sent_at IS NULL") == "0",
            "\(label)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let states = Dictionary(
            uniqueKeysWithValues: try database.rows("SELECT case_id, state FROM daybook.alerts").map {
                ($0[0], $0[1])
            })
        for channel in ["a", "b"] {
            let text = try String(contentsOfFile: project.path("\(channel).out"), encoding: .utf8)
            var messages: [String: Message] = [:]
            var heard: [String: [String]] = [:]
            for line in text.split(separator: "\n") {
                let message = try decoder.decode(Message.self, from: Data(line.utf8))
                if let earlier = messages.updateValue(message, forKey: message.idempotencyKey) {
                    #expect(earlier == message, "\(label): one key, two messages")
                    continue
                }
                for alert in message.alerts { heard[alert.caseId, default: []].append(alert.state) }
            }
            for order in orders {
                let (told, state) = (heard[order.id] ?? [], states[order.id])
                #expect(told.count <= 2 && (told.first ?? "firing") == "firing", "\(label): \(order) \(told)")
                if order.isBreached {
                    let ending = order.delivered == nil ? [] : ["resolved"]
                    #expect(told == ["firing"] + ending, "\(label), \(channel): \(order)")
                } else {
                    // It was told to be late before its end was heard of, or it never was.
                    #expect(told == [] && state == nil || told == ["firing", state], "\(label): \(order)")
                    #expect(state != "firing", "\(label): \(order)")
                }
            }
        }
    }
}

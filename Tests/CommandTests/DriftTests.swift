import Foundation
import TestSupport
import Testing

/// `daybook drift` on four weeks and a day of steady events, of which some are changed.
@Suite
struct DriftTests {
    @Test("Steady sources show nothing: neither what comes on Tuesdays only, nor what is null now and then")
    func steady() throws {
        let shop = try Shop()
        try shop.load(Shop.events())
        let outcome = try shop.command.run("drift")
        #expect(outcome.status == 0, "\(outcome.out)\(outcome.error)")
        #expect(
            outcome.out.contains("ok: 2 sources as in the 4 weeks before; details of types with many events"))
        let document = try shop.findings("--last", "7d", "--weeks", "3")
        #expect(document == [])
        #expect(try shop.command.run("drift", "orders", "--last", "90m").status == 0)
    }

    @Test("Each kind of change is told once, of the source that changed")
    func everyKind() throws {
        let shop = try Shop()
        var events = Shop.events()
        events.change("shop") { event, hour, number in
            if event.type == "order.noted" { return nil }
            if (680..<684).contains(hour) { return nil }
            if hour == 686, number > 5 { return nil }
            var event = event
            if event.type == "order.created" {
                if number % 2 == 0 { event.details["coupon"] = "\"c\"" }
                if hour >= 688 { event.details["amount"] = "\"12.50\"" }
            }
            if event.type == "order.paid" { event.details["method"] = "null" }
            return event
        }
        for number in 0..<400 { events.add("shop", hour: 690, "order.created", number: 1_000 + number) }
        for number in 0..<3 { events.add("shop", hour: 692, "order.refunded", number: number) }
        try shop.load(events)
        #expect(
            try shop.findings() == [
                "orders.shop silent 2026-02-02 08:00 to 2026-02-02 12:00",
                "orders.shop volume low 2026-02-02 14:00 to 2026-02-02 15:00",
                "orders.shop volume high 2026-02-02 18:00 to 2026-02-02 19:00",
                "orders.shop new type order.refunded", "orders.shop vanished type order.noted",
                "orders.shop new field order.created: coupon",
                "orders.shop value type changed order.created: amount",
                "orders.shop vanished field order.paid: method",
            ])

        let text = try shop.command.run("drift", "orders")
        #expect(text.status == 2)
        for line in [
            "orders.shop  silent              2026-02-02 08:00 to 2026-02-02 12:00  no event; usually 260",
            "2026-02-02 14:00 to 2026-02-02 15:00  12 events; usually 65",
            "order.refunded                        3 events, first 2026-02-02 20:00; none in the 4 weeks before",
            "none; 125 in the same hours of each of the 4 weeks before, last 2026-02-01 23:",
            "first 2026-02-02 00:00; in none of 26,880 in the 4 weeks before",
            "order.paid: method                    in none of 387 events; in 13,440 of 13,440 (100%) in the 4 weeks",
            "order.created: amount                 string in ",
        ] {
            #expect(text.out.contains(line), "\(line)\n\(text.out)")
        }
        #expect(text.out.contains("; number in the 4 weeks before"))
        #expect(!text.out.contains("orders.till"))
    }

    @Test("--json tells findings with their figures, and sources")
    func json() throws {
        let shop = try Shop()
        var events = Shop.events()
        for number in 0..<3 { events.add("till", hour: 692, "order.refunded", number: number) }
        events.change("till") { event, hour, _ in (682..<685).contains(hour) ? nil : event }
        try shop.load(events)
        let outcome = try shop.command.run("drift", "--json")
        #expect(outcome.status == 2)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any])
        #expect(Set(document.keys) == ["ok", "findings", "sources", "is_sampled"])
        #expect(document["ok"] as? Bool == false && document["is_sampled"] as? Bool == true)
        let findings = try #require(document["findings"] as? [[String: Any]])
        #expect(findings.count == 2)
        let silence = try #require(findings.first { $0["kind"] as? String == "silent" })
        #expect(silence["source"] as? String == "orders.till")
        #expect(silence["from"] as? String == "2026-02-02T10:00:00+00:00")
        #expect(silence["to"] as? String == "2026-02-02T13:00:00+00:00")
        #expect(silence["events"] as? Int == 0 && silence["usual_least"] as? Int == 195)
        let type = try #require(findings.first { $0["kind"] as? String == "new type" })
        #expect(type["name"] as? String == "order.refunded" && type["type"] as? String == "order.refunded")
        #expect(
            type["events"] as? Int == 3 && type["events_before"] as? Int == 0 && type["weeks"] as? Int == 4)
        #expect((type["detail"] as? String)?.hasPrefix("3 events") == true)
        #expect(type["first_at"] as? String == "2026-02-02T20:00:00+00:00")
        let sources = try #require(document["sources"] as? [[String: Any]])
        #expect(sources.map { $0["source"] as? String } == ["orders.shop", "orders.till"])
        #expect(Set(sources[0].keys) == ["source", "from", "to", "weeks", "skipped"])
    }

    @Test("Of a field that one event in thousands has, a sample does not tell that it is new")
    func rareFields() throws {
        let shop = try Shop()
        var events = Shop.events()
        // Each in one event before the window and one in it: most are missed by a sample of two in five.
        for field in 0..<20 {
            events.add("shop", hour: 100 + field, "order.created", number: 500) { $0["rare_\(field)"] = "1" }
            events.add("shop", hour: 672 + field, "order.created", number: 500) { $0["rare_\(field)"] = "1" }
        }
        events.add("shop", hour: 680, "order.created", number: 501) { $0["fresh"] = "1" }
        try shop.load(events)
        #expect(try shop.findings() == ["orders.shop new field order.created: fresh"])
        #expect(try shop.command.run("drift").out.contains("in none of 26,900 in the 4 weeks before"))
    }

    @Test("Details whose members are data are left alone")
    func mapsOfData() throws {
        let shop = try Shop()
        var events = Shop.events()
        events.change("shop", from: 0) { event, hour, number in
            var event = event
            if event.type == "order.paid" { event.details["k\(hour)"] = "1" }
            return event
        }
        try shop.load(events)
        #expect(try shop.findings() == [])
    }

    @Test("A source that falls silent is told; one whose batches come later is not")
    func silence() throws {
        let shop = try Shop()
        var events = Shop.events()
        events.change("till") { event, hour, _ in hour < 676 ? event : nil }
        try shop.load(events)
        #expect(
            try shop.findings() == ["orders.till silent 2026-02-02 04:00 to 2026-02-03 00:00"])

        #expect(try shop.command.run("drift").out.contains("no event; usually 1,300, last 2026-02-02 03:52"))

        // As if it were loaded once a day, an hour after midnight, and the other each hour.
        func set(_ column: String, _ value: String, where condition: String) throws {
            try shop.database.execute(
                """
                UPDATE daybook.loads AS l SET \(column) = \(value) FROM daybook.sources AS s
                WHERE s.source_id = l.source_id AND \(condition)
                """)
        }
        try shop.append("shop", events.text("shop", hours: 696..<697, suffix: "again"))
        try shop.append("till", events.text("till", hours: 675..<676, suffix: "again"))
        #expect(try shop.command.run("load").status == 0)
        #expect(
            try shop.findings() == [
                "orders.till volume high 2026-02-02 03:00 to 2026-02-02 04:00",
                "orders.till silent 2026-02-02 04:00 to 2026-02-03 00:00",
            ])
        try shop.database.execute("UPDATE daybook.runs SET started_at = '2026-02-03 00:30+00'")
        try set("loaded_at", "max_occurred_at + interval '1 minute'", where: "name = 'shop'")
        try set("loaded_at", "'2026-02-01 01:00+00'", where: "name = 'till' AND run_id = 1")
        try set("loaded_at", "'2026-02-02 01:00+00'", where: "name = 'till' AND run_id = 2")
        #expect(try shop.findings() == [])
        // A batch that was missed shows after twice a day.
        try shop.append("shop", events.text("shop", hours: 0..<1, suffix: "later", at: 696 + 40))
        #expect(try shop.command.run("load").status == 0)
        #expect(try shop.findings().contains { $0.hasPrefix("orders.till silent") })
    }

    @Test("The only source of a pipeline is silent where runs bring nothing for long")
    func silenceOfTheOnlySource() throws {
        let shop = try Shop()
        let hours = Int(Date().timeIntervalSince1970) / 3_600 - 696 - 9
        let events = Shop.events(sources: ["shop"], firstHour: hours)
        try shop.load(events.from(hour: 0, to: 696))
        try shop.load(events.from(hour: 696, to: 697))
        #expect(try shop.findings() == [])
        // As if each load had come ten minutes after its events.
        try shop.database.execute(
            "UPDATE daybook.loads SET loaded_at = max_occurred_at + interval '10 minutes'")
        let findings = try shop.findings()
        #expect(
            findings.map { $0.prefix(18) } == ["orders.shop volume", "orders.shop silent"], "\(findings)")
    }

    @Test("With less than two weeks before the window nothing is compared")
    func tooLittleHistory() throws {
        let shop = try Shop()
        try shop.load(Shop.events().from(hour: 0, to: 300))
        let outcome = try shop.command.run("drift")
        #expect(outcome.status == 0)
        #expect(
            outcome.out.contains(
                "orders.shop: too little history: it begins 2026-01-05 00:00, and must be whole for 2 weeks before"
            ))
        let json = try shop.command.run("drift", "--json")
        #expect(json.status == 0 && json.out.contains("\"skipped\" : \"too little history"))
        try shop.load(Shop.events().from(hour: 300, to: 370))
        let more = try shop.command.run("drift")
        #expect(more.out.contains("ok: 2 sources as in the 2 weeks before"), "\(more.out)")
    }

    @Test("An empty database, a pipeline that there is not, and options that mean nothing")
    func mistakes() throws {
        let shop = try Shop()
        let empty = try shop.command.run("drift")
        #expect(empty.status == 1 && empty.error.contains("the database holds nothing yet; see: daybook run"))
        try shop.load(Shop.events().from(hour: 0, to: 0))
        let nothing = try shop.command.run("drift")
        #expect(nothing.status == 0 && nothing.out == "no source has run yet; see: daybook run\n")
        try shop.load(Shop.events().from(hour: 0, to: 1))
        let unknown = try shop.command.run("drift", "ordres")
        #expect(unknown.status == 64)
        #expect(unknown.error.contains("no pipeline \"ordres\" has run; did you mean \"orders\"?"))
        for words in [["--last", "soon"], ["--last", "8d"], ["--last", "5m"], ["--weeks", "1"]] {
            #expect(try shop.command.run("drift", words[0], words[1]).status == 64)
        }
        let help = try shop.command.run("drift", "--help")
        #expect(help.status == 0 && help.out.contains("usage: daybook drift [PIPELINE…] [OPTIONS]"))
        #expect(try shop.command.run("--help").out.contains("\n  drift "))
    }
}

/// A project with two sources, its database, and the command in it.
private struct Shop {
    let project: TemporaryProject
    let database: TestDatabase
    let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        let sources = ["shop", "till"].map { name in
            """
            { "name": "\(name)", "file": { "path": "\(name).ndjson" },
              "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "details": "data" } }
            """
        }
        try project.write(
            "pipelines/orders.jsonc",
            "{ \"pipeline\": \"orders\", \"entity\": \"order\", \"sources\": [ \(sources.joined(separator: ", ")) ] }"
        )
        for name in ["shop", "till"] { try project.write("\(name).ndjson", "") }
    }

    func append(_ source: String, _ text: String) throws { try project.append("\(source).ndjson", text) }

    func load(_ events: SteadyEvents) throws {
        for source in events.sources { try append(source, events.text(source)) }
        let outcome = try command.run("load")
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    /// Each finding as `source kind name`.
    func findings(_ options: String...) throws -> [String] {
        let outcome = try Shell.run(
            DaybookCommand.path, ["drift", "--json"] + options, in: command.directory, command.environment)
        let document = try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any]
        let findings = try #require(document?["findings"] as? [[String: Any]], "\(outcome.error)")
        #expect(outcome.status == (findings.isEmpty ? 0 : 2))
        return findings.map { finding in
            ["source", "kind", "name"].map { finding[$0] as? String ?? "" }.joined(separator: " ")
        }
    }

    static func events(sources: [String] = ["shop", "till"], firstHour: Int = SteadyEvents.monday)
        -> SteadyEvents
    {
        SteadyEvents(sources: sources, firstHour: firstHour)
    }
}

/// Events of four weeks and a day, each hour like the other; the first of an hour stands at its beginning.
private struct SteadyEvents {
    struct Event {
        var type: String
        /// As JSON.
        var details: [String: String]
    }
    typealias Change = (Event, _ hour: Int, _ number: Int) -> Event?

    /// 2026-01-05 00:00 UTC, in hours.
    static let monday = 490_992
    /// Where the window of the last day begins.
    private static let windowStart = 672

    let sources: [String]
    private let firstHour: Int
    private var hours = 0..<697
    private var changes: [(source: String, from: Int, change: Change)] = []
    private var added: [(source: String, hour: Int, number: Int, event: Event)] = []

    init(sources: [String], firstHour: Int) { (self.sources, self.firstHour) = (sources, firstHour) }

    func from(hour start: Int, to end: Int) -> SteadyEvents {
        var part = self
        part.hours = start..<end
        return part
    }

    /// Changes or drops the steady events of a source, in the window or from an hour on.
    mutating func change(_ source: String, from hour: Int = windowStart, _ change: @escaping Change) {
        changes.append((source, hour, change))
    }

    mutating func add(
        _ source: String, hour: Int, _ type: String, number: Int,
        _ change: (inout [String: String]) -> Void = { _ in }
    ) {
        var event = Event(type: type, details: SteadyEvents.details(type, number))
        change(&event.details)
        added.append((source, hour, number, event))
    }

    private static func details(_ type: String, _ number: Int) -> [String: String] {
        switch type {
        case "order.created":
            ["amount": "12.50", "currency": "\"EUR\"", "note": number % 3 == 0 ? "\"n\"" : "null"]
        case "order.paid": ["amount": "12.50", "method": number % 2 == 0 ? "\"card\"" : "\"cash\""]
        default: [:]
        }
    }

    func text(_ source: String) -> String { text(source, hours: hours, suffix: "") }

    /// - Parameter later: by how many hours later than usual the events are.
    func text(_ source: String, hours: Range<Int>, suffix: String, at later: Int = 0) -> String {
        var text = ""
        for hour in hours {
            // The last hour has only begun.
            let isTuesday = hour / 24 % 7 == 1
            var kinds = [("order.created", 40), ("order.paid", 20), ("order.noted", 5)]
            if isTuesday, hour % 24 == 9 { kinds.append(("audit.closed", 10)) }
            if hour == 696 { kinds = [("order.created", 1), ("order.paid", 1), ("order.noted", 0)] }
            for (type, count) in kinds {
                for number in 0..<count {
                    let steady = Event(type: type, details: SteadyEvents.details(type, number))
                    let event = changes.filter { $0.source == source && hour >= $0.from }
                        .reduce(Event?.some(steady)) { event, change in
                            event.flatMap { change.change($0, hour, number) }
                        }
                    if let event {
                        text += line(event, "\(type)-\(hour)-\(number)\(suffix)", hour + later, number)
                    }
                }
            }
            for item in added where item.source == source && item.hour == hour {
                text += line(item.event, "added-\(item.event.type)-\(hour)-\(item.number)", hour, 0)
            }
        }
        return text
    }

    private func line(_ event: Event, _ id: String, _ hour: Int, _ number: Int) -> String {
        let details = event.details.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return
            "{\"id\":\"\(id)\",\"at\":\((firstHour + hour) * 3_600 + number * 80),\"type\":\"\(event.type)\","
            + "\"order\":\"o\(hour)-\(number)\",\"data\":{\(details)}}\n"
    }
}

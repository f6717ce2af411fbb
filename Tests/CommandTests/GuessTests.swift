import Foundation
import TestSupport
import Testing

/// What `guess` proposes is a pipeline that loads all there is.
struct GuessTests {
    private struct Kind: Sendable, CustomTestStringConvertible {
        let path: String
        let pagination: String
        var testDescription: String { path }
    }

    private static let kinds = [
        Kind(
            path: "/cursor",
            pagination: #"{ "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" }"#),
        Kind(
            path: "/header-cursor",
            pagination: #"{ "type": "cursor", "cursor_header": "x-next", "cursor_param": "cursor" }"#),
        Kind(
            path: "/last-item",
            pagination: #"{ "type": "cursor", "cursor_item": "id", "cursor_param": "after" }"#),
        Kind(path: "/link", pagination: #"{ "type": "json_link", "next_path": "links.next" }"#),
        Kind(path: "/header", pagination: #"{ "type": "header_link" }"#),
        Kind(path: "/ndjson", pagination: #"{ "type": "header_link" }"#),
        Kind(
            path: "/offset?limit=7", pagination: #"{ "type": "offset", "limit": 7, "limit_param": "limit" }"#),
        Kind(path: "/total", pagination: #"{ "type": "offset", "limit": 7, "total_path": "total" }"#),
        Kind(path: "/csv", pagination: #"{ "type": "offset", "limit": 7 }"#),
        Kind(path: "/page", pagination: #"{ "type": "page_number" }"#),
        Kind(path: "/all", pagination: #"{ "type": "single" }"#),
    ]

    @Test("Of an API: how pages follow each other, and a pipeline that loads them all", arguments: kinds)
    private func apis(_ kind: Kind) throws {
        let pages = EventPages(40, size: 7)
        let api = try TestAPI { request in
            request.headers["authorization"] == "Bearer geheim-1"
                ? pages.answer(request) : .init("who?", status: 401)
        }
        let project = try TemporaryProject()
        let database = try TestDatabase()
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["TOKEN"] = "geheim-1"
        let outcome = try command.run(
            "guess", api.url + kind.path, "--header", "Authorization: Bearer ${TOKEN}", "--name", "shop")
        #expect(outcome.status == 0, "\(outcome.error)")
        #expect(outcome.out.contains("\"pagination\": \(kind.pagination)"), "\(outcome.out)\(outcome.error)")
        #expect(!(outcome.out + outcome.error).contains("geheim-1"))
        try project.write("pipelines/shop.jsonc", outcome.out)
        let check = try command.run("check")
        #expect(check.status == 0, "\(check.out)\(check.error)")
        let run = try command.run("load")
        #expect(run.out.contains("40 loaded"), "\(run.out)\(run.error)")
    }

    @Test("Of a file", arguments: ["ndjson", "csv"])
    func files(_ format: String) throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        let items = EventPages(30, size: 30).items
        let text =
            format == "csv"
            ? "id,created,status,order_id,amount\n"
                + items.map { "\($0.id),\($0.updatedAt),paid,o1,3.5\n" }.joined()
            : items.map { $0.json + "\n" }.joined()
        try project.write("logs/shop.\(format)", text)
        let command = DaybookCommand(in: project.directory, database: database.url)
        let outcome = try command.run("guess", "logs/shop.\(format)")
        #expect(outcome.status == 0 && outcome.error.contains("pipelines/shop.jsonc"), "\(outcome.error)")
        try project.write("pipelines/shop.jsonc", outcome.out)
        #expect(try command.run("check").status == 0)
        let run = try command.run("load")
        #expect(run.out.contains("30 loaded"), "\(run.out)\(run.error)")
        #expect(try database.value("SELECT count(DISTINCT event_id) FROM raw.events") == "30")
        #expect(
            try database.value("SELECT count(*) FROM raw.events WHERE case_id = 'o1'")
                == (format == "csv" ? "30" : "3"))
    }

    // MARK: - Forms

    /// A file of 60 events of 20 orders, and what of the proposal tells its form.
    struct Form: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let words: [String]
        /// Whether the orders are found as cases.
        let hasCases: Bool
        /// How many records the file has that are none.
        let filtered: Int
        var testDescription: String { name }

        init(
            _ name: String, _ bytes: [UInt8], _ words: String..., hasCases: Bool = true, filtered: Int = 0
        ) {
            (self.name, self.bytes, self.words) = (name, bytes, words)
            (self.hasCases, self.filtered) = (hasCases, filtered)
        }

        init(_ name: String, _ text: String, _ words: String..., hasCases: Bool = true, filtered: Int = 0) {
            (self.name, bytes, self.words) = (name, Array(text.utf8), words)
            (self.hasCases, self.filtered) = (hasCases, filtered)
        }
    }

    private struct Sent {
        let date: Date
        let type: String
        let order: String
        let id: String
        let service: String

        func time(_ format: String) -> String {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "UTC")
            formatter.dateFormat = format
            return formatter.string(from: date)
        }

        var iso: String { time("yyyy-MM-dd'T'HH:mm:ss'Z'") }
    }

    /// Orders that overlap; each step takes some minutes more than the one before.
    private static let sent: [Sent] = (0..<20).flatMap { order -> [Sent] in
        ["created", "paid", "sent"].enumerated().map { step, type in
            Sent(
                date: Date(
                    timeIntervalSince1970: Double(1_773_475_200 + order * 3_000 + step * (600 + order * 30))),
                type: "order.\(type)", order: "o\(1_000 + order)", id: "e\(order)-\(step)",
                service: ["shop", "till", "dock"][step])
        }
    }.sorted { ($0.date, $0.id) < ($1.date, $1.id) }

    private static func lines(_ line: (Sent) -> String) -> String { sent.map { line($0) + "\n" }.joined() }

    private static let ndjson = lines {
        #"{"id":"\#($0.id)","time":"\#($0.iso)","type":"\#($0.type)","order_id":"\#($0.order)","ort":"Köln"}"#
    }

    private static func table(
        _ separator: String, _ format: String, quote: String = "", hasHeader: Bool = true
    ) -> String {
        let header = ["id", "when", "type", "order_id", "Ort"].joined(separator: separator) + "\n"
        return (hasHeader ? header : "")
            + lines {
                [$0.id, $0.time(format), $0.type, $0.order, "Köln"].map { quote + $0 + quote }.joined(
                    separator: separator)
            }
    }

    private static func nested(_ separator: String) -> String {
        sent.map {
            #"{"id":"\#($0.id)","at":\#(Int($0.date.timeIntervalSince1970)),"type":"\#($0.type)","order":{"id":"\#($0.order)"}}"#
        }.joined(separator: separator)
    }

    private static var xes: String {
        var text = "<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<log xes.version=\"1.0\">\n"
        for (order, events) in Dictionary(grouping: sent, by: \.order).sorted(by: { $0.key < $1.key }) {
            text += "<trace><string key=\"concept:name\" value=\"\(order)\"/>"
            for event in events {
                text += "<event><string key=\"concept:name\" value=\"\(event.type)\"/>"
                text += "<date key=\"time:timestamp\" value=\"\(event.iso)\"/></event>"
            }
            text += "</trace>\n"
        }
        return text + "</log>"
    }

    static let forms: [Form] = [
        Form("ndjson", ndjson, #""format": "ndjson""#),
        Form(
            "UTF-16 with a mark",
            [0xFF, 0xFE] + ndjson.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
            #""format": "ndjson" }"#),
        Form(
            "UTF-16 without a mark", ndjson.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] },
            #""encoding": "utf-16be""#),
        Form(
            "semicolons, Latin-1", table(";", "dd.MM.yyyy HH:mm").unicodeScalars.map { UInt8($0.value) },
            #""encoding": "latin-1", "separator": ";""#, #""format": "%d.%m.%Y %H:%M""#),
        Form(
            "commas, quoted", table(",", "MM/dd/yyyy hh:mm a", quote: "\""), #""format": "%m/%d/%Y %I:%M %p""#
        ),
        Form("single quotes", table(";", "dd/MM/yyyy HH:mm:ss", quote: "'"), #""quote": "'""#),
        Form("tabs", table("\t", "yyyy-MM-dd HH:mm:ss"), #""format": "tsv""#),
        Form("quoted and tabs", table("\t", "yyyy-MM-dd HH:mm:ss", quote: "\""), #""separator": "\t""#),
        Form(
            "no header", table("|", "yyyy/MM/dd HH:mm:ss", hasHeader: false),
            #""separator": "|", "header": ["id","time","type","case_id","column_5"]"#),
        Form(
            "a title", "Report of orders\nby hand, mostly\n\n" + table(",", "dd-MMM-yyyy HH:mm:ss"),
            #""skip_lines": 3"#),
        Form(
            "comments", "# by hand\n" + table(",", "yyyy-MM-dd HH:mm:ss") + "# end\n", "\"comment\": \"#\"",
            filtered: 1),
        Form(
            "rows of many lengths",
            "id,time,type,order_id,a,b\n"
                + sent.enumerated().map { index, event in
                    "\(event.id),\(event.iso),\(event.type),\(event.order)"
                        + (index % 3 > 0 ? ",1" + (index % 3 > 1 ? ",2" : "") : "") + "\n"
                }.joined(), #""ragged": "fill""#),
        Form(
            "date and time apart",
            "id,date,time,type,order_id\n"
                + lines {
                    "\($0.id),\($0.time("dd.MM.yyyy")),\($0.time("HH:mm:ss")),\($0.type),\($0.order)"
                }, #"{ "field": "{date} {time}", "format": "%d.%m.%Y %H:%M:%S" }"#),
        Form("an array", "[\(nested(","))]", #""format": "json" }"#),
        Form(
            "an array in an object", #"{"n":60,"data":{"events":[\#n\#(nested(",\n"))]}}"#,
            #""data_path": "data.events""#),
        Form(
            "objects over lines", nested("\n").replacingOccurrences(of: ",", with: ",\n"),
            #""format": "json" }"#),
        Form(
            "cloudevents",
            lines {
                #"{"specversion":"1.0","id":"\#($0.id)","source":"/\#($0.service)","type":"\#($0.type)","time":"\#($0.iso)","data":{"order_id":"\#($0.order)"}}"#
            }, #""format": "cloudevents""#, #""case_id": "data.order_id""#),
        Form(
            "otlp",
            lines {
                #"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"\#($0.service)"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"\#(Int($0.date.timeIntervalSince1970))000000000","eventName":"\#($0.type)","attributes":[{"key":"order.id","value":{"stringValue":"\#($0.order)"}}]}]}]}]}"#
            }, #""format": "otlp""#, #""case_id": "/attributes/order.id""#),
        Form(
            "ecs",
            lines {
                #"{"@timestamp":"\#($0.iso)","ecs":{"version":"8.1"},"event":{"action":"\#($0.type)","id":"\#($0.id)"},"trace":{"id":"\#($0.order)"}}"#
            }, #""format": "ecs" }"#),
        Form(
            "xes",
            xes, #""format": "xes" }"#),
        Form(
            "access",
            lines {
                "10.0.0.1 - - [\($0.time("dd/MMM/yyyy:HH:mm:ss")) +0000] \"GET /\($0.order) HTTP/1.1\" 200 7 \"-\" \"curl\""
            }, #""format": "access" }"#, hasCases: false),
        Form(
            "logfmt",
            lines { "time=\($0.iso) level=info event=\($0.type) order_id=\($0.order) msg=\"well, done\"" },
            #""format": "logfmt""#, #""case_id": "order_id""#),
        Form(
            "drdroid",
            lines {
                #"{"name":"\#($0.type)","timestamp":\#(Int($0.date.timeIntervalSince1970))000,"payload":{"order_id":"\#($0.order)"}}"#
            }, #""format": "drdroid""#, #""case_id": "payload.order_id""#),
        Form(
            "logeater",
            lines {
                #"{"timestamp":"\#($0.iso)","service":"\#($0.service)","type":"\#($0.type)","user_id":"u1","details":"{\"order_id\":\"\#($0.order)\"}"}"#
            }, #""format": "logeater""#, #""case_id": "details.order_id""#),
        Form(
            "lines of a log",
            lines {
                "\($0.time("yyyy-MM-dd HH:mm:ss")),123 INFO  [main] \($0.type) order_id=\($0.order), all is well"
            }, #""format": "regex""#, #""case_id": "order_id""#, #""type": "log.{level}""#, hasCases: false),
        Form(
            "lines with types",
            lines { "[\($0.time("dd/MM/yyyy HH:mm:ss"))] WARN \($0.type) (order_id=\($0.order))" },
            #"(?<type>"#, #""format": "%d/%m/%Y %H:%M:%S""#),
    ]

    @Test(
        "Of a file of any form: a pipeline that loads every record, with the orders as cases",
        arguments: forms)
    func form(_ form: Form) throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        try project.write("logs/some", form.bytes)
        let command = DaybookCommand(in: project.directory, database: database.url)
        let outcome = try command.run("guess", "logs/some", "--name", "shop")
        #expect(outcome.status == 0, "\(outcome.error)")
        for word in form.words { #expect(outcome.out.contains(word), "\(word)\n\(outcome.out)") }
        try project.write("pipelines/shop.jsonc", outcome.out)
        let check = try command.run("check")
        #expect(check.status == 0 && check.out == "ok\n", "\(check.out)\(check.error)\n\(outcome.out)")
        // What has no line end has to settle first; that it does is not what is tested here.
        let run = try command.run("load", "--json")
        let counts = try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any]
        #expect(counts?["loaded"] as? Int == 60, "\(run.out)\(run.error)\n\(outcome.out)")
        #expect(counts?["rejected"] as? Int == 0 && counts?["filtered"] as? Int == form.filtered)
        guard form.hasCases else { return }
        #expect(
            try database.value("SELECT count(DISTINCT case_id) FROM raw.events WHERE case_id LIKE 'o1%'")
                == "20")
        #expect(
            outcome.out.contains(
                #""start": "order.created", "end": "order.sent", "within": "45m", "target": 0.9 }"#),
            "\(outcome.out)")
        #expect(outcome.out.contains("// median 30m, p90 38m, 20 cases"), "\(outcome.out)")
    }

    @Test("A few records that are spoilt are told, and change nothing of the rest")
    func spoilt() throws {
        let project = try TemporaryProject()
        let command = DaybookCommand(in: project.directory, database: nil)
        let text = (0..<5).map { GuessTests.ndjson.replacingOccurrences(of: "\"e", with: "\"e\($0)-") }
            .joined()
        let clean = try guess(text, project, command)
        let spoilt = try guess(
            text + #"{"id":"x","time":"noon","type":"order.paid"}"# + "\n{\"id\":1}\n{\"id\":\n", project,
            command)
        #expect(spoilt.out == clean.out)
        #expect(spoilt.error.contains("3 of the first 303 would be rejected; line 301: "), "\(spoilt.error)")
    }

    private func guess(
        _ text: String, _ project: TemporaryProject, _ command: DaybookCommand
    ) throws -> DaybookCommand.Outcome {
        try project.write("a.ndjson", text)
        return try command.run("guess", "a.ndjson")
    }

    @Test("Compressed files, whatever they are called", arguments: ["gzip", "zstd", "xz", "bzip2"])
    func compressed(_ program: String) throws {
        let project = try TemporaryProject()
        try project.write("logs/some", GuessTests.ndjson)
        let command = DaybookCommand(in: project.directory, database: nil)
        let made = try Shell.run(
            "/bin/sh", ["-c", "command -v \(program) || exit 9; \(program) -c logs/some > packed"],
            in: project.directory, command.environment)
        guard made.status != 9 else { return }
        let outcome = try command.run("guess", "packed")
        #expect(outcome.status == 0 && outcome.error.contains("60 records, ndjson"), "\(outcome.error)")
        try project.write("pipelines/packed.jsonc", outcome.out)
        let preview = try command.run("preview")
        #expect(preview.out.contains("of all 60 records: 60 would load, 0 rejected"), "\(preview.out)")
    }

    @Test(
        "Real data: a pipeline for each file that is accepted and loads without a reject",
        .enabled(if: TestData.isThere))
    func realData() throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        let command = DaybookCommand(in: project.directory, database: database.url)
        let files = [
            (
                "olist_1000/orders.csv", "orders",
                #""start": "order.purchase", "end": "order.delivered_customer""#
            ),
            ("olist_1000/events.ndjson", "events", #""start": "order.created", "end": "order.delivered""#),
            (
                "patients/patients.csv", "visits",
                #""start": "Registration.start", "end": "Check-out.complete""#
            ),
            (
                "patients/patients.ndjson", "patients",
                #""start": "Registration.start", "end": "Check-out.complete""#
            ),
        ]
        for (file, name, sla) in files {
            let outcome = try command.run("guess", TestData.path(file), "--name", name)
            #expect(outcome.status == 0 && outcome.out.contains(sla), "\(outcome.out)\(outcome.error)")
            try project.write("pipelines/\(name).jsonc", outcome.out)
        }
        let check = try command.run("check")
        #expect(check.status == 0 && check.out == "ok\n", "\(check.out)\(check.error)")
        #expect(try command.run("run").status == 0)
        #expect(try database.value("SELECT count(*) FROM daybook.rejects") == "0")
        #expect(
            try database.rows(
                "SELECT pipeline, sum(loaded), sum(filtered) FROM daybook.loads GROUP BY 1 ORDER BY 1")
                == [
                    ["events", "3972", "0"], ["orders", "3972", "0"], ["patients", "5442", "0"],
                    ["visits", "5442", "0"],
                ])
        // Those that the other tools have counted.
        #expect(
            try database.rows(
                """
                SELECT sla, count(*), count(*) FILTER (WHERE status = 'completed') FROM report.fact_sla
                WHERE sla IN ('events_delivered', 'orders_delivered_customer', 'visits_check_out_complete')
                GROUP BY 1 ORDER BY 1
                """) == [
                    ["events_delivered", "1000", "979"], ["orders_delivered_customer", "1000", "979"],
                    ["visits_check_out_complete", "500", "492"],
                ])
    }

    @Test("A table with a row for each case: an event for each of its times, but for those that are plans")
    func wideTable() throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        var text = "Ticket_ID,Owner,Opened at,Ticket_Closed_Date,Due date,Note\n"
        for ticket in 1...12 {
            let closed = ticket % 4 > 0 ? "\(ticket + 10).03.2026 12:00" : ""
            text += "T\(ticket),ann,\(ticket + 10).03.2026 08:30,\(closed),20.04.2026 00:00,n\n"
        }
        try project.write("tickets.csv", text)
        let command = DaybookCommand(in: project.directory, database: database.url)
        let outcome = try command.run("guess", "tickets.csv")
        #expect(outcome.error.contains("Due date looks like a plan"), "\(outcome.error)")
        for word in [
            #""entity": "ticket""#, #"{"value": "ticket.opened"}"#, #"{"value": "ticket.closed"}"#,
            #""event_id": "{Ticket_ID}:ticket.closed""#,
            #""occurred_at": { "field": "Ticket_Closed_Date", "format": "%d.%m.%Y %H:%M" }"#,
            "// 9 of 12 records, 2026-03-11 to 2026-03-21", "// median 3h 30m, p90 3h 30m, 9 of 12 cases",
            #""name": "tickets_closed", "start": "ticket.opened", "end": "ticket.closed", "within": "4h""#,
        ] {
            #expect(outcome.out.contains(word), "\(word)\n\(outcome.out)")
        }
        try project.write("pipelines/tickets.jsonc", outcome.out)
        #expect(try command.run("check").out == "ok\n")
        #expect(try command.run("run").status == 0)
        #expect(
            try database.rows("SELECT type, count(*) FROM raw.events GROUP BY 1 ORDER BY 1")
                == [["ticket.closed", "9"], ["ticket.opened", "12"]])
        // The table comes again, with its rows in another order and one ticket closed: that is one event.
        let lines = text.split(separator: "\n")
        let changed = lines.dropFirst().reversed().joined(separator: "\n")
            .replacing("T4,ann,14.03.2026 08:30,,", with: "T4,ann,14.03.2026 08:30,14.03.2026 09:00,")
        try project.write("tickets.csv", "\(lines[0])\n\(changed)\n")
        let again = try command.run("load")
        #expect(again.out.contains("22 read: 1 loaded"), "\(again.out)\(again.error)")
    }

    @Test("Pairs that few cases show are comments; a day and a month that nothing tells apart are told")
    func doubts() throws {
        let project = try TemporaryProject()
        let command = DaybookCommand(in: project.directory, database: nil)
        var text = "time,type,order_id\n"
        for order in 1...20 {
            text += "0\(order % 9 + 1)/05/2026 08:00,made,o\(order)\n"
            text += "0\(order % 9 + 1)/05/2026 10:00,\(order > 6 ? "sent" : "lost"),o\(order)\n"
            if order < 6 { text += "0\(order % 9 + 1)/05/2026 11:00,found,o\(order)\n" }
        }
        try project.write("a.csv", text)
        let outcome = try command.run("guess", "a.csv")
        #expect(outcome.error.contains("no day above 12 tells day and month apart"), "\(outcome.error)")
        #expect(outcome.out.contains("{ \"name\": \"a_sent\""), "\(outcome.out)")
        #expect(
            outcome.out.contains(
                "// median 2h, p90 2h, 6 of 20 cases\n    // { \"name\": \"a_made_to_lost\""),
            "\(outcome.out)")
        try project.write("pipelines/a.jsonc", outcome.out)
        #expect(try command.run("check").status == 0)
        #expect(try command.run("guess", "a.csv", "--name", "a/b").status == 64)
    }

    @Test("Whatever bytes come, it ends with a proposal that is sound, or says what is wrong")
    func anyBytes() throws {
        let project = try TemporaryProject()
        let command = DaybookCommand(in: project.directory, database: nil)
        var generator = SystemRandomNumberGenerator()
        var files: [[UInt8]] = [
            [], [0], [0x0A], [0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0x1F, 0x8B], Array("\n\n\n".utf8),
            Array("a,b\n".utf8),
            Array("hello".utf8), Array(repeating: 0x5B, count: 300_000),
            Array(repeating: 0x78, count: 18 << 20),
            Array("{\"a\":\"".utf8) + Array(repeating: 0x78, count: 3 << 20), Array("\"a,b\nc".utf8),
            Array("# a\n# b\n".utf8), Array("<log><trace>".utf8), Array("a=\nb=\n".utf8),
            Array("[{},{}]".utf8),
            Array("{\"resourceLogs\":[]}".utf8), Array("${A},{b},\n2026-01-01,x,y\n".utf8),
            (0..<40_000).map { _ in UInt8.random(in: 0...255, using: &generator) },
        ]
        for form in GuessTests.forms {
            for _ in 0..<2 {
                var bytes = form.bytes
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.removeSubrange(place..<min(place + 40, bytes.count - 1))
                    case 2: bytes.insert(contentsOf: bytes.prefix(100), at: place)
                    default: bytes.removeLast(bytes.count - max(1, place))
                    }
                }
                files.append(bytes)
            }
        }
        for bytes in files {
            try project.write("x", bytes)
            let outcome = try command.run("guess", "x", "--name", "x")
            #expect([0, 65].contains(outcome.status), "\(bytes.prefix(400)) \(outcome.error)")
            #expect(outcome.signal == nil)
            guard outcome.status == 0 else { continue }
            #expect(
                !outcome.error.contains("needs your hand"),
                "\(bytes.prefix(400)) \(outcome.error)\(outcome.out)")
        }
        #expect(try command.run("guess", ".").status == 65)
        #expect(try command.run("guess", "/dev/null").status == 65)
    }

    @Test("What cannot be guessed is told, with what is there")
    func failures() throws {
        let project = try TemporaryProject()
        let api = try TestAPI { request in
            request.path == "/html" ? .init("<html>hello</html>") : .init("no", status: 403)
        }
        try project.write("empty.ndjson", "")
        try project.write("text.log", "one two\nthree\n")
        try project.write(
            "syslog", "Jan 12 10:11:12 host app[7]: hello\nJan 12 10:11:13 host app[7]: hello\n")
        let command = DaybookCommand(in: project.directory, database: nil)
        for (place, status, words) in [
            ("nothing.ndjson", 69, "there is no such file"), ("empty.ndjson", 65, "is empty"),
            ("text.log", 65, "it begins: one two three"), ("syslog", 65, "times without a year"),
            ("\(api.url)/html", 65, "it begins: <html>hello</html>"),
            ("\(api.url)/x", 69, "HTTP 403"), ("ftp://a.example/x", 64, "is no address"),
        ] as [(String, Int32, String)] {
            let outcome = try command.run("guess", place)
            #expect(
                outcome.status == status && outcome.error.contains(words),
                "\(place): \(outcome.status) \(outcome.error)")
        }
        #expect(try command.run("guess").status == 64)
    }
}

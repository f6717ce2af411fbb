import Foundation
import TestSupport
import Testing

/// What would run, or break out of its place, where a page took it for more than text; each as a tag and as an attribute.
private let hostile = #"<script>document.documentElement.dataset.ran='1'</script>"#
private let hostileImage = #""'><img src=x onerror="document.documentElement.dataset.ran='1'">&amp;"#

/// An installed browser that draws pages without a screen.
private let browser = ["chromium", "chromium-browser", "google-chrome"].lazy
    .flatMap { name in
        ["/usr/bin", "/usr/local/bin", "/opt/google/chrome"].map { "\($0)/\(name)" }
    }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

/// `report --format html`, `report --compare` and `trace --format html`.
@Suite
struct ReportPageTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
    }

    private func define(_ sla: String = "paid", description: String = "Paid within the hour") throws {
        func text(_ value: String) throws -> String {
            String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "a*.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "service": "by" } } ],
              "slas": [ { "name": \(try text(sla)), "description": \(try text(description)), "owner": \(try text(description)),
                "start": "order.made", "end": "order.paid", "within": "1h", "target": 0.75 } ] }
            """)
    }

    private func line(_ id: String, _ at: String, _ type: String, _ order: String, by: String = "till") throws
        -> String
    {
        let object = ["id": id, "at": at, "type": type, "order": order, "by": by]
        return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self) + "\n"
    }

    /// An order an hour, paid after ever more minutes.
    private func writeOrders(hours: Int) throws {
        let start = try Date("2026-01-05T00:10:00Z", strategy: .iso8601)
        var lines = ""
        for hour in 0..<hours {
            let made = start.addingTimeInterval(Double(hour) * 3_600)
            lines += try line("m\(hour)", made.formatted(.iso8601), "order.made", "o\(hour)")
            let paid = made.addingTimeInterval(Double(hour % 80 + 1) * 60)
            lines += try line("p\(hour)", paid.formatted(.iso8601), "order.paid", "o\(hour)")
        }
        try project.write("a.ndjson", lines)
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func page(_ arguments: String...) throws -> String {
        let outcome = try Shell.run(
            DaybookCommand.path, arguments, in: project.directory, command.environment)
        #expect(outcome.status == 0, "\(outcome.error)")
        return outcome.out
    }

    // MARK: - The page

    @Test("One file that needs nothing else, with what each SLA promises and how it stands")
    func whole() throws {
        try define()
        try writeOrders(hours: 30)
        #expect(try command.run("run").status == 0)
        let page = try page("report", "--format", "html")
        for foreign in ["http://", "https://", "<script", " src=", "@import", "<link", "<iframe"] {
            #expect(!page.contains(foreign), "\(foreign)")
        }
        #expect(page.matches(of: /url\(#/).count == page.matches(of: /url\(/).count)
        for told in [
            "Paid within the hour", "✓ target met", "order.made", "Attainment by hour", "Worst cases",
            "No case is open", "Restatements of the last 7 days", "How fresh the data is", "orders.shop",
            "prefers-color-scheme: dark", "@media print", "provisional",
        ] {
            #expect(page.contains(told), "\(told)")
        }
        // Each drawing has a name and, below it, a table.
        let drawings = page.matches(of: /role="img" aria-labelledby="[^"]+"><?/).count
        #expect(drawings >= 3)
        #expect(page.matches(of: /<details><summary>[^<]+ as a table/).count == 3)
        #expect(
            page.contains("(provisional): 100% met, 1 of 1 due") || page.contains(": 100% met, 1 of 1 due"))
        // No case of the first hours is older than the others: the figures are those of the table.
        let rows = try #require(try json(try command.run("report", "--json").out)["rows"] as? [[String: Any]])
        #expect(rows.count == 30)
        #expect(page.contains("<dt>Started</dt><dd>30</dd>"))
    }

    @Test("Beyond eight days a bar is a day, with percentiles of the day's cases")
    func days() throws {
        try define()
        try writeOrders(hours: 240)
        #expect(try command.run("run").status == 0)
        let page = try page("report", "paid", "--format", "html", "--last", "240")
        #expect(page.contains("Attainment by day") && !page.contains("Attainment by hour"))
        let expected = try #require(
            try database.value(
                """
                SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY elapsed_seconds)
                FROM report.fact_sla WHERE started_at >= '2026-01-07Z' AND started_at < '2026-01-08Z'
                """
            ).flatMap(Double.init))
        let minutes = Int(expected.rounded()) / 60
        #expect(page.contains("Wed 07 Jan 2026: p50") || page.contains("Wed 07 Jan 2026 (provisional): p50"))
        let told = try #require(
            page.firstMatch(of: /Wed 07 Jan 2026[^:<]*: p50 [^,]+, p95 ([0-9]+)m/).flatMap { Int($0.1) }
                ?? page.firstMatch(of: /Wed 07 Jan 2026[^:<]*: p50 [^,]+, p95 1h ([0-9]+)m/).flatMap {
                    Int($0.1)
                }
                .map { $0 + 60 })
        #expect(told == minutes)
        // Of a zone, days begin there.
        #expect(
            try self.page("report", "--format", "html", "--last", "240", "--zone", "Asia/Tokyo")
                .contains("Wed 07 Jan 2026"))
    }

    @Test("A page that takes another's place tells what changed since")
    func restatements() throws {
        try define()
        try writeOrders(hours: 30)
        #expect(try command.run("run").status == 0)
        let path = project.path("out/sla.html")
        try FileManager.default.createDirectory(
            atPath: project.path("out"), withIntermediateDirectories: true)
        #expect(try command.run("report", "--out", path).error.contains("wrote"))
        try project.write(
            "a2.ndjson",
            try line("m900", "2026-01-05T03:20:00Z", "order.made", "o900")
                + line("p900", "2026-01-05T03:21:00Z", "order.paid", "o900"))
        #expect(try command.run("run").status == 0)
        #expect(try command.run("report", "--out", path).status == 0)
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.contains("Restatements since the last report, of "))
        #expect(page.contains("05 Jan 2026, 03:00") && page.contains("1 → <strong>2</strong>"))
        #expect(page.contains("load (1 load: a2.ndjson)"))
        #expect(try command.run("report", "--out", path).status == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("No final hour has changed"))
        #expect(try command.run("report", "--format", "html", "--out", "/nowhere/a.html").status == 1)
    }

    @Test("Without any case, and with words that mean nothing")
    func mistakes() throws {
        try define()
        #expect(try command.run("report", "--format", "html").status == 1)
        try project.write("a.ndjson", "")
        #expect(try command.run("run").status == 0)
        let empty = try command.run("report", "--format", "html")
        #expect(empty.status == 0 && empty.error.contains("no case in these hours"), "\(empty.error)")
        #expect(try command.run("report", "--compare", "last_week").out.contains("no case in these hours"))
        try writeOrders(hours: 3)
        #expect(try command.run("run").status == 0)
        let typo = try command.run("report", "piad")
        #expect(typo.status == 64 && typo.error.contains("did you mean \"paid\"?"))
        let period = try command.run("report", "--compare", "last_wek")
        #expect(period.status == 64 && period.error.contains("did you mean \"last_week\"?"))
        #expect(try command.run("report", "--compare", "5m").status == 64)
        #expect(try command.run("report", "--compare", "7d", "--last", "3").status == 64)
        #expect(try command.run("report", "--json", "--format", "html").status == 64)
        #expect(try command.run("report", "--out", "a.txt").status == 64)
        #expect(try command.run("report", "--from", "2026-01-06", "--to", "2026-01-05").status == 64)
        let past = try command.run("report", "--format", "html", "--to", "2020-01-01")
        #expect(past.status == 0 && past.out.isEmpty)
    }

    // MARK: - Beside the time before

    @Test("Each figure beside that of the same span before: table, CSV, JSON and page")
    func comparison() throws {
        try define()
        try writeOrders(hours: 72)
        #expect(try command.run("run").status == 0)
        let table = try command.run("report", "--compare", "LAST_DAY")
        #expect(table.status == 0 && table.out.contains("this span") && table.out.contains("met of due"))
        #expect(table.out.contains("before:    the day before: 06 Jan 2026, 00:00"))
        let document = try json(try command.run("report", "paid", "--compare", "last-day", "--json").out)
        let entry = try #require((document["comparisons"] as? [[String: Any]])?.first)
        let figures = try #require(entry["figures"] as? [[String: Any]])
        let p95 = try #require(figures.first { $0["figure"] as? String == "p95_seconds" })
        for (key, day) in [("value", 7), ("before", 6)] {
            let expected = try database.value(
                """
                SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY elapsed_seconds) FROM report.fact_sla
                WHERE started_at >= '2026-01-0\(day)Z' AND started_at < '2026-01-0\(day + 1)Z'
                """)
            let told = try #require(p95[key] as? Double)
            #expect(abs(told - (Double(expected ?? "") ?? 0)) < 1e-6, "\(key)")
        }
        let started = try #require(figures.first { $0["figure"] as? String == "started" })
        #expect(started["value"] as? Int == 24 && started["change"] as? Int == 0)
        let csv = try command.run(
            "report", "--compare", "24h", "--format", "csv", "--from", "2026-01-06", "--to", "2026-01-07")
        #expect(
            csv.out.hasPrefix(
                "sla,from,to,before_from,before_to,figure,unit,value,before,change,change_ratio"))
        #expect(
            csv.out.contains("paid,2026-01-06 00:00:00+00,2026-01-07 00:00:00+00,2026-01-05 00:00:00+00,"))
        let page = try page("report", "--format", "html", "--compare", "last_day")
        #expect(page.contains("Compared with the day before") && page.contains("was "))
    }

    // MARK: - Hostile values

    /// Every value that a page shows is hostile here.
    private func writeHostile() throws {
        try define("paid \(hostile)", description: "promise \(hostileImage)")
        var lines = ""
        for (index, order) in [hostile, hostileImage, "o3"].enumerated() {
            lines += try line(
                "m\(index)\(hostile)", "2026-01-05T10:0\(index):00Z", "order.made", order, by: hostileImage)
            lines += try line("x\(index)", "2026-01-05T10:1\(index):00Z", hostile, order, by: hostile)
        }
        lines += try line("p", "2026-01-05T12:30:00Z", "order.paid", hostileImage)
        lines += try line(
            "q", "2026-01-06T12:30:00Z", "order.made", "\u{202E}last\u{0}".replacing("\u{0}", with: ""))
        try project.write("a \(hostileImage.prefix(4)).ndjson", lines)
        #expect(try command.run("run").status == 0)
    }

    @Test("Hostile names, types and ids are text in the pages, whatever stands in them")
    func hostileText() throws {
        try writeHostile()
        for page in [
            try page("report", "--format", "html", "--compare", "last_day"),
            try page("trace", "--format", "html", "--", hostile),
        ] {
            #expect(!page.contains("<script") && !page.contains("<img"))
            #expect(page.contains("&lt;script&gt;document.documentElement"))
            // What our own literals write has balanced tags.
            for tag in ["table", "section", "svg", "details", "div", "dl"] {
                let opened = page.matches(of: try Regex("<\(tag)[ >]")).count
                #expect(opened == page.matches(of: try Regex("</\(tag)>")).count, "\(tag)")
            }
        }
        let named = try command.run("report", "paid \(hostile)", "--json")
        #expect(named.status == 0)
    }

    @Test(
        "In a browser nothing of them runs, though the page's own ban of scripts is taken out",
        .enabled(if: browser != nil))
    func hostileInBrowser() throws {
        try writeHostile()
        func drawn(_ name: String, _ html: String) throws -> String {
            let ban = try Regex(#"<meta http-equiv="Content-Security-Policy"[^>]*>"#)
            try project.write("\(name).html", html.replacing(ban, with: ""))
            let outcome = try Shell.run(
                browser ?? "",
                [
                    "--headless", "--no-sandbox", "--disable-gpu",
                    "--user-data-dir=\(project.path("chrome"))",
                    "--dump-dom", "file://\(project.path("\(name).html"))",
                ], in: project.directory, command.environment)
            return outcome.out
        }
        // Scripts run where they are let: the test can fail.
        let control = try drawn("control", "<!DOCTYPE html><html><body>\(hostile)</body></html>")
        #expect(control.contains("data-ran"))
        let pages = [
            ("report", try page("report", "--format", "html")),
            ("trace", try page("trace", "--format", "html", "--", hostileImage)),
        ]
        for (name, page) in pages {
            #expect(page.contains("Content-Security-Policy"))
            let dom = try drawn(name, page)
            #expect(dom.contains("</html>") && !dom.contains("data-ran"), "\(name)")
            #expect(dom.contains("&lt;script&gt;document.documentElement"), "\(name)")
        }
    }

    @Test("trace as a page: gaps to scale, deadlines, what the SLAs say, rejects, and JSON to a file")
    func trace() throws {
        try define()
        try writeOrders(hours: 52)
        try project.append(
            "a.ndjson", "{\"id\":\"bad\",\"order\":\"o50\",\"at\":\"never\",\"type\":\"order.lost\"}\n")
        #expect(try command.run("run").status == 0)
        let page = try page("trace", "o50", "--format", "html")
        for told in [
            "<h1>order o50</h1>", "due: paid", "What the SLAs say", "order.paid", "a.ndjson, byte ", "never",
            "Timeline of order o50: 2 events",
        ] {
            #expect(page.contains(told), "\(told)")
        }
        #expect(!page.contains("<script") && !page.contains("http:"))
        let path = project.path("o1.json")
        #expect(try command.run("trace", "o50", "--out", path).status == 0)
        #expect(try json(try String(contentsOfFile: path, encoding: .utf8))["events"] != nil)
        #expect(try command.run("trace", "o1", "--out", "o1.txt").status == 64)
        #expect(try command.run("trace", "nobody", "--format", "html").status == 1)
    }

    @Test("A case of many cycles and events has a timeline that can be read")
    func manyCycles() throws {
        try define()
        let definition = try String(contentsOfFile: project.path("pipelines/orders.jsonc"), encoding: .utf8)
        try project.write(
            "pipelines/orders.jsonc",
            definition.replacing("\"within\": \"1h\"", with: "\"within\": \"1s\", \"occurrence\": \"each\""))
        func clock(_ second: Int) -> String {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "2026-01-05T\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
        }
        var lines = ""
        for cycle in 0..<600 {
            lines += try line("s\(cycle)", clock(cycle * 20), "order.made", "o1")
            lines += try line("e\(cycle)", clock(cycle * 20 + 10), "order.paid", "o1")
        }
        // It stays open, and its clock goes on for a week.
        lines += try line("last", clock(600 * 20), "order.made", "o1")
        lines += try line("other", "2026-01-12T00:00:00Z", "order.made", "o2")
        try project.write("a.ndjson", lines)
        let run = try command.run("run")
        #expect(run.status == 0, "\(run.error)")
        let page = try page("trace", "o1", "--format", "html")
        let strip = try #require(
            page.range(of: "aria-labelledby=\"strip-t\"").flatMap { begin in
                page.range(of: "</svg>", range: begin.upperBound..<page.endIndex).map {
                    page[begin.upperBound..<$0.lowerBound]
                }
            })
        let rows = Set(strip.matches(of: #/<text class="strong"[^>]* y="([\d.]+)"/#).map(\.1))
        #expect((1...4).contains(rows.count), "\(rows)")
        #expect(page.contains(#/And \d+ more deadlines/#) && page.contains("Cut at the right"))
        #expect(!strip.contains(#/class="in-event"[^>]*>\d{4}/#))
        #expect(strip.matches(of: #/class="mark"/#).count <= 340)
        #expect(strip.matches(of: #/<text class="strong"/#).count <= 8)
        // What happened takes half of the line at least.
        let places = strip.matches(of: #/cx="([\d.]+)"/#).compactMap { Double($0.1) }
        #expect((places.max() ?? 0) > 480, "\(places.max() ?? 0)")
    }
}

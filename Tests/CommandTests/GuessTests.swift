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

    @Test("What cannot be guessed is told, with what is there")
    func failures() throws {
        let project = try TemporaryProject()
        let api = try TestAPI { request in
            request.path == "/html" ? .init("<html>hello</html>") : .init("no", status: 403)
        }
        try project.write("empty.ndjson", "")
        try project.write("text.log", "one two\nthree\n")
        let command = DaybookCommand(in: project.directory, database: nil)
        for (place, status, words) in [
            ("nothing.ndjson", 69, "there is no such file"), ("empty.ndjson", 65, "is empty"),
            ("text.log", 65, "it begins: one two three"),
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

import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Pipelines that read from an API: what ends up in the database over several runs.
struct HTTPLoadTests {
    /// A project whose only source is an API of the test.
    private final class Scene {
        let project: TemporaryProject
        let database: TestDatabase
        let api: TestAPI
        private let pages: Shared

        final class Shared: @unchecked Sendable {
            private let lock = NSLock()
            private var value: EventPages
            init(_ value: EventPages) { self.value = value }
            var current: EventPages {
                get { lock.withLock { value } }
                set { lock.withLock { value = newValue } }
            }
        }

        init(_ pages: EventPages, _ http: String, path: String = "/cursor") throws {
            let shared = Shared(pages)
            self.pages = shared
            api = try TestAPI { shared.current.answer($0) }
            project = try TemporaryProject()
            database = try TestDatabase()
            try define(http, path: path)
        }

        func define(_ http: String, path: String = "/cursor") throws {
            try project.write(
                "pipelines/shop.jsonc",
                """
                { "pipeline": "shop", "entity": "order", "sources": [ { "name": "api",
                  "http": { "url": "\(api.url)\(path)", "backoff": "10ms", \(http) },
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
                """)
        }

        func serve(_ change: (inout EventPages) -> Void) {
            var changed = pages.current
            change(&changed)
            pages.current = changed
        }

        var served: [String] { pages.current.items.map(\.id) }

        func ids() throws -> [String] {
            try database.rows("SELECT event_id FROM raw.events ORDER BY load_id, position").map { $0[0] }
        }

        func counts() throws -> LoadCounts { try project.counts(on: database) }

        func verify() throws {
            let outcome = try DaybookCommand(in: project.directory, database: database.url).run("verify")
            #expect(outcome.status == 0, "\(outcome.out)\(outcome.error)")
        }
    }

    private static let cursor = """
        "data_path": "data.events", "pagination": { "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" }
        """

    private static func incremental(_ more: String = "") -> String {
        cursor + ", \"incremental\": { \"cursor_field\": \"updated_at\", \"param\": \"since\"\(more) }"
    }

    @Test("Without incremental a second run reads all again, and loads only what is new")
    func readsAgain() throws {
        let scene = try Scene(EventPages(20, size: 7), HTTPLoadTests.cursor)
        #expect(try scene.counts().loaded == 20)
        scene.serve { $0.items += EventPages(5, size: 7, from: 20).items }
        let second = try scene.counts()
        #expect(second.loaded == 5 && second.duplicate == 20)
        #expect(try scene.ids() == scene.served)
        try scene.verify()
    }

    @Test("With incremental only what is new is asked for", arguments: [false, true])
    func asksForNews(isExclusive: Bool) throws {
        var pages = EventPages(20, size: 7)
        pages.isExclusive = isExclusive
        let scene = try Scene(pages, HTTPLoadTests.incremental(", \"initial\": 1767225600"))
        // An API that gives what is later than it is asked for would keep back what is of the first second.
        #expect(try scene.counts().loaded == (isExclusive ? 16 : 20))
        #expect(scene.api.requests[0].query["since"] == "1767225600")
        let last = pages.items.last!.updatedAt
        #expect(try scene.database.value("SELECT mark FROM daybook.pulls") == "\(last)")
        scene.api.forgetRequests()

        // Others of the very second of the last one, and later ones.
        scene.serve {
            $0.items += (0..<6).map { number in
                let second = last + number / 3
                return EventPages.Item(
                    id: "new\(number)", updatedAt: second,
                    json:
                        #"{"id":"new\#(number)","time":\#(second),"type":"order.paid","order_id":"n","updated_at":\#(second)}"#
                )
            }
        }
        let counts = try scene.counts()
        #expect(counts.loaded == 6)
        #expect(counts.duplicate <= 8)
        #expect(scene.api.requests.allSatisfy { $0.query["since"] == "\(last - 1)" })
        #expect(try scene.counts().loaded == 0)
        #expect(
            try scene.database.value("SELECT mark FROM daybook.pulls ORDER BY pull_id DESC LIMIT 1")
                == "\(last + 1)")
        try scene.verify()
    }

    @Test("What appears late behind the mark is read within the lag")
    func lag() throws {
        let scene = try Scene(EventPages(100, size: 30), HTTPLoadTests.incremental(", \"lag\": \"10s\""))
        #expect(try scene.counts().loaded == 100)
        #expect(scene.api.requests[0].query["since"] == nil)
        let last = 1_767_225_600 + 99 / 4
        func late(_ id: String, _ second: Int) -> EventPages.Item {
            EventPages.Item(
                id: id, updatedAt: second,
                json:
                    #"{"id":"\#(id)","time":\#(second),"type":"order.paid","order_id":"n","updated_at":\#(second)}"#
            )
        }
        scene.serve { $0.items += [late("soon", last - 10), late("too late", last - 12)] }
        #expect(try scene.counts().loaded == 1)
        #expect(try scene.ids().last == "soon")
        try scene.verify()
    }

    @Test("A backfill with an end leaves the mark where it is")
    func backfill() throws {
        let scene = try Scene(EventPages(40, size: 7), HTTPLoadTests.incremental(", \"initial\": 1767225605"))
        #expect(try scene.counts().loaded == 20)
        let mark = try scene.database.value("SELECT max(mark) FROM daybook.pulls")
        try scene.define(
            HTTPLoadTests.incremental(
                ", \"initial\": 1767225600, \"end\": 1767225603, \"end_param\": \"until\""))
        #expect(try scene.counts().loaded == 12)
        #expect(scene.api.requests.last?.query["until"] == "1767225603")
        try scene.define(HTTPLoadTests.incremental(", \"initial\": 1767225605"))
        scene.api.forgetRequests()
        #expect(try scene.counts().loaded == 0)
        #expect(scene.api.requests.first?.query["since"] == "\(Int(mark!)! - 1)")
        try scene.verify()
    }

    @Test("An end that is a text is sent as it is")
    func textualEnd() throws {
        let scene = try Scene(
            EventPages(10, size: 7),
            HTTPLoadTests.cursor + """
                , "incremental": { "cursor_field": "updated_at", "param": "from", "initial": "2026-01-01T00:00:00Z",
                  "end": "2026-02-01T00:00:00Z", "end_param": "to" }
                """)
        #expect(try scene.counts().loaded == 10)
        #expect(scene.api.requests.first?.query["from"] == "2026-01-01T00:00:00Z")
        #expect(scene.api.requests.first?.query["to"] == "2026-02-01T00:00:00Z")
    }

    @Test("An item from 2099 does not move the mark, nor does one whose field holds no time")
    func futureMarks() throws {
        let scene = try Scene(EventPages(4, size: 7), HTTPLoadTests.incremental())
        scene.api.change { _ in
            let items = ["2026-01-05T00:00:00Z", "2099-01-01T00:00:00Z", "n/a", "2026-01-04T00:00:00Z"]
                .enumerated().map {
                    #"{"id":"e\#($0)","time":"2026-01-05T00:00:00Z","type":"a.b","order_id":"o","updated_at":"\#($1)"}"#
                }
            return .init(#"{"data":{"events":[\#(items.joined(separator: ","))]},"next":null}"#)
        }
        #expect(try scene.counts().loaded == 4)
        #expect(try scene.database.value("SELECT mark FROM daybook.pulls") == "\"2026-01-05T00:00:00Z\"")
        _ = try scene.counts()
        #expect(scene.api.requests.last?.query["since"] == "2026-01-04T23:59:59Z")
    }

    @Test("A beginning that the API refuses may be mended")
    func mendedBeginning() throws {
        let scene = try Scene(EventPages(10, size: 7), HTTPLoadTests.incremental(", \"initial\": \"x\""))
        scene.api.change { [pages = EventPages(10, size: 7)] request in
            request.query["since"] == "x" ? .init("no time", status: 400) : pages.answer(request)
        }
        #expect(try scene.project.run(on: scene.database)[0].status == .failed)
        try scene.define(HTTPLoadTests.incremental(", \"initial\": 1767225600"))
        #expect(try scene.counts().loaded == 10)
    }

    @Test(
        "Variables in the address, and in what is asked for, do not get into the way of links",
        arguments: ["0.0.0.0", "127.0.0.1"])
    func variablesInLinks(_ host: String) throws {
        let pages = EventPages(30, size: 7)
        let api = try TestAPI { request in
            pages.answer(
                TestAPI.Request(
                    method: request.method, path: "/link", query: request.query, target: request.target,
                    headers: request.headers, body: request.body))
        }
        let project = try TemporaryProject()
        let database = try TestDatabase()
        try project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "sources": [ { "name": "api",
              "http": { "url": "${BASE}/link", "query": { "tenant": "${TENANT}" }, "data_path": "items", "max_requests": 2,
                "pagination": { "type": "json_link", "next_path": "links.next" } },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type" } } ] }
            """)
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["BASE"] = "http://\(host):\(api.port)"
        command.environment["TENANT"] = "link"
        for _ in 1...3 { #expect(try command.run("load").status == 0) }
        #expect(try database.value("SELECT count(*) FROM raw.events") == "30")
        #expect(
            try database.value(
                "SELECT count(*) FROM daybook.loads WHERE checkpoint::text LIKE '%' || '\(api.port)' || '%'")
                == "0")
    }

    @Test("Rows that the server refuses hold up none of the batches behind them")
    func refusedAmongMany() throws {
        let scene = try Scene(EventPages(400, size: 4), HTTPLoadTests.cursor)
        _ = try Warehouse.open(scene.database.url)
        try scene.database.execute(
            "ALTER TABLE raw.events_by_day ADD CONSTRAINT no_hundreds CHECK (event_id NOT LIKE 'e%00')")
        scene.api.change { [pages = EventPages(400, size: 4)] request in
            var answer = pages.answer(request)
            // So that each page is a batch.
            answer.delay = 0.03
            return answer
        }
        let counts = try scene.counts()
        #expect(counts.loaded == 397 && counts.rejected == 3)
        try scene.verify()
    }

    @Test("check says what of the pages does not fit the definition")
    func checksPages() throws {
        func warnings(_ http: String, path: String = "/cursor") throws -> String {
            let scene = try Scene(EventPages(10, size: 4), http, path: path)
            let outcome = try DaybookCommand(in: scene.project.directory, database: scene.database.url).run(
                "check")
            #expect(outcome.status == 0)
            return outcome.out + outcome.error
        }
        #expect(
            try warnings(HTTPLoadTests.cursor.replacing("\"next\"", with: "\"nxt\"")).contains(
                "the first answer has no \"nxt\" (cursor_path); it has data, next"))
        #expect(
            try warnings("\"data_path\": \"data.events\"").contains(
                "the answer has \"next\", which may lead to more"))
        #expect(
            try warnings(HTTPLoadTests.incremental().replacing("updated_at", with: "updated")).contains(
                "has \"updated\" (cursor_field); did you mean \"updated_at\"?"))
    }

    @Test("A run that fails keeps what it has, and the next goes on behind it")
    func goesOn() throws {
        let scene = try Scene(EventPages(40, size: 4), HTTPLoadTests.cursor + ", \"max_attempts\": 1")
        scene.api.change { [pages = EventPages(40, size: 4)] request in
            request.query["cursor"] == "20" ? .init("broken", status: 500) : pages.answer(request)
        }
        let failed = try scene.project.run(on: scene.database)[0]
        #expect(failed.status == .failed && "\(failed.error!)".contains("HTTP 500"))
        #expect(try scene.ids() == scene.served.prefix(20).map { $0 })
        try scene.verify()
        scene.api.forgetRequests()
        scene.api.change { [pages = EventPages(40, size: 4)] in pages.answer($0) }
        var notes: [String] = []
        try scene.project.run(on: scene.database) { notes.append($0) }
        #expect(notes.contains { $0.contains("goes on where an earlier run ended") })
        #expect(scene.api.requests.first?.query["cursor"] == "20")
        #expect(try scene.ids() == scene.served)
        #expect(try scene.database.value("SELECT sum(duplicate) FROM daybook.loads") == "0")
        try scene.verify()
    }

    @Test("After a pull that goes on, an incremental source is asked for what came meanwhile")
    func asksOnceMore() throws {
        let scene = try Scene(EventPages(40, size: 4), HTTPLoadTests.incremental() + ", \"max_attempts\": 1")
        scene.api.change { [pages = EventPages(40, size: 4)] request in
            request.query["cursor"] == "20" ? .init("broken", status: 500) : pages.answer(request)
        }
        #expect(try scene.project.run(on: scene.database)[0].status == .failed)
        scene.api.change { [pages = EventPages(60, size: 4)] request in
            // The pull that was broken off sees what there was when it began.
            request.query["since"] == nil ? EventPages(40, size: 4).answer(request) : pages.answer(request)
        }
        #expect(try scene.counts().loaded == 40)
        #expect(try scene.ids() == EventPages(60, size: 4).items.map(\.id))
        try scene.verify()
    }

    @Test("A checkpoint that the API has forgotten makes the pull begin anew")
    func staleCheckpoint() throws {
        let scene = try Scene(EventPages(40, size: 4), HTTPLoadTests.cursor + ", \"max_attempts\": 1")
        scene.api.change { [pages = EventPages(40, size: 4)] request in
            request.query["cursor"] == "20" ? .init("broken", status: 500) : pages.answer(request)
        }
        _ = try scene.project.run(on: scene.database)
        let isStale = Flag()
        scene.api.change { [pages = EventPages(40, size: 4)] request in
            request.query["cursor"] == "20" && isStale.take()
                ? .init("expired", status: 410) : pages.answer(request)
        }
        var notes: [String] = []
        let report = try scene.project.run(on: scene.database) { notes.append($0) }[0]
        #expect(report.status == .succeeded && report.counts.loaded == 20 && report.counts.duplicate == 20)
        #expect(notes.contains { $0.contains("is of no use any more (HTTP 410") })
        #expect(Set(try scene.ids()) == Set(scene.served))
        try scene.verify()
    }

    private final class Flag: @unchecked Sendable {
        private let lock = NSLock()
        private var isSet = true
        /// True once.
        func take() -> Bool {
            lock.withLock {
                defer { isSet = false }
                return isSet
            }
        }
    }

    @Test("Another way of asking begins anew; another way of pausing does not")
    func changedDefinitions() throws {
        let scene = try Scene(EventPages(40, size: 4), HTTPLoadTests.cursor + ", \"max_requests\": 3")
        #expect(try scene.counts().loaded == 12)
        try scene.define(HTTPLoadTests.cursor + ", \"max_requests\": 4")
        let more = try scene.counts()
        #expect(more.loaded == 16 && more.duplicate == 0)
        try scene.define(HTTPLoadTests.cursor + ", \"query\": { \"kind\": \"order\" }")
        let anew = try scene.counts()
        #expect(anew.loaded == 12 && anew.duplicate == 28)
        try scene.verify()
    }

    @Test("An answer that has not changed is not loaded again, where the server says so")
    func validators() throws {
        let scene = try Scene(
            EventPages(10, size: 10), "\"pagination\": { \"type\": \"single\" }", path: "/all")
        let version = Scene.Shared(EventPages(10, size: 10))
        scene.api.change { request in
            let pages = version.current
            let etag = "\"v\(pages.items.count)\""
            if request.headers["if-none-match"] == etag {
                return .init("", status: 304, headers: [("ETag", etag)])
            }
            var answer = pages.answer(request)
            answer.headers = [("ETag", etag)]
            return answer
        }
        #expect(try scene.counts().loaded == 10)
        var notes: [String] = []
        let second = try scene.project.run(on: scene.database) { notes.append($0) }[0]
        #expect(second.counts.read == 0 && second.status == .succeeded)
        #expect(notes.contains { $0.contains("nothing has changed") })
        #expect(try scene.counts().read == 0)
        version.current = EventPages(12, size: 12)
        let third = try scene.counts()
        #expect(third.loaded == 2 && third.duplicate == 10)
        try scene.verify()
    }

    @Test("An event without an id is one by its content")
    func contentIDs() throws {
        let scene = try Scene(EventPages(10, size: 4), HTTPLoadTests.cursor)
        let definition = try String(
            contentsOfFile: scene.project.path("pipelines/shop.jsonc"), encoding: .utf8)
        try scene.project.write(
            "pipelines/shop.jsonc", definition.replacing("\"event_id\": \"id\", ", with: ""))
        #expect(try scene.counts().loaded == 10)
        let again = try scene.counts()
        #expect(again.loaded == 0 && again.duplicate == 10)
    }

    @Test("A dry run asks, and leaves no trace")
    func rehearses() throws {
        let scene = try Scene(EventPages(10, size: 4), HTTPLoadTests.cursor)
        let command = DaybookCommand(in: scene.project.directory, database: scene.database.url)
        _ = try command.run("transform")
        let outcome = try command.run("run", "--dry-run", "--json")
        #expect(
            outcome.status == 0 && outcome.out.contains("\"loaded\" : 10"), "\(outcome.out)\(outcome.error)")
        #expect(try scene.database.value("SELECT count(*) FROM daybook.pulls") == "0")
        let listed = try command.run("load", "--dry-run")
        #expect(listed.out.contains("\(scene.api.url)/cursor: as much as there is"), "\(listed.out)")
    }

    @Test("How a run ends: 69 where nobody answers, 65 where nonsense is answered")
    func exitCodes() throws {
        let scene = try Scene(EventPages(10, size: 4), HTTPLoadTests.cursor + ", \"max_attempts\": 2")
        let command = DaybookCommand(in: scene.project.directory, database: scene.database.url)
        scene.api.change { _ in .init("no", status: 503) }
        #expect(try command.run("run").status == 69)
        #expect(try command.run("check").status == 69)
        scene.api.change { _ in .init("no", status: 403) }
        #expect(try command.run("run").status == 69)
        scene.api.change { _ in .init("<html>sign in</html>") }
        let nonsense = try command.run("run")
        #expect(
            nonsense.status == 65 && nonsense.error.contains("it begins: <html>sign in</html>"),
            "\(nonsense.error)")
        #expect(try command.run("check").status == 78)
        scene.api.change { _ in .init(#"{"error": "quota"}"#) }
        #expect(try command.run("run").status == 65)
        scene.api.stop()
        let gone = try command.run("run")
        #expect(gone.status == 69 && gone.error.contains("(after 2 attempts)"), "\(gone.error)")
    }

    @Test("check looks at the first page: types, fields that are missing, items that would be rejected")
    func checks() throws {
        let scene = try Scene(EventPages(10, size: 4), HTTPLoadTests.cursor)
        let command = DaybookCommand(in: scene.project.directory, database: scene.database.url)
        #expect(try command.run("check").status == 0)
        #expect(scene.api.requests.count == 1)
        let definition = try String(
            contentsOfFile: scene.project.path("pipelines/shop.jsonc"), encoding: .utf8)
        try scene.project.write(
            "pipelines/shop.jsonc", definition.replacing("\"order_id\"", with: "\"order_di\""))
        let missing = try command.run("check")
        #expect(
            missing.out.contains("has \"order_di\"; did you mean \"order_id\"?")
                || missing.error.contains("order_id"))
        try scene.project.write("pipelines/shop.jsonc", definition.replacing("\"time\"", with: "\"no\""))
        let rejected = try command.run("check")
        #expect(rejected.status == 78)
        #expect((rejected.out + rejected.error).contains("would all be rejected"))
    }

    // MARK: - Secrets

    @Test(
        "No secret is in any output, error, or table, wherever it was put and whatever the API does with it")
    func secrets() throws {
        let secrets = [
            "geheim-bearer-1", "geheim key/2", "geheim-body-3", "geheim-client-4", "geheim-token-5",
            "geheim-file-6",
        ]
        let database = try TestDatabase()
        let project = try TemporaryProject()
        let pages = EventPages(12, size: 4)
        let mode = Scene.Shared(pages)
        let api = try TestAPI { request in
            if request.path == "/token" {
                return .init(#"{"access_token":"geheim-token-5","expires_in":3600}"#)
            }
            // What came is said again: in links, cursors and errors, and where an excerpt is cut.
            let all = "\(request.target) \(request.headers.values.joined(separator: " ")) \(request.body)"
            if mode.current.items.isEmpty {
                let offset = Int(request.query["from"] ?? "0")! + 280
                return .init(
                    String(repeating: "x", count: offset - offset % 7) + " you said: \(all)", status: 500)
            }
            let from = Int(request.query["from"] ?? "0") ?? 0
            let page = Array(mode.current.items.dropFirst(from).prefix(4))
            let said = (request.headers["authorization"] ?? request.headers["x-token"] ?? request.body)
                .addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
            let key =
                request.query["key"].map {
                    "&key=\($0.replacing(" ", with: "%20").replacing("/", with: "%2F"))"
                } ?? ""
            let link =
                from + 4 < mode.current.items.count ? "\"/link?from=\(from + 4)&echo=\(said)\(key)\"" : "null"
            if request.query["from"] == "8", mode.current.size == 1 { return .init("{ \(all)") }
            return .init(#"{"links":{"next":\#(link)},"items":\#(EventPages.array(page))}"#)
        }
        try project.write("token.txt", "geheim-file-6\n")
        func define(_ http: String) throws {
            try project.write(
                "pipelines/shop.jsonc",
                """
                { "pipeline": "shop", "sources": [ { "name": "api",
                  "http": { "url": "\(api.url)/link", "data_path": "items", "backoff": "10ms", "max_attempts": 2,
                    "pagination": { "type": "json_link", "next_path": "links.next" }, \(http) },
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type" } } ] }
                """)
        }
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["BEARER"] = secrets[0]
        command.environment["KEY"] = secrets[1]
        command.environment["BODY"] = secrets[2]
        command.environment["CLIENT"] = secrets[3]
        let ways = [
            #""auth": { "type": "bearer", "token": "${BEARER}" }"#,
            #""auth": { "type": "bearer", "token": "geheim-bearer-1" }"#,
            #""auth": { "type": "api_key", "in": "query", "name": "key", "value": "${KEY}" }"#,
            #""auth": { "type": "http_basic", "username": "me", "password": "${KEY}" }"#,
            #""query": { "key": "${KEY}" }, "headers": { "X-Token": "geheim-bearer-1", "X-File": "${file:token.txt}" }"#,
            #""method": "POST", "body": { "token": "${BODY}" }"#,
            """
            "auth": { "type": "oauth2_client_credentials", "token_url": "\(api.url)/token", "client_id": "me",
              "client_secret": "${CLIENT}" }
            """,
        ]
        var seen = ""
        for way in ways {
            try define(way)
            for (items, size) in [(pages.items, 1), (pages.items, 4), ([], 4)] {
                mode.current = EventPages(0, size: size)
                if !items.isEmpty { mode.current = EventPages(12, size: size) }
                for arguments in [["check"], ["run"], ["run", "--json"], ["load", "--dry-run"], ["verify"]] {
                    let outcome = try command.start(arguments).outcome()
                    seen += outcome.out + outcome.error
                }
            }
        }
        let tables = try database.rows(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('daybook', 'report')"
        )
        for table in tables {
            seen += try database.rows("SELECT t::text FROM \(table[0]) AS t").joined().joined(separator: "\n")
        }
        let forms = secrets.flatMap { secret in
            [
                secret, secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!,
                Data(secret.utf8).base64EncodedString(), Data("me:\(secret)".utf8).base64EncodedString(),
            ]
        }
        for form in forms { #expect(!seen.contains(form), "\(form) was seen") }
        // The test sees what there is to see.
        #expect(seen.contains("HTTP 500") && seen.contains("you said") && seen.contains("pull-"))
        #expect(api.requests.contains { $0.headers["authorization"] == "Bearer geheim-token-5" })
        #expect(try database.value("SELECT count(*) FROM raw.events") == "12")
    }

    // MARK: - On the way

    @Test("The proxy of the environment is asked")
    func proxy() throws {
        let pages = EventPages(10, size: 10)
        let proxy = try TestAPI { request in
            request.path == "http://shop.example/all"
                ? .init(EventPages.array(pages.items)) : .init("no", status: 502)
        }
        let project = try TemporaryProject()
        let database = try TestDatabase()
        try project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "sources": [ { "name": "api",
              "http": { "url": "http://shop.example/all", "max_attempts": 1 },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type" } } ] }
            """)
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["http_proxy"] = proxy.url
        command.environment["no_proxy"] = nil
        let outcome = try command.run("load")
        #expect(outcome.out.contains("10 loaded"), "\(outcome.out)\(outcome.error)")
    }

    @Test("A server that cannot say who it is is not read")
    func certificates() throws {
        guard let python = HTTPLoadTests.python, let openssl = HTTPLoadTests.inPath("openssl") else { return }
        let project = try TemporaryProject()
        let database = try TestDatabase()
        let made = try Shell.run(
            openssl,
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
                "-days", "2",
                "-subj", "/CN=localhost",
            ], in: project.directory, ProcessInfo.processInfo.environment)
        try #require(made.status == 0, "\(made.error)")
        try project.write("served/all.json", "[]")
        try project.write("serve.py", HTTPLoadTests.secureScript)
        let server = try DaybookCommand.program(python, ["serve.py"], in: project.directory)
        defer {
            server.send(SIGKILL)
            _ = try? server.outcome()
        }
        try project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "sources": [ { "name": "api",
              "http": { "url": "https://localhost:\(try HTTPLoadTests.port(of: project))/all.json" },
              "event": { "occurred_at": "time", "type": "type" } } ] }
            """)
        let outcome = try DaybookCommand(in: project.directory, database: database.url).run("load")
        #expect(outcome.status == 69 && outcome.error.contains("certificate"), "\(outcome.error)")
        // That does not get better by asking again.
        #expect(!outcome.error.contains("attempts") && outcome.seconds < 10)
    }

    // MARK: - An independent server

    @Test("Files that Python's own HTTP server serves are loaded")
    func pythonServer() throws {
        guard let python = HTTPLoadTests.python else { return }
        let project = try TemporaryProject()
        let database = try TestDatabase()
        let pages = EventPages(30_000, size: 30_000)
        try project.write("served/all.json", EventPages.array(pages.items))
        try project.write("served/lines.ndjson", pages.items.prefix(5_000).map { $0.json + "\n" }.joined())
        // The second in which a file was written must be over, or its time tells nothing.
        for file in ["all.json", "lines.ndjson"] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -60)],
                ofItemAtPath: project.path("served/\(file)"))
        }
        try project.write("serve.py", HTTPLoadTests.pythonScript)
        let server = try DaybookCommand.program(python, ["serve.py"], in: project.directory)
        defer {
            // The signals of a test's threads are blocked, and so are those of its children.
            server.send(SIGKILL)
            _ = try? server.outcome()
        }
        let port = try HTTPLoadTests.port(of: project)
        for (name, file, format) in [("json", "all.json", "json"), ("lines", "lines.ndjson", "ndjson")] {
            try project.write(
                "pipelines/\(name).jsonc",
                """
                { "pipeline": "\(name)", "sources": [ { "name": "api",
                  "http": { "url": "http://127.0.0.1:\(port)/\(file)", "format": "\(format)" },
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
                """)
        }
        func loaded() throws -> [Int] {
            try project.run(["json", "lines"], on: database).map { report in
                if let error = report.error { throw error }
                return report.counts.loaded
            }
        }
        #expect(try loaded() == [30_000, 5_000])
        // It knows If-Modified-Since.
        #expect(try project.run(["json", "lines"], on: database).map(\.counts.read) == [0, 0])
        try project.write("served/all.json", EventPages.array(EventPages(30_010, size: 1).items))
        #expect(try loaded()[0] == 10)
        // Once more in the same second.
        try project.write("served/all.json", EventPages.array(EventPages(30_015, size: 1).items))
        #expect(try loaded()[0] == 5)
    }

    private static let pythonScript = """
        import functools, http.server, os
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="served")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        open("port.new", "w").write(str(server.server_address[1]))
        os.rename("port.new", "port")
        server.serve_forever()
        """

    private static let secureScript = """
        import functools, http.server, os, ssl
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="served")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("cert.pem", "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        open("port.new", "w").write(str(server.server_address[1]))
        os.rename("port.new", "port")
        server.serve_forever()
        """

    /// Where a script of these listens, once it does.
    private static func port(of project: TemporaryProject) throws -> String {
        for _ in 0..<200 {
            if let port = try? String(contentsOfFile: project.path("port"), encoding: .utf8) { return port }
            usleep(50_000)
        }
        throw CocoaError(.fileReadNoSuchFile)
    }

    private static var python: String? {
        let usual = ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
        return usual.first { access($0, X_OK) == 0 } ?? inPath("python3")
    }

    private static func inPath(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }
}

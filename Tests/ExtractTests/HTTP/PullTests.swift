import Events
import Extract
import Foundation
import TestSupport
import Testing

/// Pulls from a server that answers well, and badly.
struct PullTests {
    /// What a pull has read, and what stopped it.
    private struct Read {
        var ids: [String] = []
        var positions: [Int64] = []
        var rejects: [Reject] = []
        var batches = 0
        var notes: [String] = []
        var error: (any Error)?
        var isFinished = false
        var mark: String?
        var message: String { error.map { "\($0)" } ?? "" }
        var kind: ExtractError.Kind? { (error as? ExtractError)?.kind }
    }

    private static let mapping: SourceMapping = {
        func field(_ name: String) -> FieldReference { .field(FieldPath(steps: [name])) }
        var event = EventMapping(
            occurredAt: EventMapping.Time(field("time")), type: field("type"), defaultService: "api",
            defaultEntity: "order")
        event.eventID = .reference(field("id"))
        event.caseID = field("order_id")
        let always = Timestamp(microseconds: 0)...Timestamp(microseconds: 4_000_000_000_000_000)
        return SourceMapping(events: [event], isList: false, timeRange: always)
    }()

    private func source(
        _ api: TestAPI, _ path: String, _ change: (inout HTTPSource) -> Void = { _ in }
    ) -> HTTPSource {
        var source = HTTPSource(name: api.url + path, url: api.url + path)
        source.limits.backoffSeconds = 0.01
        source.limits.timeoutSeconds = 5
        change(&source)
        return source
    }

    private func read(
        _ source: HTTPSource, from start: PullStart = PullStart(identity: "pull-1"), maxLine: Int = 1 << 20,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) -> Read {
        let reader = PullReader(
            source, from: start, mapping: PullTests.mapping, maxLine: maxLine, isCancelled: isCancelled)
        var read = Read()
        var batch = EventBatch()
        do {
            while try reader.fill(&batch, tell: { read.notes.append($0) }) {
                read.batches += 1
                for index in batch.events.indices {
                    let event = batch.events[index]
                    read.ids.append(batch.arena.string(of: event.eventID))
                    read.positions.append(event.position)
                }
                read.rejects += batch.rejects
            }
            read.isFinished = reader.isFinished
        } catch {
            read.error = error
        }
        read.mark = reader.checkpoint.mark
        return read
    }

    private static func path(_ text: String) -> FieldPath { try! FieldPath(parsing: text) }

    private struct Kind: CustomTestStringConvertible, Sendable {
        let path: String
        let dataPath: String?
        let pagination: Pagination
        var change: @Sendable (inout HTTPSource) -> Void = { _ in }
        var testDescription: String { path }
    }

    private static let kinds = [
        Kind(
            path: "/cursor", dataPath: "data.events",
            pagination: .cursor(.init(origin: .body(path("next")), place: .query("cursor")))),
        Kind(
            path: "/header-cursor", dataPath: nil,
            pagination: .cursor(.init(origin: .header("X-Next"), place: .query("cursor")))),
        Kind(
            path: "/last-item", dataPath: nil,
            pagination: .cursor(.init(origin: .lastItem(path("id")), place: .query("after")))),
        Kind(path: "/link", dataPath: "items", pagination: .jsonLink(next: path("links.next"))),
        Kind(path: "/header", dataPath: nil, pagination: .headerLink),
        Kind(
            path: "/offset", dataPath: nil,
            pagination: .offset(.init(offset: .query("offset"), limit: .query("limit"), size: 7))),
        Kind(
            path: "/total", dataPath: "items",
            pagination: .offset(
                .init(offset: .query("offset"), limit: .query("limit"), size: 7, total: path("total")))),
        Kind(path: "/page", dataPath: nil, pagination: .pageNumber(.init(page: .query("page")))),
        Kind(path: "/all", dataPath: nil, pagination: .single),
        Kind(path: "/ndjson", dataPath: nil, pagination: .headerLink, change: { $0.format = .ndjson }),
        Kind(
            path: "/csv", dataPath: nil,
            pagination: .offset(.init(offset: .query("offset"), limit: nil, size: 7)),
            change: { $0.format = .csv }),
    ]

    @Test(
        "Every kind of page gives every event once, in the order of the API", arguments: kinds,
        [0, 1, 6, 7, 8, 21, 50])
    private func pages(_ kind: Kind, _ count: Int) throws {
        let pages = EventPages(count, size: 7)
        let api = try TestAPI { pages.answer($0) }
        let source = source(api, kind.path) {
            $0.dataPath = kind.dataPath.map(PullTests.path)
            $0.pagination = kind.pagination
            kind.change(&$0)
        }
        let read = read(source)
        #expect(read.message == "")
        #expect(read.ids == pages.items.map(\.id))
        #expect(read.isFinished && read.rejects.isEmpty)
        #expect(read.positions == read.positions.sorted() && Set(read.positions).count == count)
        // One request for each page, and at most one more that finds nothing.
        let needed = kind.path == "/all" ? 1 : max(1, (count + 6) / 7)
        #expect((needed...needed + 1).contains(api.requests.count))
    }

    @Test("Elasticsearch's search_after: the sort of the last hit goes into the body")
    func searchAfter() throws {
        let pages = EventPages(20, size: 6)
        let api = try TestAPI { pages.answer($0) }
        var event = PullTests.mapping.events[0]
        func field(_ name: String) -> FieldReference { .field(FieldPath(steps: ["_source", name])) }
        event.occurredAt = EventMapping.Time(field("time"))
        (event.type, event.eventID, event.caseID) = (
            field("type"), .reference(field("id")), field("order_id")
        )
        let mapping = SourceMapping(events: [event], isList: false, timeRange: PullTests.mapping.timeRange)
        let source = source(api, "/search") {
            $0.method = .post
            $0.body = HTTPBody(text: #"{"size":6,"sort":["updated_at","id"]}"#, written: "", isJSON: true)
            $0.dataPath = PullTests.path("hits.hits")
            $0.pagination = .cursor(
                .init(origin: .lastItem(PullTests.path("sort")), place: .body(["search_after"])))
        }
        let reader = PullReader(source, from: PullStart(identity: "p"), mapping: mapping, maxLine: 1 << 20) {
            false
        }
        var batch = EventBatch()
        var ids: [String] = []
        while try reader.fill(&batch) { ids += batch.events.map { batch.arena.string(of: $0.eventID) } }
        #expect(ids == pages.items.map(\.id))
        #expect(
            api.requests[1].body == #"{"size":6,"sort":["updated_at","id"],"search_after":[1767225601,"e5"]}"#
        )
        #expect(api.requests.allSatisfy { $0.headers["content-type"] == "application/json" })
    }

    // MARK: - Servers that behave badly

    /// Pages of which one is answered in another way, some times.
    private func misbehaving(
        _ pages: EventPages, at cursor: String, times: Int = 1,
        _ answer: @escaping @Sendable (TestAPI.Answer) -> TestAPI.Answer
    ) throws -> TestAPI {
        let left = Counter(times)
        return try TestAPI { request in
            let good = pages.answer(request)
            guard (request.query["cursor"] ?? "0") == cursor, left.take() else { return good }
            return answer(good)
        }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var left: Int
        init(_ left: Int) { self.left = left }
        func take() -> Bool {
            lock.withLock {
                left -= 1
                return left >= 0
            }
        }
    }

    private func cursorSource(
        _ api: TestAPI, _ change: (inout HTTPSource) -> Void = { _ in }
    ) -> HTTPSource {
        source(api, "/cursor") {
            $0.dataPath = PullTests.path("data.events")
            $0.pagination = .cursor(.init(origin: .body(PullTests.path("next")), place: .query("cursor")))
            change(&$0)
        }
    }

    @Test(
        "What passes is tried again",
        arguments: [
            "500", "503", "429", "408", "silence", "cut", "short", "chunks cut", "closed early", "nonsense",
            "html", "empty",
        ])
    func transient(_ fault: String) throws {
        let pages = EventPages(30, size: 7, padding: 50)
        let api = try misbehaving(pages, at: "14") { good in
            var answer = good
            switch fault {
            case "silence": return .silence
            case "cut": answer.cutAfter = 300
            case "short": answer.toldLength = good.body.count + 100
            case "chunks cut": (answer.isChunked, answer.cutAfter) = (true, 300)
            case "closed early": (answer.endsByClosing, answer.body) = (true, Array(good.body.prefix(300)))
            case "nonsense": answer.body[40] = UInt8(ascii: "]")
            case "html": answer.body = Array("<html>Service</html>".utf8)
            case "empty": answer.body = []
            default: answer = .init("wait", status: Int(fault)!)
            }
            return answer
        }
        let read = read(cursorSource(api))
        #expect(read.message == "")
        #expect(read.ids == pages.items.map(\.id) && read.isFinished)
    }

    @Test("Chunks, and a body that ends with its connection, are as good as a length")
    func framings() throws {
        let pages = EventPages(30, size: 7)
        let api = try TestAPI { request in
            var answer = pages.answer(request)
            if request.query["cursor"] == "7" { answer.isChunked = true }
            if request.query["cursor"] == "14" { answer.endsByClosing = true }
            return answer
        }
        #expect(read(cursorSource(api)).ids == pages.items.map(\.id))
    }

    @Test("What does not pass ends the pull behind the last good page, and says why")
    func permanent() throws {
        let pages = EventPages(30, size: 7)
        func outcome(_ times: Int = 1_000, _ answer: @escaping @Sendable (TestAPI.Answer) -> TestAPI.Answer)
            throws -> Read
        {
            let api = try misbehaving(pages, at: "14", times: times, answer)
            let read = read(cursorSource(api) { $0.limits.maxAttempts = 4 })
            #expect(read.ids == pages.items.prefix(14).map(\.id) && !read.isFinished)
            #expect(read.message.hasPrefix("\(api.url)/cursor?cursor=14: "))
            return read
        }
        let broken = try outcome { _ in .init("kaputt\nsehr", status: 500) }
        #expect(broken.kind == .unreadable)
        #expect(broken.message.hasSuffix("HTTP 500 internal server error: kaputt sehr (after 4 attempts)"))
        let refused = try outcome { _ in .init("no", status: 403) }
        #expect(
            refused.kind == .unreadable
                && refused.message.hasSuffix("HTTP 403 forbidden: no; may these credentials read this?"))
        let nonsense = try outcome { good in
            var answer = good
            answer.body[40] = UInt8(ascii: "]")
            return answer
        }
        #expect(nonsense.kind == .unsupported && nonsense.message.contains("the answer is not JSON: byte "))
        #expect(nonsense.message.hasSuffix("(after 3 attempts)"))
        let elsewhere = try outcome { _ in .init(#"{"data": {"items": []}}"#) }
        #expect(
            elsewhere.message.contains(
                "has no array at \"data.events\" (data_path); there is an array at \"data.items\""))
    }

    @Test("An answer that is too large is not taken")
    func tooLarge() throws {
        let api = try TestAPI { _ in .init(Array(repeating: 0x20, count: 3 << 20)) }
        let read = read(cursorSource(api) { $0.limits.maxResponse = 1 << 20 })
        #expect(read.kind == .unsupported && read.message.contains("more than 1048576 bytes (max_response)"))
        #expect(api.requests.count == 1)
    }

    @Test("Packed answers are unpacked, and a bomb is not")
    func gzip() throws {
        let pages = EventPages(30, size: 30, padding: 500)
        let packed = try PullTests.gzip(Array(EventPages.array(pages.items).utf8))
        let bomb = try PullTests.gzip(
            Array("[".utf8) + Array(repeating: 0x20, count: 60 << 20) + Array("]".utf8))
        let api = try TestAPI { request in
            .init(request.path == "/bomb" ? bomb : packed, headers: [("Content-Encoding", "gzip")])
        }
        #expect(read(source(api, "/all")).ids == pages.items.map(\.id))
        let exploded = read(source(api, "/bomb") { $0.limits.maxResponse = 4 << 20 })
        #expect(exploded.kind == .unsupported && exploded.message.contains("max_response"))
        #expect(read(source(api, "/bomb")).isFinished)
    }

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let path = "\(NSTemporaryDirectory())daybook-gzip-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { unlink("\(path).gz") }
        _ = try Shell.run("/bin/gzip", [path], in: "/", [:])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path).gz")))
    }

    @Test("An API that leads in a circle, or gives a page again, is found out")
    func circles() throws {
        let pages = EventPages(30, size: 7)
        let circle = try TestAPI { request in
            var answer = pages.answer(request)
            if request.query["cursor"] == "14" {
                answer.body = Array(
                    String(decoding: answer.body, as: UTF8.self).replacing(
                        "\"next\":\"21\"", with: "\"next\":\"7\""
                    ).utf8)
            }
            return answer
        }
        let round = read(cursorSource(circle))
        #expect(
            round.kind == .unsupported
                && round.message.contains("page 3 leads back to a page that was there before"))
        #expect(round.ids == pages.items.prefix(21).map(\.id))

        // The page that was asked for is still there for the next run.
        let again = try TestAPI { request in
            let cursor = request.query["cursor"] == "14" ? ["cursor": "7"] : request.query
            let page = pages.page(Int(cursor["cursor"] ?? "0")!, request).items
            let next = Int(request.query["cursor"] ?? "0")! + 7
            return .init(#"{"data":{"events":\#(EventPages.array(page))},"next":"\#(next)"}"#)
        }
        let doubled = read(cursorSource(again))
        #expect(
            doubled.kind == .unsupported
                && doubled.message.contains("page 3 holds the same items as a page before it"))
        #expect(doubled.ids == pages.items.prefix(14).map(\.id))

        let endless = try TestAPI { request in
            let number = Int(request.query["cursor"] ?? "0")!
            return .init(#"{"data":{"events":[\#(EventPages.item(number).json)]},"next":"\#(number + 1)"}"#)
        }
        let stopped = read(cursorSource(endless) { $0.limits.maxPages = 50 })
        #expect(
            stopped.kind == .unsupported && stopped.ids.count == 50 && stopped.message.contains("max_pages"))
    }

    @Test("A count that changes ends a pull neither early nor never")
    func totals() throws {
        let pages = EventPages(50, size: 7)
        let totals = [50, 3, 40, 8, 60, 50, 1, 50, 44]
        let api = try TestAPI { request in
            let offset = Int(request.query["offset"] ?? "0")!
            let page = pages.page(offset, request).items
            return .init(
                #"{"total":\#(totals[offset / 7 % totals.count]),"items":\#(EventPages.array(page))}"#)
        }
        let source = source(api, "/total") {
            $0.dataPath = PullTests.path("items")
            $0.pagination = .offset(
                .init(
                    offset: .query("offset"), limit: .query("limit"), size: 7, total: PullTests.path("total"))
            )
        }
        let read = read(source)
        #expect(read.message == "" && read.ids == pages.items.map(\.id))
    }

    @Test("A server that always gives fewer items than it is asked for is read to the end")
    func cappedPages() throws {
        let pages = EventPages(50, size: 7)
        let api = try TestAPI { pages.answer($0) }
        let source = source(api, "/offset") {
            $0.pagination = .offset(.init(offset: .query("offset"), limit: .query("limit"), size: 500))
        }
        let read = read(source)
        #expect(read.ids == pages.items.map(\.id) && read.isFinished)
    }

    @Test("A page without items is not the last where the answer says that there is more")
    func emptyPages() throws {
        let pages = EventPages(60, size: 10)
        let api = try TestAPI { request in
            let cursor = Int(request.query["cursor"] ?? "0")!
            // Every second page is empty.
            let items = pages.page(cursor / 100 * 10, request).items
            return .init(
                #"{"items":\#(EventPages.array(cursor % 100 == 0 ? items : [])),"more":\#(cursor < 500),"next":"\#(cursor + 50)"}"#
            )
        }
        let source = source(api, "/") {
            $0.dataPath = PullTests.path("items")
            $0.pagination = .cursor(
                .init(
                    origin: .body(PullTests.path("next")), place: .query("cursor"),
                    hasMore: PullTests.path("more")))
        }
        #expect(read(source).ids == pages.items.map(\.id))
        api.change { _ in .init(#"{"items":[\#(EventPages.item(1).json)],"more":true}"#) }
        #expect(read(source).message.contains("says that there is more, and has no cursor"))
    }

    @Test("What a server says is never taken for the name of a secret")
    func names() throws {
        let other = try TestAPI { _ in .init("[]") }
        let otherURL = other.url
        let api = try TestAPI { request in
            .init(
                #"{"links":{"next":"\#(otherURL)/x?a=${auth.token}&b=$<=${auth.token}>"},"items":[\#(EventPages.item(1).json)]}"#
            )
        }
        let source = source(api, "/") {
            $0.dataPath = PullTests.path("items")
            $0.pagination = .jsonLink(next: PullTests.path("links.next"))
            $0.authentication = .bearer(token: "geheim-42")
        }
        _ = read(source)
        #expect(other.requests.allSatisfy { !$0.target.contains("geheim") })
    }

    @Test("An answer that says that nothing has changed, which nobody asked, is none")
    func unaskedNotModified() throws {
        let pages = EventPages(30, size: 7)
        let api = try misbehaving(pages, at: "14") { _ in .init("", status: 304) }
        #expect(read(cursorSource(api)).ids == pages.items.map(\.id))
    }

    @Test("Pages of CSV with other columns, or a header that is cut, are no pages")
    func brokenTables() throws {
        for broken in ["no,header,here,x\n1,2,3,4\n", "id,\"time"] {
            let api = try TestAPI { request in
                request.query["offset"] == "0"
                    ? .init("id,time,type,order_id\ne1,1767225600,a.b,o1\ne2,1767225600,a.b,o1\n")
                    : .init(broken)
            }
            let read = read(
                source(api, "/csv") {
                    $0.format = .csv
                    $0.pagination = .offset(.init(offset: .query("offset"), limit: nil, size: 2))
                })
            #expect(read.ids == ["e1", "e2"] && read.kind == .unsupported, "\(read.message)")
        }
    }

    @Test("Where items are counted and have moved meanwhile, a pull does not go on in their midst")
    func alignment() throws {
        var pages = EventPages(40, size: 10)
        let moved = pages
        let api = try TestAPI { moved.answer($0) }
        func source(_ api: TestAPI) -> HTTPSource {
            self.source(api, "/offset") {
                $0.pagination = .offset(.init(offset: .query("offset"), limit: nil, size: 10))
                $0.incremental = Incremental(field: PullTests.path("updated_at"), place: .query("since"))
                $0.limits.maxRequests = 2
            }
        }
        let reader = PullReader(
            source(api), from: PullStart(identity: "p"), mapping: PullTests.mapping, maxLine: 1 << 20
        ) { false }
        var batch = EventBatch()
        while try reader.fill(&batch) {}
        var start = PullStart(identity: "p")
        (start.checkpoint, start.position) = (try #require(reader.storedCheckpoint()), reader.position)
        var rest = source(api)
        rest.limits.maxRequests = nil
        #expect(read(rest, from: start).ids == pages.items.dropFirst(20).map(\.id))
        // Two of the first are changed, and stand at the end now.
        pages.items = Array(pages.items.dropFirst(2) + pages.items.prefix(2))
        let shifted = pages
        api.change { shifted.answer($0) }
        #expect(read(rest, from: start).error is StaleCheckpoint)
    }

    @Test("429 with Retry-After: 0 costs no attempt; seconds and dates are waited for")
    func retryAfter() throws {
        let pages = EventPages(14, size: 7)
        let storm = try misbehaving(pages, at: "7", times: 9) { _ in
            .init("slow down", status: 429, headers: [("Retry-After", "0")])
        }
        #expect(read(cursorSource(storm) { $0.limits.maxAttempts = 2 }).ids.count == 14)
        #expect(storm.requests.count == 11)

        let waits = try misbehaving(pages, at: "7") { _ in
            .init("", status: 503, headers: [("Retry-After", "1")])
        }
        let began = Date()
        #expect(read(cursorSource(waits)).ids.count == 14)
        #expect(Date().timeIntervalSince(began) >= 1)

        let tooLong = try misbehaving(pages, at: "7") { _ in
            .init("", status: 429, headers: [("Retry-After", "7200")])
        }
        let given = read(cursorSource(tooLong))
        #expect(
            given.kind == .unreadable
                && given.message.contains("to come back in 7200 s is too late (max_wait)"))
        #expect(given.ids.count == 7)
    }

    @Test("A server that says nothing is given up, and one that is slow is waited for")
    func slow() throws {
        let pages = EventPages(14, size: 7)
        let silent = try misbehaving(pages, at: "7") { good in
            var answer = good
            answer.delay = 3
            return answer
        }
        let began = Date()
        #expect(read(cursorSource(silent) { $0.limits.timeoutSeconds = 0.5 }).ids.count == 14)
        #expect(Date().timeIntervalSince(began) < 3)
        let slow = try misbehaving(pages, at: "7") { good in
            var answer = good
            answer.delay = 0.4
            return answer
        }
        #expect(read(cursorSource(slow) { $0.limits.timeoutSeconds = 2 }).ids.count == 14)
        #expect(slow.requests.count == 2)
    }

    @Test("A wish to stop is heard while nothing comes, and while it waits")
    func cancels() throws {
        let silent = try TestAPI { _ in
            var answer = TestAPI.Answer("[]")
            answer.delay = 5
            return answer
        }
        let busy = try TestAPI { _ in .init("", status: 503, headers: [("Retry-After", "60")]) }
        for api in [silent, busy] {
            let began = Date()
            let read = read(source(api, "/all")) { Date().timeIntervalSince(began) > 0.3 }
            #expect(read.kind == .cancelled)
            #expect(Date().timeIntervalSince(began) < 2)
        }
    }

    @Test("Nobody there is out of reach")
    func unreachable() throws {
        let api = try TestAPI { _ in .init("") }
        let source = source(api, "/all") { $0.limits.maxAttempts = 2 }
        api.stop()
        let read = read(source)
        #expect(read.kind == .unreadable && read.message.contains("(after 2 attempts)"))
    }

    @Test("The pace that is asked for is kept, and the requests of a run")
    func pace() throws {
        let pages = EventPages(70, size: 7)
        let api = try TestAPI { pages.answer($0) }
        let began = Date()
        #expect(read(cursorSource(api) { $0.limits.requestsPerSecond = 20 }).ids.count == 70)
        #expect(Date().timeIntervalSince(began) >= 0.44)
        let spent = read(cursorSource(api) { $0.limits.maxRequests = 3 })
        #expect(spent.ids.count == 21 && !spent.isFinished && spent.error == nil)
    }

    // MARK: - Credentials

    @Test("A redirect is followed; credentials do not go to another host")
    func redirects() throws {
        let pages = EventPages(20, size: 7)
        let other = try TestAPI { pages.answer($0) }
        let otherURL = other.url
        let api = try TestAPI { request in
            switch request.path {
            case "/moved":
                .init(
                    "", status: 302,
                    headers: [
                        ("Location", "/cursor?\(request.target.split(separator: "?").dropFirst().joined())")
                    ])
            case "/away":
                .init(
                    "", status: 307,
                    headers: [("Location", "\(otherURL)/cursor?cursor=\(request.query["cursor"] ?? "0")")])
            case "/round": .init("", status: 301, headers: [("Location", "/round")])
            default: pages.answer(request)
            }
        }
        func asked(_ path: String) -> Read {
            read(
                source(api, path) {
                    $0.dataPath = PullTests.path("data.events")
                    $0.pagination = .cursor(
                        .init(origin: .body(PullTests.path("next")), place: .query("cursor")))
                    $0.authentication = .bearer(token: "geheim-42")
                    $0.headers = [
                        HTTPHeader("X-Custom", "geheim-43"), HTTPHeader("Accept", "application/json"),
                    ]
                })
        }
        #expect(asked("/moved").ids.count == 20)
        #expect(api.requests.allSatisfy { $0.headers["authorization"] == "Bearer geheim-42" })
        #expect(asked("/away").ids.count == 20)
        #expect(other.requests.count == 3)
        for request in other.requests {
            #expect(request.headers["authorization"] == nil && request.headers["x-custom"] == nil)
            #expect(request.headers["accept"] == "application/json")
        }
        #expect(asked("/round").message.contains("lead on for more than 10 times"))
    }

    @Test("A link to another host is followed without credentials, too")
    func foreignLinks() throws {
        let pages = EventPages(20, size: 7)
        let other = try TestAPI { pages.answer($0) }
        let otherURL = other.url
        let api = try TestAPI { request in
            .init(
                #"{"links":{"next":"\#(otherURL)/link?from=7"},"items":\#(EventPages.array(pages.page(0, request).items))}"#
            )
        }
        let source = source(api, "/link") {
            $0.dataPath = PullTests.path("items")
            $0.pagination = .jsonLink(next: PullTests.path("links.next"))
            $0.authentication = .apiKey(name: "X-Key", value: "geheim-42", isInQuery: false)
        }
        #expect(read(source).ids.count == 20)
        #expect(api.requests.map { $0.headers["x-key"] } == ["geheim-42"])
        #expect(other.requests.map { $0.headers["x-key"] } == [nil, nil])
    }

    @Test("Keys, names and passwords go where they belong")
    func credentials() throws {
        let api = try TestAPI { _ in .init("[]") }
        _ = read(
            source(api, "/a?x=1") { $0.authentication = .apiKey(name: "key", value: "a b", isInQuery: true) })
        _ = read(
            source(api, "/b") { $0.authentication = .apiKey(name: "X-Key", value: "k", isInQuery: false) })
        _ = read(source(api, "/c") { $0.authentication = .basic(username: "me", password: "p:w") })
        #expect(api.requests[0].target == "/a?x=1&key=a%20b")
        #expect(api.requests[1].headers["x-key"] == "k")
        #expect(
            api.requests[2].headers["authorization"] == "Basic \(Data("me:p:w".utf8).base64EncodedString())")
    }

    @Test("OAuth 2.0: one token for many pages, another when it has expired, and when it is refused, once")
    func clientCredentials() throws {
        let pages = EventPages(70, size: 7)
        final class Valid: @unchecked Sendable {
            private let lock = NSLock()
            private var value = 0
            var current: Int { lock.withLock { value } }
            func next() -> Int {
                lock.withLock {
                    value += 1
                    return value
                }
            }
        }
        let valid = Valid()
        func server(expiresIn: Int, refusing cursor: String?, always: Bool = false) throws -> TestAPI {
            let refused = Counter(always ? 1_000 : 1)
            return try TestAPI { request in
                if request.path == "/token" {
                    return .init(
                        #"{"access_token":"token-\#(valid.next())","token_type":"Bearer","expires_in":\#(expiresIn)}"#
                    )
                }
                guard request.headers["authorization"] == "Bearer token-\(valid.current)",
                    !(request.query["cursor"] == cursor && cursor != nil && refused.take())
                else { return .init("expired", status: 401) }
                return pages.answer(request)
            }
        }
        func asked(_ api: TestAPI) -> Read {
            self.read(
                cursorSource(api) {
                    var client = ClientCredentials(
                        tokenURL: "\(api.url)/token", clientID: "me", clientSecret: "s/1")
                    client.scope = "read events"
                    $0.authentication = .clientCredentials(client)
                })
        }
        func tokenRequests(_ api: TestAPI) -> [TestAPI.Request] {
            api.requests.filter { $0.path == "/token" }
        }
        let good = try server(expiresIn: 3_600, refusing: nil)
        #expect(asked(good).ids.count == 70 && tokenRequests(good).count == 1)
        #expect(
            tokenRequests(good)[0].body
                == "grant_type=client_credentials&scope=read%20events&client_id=me&client_secret=s%2F1")
        let refusing = try server(expiresIn: 3_600, refusing: "35")
        #expect(asked(refusing).ids.count == 70 && tokenRequests(refusing).count == 2)
        let short = try server(expiresIn: 0, refusing: nil)
        #expect(asked(short).ids.count == 70 && tokenRequests(short).count == 10)
        let hopeless = try server(expiresIn: 3_600, refusing: "35", always: true)
        let refused = asked(hopeless)
        #expect(
            refused.ids.count == 35 && refused.message.contains("HTTP 401")
                && tokenRequests(hopeless).count == 2)
        #expect(!refused.message.contains("token-"))
    }

    // MARK: - Resuming

    @Test("A pull goes on at any checkpoint, and reads nothing twice")
    func resumes() throws {
        let pages = EventPages(50, size: 7)
        let api = try TestAPI { pages.answer($0) }
        let source = cursorSource(api) { $0.limits.requestsPerSecond = 200 }
        let reader = PullReader(
            source, from: PullStart(identity: "p"), mapping: PullTests.mapping, maxLine: 1 << 20
        ) { false }
        var batch = EventBatch()
        var read = 0
        while try reader.fill(&batch) {
            read += batch.events.count
            var start = PullStart(identity: "p")
            (start.position, start.line, start.checkpoint) = (
                batch.range.end, batch.range.endLine, reader.storedCheckpoint()!
            )
            let rest = self.read(cursorSource(api), from: start)
            #expect(rest.ids == pages.items.dropFirst(read).map(\.id) && rest.isFinished)
        }
        #expect(read == 50)
    }

    @Test("In the middle of a page it goes on behind what was read, unless the page has changed")
    func resumesInsidePages() throws {
        let pages = EventPages(9, size: 9)
        let api = try TestAPI { pages.answer($0) }
        let content = pages.items.map(\.json).joined(separator: ",")
        let offset = pages.items.prefix(4).map(\.json).joined(separator: ",").utf8.count
        var start = PullStart(identity: "p")
        start.checkpoint.offset = offset
        start.checkpoint.hash = SHA256.hex(Array(content.utf8.prefix(offset)), prefix: 16)
        start.position = Int64(offset)
        #expect(read(source(api, "/all"), from: start).ids == pages.items.dropFirst(4).map(\.id))
        start.checkpoint.hash = "another"
        #expect(read(source(api, "/all"), from: start).ids == pages.items.map(\.id))
    }

    @Test("A checkpoint that the API does not know any more is told apart from other refusals")
    func staleCheckpoints() throws {
        let api = try TestAPI { _ in .init("unknown cursor", status: 410) }
        var start = PullStart(identity: "p")
        start.checkpoint.step.pages = 3
        start.checkpoint.step.cursor = "\"21\""
        #expect(read(cursorSource(api), from: start).error is StaleCheckpoint)
        #expect(read(cursorSource(api)).kind == .unreadable)
    }

    @Test("Items that are no events are rejected, each with its place, and those around them are read")
    func rejects() throws {
        let good = EventPages(3, size: 9).items.map(\.json)
        let long =
            #"{"id":"long","time":1767225600,"type":"a.b","pad":"\#(String(repeating: "x", count: 3_000))"}"#
        let items = [good[0], "7", good[1], #"{"id":"x"}"#, long, "[1]", "null", good[2]]
        let api = try TestAPI { _ in .init("[\n \(items.joined(separator: " ,\n "))\n]") }
        let read = read(source(api, "/all"), maxLine: 2_048)
        #expect(read.ids == ["e0", "e1", "e2"])
        #expect(
            read.rejects.map(\.code) == [
                .notAnObject, .missingTime, .lineTooLong, .notAnObject, .notAnObject,
            ])
        #expect(read.rejects.map(\.line) == [2, 4, 5, 6, 7])
    }

    @Test("No content is no items")
    func noContent() throws {
        let api = try TestAPI { _ in .init("", status: 204) }
        let read = read(source(api, "/all"))
        #expect(read.message == "" && read.ids.isEmpty && read.isFinished)
    }

    @Test("A large answer goes through a file and is read the same")
    func largeAnswers() throws {
        let pages = EventPages(40_000, size: 40_000, padding: 400)
        let api = try TestAPI { pages.answer($0) }
        let read = read(source(api, "/all"))
        #expect(read.message == "" && read.ids.count == 40_000 && read.ids == pages.items.map(\.id))
    }
}

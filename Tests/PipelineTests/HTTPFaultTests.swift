import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing

/// Random sequences of faults: whatever an API does, its events end in `raw.events`, or a prefix of them and an error that
/// the next run makes good.
struct HTTPFaultTests {
    private enum Fault: CaseIterable {
        case broken, unavailable, storm, storm0, silence, cut, shortLength, chunksCut, closedEarly, nonsense,
            markup, empty
        case doubledPage, changedTotal, circle, refused, gone, moved, chunked, slow, expiredToken
    }

    /// An API that lives through a sequence.
    private final class Scene: @unchecked Sendable {
        let kind: String
        let pages: EventPages
        private let lock = NSLock()
        private var dice: Dice
        /// The share of the requests that go wrong.
        private var share: Double
        private var tokens = 0

        init(_ dice: Dice) {
            var dice = dice
            kind = Scene.kinds.randomElement(using: &dice)!.path
            pages = EventPages(
                Int.random(in: 0...60, using: &dice), size: Int.random(in: 1...9, using: &dice), padding: 200)
            share = [0.05, 0.2, 0.5].randomElement(using: &dice)!
            self.dice = dice
        }

        static let kinds: [(path: String, definition: String)] = [
            (
                "/cursor",
                #""data_path": "data.events", "pagination": { "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" }"#
            ),
            (
                "/header-cursor",
                #""pagination": { "type": "cursor", "cursor_header": "X-Next", "cursor_param": "cursor" }"#
            ),
            (
                "/last-item",
                #""pagination": { "type": "cursor", "cursor_item": "id", "cursor_param": "after" }"#
            ),
            (
                "/link",
                #""data_path": "items", "pagination": { "type": "json_link", "next_path": "links.next" }"#
            ),
            ("/header", #""pagination": { "type": "header_link" }"#),
            ("/ndjson", #""format": "ndjson", "pagination": { "type": "header_link" }"#),
            ("/offset", #""pagination": { "type": "offset", "limit": SIZE }"#),
            (
                "/total",
                #""data_path": "items", "pagination": { "type": "offset", "limit": SIZE, "total_path": "total" }"#
            ),
            ("/page", #""pagination": { "type": "page_number" }"#),
            ("/all", #""pagination": { "type": "single" }"#),
        ]

        var definition: String {
            Scene.kinds.first { $0.path == kind }!.definition.replacing("SIZE", with: "\(pages.size)")
        }

        /// From now on nothing goes wrong.
        func heal() { lock.withLock { share = 0 } }

        func answer(_ request: TestAPI.Request) -> TestAPI.Answer {
            if request.path == "/token" {
                return lock.withLock {
                    tokens += 1
                    return .init(#"{"access_token":"t\#(tokens)","expires_in":3600}"#)
                }
            }
            let isValid = lock.withLock { request.headers["authorization"] == "Bearer t\(tokens)" }
            guard isValid else { return .init("expired", status: 401) }
            let (fault, number) = lock.withLock { () -> (Fault?, Int) in
                let isFaulty = Double.random(in: 0..<1, using: &dice) < share
                return (
                    isFaulty ? Fault.allCases.randomElement(using: &dice) : nil,
                    Int.random(in: 0..<1_000, using: &dice)
                )
            }
            return answer(request, fault, number)
        }

        private func answer(_ request: TestAPI.Request, _ fault: Fault?, _ number: Int) -> TestAPI.Answer {
            var good = pages.answer(request)
            let text = String(decoding: good.body, as: UTF8.self)
            switch fault {
            case nil: break
            case .broken: return .init("broken", status: 500)
            case .unavailable:
                return .init(
                    "later", status: 503, headers: [("Retry-After", "Thu, 01 Jan 2026 00:00:00 GMT")])
            case .storm: return .init("slow down", status: 429)
            case .storm0: return .init("slow down", status: 429, headers: [("Retry-After", "0")])
            case .silence: return .silence
            case .cut: good.cutAfter = number % max(1, good.body.count)
            case .shortLength: good.toldLength = good.body.count + 1 + number
            case .chunksCut: (good.isChunked, good.cutAfter) = (true, number % max(1, good.body.count))
            // What of NDJSON looks whole cannot be told from it without a length.
            case .closedEarly where kind != "/ndjson":
                (good.endsByClosing, good.body) = (true, Array(good.body.prefix(good.body.count - 1)))
            case .nonsense where good.body.count > 60 && kind != "/ndjson":
                good.body[good.body.count - 2] = UInt8(ascii: ":")
            case .markup: good.body = Array("<html>Sign in</html>".utf8)
            case .empty where kind != "/ndjson": good.body = []
            case .doubledPage: return doubled(request) ?? good
            case .changedTotal:
                good.body = Array(text.replacing(#/"total":\d+/#, with: "\"total\":\(number % 70)").utf8)
            case .circle: good.body = Array(text.replacing(#/"next":"\d+"/#, with: "\"next\":\"0\"").utf8)
            case .refused: return .init("no", status: 403)
            case .gone where kind != "/page": return .init("no", status: [400, 404, 410][number % 3])
            case .moved:
                return request.query["moved"] == nil
                    ? .init(
                        "", status: 307,
                        headers: [
                            (
                                "Location",
                                "\(request.target)\(request.target.contains("?") ? "&" : "?")moved=1"
                            )
                        ])
                    : good
            case .chunked: good.isChunked = true
            case .slow: good.delay = 0.01
            case .expiredToken: lock.withLock { tokens += 1 }
            default: break
            }
            return good
        }

        /// The page before, which leads to the page that is right.
        private func doubled(_ request: TestAPI.Request) -> TestAPI.Answer? {
            guard kind == "/cursor", let cursor = Int(request.query["cursor"] ?? ""), cursor > 0 else {
                return nil
            }
            let before = pages.page(cursor - pages.size, request).items
            let next = pages.page(cursor, request).next.map { "\"\($0)\"" } ?? "null"
            return .init(#"{"data":{"events":\#(EventPages.array(before))},"next":\#(next)}"#)
        }
    }

    private static let isTorture = ProcessInfo.processInfo.environment["DAYBOOK_TORTURE"] == "1"
    private static let seed =
        ProcessInfo.processInfo.environment["DAYBOOK_TEST_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 0...UInt64.max)

    @Test("Random faults: exactly the events that are served, or a prefix of them and an error")
    func faults() throws {
        print("HTTPFaultTests: repeat with DAYBOOK_TEST_SEED=\(HTTPFaultTests.seed)")
        let database = try TestDatabase()
        let sequences = HTTPFaultTests.isTorture ? 1_000 : 60
        var (runs, failed) = (0, 0)
        for number in 0..<sequences {
            let scene = Scene(Dice(seed: HTTPFaultTests.seed &+ UInt64(number) &* 0x5851_F42D_4C95_7F2D))
            let api = try TestAPI { scene.answer($0) }
            let project = try TemporaryProject()
            try project.write(
                "pipelines/p\(number).jsonc",
                """
                { "pipeline": "p\(number)", "sources": [ { "name": "api",
                  "http": { "url": "\(api.url)\(scene.kind)", "backoff": "1ms", "max_attempts": 3, "timeout": "5s",
                    "auth": { "type": "oauth2_client_credentials", "token_url": "\(api.url)/token", "client_id": "me",
                      "client_secret": "secret" }, \(scene.definition) },
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
                """)
            var options = RunOptions()
            options.transforms = false
            let served = scene.pages.items.map(\.id)
            let place = "sequence \(number), \(scene.kind)"
            var isDone = false
            for run in 1...12 where !isDone {
                if run == 12 { scene.heal() }
                let report = try project.run(on: database, options)[0]
                runs += 1
                let ids = try database.rows(
                    """
                    SELECT event_id FROM raw.events
                    WHERE source_id = (SELECT source_id FROM daybook.sources WHERE pipeline = 'p\(number)')
                    """
                ).map { $0[0] }
                #expect(Set(ids).count == ids.count, "\(place): an event is there twice")
                #expect(
                    Set(ids) == Set(served.prefix(ids.count)),
                    "\(place): \(ids) is no prefix; \(report.error.map { "\($0)" } ?? "")")
                if report.status == .succeeded {
                    #expect(
                        ids.count == served.count,
                        "\(place): the run succeeded with \(ids.count) of \(served.count) events")
                    isDone = true
                } else {
                    failed += 1
                }
            }
            #expect(isDone, "\(place): it never succeeded")
        }
        print("HTTPFaultTests: \(sequences) sequences, \(runs) runs, \(failed) of them failed")
        let project = try TemporaryProject()
        let verified = try DaybookCommand(in: project.directory, database: database.url).run("verify")
        #expect(verified.status == 0, "\(verified.out)\(verified.error)")
    }
}

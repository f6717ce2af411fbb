import Foundation
import Postgres
import TestSupport
import Testing

/// Deaths in the middle of a pull: between pages, inside them, before and after a commit.
@Suite(.serialized)
struct PullCrashTests {
    private let scale = CrashScale.chosen

    /// An API whose events come again later, with other contents, and what an undisturbed load makes of it.
    private final class Scene: @unchecked Sendable {
        let api: TestAPI
        let project: TemporaryProject
        let truth: WarehouseState
        let seconds: Double
        private let undisturbed: TestDatabase

        init(events: Int, size: Int, onChange: String, _ dice: inout Dice) throws {
            var pages = EventPages(events, size: size, padding: 100)
            for index in stride(from: 50, to: events, by: 11) {
                // Once with another content, and once at another time.
                let number = index - Int.random(in: 1...40, using: &dice)
                let old = EventPages.item(number)
                let seconds = index % 2 == 0 ? old.updatedAt : old.updatedAt + 1
                pages.items[index] = EventPages.Item(
                    id: old.id, updatedAt: seconds,
                    json:
                        #"{"id":"\#(old.id)","time":\#(seconds),"type":"order.paid","order_id":"o\#(number / 3)","version":\#(index)}"#
                )
            }
            // Some are no events.
            for index in stride(from: 30, to: events, by: 997) {
                pages.items[index] = EventPages.Item(
                    id: "bad\(index)", updatedAt: 0, json: #"{"id":"bad\#(index)","time":"never"}"#)
            }
            let served = pages
            api = try TestAPI { request in
                var answer = served.answer(request)
                // Some pages keep one waiting, so that batches are of all sizes.
                let page = Int(request.query["cursor"] ?? "0")! / size
                if page % 7 == 3 { answer.delay = 0.04 }
                return answer
            }
            project = try TemporaryProject()
            try project.write(
                "pipelines/shop.jsonc",
                """
                { "pipeline": "shop", "sources": [ { "name": "api", "on_change": "\(onChange)",
                  "http": { "url": "\(api.url)/cursor", "data_path": "data.events", "backoff": "10ms",
                    "pagination": { "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" } },
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
                """)
            undisturbed = try TestDatabase()
            let outcome = try DaybookCommand(in: project.directory, database: undisturbed.url).run("load")
            try #require(outcome.status == 0, "\(outcome.error)")
            seconds = outcome.seconds
            truth = try WarehouseState(of: undisturbed.url)
            #expect(truth.totals[0][2] == "\(events)")
            tell(
                "an API of \(events) events in pages of \(size), \(onChange): an undisturbed load takes \(String(format: "%.2f s", seconds))"
            )
        }

        /// The comings of the events, in their order.
        func comings(_ url: String) throws -> [String] {
            try Connection(url, applicationName: "tests").query(
                "SELECT event_id || '@' || occurred_at || coalesce(details ->> 'version', '') FROM raw.events ORDER BY load_id, position"
            ).rows.map { try $0.get(0) }
        }

        /// - Parameter wasKilledAtTheEnd: what had pulled all was killed before it noted its own end, and none came after.
        func expect(_ url: String, _ label: String, wasKilledAtTheEnd: Bool) throws {
            let state = try WarehouseState(of: url)
            let leftovers = state.leftovers.filter { !wasKilledAtTheEnd || !$0.hasSuffix("is left running") }
            #expect(state.days == truth.days, "\(label): other events")
            #expect(state.rejects == truth.rejects, "\(label): other rejects")
            #expect(state.totals == truth.totals, "\(label)")
            #expect(
                leftovers.isEmpty && state.problems.isEmpty, "\(label): \(leftovers) \(state.problems)")
            let isInOrder = try comings(url) == comings(undisturbed.url)
            #expect(isInOrder, "\(label): the events have come in another order")
        }
    }

    @Test("kill -9 between and inside pages", arguments: ["keep_first", "keep_last"])
    func kills(_ onChange: String) throws {
        var dice = scale.dice(onChange == "keep_last" ? 21 : 20)
        let scene = try Scene(
            events: scale.isTorture ? 60_000 : 15_000, size: scale.isTorture ? 500 : 250, onChange: onChange,
            &dice)
        let points = ["read-batch", "copy-rows", "write-ledger", "commit", "committed"]
        let wanted = scale.isTorture ? 50 : 4
        var (kills, rounds) = (0, 0)
        while kills < wanted, rounds < wanted * 5 {
            let database = try TestDatabase()
            let label = "pull, \(onChange), round \(rounds), seed \(scale.seed)"
            rounds += 1
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                var command = DaybookCommand(in: scene.project.directory, database: database.url)
                let point = dice.chance(0.5) ? points.randomElement(using: &dice) : nil
                command.environment["DAYBOOK_FAIL_POINT"] = point.map {
                    "\($0):\(Int.random(in: 1...6, using: &dice))"
                }
                let load = try command.start([
                    "load", "--lock-wait", "60", "--workers", "\(Int.random(in: 1...4, using: &dice))",
                ])
                if point == nil {
                    Thread.sleep(forTimeInterval: Double.random(in: 0...scene.seconds, using: &dice))
                    load.send(SIGKILL)
                }
                let outcome = try load.outcome()
                #expect(outcome.signal == SIGKILL || outcome.status == 0, "\(label): \(outcome.error)")
                guard outcome.signal == SIGKILL else { break }
                kills += 1
            }
            let command = DaybookCommand(in: scene.project.directory, database: database.url)
            let isFinished =
                try Connection(database.url, applicationName: "tests").query(
                    "SELECT to_regclass('daybook.pulls') IS NOT NULL"
                ).first().get(0, as: Bool.self)
                && database.value("SELECT count(*) FROM daybook.pulls WHERE finished_at IS NOT NULL") != "0"
            // A pull that is at its end is not begun again: a second one would meet nothing but duplicates.
            if !isFinished {
                let outcome = try command.run("load", "--lock-wait", "60")
                #expect(outcome.status == 0, "\(label): \(outcome.error)")
            }
            try scene.expect(database.url, label, wasKilledAtTheEnd: isFinished)
        }
        #expect(kills >= wanted)
        tell("pulls, \(onChange): \(kills) kills in \(rounds) rounds")
    }
}

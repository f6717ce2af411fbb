import Foundation
import Generate
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Killing the command in the middle of a load, and running it again.
@Suite
struct CrashTests {
    @Test("kill -9 in the middle of a million rows: after a second run the count is exact")
    func kill() throws {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        var options = GeneratorOptions(orders: GeneratorOptions.orders(forEvents: 1_000_000), days: 10)
        options.badLines = 7
        _ = FileManager.default.createFile(atPath: project.path("events.ndjson"), contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: project.path("events.ndjson")))
        let truth = try Generator(options).write { try file.write(contentsOf: Data($0)) }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [ { "name": "all", "file": { "path": "events.ndjson" },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
            """)
        let command = DaybookCommand(in: project.directory, database: database.url)

        // Killed once some of it is committed and more is under way.
        let process = try command.start(["load"])
        let connection = try database.connect()
        var committed = 0
        while committed == 0, process.isRunning {
            Thread.sleep(forTimeInterval: 0.02)
            let isThere: Bool = try connection.query("SELECT to_regclass('daybook.loads') IS NOT NULL")
                .first().get(0)
            if isThere {
                committed = try connection.query("SELECT count(*) FROM daybook.loads").first().get(0)
            }
        }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        let before: Int = try connection.query("SELECT count(*) FROM raw.events").first().get(0)
        #expect(before > 0 && before < truth.events)

        let again = try command.run("load", "--json")
        #expect(again.status == 0, "\(again.error)")
        #expect(try connection.query("SELECT count(*) FROM raw.events").first().get(0) == truth.events)
        #expect(try connection.query("SELECT count(*) FROM daybook.rejects").first().get(0) == truth.badLines)
        #expect(
            try connection.query("SELECT sum(duplicate) FROM daybook.loads").first().get(0)
                == truth.duplicates)
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
        #expect(
            try database.rows("SELECT status, error FROM daybook.runs ORDER BY run_id")
                == [["failed", "it was killed"], ["succeeded", "∅"]])
    }
}

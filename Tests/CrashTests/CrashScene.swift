import Foundation
import TestSupport
import Testing
import Warehouse

/// A project with logs, and what an undisturbed load makes of them.
final class CrashScene: @unchecked Sendable {
    /// Which way a load of the logs goes.
    enum Size: String, CaseIterable {
        /// One worker: a load of less than 16 MiB gets no second one.
        case small
        /// Several workers, days with an index from the start.
        case indexed
        /// 64 MiB and more: several workers, days that are filled without an index.
        case building
    }

    let size: Size
    let onChange: OnChange
    let project: TemporaryProject
    let truth: WarehouseState
    /// What an undisturbed load took.
    let seconds: Double
    private let undisturbed: TestDatabase

    private static let lock = NSLock()
    nonisolated(unsafe) private static var scenes: [String: CrashScene] = [:]

    /// The scene, made when it is first asked for.
    static func of(_ size: Size, _ onChange: OnChange) throws -> CrashScene {
        try lock.withLock {
            let key = "\(size) \(onChange)"
            if let scene = scenes[key] { return scene }
            if scenes.isEmpty {
                atexit {
                    for scene in CrashScene.scenes.values {
                        try? FileManager.default.removeItem(atPath: scene.project.directory)
                    }
                }
            }
            let scene = try CrashScene(size, onChange)
            scenes[key] = scene
            return scene
        }
    }

    /// The sources of a pipeline: logs whose events come again, and a table whose rows are events.
    static func sources(_ onChange: OnChange) -> String {
        """
        { "name": "services", "file": { "path": "logs/*.ndjson" }, "on_change": "\(onChange.rawValue)",
          "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
                     "sequence": "seq" } },
        { "name": "orders_table", "file": { "path": "orders.csv" },
          "events": [
            { "type": {"value": "order.purchased"}, "occurred_at": "purchased", "case_id": "order_id" },
            { "type": {"value": "order.delivered"}, "occurred_at": "delivered", "case_id": "order_id" }
          ] }
        """
    }

    private init(_ size: Size, _ onChange: OnChange) throws {
        self.size = size
        self.onChange = onChange
        project = try TemporaryProject()
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "sources": [ \(CrashScene.sources(onChange)) ] }
            """)
        let logs = try CrashScene.write(size, CrashScale.chosen.isTorture, project)

        undisturbed = try TestDatabase()
        let outcome = try DaybookCommand(in: project.directory, database: undisturbed.url)
            .run("load", "--workers", "2")
        seconds = outcome.seconds
        try #require(outcome.status == 0, "\(outcome.error)")
        truth = try WarehouseState(of: undisturbed.url)
        tell(
            "\(size), \(onChange.rawValue): \(logs.bytes >> 20) MiB, \(logs.eventLines) lines, "
                + "\(logs.eventCount) events, an undisturbed load takes "
                + String(format: "%.2f s", seconds))
        try expect(logs)
    }

    private static func write(_ size: Size, _ isLarge: Bool, _ project: TemporaryProject) throws -> CrashLogs
    {
        var logs = CrashLogs(project, seed: CrashScale.chosen.seed &+ 1)
        switch size {
        case .small:
            for number in 1...4 {
                try logs.write(
                    "logs/\(number).ndjson", new: 3_000, pad: 80, olds: number * 100, badEvery: 500)
            }
            try compress("logs/3.ndjson", project)
            try logs.writeTable("orders.csv", rows: 3_000)
        case .indexed, .building:
            // Blanks make a load large, as far as it decides by bytes, that takes the server little.
            // Files of one batch, one of several (in torture), and one with hardly anything new.
            let padded = size == .building ? 7 : 4
            for number in 1...padded {
                try logs.write(
                    "logs/\(number).ndjson", new: 5_000, pad: isLarge ? 1_600 : 200,
                    blanks: isLarge ? 0 : 1_400, olds: number > 1 ? 300 : 0)
            }
            try logs.write("logs/8.ndjson", new: isLarge ? 230_000 : 20_000, pad: 0, olds: 2_000)
            try compress("logs/8.ndjson", project)
            try logs.write("logs/9.ndjson", new: isLarge ? 30_000 : 100, pad: 1_000, olds: 5_000)
            try logs.writeTable("orders.csv", rows: 10_000)
        }
        return logs
    }

    /// Compresses a log; its name and its place in the order stay.
    private static func compress(_ name: String, _ project: TemporaryProject) throws {
        let outcome = try Shell.run(
            "/bin/sh", ["-c", "gzip -c \(name) > packed && touch -r \(name) packed && mv packed \(name)"],
            in: project.directory, ProcessInfo.processInfo.environment)
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    /// The undisturbed load itself, against what was written.
    private func expect(_ logs: CrashLogs) throws {
        let stored = try undisturbed.value(
            """
            SELECT string_agg(substr(event_id, 2) || ':' || (details ->> 'v'), ','
                ORDER BY substr(event_id, 2)::integer)
            FROM raw.events WHERE type LIKE 'order.step%'
            """)
        let isEqual = stored == logs.staying(last: onChange == .keepLast)
        #expect(isEqual, "\(size), \(onChange): the undisturbed load holds other events than were written")
        let totals = try undisturbed.rows(
            "SELECT sum(read), sum(loaded), sum(rejected), sum(filtered) FROM daybook.loads")
        let read = logs.eventLines + logs.tableEvents + logs.badLines + logs.emptyRows
        #expect(
            totals == [
                [read, logs.eventCount + logs.tableEvents, logs.badLines, logs.emptyRows].map { "\($0)" }
            ])
        #expect(truth.problems == [])
        #expect(truth.leftovers == [])
    }

    /// What is not as after an undisturbed load, in words; nil where all is.
    func difference(_ url: String) throws -> String? {
        let state = try WarehouseState(of: url)
        guard let text = CrashScene.tellDifference(truth, state) else { return nil }
        let days = truth.days.filter { !state.days.contains($0) }.map { $0[0] }
        guard let day = days.first else { return text }
        let (wanted, found) = (
            Set(try WarehouseState.events(of: undisturbed.url, day: day)),
            Set(try WarehouseState.events(of: url, day: day))
        )
        let missing = wanted.subtracting(found).sorted()
        let extra = found.subtracting(wanted).sorted()
        return text + "\n\(day): \(missing.count) rows missing, \(extra.count) too many\n"
            + (missing.prefix(2).map { "- \($0.prefix(300))" } + extra.prefix(2).map { "+ \($0.prefix(300))" })
            .joined(separator: "\n")
    }

    private static func tellDifference(_ truth: WarehouseState, _ state: WarehouseState) -> String? {
        var texts: [String] = []
        if state.days != truth.days { texts.append("raw.events differs") }
        if state.rejects != truth.rejects {
            texts.append("\(state.rejects.count) rejects, not the \(truth.rejects.count)")
        }
        if state.totals != truth.totals {
            texts.append("the ledger's sums: \(state.totals), not \(truth.totals)")
        }
        texts += state.leftovers + state.problems.prefix(5)
        return texts.isEmpty ? nil : texts.joined(separator: "\n")
    }
}

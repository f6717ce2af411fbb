import Foundation
import Generate
import Postgres
import SQLFiles
import Warehouse

/// A transform of a few new events on a long history, against a plain rebuild of facts and hours in SQL, interleaved.
struct TransformBenchmark {
    let bench: BenchServer
    /// Events of the history.
    let history: Int
    /// The days over which they happened.
    let days: Int
    let rounds: Int

    private static let name = "bench_transform"
    private var project: String { bench.path("transform") }

    struct Row: Encodable {
        let history: Int
        let days: Int
        let name: String
        let seconds: Double
        /// Against the plain rebuild of the same round, the median of the rounds.
        let ratio: Double
    }

    func run() throws -> [Row] {
        BenchServer.say("a history of \(history) events over \(days) days")
        try FileManager.default.createDirectory(
            atPath: "\(project)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: project) }
        try define()
        try generate()
        var figures: [String: [Double]] = [:]
        func measure(_ name: String, _ body: () throws -> Double) throws {
            let seconds = try body()
            figures[name, default: []].append(seconds)
            BenchServer.say("  \(name): \(String(format: "%.2f s", seconds))")
        }
        try bench.withDatabase(TransformBenchmark.name) {
            try daybook("load")
            try FileManager.default.removeItem(atPath: "\(project)/history.ndjson")
            try measure("transform from nothing") { try daybook("transform") }
            for round in 1...rounds {
                BenchServer.say("round \(round) of \(rounds)")
                try writeIncrement(round)
                try daybook("load")
                try measure("transform of 20,000 new events") { try daybook("transform") }
                try measure("a run that finds nothing new") { try daybook("run") }
                try measure("plain rebuild in SQL") { try rebuild() }
            }
        }
        let plain = figures["plain rebuild in SQL"] ?? []
        return [
            "plain rebuild in SQL", "transform of 20,000 new events", "a run that finds nothing new",
            "transform from nothing",
        ].map { name in
            let seconds = figures[name] ?? []
            return Row(
                history: history, days: days, name: name, seconds: BenchServer.median(seconds),
                ratio: BenchServer.median(zip(seconds, plain).map { $0 / $1 }))
        }
    }

    private func define() throws {
        try """
        { "pipeline": "orders", "entity": "order", "clock": "data",
          "sources": [ { "name": "all", "file": { "path": "*.ndjson" },
            "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
              "service": "service", "sequence": "seq" } } ],
          "slas": [
            { "name": "order_paid", "start": "order.created", "end": "order.paid", "cancel": "order.cancelled",
              "within": "30m" },
            { "name": "order_delivered", "start": "order.created", "end": "order.delivered",
              "cancel": "order.cancelled", "within": "3d" } ] }
        """.write(toFile: "\(project)/pipelines/orders.jsonc", atomically: true, encoding: .utf8)
    }

    private func generate() throws {
        // A longer history begins earlier: what is yet to come would be rejected.
        let start = GeneratorOptions.defaultStart - Int64(days - 60) * 86_400
        let options = GeneratorOptions(
            orders: GeneratorOptions.orders(forEvents: history), days: days, start: start, stopAtEnd: true)
        let path = "\(project)/history.ndjson"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        _ = try Generator(options).write { try file.write(contentsOf: Data($0)) }
    }

    @discardableResult
    private func daybook(_ verb: String) throws -> Double {
        try bench.daybook([verb, "--project", project, "--json"], TransformBenchmark.name).seconds
    }

    /// 20,000 events of 10,000 cases: 9,500 are new, and 500 in six old hours turn out to have started earlier.
    private func writeIncrement(_ round: Int) throws {
        let lines = try bench.query(
            TransformBenchmark.name,
            """
            WITH old AS (
                SELECT f.case_id, f.started_at
                FROM report.fact_sla AS f
                WHERE f.sla = 'order_delivered' AND report.hour(f.started_at) IN (
                    SELECT hour_start FROM report.sla_hourly WHERE sla = 'order_delivered'
                    ORDER BY hour_start OFFSET 100 + 50 * \(round) LIMIT 6
                )
                ORDER BY f.case_id LIMIT 500
            ),
            events AS (
                SELECT 'a' || case_id AS id, case_id, 'order.created' AS type,
                    started_at - interval '1 second' AS time FROM old
                UNION ALL
                SELECT 'b' || case_id, case_id, 'order.noted', started_at FROM old
                UNION ALL
                SELECT n || '-' || type, 'new-\(round)-' || n, type,
                    l.latest - n * interval '9 seconds' + after
                FROM generate_series(1, 9500) AS n
                CROSS JOIN (SELECT max(latest) AS latest FROM daybook.entities) AS l
                CROSS JOIN (VALUES ('order.created', interval '0'), ('order.paid', interval '5 minutes')) AS t (type, after)
            )
            SELECT string_agg(
                json_build_object('id', '\(round)-' || id, 'time', time, 'type', type, 'order_id', case_id,
                    'service', 'checkout')::text || E'\\n', '')
            FROM events
            """)
        try lines.write(toFile: "\(project)/new-\(round).ndjson", atomically: true, encoding: .utf8)
    }

    /// What somebody would do who has no engine: the same SELECTs into new tables.
    private func rebuild() throws -> Double {
        let connection = try Warehouse.connect(bench.database(TransformBenchmark.name))
        try connection.execute("SET work_mem = '128MB'; BEGIN")
        let stopwatch = Stopwatch()
        let models = SQLFiles.builtin
        try connection.execute("CREATE TABLE public.facts AS \(models.text("transforms/fact_sla.sql"))")
        let hours = models.text("transforms/sla_hourly.sql")
            .replacingOccurrences(of: "FROM report.fact_sla\n", with: "FROM public.facts\n")
        try connection.execute("CREATE TABLE public.hours AS \(hours)")
        let seconds = stopwatch.seconds
        try connection.execute("ROLLBACK")
        return seconds
    }
}

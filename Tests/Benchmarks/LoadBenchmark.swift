import Events
import Extract
import Foundation
import Generate
import Pipeline
import Postgres

/// Loading against PostgreSQL's own COPY, interleaved.
struct LoadBenchmark {
    let bench: BenchServer
    let events: Int
    let rounds: Int

    private var directory: String { bench.directory }
    private var psql: String { bench.psql }

    // MARK: - What is measured

    func run() throws -> [Row] {
        BenchServer.say("generating \(events) events")
        let lines = try generate("first", events, firstOrder: 1)
        let moreLines = try generate("more", events / 2, firstOrder: 10_000_001)
        for name in ["first", "more", "again"] { try define(name) }
        try FileManager.default.copyItem(
            atPath: bench.path("first.ndjson"), toPath: bench.path("again.ndjson"))

        var figures: [String: [Sample]] = [:]
        func measure(_ name: String, _ rows: Int, _ body: () throws -> BenchServer.Usage) throws {
            let usage = try body()
            figures[name, default: []].append(Sample(rows: rows, usage: usage))
            BenchServer.say(
                "  \(name): \(Int(Double(rows) / usage.seconds)) rows/s, \(usage.peakBytes / 1_000_000) MB")
        }
        try encode()
        let rows = try Int(bench.query("bench_encoded", "SELECT count(*) FROM raw.events")) ?? 0
        for round in 1...rounds {
            BenchServer.say("round \(round) of \(rounds)")
            try measure("copy, bare heap", rows) { try copyIntoTable("") }
            try measure("copy, indexed leaf", rows) {
                try copyIntoTable(
                    "ALTER TABLE bench ADD UNIQUE (case_id, event_id, source_id, occurred_at);"
                        + "CREATE INDEX ON bench USING brin (load_id);")
            }
            try bench.withDatabase("bench_load") {
                try measure("daybook, first load", lines) { try daybook("first", "bench_load") }
                try measure("daybook, filled days", moreLines) { try daybook("more", "bench_load") }
                try measure("daybook, all duplicates", lines) { try daybook("again", "bench_load") }
            }
            try measure("parse only", lines) { try parse() }
        }
        try bench.run(psql, ["-Xqc", "DROP DATABASE bench_encoded", bench.url])
        return try table(figures)
    }

    private struct Sample {
        let rows: Int
        let usage: BenchServer.Usage
        var rowsPerSecond: Double { Double(rows) / usage.seconds }
    }

    private func generate(_ name: String, _ events: Int, firstOrder: Int) throws -> Int {
        var options = GeneratorOptions(orders: GeneratorOptions.orders(forEvents: events), days: 30)
        options.startNumber = firstOrder
        _ = FileManager.default.createFile(atPath: bench.path("\(name).ndjson"), contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: bench.path("\(name).ndjson")))
        return try Generator(options).write { try file.write(contentsOf: Data($0)) }.lines
    }

    /// Each file is a pipeline of its own; ids are the project's, so that the copy holds nothing but duplicates.
    private func define(_ name: String) throws {
        try """
        { "pipeline": "\(name)", "entity": "order", "sources": [ { "name": "all",
          "file": { "path": "\(name).ndjson" },
          "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
            "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ] }
        """.write(toFile: bench.path("pipelines/\(name).jsonc"), atomically: true, encoding: .utf8)
    }

    /// The rows as PostgreSQL itself writes them in binary, in the order in which they arrived.
    private func encode() throws {
        try bench.run(psql, ["-Xqc", "CREATE DATABASE bench_encoded", bench.url])
        _ = try daybook("first", "bench_encoded")
        try bench.run(
            psql,
            [
                "-Xqc",
                "\\copy (SELECT * FROM raw.events_by_day ORDER BY load_id, position) to '\(bench.path("rows"))' (format binary)",
                bench.database("bench_encoded"),
            ])
    }

    private func copyIntoTable(_ indexes: String) throws -> BenchServer.Usage {
        let target = bench.database("bench_encoded")
        try bench.run(
            psql,
            [
                "-Xq", target, "-c", "CREATE TABLE bench (LIKE raw.events_by_day); \(indexes)", "-c",
                "CHECKPOINT",
            ])
        defer { _ = try? bench.run(psql, ["-Xqc", "DROP TABLE bench", target]) }
        return try bench.run(
            psql, ["-Xqc", "\\copy bench from '\(bench.path("rows"))' (format binary)", target])
    }

    private func daybook(_ pipeline: String, _ name: String) throws -> BenchServer.Usage {
        try bench.run(psql, ["-Xqc", "CHECKPOINT", bench.url])
        return try bench.daybook(["load", pipeline, "--project", directory, "--json"], name)
    }

    private func parse() throws -> BenchServer.Usage {
        let stopwatch = Stopwatch()
        let project = try Project(directory: directory, environment: [:])
        let source = try project.pipelines(["first"])[0].sources[0]
        let file = try FilePattern("first.ndjson", relativeTo: directory).files()[0]
        let plan = ReadPlan(file, identity: "bench")
        let reader = try FileReader(
            plan, plan.stretches[0], form: RecordForm(.ndjson, maxLine: source.maxLine),
            mapping: source.mapping, isSettled: true)
        var batch = EventBatch()
        while try reader.fill(&batch) {}
        return BenchServer.Usage(seconds: stopwatch.seconds, peakBytes: 0)
    }

    // MARK: - The table

    struct Row: Encodable {
        let name: String
        let rowsPerSecond: Double
        /// Against the bare COPY of the same round, the median of the rounds.
        let ratio: Double
        let megabytesPerSecond: Double?
        let peakMegabytes: Int
    }

    private func table(_ figures: [String: [Sample]]) throws -> [Row] {
        let bare = figures["copy, bare heap"] ?? []
        let fileBytes =
            try FileManager.default.attributesOfItem(atPath: bench.path("first.ndjson"))[.size] as? Int ?? 0
        let names = [
            "copy, bare heap", "copy, indexed leaf", "daybook, first load", "daybook, filled days",
            "daybook, all duplicates", "parse only",
        ]
        return names.map { name in
            let samples = figures[name] ?? []
            return Row(
                name: name, rowsPerSecond: BenchServer.median(samples.map(\.rowsPerSecond)),
                ratio: BenchServer.median(zip(samples, bare).map { $0.rowsPerSecond / $1.rowsPerSecond }),
                megabytesPerSecond: name == "parse only"
                    ? BenchServer.median(samples.map { Double(fileBytes) / $0.usage.seconds / 1e6 }) : nil,
                peakMegabytes: samples.map(\.usage.peakBytes).max()! / 1_000_000)
        }
    }
}

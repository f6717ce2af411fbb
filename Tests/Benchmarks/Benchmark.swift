import Events
import Extract
import Foundation
import Generate
import Pipeline
import Postgres
import TestSupport

/// Measures loading against PostgreSQL's own COPY, in one run on one server, interleaved, and prints medians.
///
///     Benchmarks [--events N] [--rounds N] [--json]
@main
struct Benchmark {
    private let events: Int
    private let rounds: Int
    private let isJSON: Bool
    private let directory: String
    private let server: PrivateServer
    private let url: String
    private let psql: String

    static func main() throws {
        let benchmark = try Benchmark(Array(CommandLine.arguments.dropFirst()))
        defer { benchmark.cleanUp() }
        try benchmark.run()
    }

    private init(_ arguments: [String]) throws {
        func number(_ option: String, _ fallback: Int) -> Int {
            arguments.firstIndex(of: option).flatMap { arguments.dropFirst($0 + 1).first }.flatMap { Int($0) }
                ?? fallback
        }
        events = number("--events", 2_000_000)
        rounds = number("--rounds", 3)
        isJSON = arguments.contains("--json")
        directory = "\(NSTemporaryDirectory())daybook-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(
            atPath: "\(directory)/pipelines", withIntermediateDirectories: true)
        // The settings that Daybook gives its server, durability and all.
        server = PrivateServer(directory: "\(directory)/server")
        url = try server.start()
        psql = "\(ServerBinaries.installed()[0].directory)/psql"
    }

    private func cleanUp() {
        _ = try? server.stop(immediately: true)
        try? FileManager.default.removeItem(atPath: directory)
    }

    // MARK: - What is measured

    private func run() throws {
        say("generating \(events) events")
        let lines = try generate("first", events, firstOrder: 1)
        let moreLines = try generate("more", events / 2, firstOrder: 10_000_001)
        for name in ["first", "more", "again"] { try define(name) }
        try FileManager.default.copyItem(atPath: path("first.ndjson"), toPath: path("again.ndjson"))

        var figures: [String: [Sample]] = [:]
        func measure(_ name: String, _ rows: Int, _ body: () throws -> Usage) throws {
            let usage = try body()
            figures[name, default: []].append(Sample(rows: rows, usage: usage))
            say("  \(name): \(Int(Double(rows) / usage.seconds)) rows/s, \(usage.peakBytes / 1_000_000) MB")
        }
        try encode()
        let rows = try Int(query("bench_encoded", "SELECT count(*) FROM raw.events")) ?? 0
        for round in 1...rounds {
            say("round \(round) of \(rounds)")
            try measure("copy, bare heap", rows) { try copyIntoTable("") }
            try measure("copy, indexed leaf", rows) {
                try copyIntoTable(
                    "ALTER TABLE bench ADD UNIQUE (case_id, event_id, source_id, occurred_at);"
                        + "CREATE INDEX ON bench USING brin (load_id);")
            }
            try withDatabase("bench_load") {
                try measure("daybook, first load", lines) { try daybook("first", "bench_load") }
                try measure("daybook, filled days", moreLines) { try daybook("more", "bench_load") }
                try measure("daybook, all duplicates", lines) { try daybook("again", "bench_load") }
            }
            try measure("parse only", lines) { try parse() }
        }
        try run(psql, ["-Xqc", "DROP DATABASE bench_encoded", url])
        try report(figures)
    }

    private struct Usage {
        var seconds: Double
        var peakBytes: Int
    }

    private struct Sample {
        let rows: Int
        let usage: Usage
        var rowsPerSecond: Double { Double(rows) / usage.seconds }
    }

    private func generate(_ name: String, _ events: Int, firstOrder: Int) throws -> Int {
        var options = GeneratorOptions(orders: GeneratorOptions.orders(forEvents: events), days: 30)
        options.startNumber = firstOrder
        _ = FileManager.default.createFile(atPath: path("\(name).ndjson"), contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path("\(name).ndjson")))
        return try Generator(options).write { try file.write(contentsOf: Data($0)) }.lines
    }

    /// Each file is a pipeline of its own; ids are the project's, so that the copy holds nothing but duplicates.
    private func define(_ name: String) throws {
        try """
        { "pipeline": "\(name)", "entity": "order", "sources": [ { "name": "all",
          "file": { "path": "\(name).ndjson" },
          "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
            "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ] }
        """.write(toFile: path("pipelines/\(name).jsonc"), atomically: true, encoding: .utf8)
    }

    /// The rows as PostgreSQL itself writes them in binary, in the order in which they arrived.
    private func encode() throws {
        try run(psql, ["-Xqc", "CREATE DATABASE bench_encoded", url])
        _ = try daybook("first", "bench_encoded")
        try run(
            psql,
            [
                "-Xqc",
                "\\copy (SELECT * FROM raw.events_by_day ORDER BY load_id, position) to '\(path("rows"))' (format binary)",
                database("bench_encoded"),
            ])
    }

    private func copyIntoTable(_ indexes: String) throws -> Usage {
        let bench = database("bench_encoded")
        try run(
            psql,
            [
                "-Xq", bench, "-c", "CREATE TABLE bench (LIKE raw.events_by_day); \(indexes)", "-c",
                "CHECKPOINT",
            ])
        defer { _ = try? run(psql, ["-Xqc", "DROP TABLE bench", bench]) }
        return try run(psql, ["-Xqc", "\\copy bench from '\(path("rows"))' (format binary)", bench])
    }

    private func daybook(_ pipeline: String, _ name: String) throws -> Usage {
        try run(psql, ["-Xqc", "CHECKPOINT", url])
        let command = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "daybook").path
        return try run(
            command, ["load", pipeline, "--project", directory, "--database", database(name), "--json"])
    }

    private func parse() throws -> Usage {
        let stopwatch = Stopwatch()
        let project = try Project(directory: directory, environment: [:])
        let source = try project.pipelines(["first"])[0].sources[0]
        let file = try FilePattern("first.ndjson", relativeTo: directory).files()[0]
        let plan = ReadPlan(file, identity: "bench")
        let reader = try FileReader(
            plan, plan.stretches[0], format: .ndjson,
            mapping: source.mapping, isSettled: true, maxLine: source.maxLine)
        var batch = EventBatch()
        while try reader.fill(&batch) {}
        return Usage(seconds: stopwatch.seconds, peakBytes: 0)
    }

    // MARK: - Programs

    private func path(_ name: String) -> String { "\(directory)/\(name)" }
    private func database(_ name: String) -> String {
        url.replacingOccurrences(of: "/daybook?", with: "/\(name)?")
    }

    private func withDatabase(_ name: String, _ body: () throws -> Void) throws {
        try run(psql, ["-Xqc", "CREATE DATABASE \(name)", url])
        defer { _ = try? run(psql, ["-Xqc", "DROP DATABASE \(name)", url]) }
        try body()
    }

    private func query(_ name: String, _ sql: String) throws -> String {
        try Connection(database(name), applicationName: "bench").query(sql).first().get(0)
    }

    private struct Failed: Error { let command: [String] }

    /// Runs a program to its end.
    @discardableResult
    private func run(_ program: String, _ arguments: [String]) throws -> Usage {
        let outcome = try Shell.run(program, arguments, in: directory, ProcessInfo.processInfo.environment)
        guard outcome.status == 0 else { throw Failed(command: [program] + arguments) }
        return Usage(seconds: outcome.seconds, peakBytes: outcome.peakBytes)
    }

    // MARK: - The table

    private func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    private struct Row: Encodable {
        let name: String
        let rowsPerSecond: Double
        /// Against the bare COPY of the same round, the median of the rounds.
        let ratio: Double
        let megabytesPerSecond: Double?
        let peakMegabytes: Int
    }

    private func report(_ figures: [String: [Sample]]) throws {
        let bare = figures["copy, bare heap"] ?? []
        let fileBytes =
            try FileManager.default.attributesOfItem(atPath: path("first.ndjson"))[.size] as? Int ?? 0
        let names = [
            "copy, bare heap", "copy, indexed leaf", "daybook, first load", "daybook, filled days",
            "daybook, all duplicates", "parse only",
        ]
        let table = names.map { name in
            let samples = figures[name] ?? []
            return Row(
                name: name, rowsPerSecond: median(samples.map(\.rowsPerSecond)),
                ratio: median(zip(samples, bare).map { $0.rowsPerSecond / $1.rowsPerSecond }),
                megabytesPerSecond: name == "parse only"
                    ? median(samples.map { Double(fileBytes) / $0.usage.seconds / 1e6 }) : nil,
                peakMegabytes: samples.map(\.usage.peakBytes).max()! / 1_000_000)
        }
        if isJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(["benchmarks": table]), as: UTF8.self))
            return
        }
        print("| what | rows/s | of bare COPY | client memory |\n| --- | ---: | ---: | ---: |")
        for row in table {
            let note = row.megabytesPerSecond.map { String(format: " (%.0f MB/s)", $0) } ?? ""
            let memory = row.peakMegabytes > 0 ? "\(row.peakMegabytes) MB" : ""
            print(
                String(
                    format: "| %@ | %.0f%@ | %.2f | %@ |", row.name, row.rowsPerSecond, note, row.ratio,
                    memory))
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        print("\n\(events) events, medians of \(rounds) interleaved rounds, \(cores) cores, \(try version())")
    }

    private func version() throws -> String {
        try Connection(url, applicationName: "bench").query("SELECT split_part(version(), ' (', 1)").first()
            .get(0)
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

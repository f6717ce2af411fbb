import Events
import Foundation
import Generate
import TestSupport

/// Loading compressed files, and CSV, against loading the same events from a plain NDJSON file, interleaved; and a run over
/// many small files that holds nothing new.
struct FormatBenchmark {
    let bench: BenchServer
    let events: Int
    let smallFiles: Int
    let rounds: Int

    private static let plain = "NDJSON"

    func run() throws -> [RatioRow] {
        BenchServer.say("generating \(events) events in several formats")
        let project = bench.path("formats")
        try FileManager.default.createDirectory(
            atPath: "\(project)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: project) }
        let lines = try generate("\(project)/events.ndjson", "\(project)/events.csv")
        try bench.run(
            "/bin/sh", ["-c", "gzip -1 -c '\(project)/events.ndjson' > '\(project)/events.ndjson.gz'"])
        try bench.run(
            "/bin/sh", ["-c", "zstd -q -c '\(project)/events.ndjson' > '\(project)/events.ndjson.zst'"])
        let sources = [
            (FormatBenchmark.plain, "plain", "events.ndjson"), ("NDJSON in gzip", "gzip", "events.ndjson.gz"),
            ("NDJSON in zstd", "zstd", "events.ndjson.zst"), ("CSV", "csv", "events.csv"),
        ]
        for source in sources { try define(source.1, source.2, project) }

        var figures: [String: [BenchServer.Usage]] = [:]
        for round in 1...rounds {
            BenchServer.say("round \(round) of \(rounds)")
            for (name, pipeline, _) in sources {
                try bench.withDatabase("bench_formats") {
                    try bench.run(bench.psql, ["-Xqc", "CHECKPOINT", bench.url])
                    let usage = try bench.daybook(
                        ["load", pipeline, "--project", project, "--json"], "bench_formats")
                    figures[name, default: []].append(usage)
                    BenchServer.say(
                        "  \(name): \(Int(Double(lines) / usage.seconds)) rows/s, \(usage.peakBytes / 1_000_000) MB"
                    )
                }
            }
        }
        let plain = figures[FormatBenchmark.plain] ?? []
        return sources.map { name, _, _ in
            let samples = figures[name] ?? []
            return RatioRow(
                name: name, rowsPerSecond: BenchServer.median(samples.map { Double(lines) / $0.seconds }),
                ratio: BenchServer.median(zip(samples, plain).map { $1.seconds / $0.seconds }),
                peakMegabytes: samples.map(\.peakBytes).max()! / 1_000_000)
        }
    }

    /// Seconds of a run over many small files of which all is loaded, the median of the rounds.
    func runOverSmallFiles() throws -> Double {
        BenchServer.say("loading \(smallFiles) small files")
        let project = bench.path("small")
        try FileManager.default.createDirectory(
            atPath: "\(project)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: project) }
        for number in 0..<smallFiles {
            if number % 1_000 == 0 {
                try FileManager.default.createDirectory(
                    atPath: "\(project)/logs/\(number / 1_000)", withIntermediateDirectories: true)
            }
            let line =
                "{\"id\":\"e\(number)\",\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"order.paid\",\"order_id\":\"o\(number)\"}\n"
            try Data(line.utf8).write(
                to: URL(fileURLWithPath: "\(project)/logs/\(number / 1_000)/\(number).ndjson"))
        }
        try define("small", "logs/**/*.ndjson", project)
        var seconds: [Double] = []
        try bench.withDatabase("bench_small") {
            let arguments = ["run", "small", "--project", project, "--json"]
            // A file that was changed a moment ago is looked into once more.
            for _ in 0..<2 { _ = try bench.daybook(arguments, "bench_small") }
            for _ in 0..<rounds { seconds.append(try bench.daybook(arguments, "bench_small").seconds) }
        }
        return BenchServer.median(seconds)
    }

    /// The same events twice; of what is nested, CSV has two columns.
    private func generate(_ path: String, _ csvPath: String) throws -> Int {
        let options = GeneratorOptions(orders: GeneratorOptions.orders(forEvents: events), days: 30)
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        _ = FileManager.default.createFile(atPath: csvPath, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        let csv = try FileHandle(forWritingTo: URL(fileURLWithPath: csvPath))
        let columns = ["id", "time", "type", "service", "order_id", "user_id", "request_id", "seq"]
        try csv.write(
            contentsOf: Data((columns + ["status", "amount"]).joined(separator: ",").utf8 + [0x0A]))
        return try Generator(options).write { bytes in
            try file.write(contentsOf: Data(bytes))
            var rows = ""
            for line in bytes.split(separator: 0x0A) {
                guard let root = try? JSONDocument(Array(line), isLenient: false).root else { continue }
                let cells =
                    columns.map { root[[$0]]?.text ?? "" }
                    + ["status", "amount"].map {
                        root[["data", $0]]?.text ?? ""
                    }
                rows += cells.joined(separator: ",") + "\n"
            }
            try csv.write(contentsOf: Data(rows.utf8))
        }.lines
    }

    private func define(_ name: String, _ path: String, _ project: String) throws {
        try """
        { "pipeline": "\(name)", "entity": "order", "sources": [ { "name": "all", "file": { "path": "\(path)" },
          "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
            "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ] }
        """.write(toFile: "\(project)/pipelines/\(name).jsonc", atomically: true, encoding: .utf8)
    }
}

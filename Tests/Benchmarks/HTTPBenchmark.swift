import Foundation
import Generate
import TestSupport

/// Loading from an API of this machine against loading the same events from a file, interleaved.
struct HTTPBenchmark {
    let bench: BenchServer
    let events: Int
    /// Events of a page.
    let pageSize: Int
    let rounds: Int

    private static let (file, api) = ("file", "HTTP API")

    func run() throws -> [RatioRow] {
        BenchServer.say("generating \(events) events in pages of \(pageSize)")
        let project = bench.path("http")
        try FileManager.default.createDirectory(
            atPath: "\(project)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: project) }
        let pages = try generate("\(project)/events.ndjson")
        let lines = pages.lines
        // Read from the file anew for each request: what this process holds, its children are said to have held too.
        let server = try TestAPI { request in
            let number = Int(request.query["cursor"] ?? "0") ?? 0
            let next = number + 1 < pages.ranges.count ? "\"\(number + 1)\"" : "null"
            return TestAPI.Answer(
                [UInt8]("{\"data\":[".utf8) + pages.items(number) + [UInt8]("],\"next\":\(next)}".utf8))
        }
        defer { server.stop() }
        try define("file", #""file": { "path": "events.ndjson" }"#, project)
        try define(
            "api",
            #"""
            "http": { "url": "\#(server.url)/events", "data_path": "data",
              "pagination": { "type": "cursor", "cursor_path": "next", "cursor_param": "cursor" } }
            """#, project)

        var figures: [String: [BenchServer.Usage]] = [:]
        func measure(_ name: String, _ pipeline: String) throws {
            try bench.withDatabase("bench_http") {
                try bench.run(bench.psql, ["-Xqc", "CHECKPOINT", bench.url])
                let usage = try bench.daybook(
                    ["load", pipeline, "--project", project, "--json"], "bench_http")
                figures[name, default: []].append(usage)
                BenchServer.say(
                    "  \(name): \(Int(Double(lines) / usage.seconds)) rows/s, \(usage.peakBytes / 1_000_000) MB"
                )
            }
        }
        for round in 1...rounds {
            BenchServer.say("round \(round) of \(rounds)")
            try measure(HTTPBenchmark.file, "file")
            try measure(HTTPBenchmark.api, "api")
        }
        let files = figures[HTTPBenchmark.file] ?? []
        return [HTTPBenchmark.file, HTTPBenchmark.api].map { name in
            let samples = figures[name] ?? []
            return RatioRow(
                name: name, rowsPerSecond: BenchServer.median(samples.map { Double(lines) / $0.seconds }),
                ratio: BenchServer.median(zip(samples, files).map { $1.seconds / $0.seconds }),
                peakMegabytes: samples.map(\.peakBytes).max()! / 1_000_000)
        }
    }

    /// A file of lines, of which so many are a page.
    private struct Pages: Sendable {
        let path: String
        var ranges: [Range<UInt64>] = []
        var lines = 0

        /// The lines of a page with commas between them.
        func items(_ number: Int) -> [UInt8] {
            guard let file = FileHandle(forReadingAtPath: path),
                (try? file.seek(toOffset: ranges[number].lowerBound)) != nil,
                let data = try? file.read(upToCount: Int(ranges[number].count))
            else { return [] }
            var bytes = [UInt8](data)
            bytes.removeLast()
            bytes.withUnsafeMutableBufferPointer { buffer in
                for index in buffer.indices where buffer[index] == 0x0A { buffer[index] = UInt8(ascii: ",") }
            }
            return bytes
        }
    }

    private func generate(_ path: String) throws -> Pages {
        let options = GeneratorOptions(orders: GeneratorOptions.orders(forEvents: events), days: 30)
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        var pages = Pages(path: path)
        var (start, position, inPage): (UInt64, UInt64, Int) = (0, 0, 0)
        pages.lines = try Generator(options).write { bytes in
            try file.write(contentsOf: Data(bytes))
            for byte in bytes {
                position += 1
                guard byte == 0x0A else { continue }
                inPage += 1
                if inPage == pageSize {
                    pages.ranges.append(start..<position)
                    (start, inPage) = (position, 0)
                }
            }
        }.lines
        if position > start { pages.ranges.append(start..<position) }
        return pages
    }

    private func define(_ name: String, _ input: String, _ project: String) throws {
        try """
        { "pipeline": "\(name)", "entity": "order", "sources": [ { "name": "all", \(input),
          "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
            "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ] }
        """.write(toFile: "\(project)/pipelines/\(name).jsonc", atomically: true, encoding: .utf8)
    }
}

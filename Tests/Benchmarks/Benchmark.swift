import Foundation

/// Measures loading against PostgreSQL's own COPY, other formats and an API against a file, transforms against a plain
/// rebuild, old days in columns and the desk's questions, and prints medians.
@main
enum Benchmark {
    private static let usage = """
        usage: Benchmarks [OPTIONS]

          --only WHAT      loads, formats, http, transforms, storage or desk (default: all)
          --rounds N       interleaved rounds of each (default: 3)
          --events N       events that are loaded (default: 2000000)
          --files N        small files that are loaded (default: 100000)
          --history N,N…   events under transforms (default: 2000000)
          --day N          events of the day that is compacted, and of that which is searched (default: 1000000)
          --desk-events N  events under the desk's questions (default: 20000000)
          --days N         the days over which a history happened (default: 60 for each 2000000 events; the desk's 730)
          --json           one JSON document
        """

    private struct Report: Encodable {
        var benchmarks: [LoadBenchmark.Row] = []
        var formats: [RatioRow] = []
        /// Of a run over many small files of which all is loaded.
        var smallFilesSeconds: Double?
        var http: [RatioRow] = []
        var transforms: [TransformBenchmark.Row] = []
        var storage: StorageBenchmark.Report?
        var desk: DeskBenchmark.Report?
    }

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard isUnderstood(arguments) else {
            FileHandle.standardError.write(Data("\(usage)\n".utf8))
            exit(arguments.contains("--help") ? 0 : 64)
        }
        do {
            try measure(arguments)
        } catch {
            FileHandle.standardError.write(Data("Benchmarks: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func measure(_ arguments: [String]) throws {
        func value(_ option: String) -> String? {
            arguments.firstIndex(of: option).flatMap { arguments.dropFirst($0 + 1).first }
        }
        let events = value("--events").flatMap { Int($0) } ?? 2_000_000
        let rounds = value("--rounds").flatMap { Int($0) } ?? 3
        let histories = (value("--history") ?? "2000000").split(separator: ",").compactMap { Int($0) }
        let only = value("--only")

        let bench = try BenchServer()
        defer { bench.cleanUp() }
        var report = Report()
        if only == nil || only == "loads" {
            report.benchmarks = try LoadBenchmark(bench: bench, events: events, rounds: rounds).run()
        }
        let smallFiles = value("--files").flatMap { Int($0) } ?? 100_000
        if only == nil || only == "formats" {
            let formats = FormatBenchmark(
                bench: bench, events: events / 2, smallFiles: smallFiles, rounds: rounds)
            report.formats = try formats.run()
            report.smallFilesSeconds = try formats.runOverSmallFiles()
        }
        if only == nil || only == "http" {
            report.http = try HTTPBenchmark(bench: bench, events: events / 2, pageSize: 5_000, rounds: rounds)
                .run()
        }
        if only == nil || only == "transforms" {
            for history in histories {
                let days = value("--days").flatMap { Int($0) } ?? max(60, history / 2_000_000 * 60)
                report.transforms += try TransformBenchmark(
                    bench: bench, history: history, days: days, rounds: rounds
                ).run()
            }
        }
        if only == nil || only == "storage" {
            let day = value("--day").flatMap { Int($0) } ?? 1_000_000
            report.storage = try StorageBenchmark(bench: bench, events: day, rounds: rounds).run()
        }
        if only == nil || only == "desk" {
            report.desk = try DeskBenchmark(
                bench: bench, history: value("--desk-events").flatMap { Int($0) } ?? 20_000_000,
                days: value("--days").flatMap { Int($0) } ?? 730,
                day: value("--day").flatMap { Int($0) } ?? 1_000_000
            ).run()
        }
        if arguments.contains("--json") {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
            return
        }
        show(report.benchmarks)
        show(report.formats)
        if let seconds = report.smallFilesSeconds {
            print(String(format: "\na run over %d small files with nothing new: %.2f s", smallFiles, seconds))
        }
        show(report.http)
        show(report.transforms)
        if let storage = report.storage { show(storage) }
        if let desk = report.desk { show(desk) }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        print(
            "\n\(events) events, medians of \(rounds) interleaved rounds, \(cores) cores, \(try bench.version())"
        )
    }

    private static func isUnderstood(_ arguments: [String]) -> Bool {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--json": continue
            case "--only":
                let parts = ["loads", "formats", "http", "transforms", "storage", "desk"]
                guard rest.popFirst().map(parts.contains) == true else { return false }
            case "--history":
                guard let counts = rest.popFirst()?.split(separator: ","), !counts.isEmpty,
                    counts.allSatisfy({ Int($0) != nil })
                else { return false }
            case "--rounds", "--events", "--files", "--day", "--desk-events", "--days":
                guard rest.popFirst().flatMap({ Int($0) }) != nil else { return false }
            default: return false
            }
        }
        return true
    }

    private static func show(_ rows: [LoadBenchmark.Row]) {
        guard !rows.isEmpty else { return }
        print("| what | rows/s | of bare COPY | client memory |\n| --- | ---: | ---: | ---: |")
        for row in rows {
            let note = row.megabytesPerSecond.map { String(format: " (%.0f MB/s)", $0) } ?? ""
            let memory = row.peakMegabytes > 0 ? "\(row.peakMegabytes) MB" : ""
            print(
                String(
                    format: "| %@ | %.0f%@ | %.2f | %@ |", row.name, row.rowsPerSecond, note, row.ratio,
                    memory))
        }
    }

    private static func show(_ rows: [RatioRow]) {
        guard !rows.isEmpty else { return }
        print("\n| from | rows/s | of the file | client memory |\n| --- | ---: | ---: | ---: |")
        for row in rows {
            print(
                String(
                    format: "| %@ | %.0f | %.2f | %d MB |", row.name, row.rowsPerSecond, row.ratio,
                    row.peakMegabytes))
        }
    }

    private static func show(_ report: StorageBenchmark.Report) {
        print(
            "\n| a day of \(report.events) events | heap | segments | of the heap |\n| --- | ---: | ---: | ---: |"
        )
        for row in report.rows {
            let isSize = row.name == "size"
            func figure(_ value: Double) -> String {
                isSize ? String(format: "%.1f MB", value / 1e6) : String(format: "%.1f ms", value * 1e3)
            }
            print(
                "| \(row.name) | \(figure(row.heap)) | \(figure(row.segments)) | \(String(format: "%.2f", row.ratio)) |"
            )
        }
        print(
            String(
                format:
                    "\nthe day was compacted in %.1f s, %.1f s for each million of events, with %d MB of client memory",
                report.compactSeconds,
                report.compactSeconds / Double(report.events) * 1e6, report.compactPeakMegabytes))
        let dropped = report.retention
        print(
            String(
                format:
                    "%d days were dropped in %.3f s each (such a day as a leaf %.2f s, compacted %.2f s); "
                    + "a reader waited %.0f ms at most, without it %.0f ms",
                dropped.days, dropped.secondsPerDay, dropped.leafSeconds, dropped.compactedSeconds,
                dropped.readerSeconds * 1e3, dropped.quietReaderSeconds * 1e3))
    }

    private static func show(_ report: DeskBenchmark.Report) {
        print(
            "\n| \(report.history) events over \(report.days) days, \(report.readers) readers at once | p50 | p95 "
                + "| longest | wanted |\n| --- | ---: | ---: | ---: | ---: |")
        for row in report.rows {
            let target = row.targetMilliseconds.map { String(format: "%.0f ms", $0) } ?? ""
            print(
                String(
                    format: "| %@ | %.1f ms | %.1f ms | %.1f ms | %@ |", row.name, row.p50Milliseconds,
                    row.p95Milliseconds, row.maxMilliseconds, target))
        }
    }

    private static func show(_ rows: [TransformBenchmark.Row]) {
        guard !rows.isEmpty else { return }
        print(
            "\n| history | days | what | seconds | of a plain rebuild |\n| ---: | ---: | --- | ---: | ---: |")
        for row in rows {
            print(
                String(
                    format: "| %d | %d | %@ | %.2f | %.3f |", row.history, row.days, row.name, row.seconds,
                    row.ratio))
        }
    }
}

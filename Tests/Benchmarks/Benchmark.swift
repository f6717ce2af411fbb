import Foundation

/// Measures loading against PostgreSQL's own COPY, other formats and an API against a file, and transforms against a plain rebuild, and
/// prints medians.
///
///     Benchmarks [--events N] [--history N,N…] [--days N] [--files N] [--rounds N] [--only loads|formats|http|transforms|storage|desk] [--json]
///
/// The desk's questions are asked of a history of `--desk-events` (20,000,000) over `--days` (730), and of a day of `--day`
/// (1,000,000).
///
/// A history of 2,000,000 events happened over 60 days, a longer one over as many more; or over `--days`.
@main
enum Benchmark {
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

    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
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

import Foundation
import Postgres
import TestSupport

/// One full day as a heap leaf and as segments: its size, and what readers wait for, in the same rounds.
struct StorageBenchmark {
    let bench: BenchServer
    /// Events of the whole log, of which the fullest day holds about this many.
    let events: Int
    let rounds: Int

    private static let name = "bench_storage"

    struct Row: Encodable {
        let name: String
        /// Bytes, or seconds.
        let heap: Double
        let segments: Double
        /// Segments against heap in the same round, the median of the rounds.
        let ratio: Double
    }

    struct Report: Encodable {
        var rows: [Row] = []
        /// Events of the day that was measured.
        var events = 0
        /// What compacting that day took, to the end of its leaf.
        var compactSeconds = 0.0
        var compactPeakMegabytes = 0
        var retention = RetentionBenchmark.Report()
    }

    private struct CompactedDay: Decodable {
        let day: String
        let seconds: Double
    }

    /// A reader's question, of the relation that is named %@.
    private static let queries: [(name: String, sql: String)] = [
        (
            "events by hour and type, of the day",
            "SELECT date_trunc('hour', occurred_at), type, count(*) FROM %@ WHERE event_day = '$DAY' GROUP BY 1, 2"
        ),
        (
            "one hour, all columns",
            "SELECT * FROM %@ WHERE occurred_at >= '$DAY 12:00Z' AND occurred_at < '$DAY 13:00Z'"
        ),
        ("a case's timeline", "SELECT * FROM %@ WHERE case_id = '$CASE' ORDER BY occurred_at"),
        (
            "every column of the day",
            """
            SELECT count(occurred_at), count(load_id), count(position), count(sequence), count(source_id), count(entity),
                count(case_id), count(event_id), count(type), count(service), count(user_id), count(correlation_id),
                count(details)
            FROM %@ WHERE event_day = '$DAY'
            """
        ),
    ]

    func run() throws -> Report {
        BenchServer.say("generating \(events * 2) events over 2 days")
        let log = bench.path("storage.ndjson")
        try bench.run(
            DaybookCommand.path, ["generate", "--events", "\(events * 2)", "--days", "2", "--out", log])
        defer { try? FileManager.default.removeItem(atPath: log) }
        try """
        { "pipeline": "storage", "entity": "order",
          "sources": [ { "name": "all", "file": { "path": "storage.ndjson" },
            "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
              "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ] }
        """.write(toFile: bench.path("pipelines/storage.jsonc"), atomically: true, encoding: .utf8)
        var report = Report()
        try bench.withDatabase(StorageBenchmark.name) {
            try bench.daybook(["run", "storage"], StorageBenchmark.name)
            try measure(&report)
            report.retention = try RetentionBenchmark(
                bench: bench, database: StorageBenchmark.name, template: "public.heap"
            ).run()
        }
        return report
    }

    private func measure(_ report: inout Report) throws {
        let connection = try Connection(bench.database(StorageBenchmark.name), applicationName: "bench")
        try connection.execute("VACUUM ANALYZE")
        let fullest = try connection.query(
            "SELECT event_day, count(*), min(case_id) FROM raw.events GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        ).first()
        let (day, caseID): (String, String) = (try fullest.get(0), try fullest.get(2))
        report.events = try fullest.get(1)
        let leaf = "raw.events_\(day.replacingOccurrences(of: "-", with: ""))"
        // The same leaf twice, with the same indexes: one is compacted, the other is read in the same rounds.
        try connection.execute(
            """
            CREATE TABLE public.heap (LIKE \(leaf) INCLUDING ALL);
            INSERT INTO public.heap SELECT * FROM \(leaf) ORDER BY ctid;
            """)
        try connection.execute("VACUUM ANALYZE public.heap")
        let heapBytes: Double = try connection.query(
            "SELECT pg_total_relation_size('public.heap')::double precision"
        ).first().get(0)
        let compaction = try Shell.run(
            DaybookCommand.path, ["compact", "--json", "--database", bench.database(StorageBenchmark.name)],
            in: bench.directory, ProcessInfo.processInfo.environment)
        let days = try JSONDecoder().decode([String: [CompactedDay]].self, from: Data(compaction.out.utf8))[
            "days"]
        report.compactSeconds = days?.first { $0.day == day }?.seconds ?? .nan
        report.compactPeakMegabytes = compaction.peakBytes >> 20
        // All days share a table; each has its share.
        let segmentBytes: Double = try connection.query(
            """
            SELECT pg_total_relation_size('raw.event_segments') * sum(bytes) FILTER (WHERE event_day = $1::date)
                / sum(bytes)::double precision
            FROM daybook.segment_sizes
            """, [day]
        ).first().get(0)
        report.rows.append(
            Row(name: "size", heap: heapBytes, segments: segmentBytes, ratio: segmentBytes / heapBytes))
        for query in StorageBenchmark.queries {
            let sql = query.sql.replacingOccurrences(of: "$DAY", with: day)
                .replacingOccurrences(of: "$CASE", with: caseID)
            func relation(_ isHeap: Bool) -> String {
                if isHeap { return "public.heap" }
                if query.name.hasPrefix("one hour") {
                    return "raw.events_between('\(day) 12:00Z', '\(day) 13:00Z')"
                }
                return query.name.hasPrefix("a case") ? "raw.events_of_case('\(caseID)')" : "raw.events"
            }
            var seconds: (heap: [Double], segments: [Double]) = ([], [])
            for round in 0...rounds * 3 {
                for isHeap in [true, false] {
                    let text = sql.replacingOccurrences(of: "%@", with: relation(isHeap))
                    let stopwatch = Stopwatch()
                    _ = try connection.query(text)
                    // The first fills the caches.
                    guard round > 0 else { continue }
                    if isHeap {
                        seconds.heap.append(stopwatch.seconds)
                    } else {
                        seconds.segments.append(stopwatch.seconds)
                    }
                }
            }
            report.rows.append(
                Row(
                    name: query.name, heap: BenchServer.median(seconds.heap),
                    segments: BenchServer.median(seconds.segments),
                    ratio: BenchServer.median(zip(seconds.segments, seconds.heap).map { $0 / $1 })))
        }
    }
}

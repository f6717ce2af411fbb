import Foundation
import Generate
import Pipeline
import Postgres
import SQLFiles
import Synchronization
import Warehouse

/// The operator's questions on a long history, asked by several readers at once, with the statements of the verbs: how long
/// they take, in milliseconds.
struct DeskBenchmark {
    let bench: BenchServer
    /// Events of the history.
    let history: Int
    /// The days over which they happened.
    let days: Int
    /// Events of the day that is read for an attribute.
    let day: Int

    private static let name = "bench_desk"
    private static let readers = 8
    /// Asked by each reader, of each question that is to be quick.
    private static let questions = 50
    private static let rejects = 20_000
    /// A day after those of the history.
    private static let denseDay = "2026-06-01"
    private var project: String { bench.path("desk") }

    struct Report: Encodable {
        let history: Int
        let days: Int
        let day: Int
        let readers = DeskBenchmark.readers
        var rows: [Row] = []
    }

    struct Row: Encodable {
        let name: String
        let asked: Int
        let p50Milliseconds: Double
        let p95Milliseconds: Double
        let maxMilliseconds: Double
        /// What is promised; nil where nothing is.
        let targetMilliseconds: Double?
    }

    private struct NothingFound: Error {
        let what: String
    }

    func run() throws -> Report {
        BenchServer.say("a history of \(history) events over \(days) days, and a day of \(day)")
        try FileManager.default.createDirectory(
            atPath: "\(project)/pipelines", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: project) }
        try define()
        try generate()
        var report = Report(history: history, days: days, day: day)
        try bench.withDatabase(DeskBenchmark.name) {
            try bench.daybook(["run", "--project", project], DeskBenchmark.name)
            try FileManager.default.removeItem(atPath: "\(project)/history.ndjson")
            let connection = try connect()
            try fill(connection)
            try measureQuick(connection, &report)
            try measureDay("a day of \(day) events", connection, &report)
            BenchServer.say("compacting the day")
            try bench.daybook(
                ["compact", "--project", project, "--older-than", "1d"], DeskBenchmark.name)
            try measureDay("the same, compacted", connection, &report)
            try measureQuick(connection, &report, of: ", all compacted")
        }
        return report
    }

    // MARK: - What is asked

    private func measureQuick(
        _ connection: Connection, _ report: inout Report, of what: String = ""
    ) throws {
        let count = DeskBenchmark.readers * DeskBenchmark.questions
        // Half of them wait somewhere: of these there is more to tell.
        let caseIDs = try list(
            """
            (SELECT case_id FROM report.cases ORDER BY md5(case_id) LIMIT \(count / 2))
            UNION
            (SELECT case_id FROM report.fact_sla WHERE status = 'in_progress' ORDER BY md5(case_id) LIMIT \(count))
            LIMIT \(count)
            """, connection)
        let users = try list(
            "SELECT value FROM report.case_keys WHERE key = 'user' ORDER BY md5(case_id) LIMIT \(count)",
            connection)
        report.rows.append(
            try measure("trace\(what)", caseIDs, target: 100) { reader, caseID in
                let trace = try CaseTrace(of: caseID, entity: nil, reader)
                guard try trace.events().count > 0 else { throw NothingFound(what: caseID) }
                _ = try (trace.slas(), trace.rejects(), trace.rejectsSearched())
            })
        report.rows.append(
            try measure("locate\(what)", caseIDs, target: 100) { reader, caseID in
                let located = try reader.query(SQLFiles.builtin.text("desk/locate.sql"), [caseID])
                guard located.count == 1 else { throw NothingFound(what: caseID) }
            })
        report.rows.append(
            try measure("find by a declared key\(what)", users, target: 100) { reader, user in
                try find("user=\(user)", CaseSearch.Days(), reader)
            })
    }

    /// By an attribute that is no key, of one day: all readers at once, and one alone.
    private func measureDay(_ what: String, _ connection: Connection, _ report: inout Report) throws {
        let amounts = try list(
            """
            SELECT details #>> '{data,amount}' FROM raw.events
            WHERE event_day = '\(DeskBenchmark.denseDay)' AND type = 'order.created'
            ORDER BY md5(event_id) LIMIT \(DeskBenchmark.readers * 3)
            """, connection)
        let one = CaseSearch.Days(from: DeskBenchmark.denseDay, to: DeskBenchmark.denseDay)
        report.rows.append(
            try measure("find by any attribute, \(what), one reader", amounts, target: 2_000, readers: 1) {
                try find("data.amount=\($1)", one, $0)
            })
        report.rows.append(
            try measure("find by any attribute, \(what)", amounts, target: 2_000) {
                try find("data.amount=\($1)", one, $0)
            })
    }

    private func find(_ condition: String, _ days: CaseSearch.Days, _ reader: Connection) throws {
        guard try CaseSearch([condition], reader).run(days, limit: 50).cases.count > 0 else {
            throw NothingFound(what: condition)
        }
    }

    /// Each reader asks its part of the subjects, one after the other.
    private func measure(
        _ name: String, _ subjects: [String], target: Double?, readers: Int = DeskBenchmark.readers,
        _ ask: @escaping @Sendable (Connection, String) throws -> Void
    ) throws -> Row {
        let found = Mutex<(seconds: [Double], error: (any Error)?)>(([], nil))
        let isReady = DispatchGroup()
        let isDone = DispatchGroup()
        for number in 0..<readers {
            let part = subjects.enumerated().filter { $0.offset % readers == number }.map(\.element)
            isReady.enter()
            isDone.enter()
            let url = bench.database(DeskBenchmark.name)
            // libpq blocks: a thread for each.
            Thread.detachNewThread {
                defer { isDone.leave() }
                do {
                    let reader = try Swift.Result { try Warehouse.connect(url) }
                        .mapError { error in
                            isReady.leave()
                            return error
                        }.get()
                    // What a session does once is not what a question costs.
                    try? part.first.map { try ask(reader, $0) }
                    isReady.leave()
                    isReady.wait()
                    for subject in part {
                        let stopwatch = Stopwatch()
                        try ask(reader, subject)
                        let seconds = stopwatch.seconds
                        found.withLock { $0.seconds.append(seconds) }
                    }
                } catch {
                    found.withLock { $0.error = error }
                }
            }
        }
        isDone.wait()
        if let error = found.withLock({ $0.error }) { throw error }
        let sorted = found.withLock { $0.seconds.sorted().map { $0 * 1_000 } }
        func percentile(_ share: Double) -> Double {
            sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        let row = Row(
            name: name, asked: sorted.count, p50Milliseconds: percentile(0.5),
            p95Milliseconds: percentile(0.95), maxMilliseconds: sorted.last ?? 0, targetMilliseconds: target)
        BenchServer.say(
            String(
                format: "  %@: p50 %.1f ms, p95 %.1f ms", name, row.p50Milliseconds, row.p95Milliseconds))
        return row
    }

    // MARK: - What is there

    private func define() throws {
        try """
        { "pipeline": "orders", "entity": "order", "clock": "data",
          "sources": [ { "name": "all", "file": { "path": "*.ndjson" },
            "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id",
              "service": "service", "user_id": "user_id", "correlation_id": "request_id", "sequence": "seq" } } ],
          "keys": { "user": ["user_id"] },
          "slas": [
            { "name": "order_paid", "start": "order.created", "end": "order.paid", "cancel": "order.cancelled",
              "within": "30m" },
            { "name": "order_delivered", "start": "order.created", "end": "order.delivered",
              "cancel": "order.cancelled", "within": "3d" } ] }
        """.write(toFile: "\(project)/pipelines/orders.jsonc", atomically: true, encoding: .utf8)
    }

    private func generate() throws {
        let start = GeneratorOptions.defaultStart - Int64(days - 60) * 86_400
        let options = GeneratorOptions(
            orders: GeneratorOptions.orders(forEvents: history), days: days, start: start, stopAtEnd: true)
        let path = "\(project)/history.ndjson"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        _ = try Generator(options).write { try file.write(contentsOf: Data($0)) }
    }

    /// A full day, of events of the history once more; and rejects.
    private func fill(_ connection: Connection) throws {
        BenchServer.say("filling a day of \(day) events")
        let leaf = "raw.events_\(DeskBenchmark.denseDay.replacingOccurrences(of: "-", with: ""))"
        try connection.execute("SELECT daybook.make_leaf('\(DeskBenchmark.denseDay)', false)")
        var filled = 0
        var copy = 0
        while filled < day {
            let count = try connection.query(
                """
                INSERT INTO \(leaf)
                SELECT occurred_at + ('\(DeskBenchmark.denseDay)' - event_day) * interval '1 day', load_id, position,
                    sequence, '\(DeskBenchmark.denseDay)', source_id, entity, 'dense-\(copy)-' || case_id, event_id, type,
                    service, user_id, correlation_id, details
                FROM raw.events_by_day
                WHERE event_day < '\(DeskBenchmark.denseDay)'
                LIMIT \(day - filled)
                """
            ).affectedRows
            guard count > 0 else { throw NothingFound(what: "an event of the history") }
            filled += count
            copy += 1
        }
        // What they are of is to be known, as a run would have it.
        try connection.execute(
            """
            INSERT INTO daybook.touched_cases (case_id, first_day, last_day, cause)
            SELECT DISTINCT case_id, date '\(DeskBenchmark.denseDay)', date '\(DeskBenchmark.denseDay)', 'definition'
            FROM \(leaf)
            """)
        try bench.daybook(["transform", "--project", project], DeskBenchmark.name)
        try connection.execute(
            """
            INSERT INTO daybook.rejects (load_id, pipeline, source_id, object, line, byte_offset, reason_code, reason, raw)
            SELECT l.load_id, l.pipeline, l.source_id, l.object, n, n, 'syntax', 'made up',
                convert_to(repeat(md5(n::text), 9), 'UTF8')
            FROM (SELECT * FROM daybook.loads ORDER BY load_id LIMIT 1) AS l
            CROSS JOIN generate_series(1, \(DeskBenchmark.rejects)) AS n
            """)
        try connection.execute("VACUUM ANALYZE")
    }

    private func connect() throws -> Connection {
        try Warehouse.connect(bench.database(DeskBenchmark.name))
    }

    private func list(_ statement: String, _ connection: Connection) throws -> [String] {
        let values = try connection.query(statement).rows.map { try $0.get(0, as: String.self) }
        guard !values.isEmpty else { throw NothingFound(what: statement) }
        return values
    }
}

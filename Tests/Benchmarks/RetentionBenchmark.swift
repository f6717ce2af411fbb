import Foundation
import Postgres
import Synchronization
import TestSupport

/// A year of days that is dropped while others read: what a day takes, and how long a reader waits at most.
struct RetentionBenchmark {
    let bench: BenchServer
    /// The database, and in it a table with the events of one full day.
    let database: String
    let template: String

    private static let days = 365
    /// Events of most days; the first two are full ones, as a leaf and compacted.
    private static let sparse = 5_000
    private static let first = "2020-01-01"
    private static let kept = "2022-01-01"
    private static let readers = 2

    struct Report: Encodable {
        var days = 0
        /// Of all days.
        var secondsPerDay = 0.0
        /// Of a full day.
        var leafSeconds = 0.0
        var compactedSeconds = 0.0
        /// The longest that a reader of another day waited, while days were dropped and while none was.
        var readerSeconds = 0.0
        var quietReaderSeconds = 0.0
    }

    private struct Answer: Decodable {
        struct Day: Decodable {
            let seconds: Double
        }
        let days: [Day]
    }

    func run() throws -> Report {
        BenchServer.say("filling \(RetentionBenchmark.days) days")
        let connection = try Connection(bench.database(database), applicationName: "bench")
        try connection.execute("SET TIME ZONE 'UTC'")
        for number in 0..<RetentionBenchmark.days { try fill(number, connection) }
        try connection.execute(
            """
            SELECT daybook.make_leaf('\(RetentionBenchmark.kept)', false);
            \(copy(to: RetentionBenchmark.kept, limit: RetentionBenchmark.sparse));
            """)
        try connection.execute("VACUUM ANALYZE")
        var report = Report()
        report.quietReaderSeconds = try longestRead { Thread.sleep(forTimeInterval: 5) }
        let age: Int = try connection.query("SELECT current_date - '\(RetentionBenchmark.kept)'").first().get(
            0)
        var answer: Answer?
        report.readerSeconds = try longestRead {
            let out = try Shell.run(
                DaybookCommand.path,
                ["retain", "--raw", "\(age)d", "--json", "--database", bench.database(database)],
                in: bench.directory, ProcessInfo.processInfo.environment
            ).out
            answer = try JSONDecoder().decode(Answer.self, from: Data(out.utf8))
        }
        let seconds = answer?.days.map(\.seconds) ?? []
        report.days = seconds.count
        report.secondsPerDay = seconds.reduce(0, +) / Double(max(1, seconds.count))
        if seconds.count > 1 { (report.leafSeconds, report.compactedSeconds) = (seconds[0], seconds[1]) }
        return report
    }

    private func fill(_ number: Int, _ connection: Connection) throws {
        let day: String = try connection.query("SELECT date '\(RetentionBenchmark.first)' + \(number)")
            .first().get(0)
        try connection.execute(
            """
            SELECT daybook.make_leaf('\(day)', false);
            \(copy(to: day, limit: number < 2 ? nil : RetentionBenchmark.sparse));
            """)
        if number % 2 == 1 { try connection.execute("SELECT daybook.compact_day('\(day)')") }
    }

    private func copy(to day: String, limit: Int?) -> String {
        """
        INSERT INTO raw.events_\(day.replacingOccurrences(of: "-", with: ""))
        SELECT occurred_at + ('\(day)' - event_day) * interval '1 day', load_id, position, sequence, '\(day)', source_id,
            entity, case_id, event_id, type, service, user_id, correlation_id, details
        FROM \(template) LIMIT \(limit.map(String.init) ?? "ALL")
        """
    }

    /// The longest that a small question of the day that is kept took, while something was done.
    private func longestRead(_ body: () throws -> Void) throws -> Double {
        let longest = Mutex(0.0)
        let isDone = Mutex(false)
        let group = DispatchGroup()
        for _ in 0..<RetentionBenchmark.readers {
            let url = bench.database(database)
            DispatchQueue.global().async(group: group) {
                guard let reader = try? Connection(url, applicationName: "reader") else { return }
                while !isDone.withLock({ $0 }) {
                    let stopwatch = Stopwatch()
                    _ = try? reader.query(
                        "SELECT count(*) FROM raw.events WHERE event_day = '\(RetentionBenchmark.kept)'")
                    let seconds = stopwatch.seconds
                    longest.withLock { $0 = max($0, seconds) }
                    Thread.sleep(forTimeInterval: 0.005)
                }
            }
        }
        defer {
            isDone.withLock { $0 = true }
            group.wait()
        }
        try body()
        return longest.withLock { $0 }
    }
}

import Foundation
import Pipeline
import TestSupport
import Testing

/// Report tables while runs change them: a reader sees one committed state after the other, never a missing or
/// half-updated hour, and waits for nobody.
///
/// `DAYBOOK_TEST_SEED` takes a seed that was printed, `DAYBOOK_TORTURE=1` five times as many runs.
@Suite
struct ReaderTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed =
        environment["DAYBOOK_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
    private static let runs = environment["DAYBOOK_TORTURE"] == "1" ? 100 : 20

    /// A model that tells what its transform has locked when it has written all others: relation locks are held until
    /// the end, so that none is missed.
    private static let heldLocks = """
        -- model: report.held_locks
        -- key: relation, mode
        -- from: report.sla_hourly, report.sla_hourly_by_end, report.sla_hourly_by_breach, pg_catalog.pg_locks
        SELECT DISTINCT c.relname::text AS relation, l.mode
        FROM pg_catalog.pg_locks AS l
        JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
        WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'report'::regnamespace AND c.relkind = 'r'
        """

    @Test("A reader sees committed states only, one after the other, and never waits for a lock")
    func readsWhileTablesChange() throws {
        let seed = ReaderTests.seed
        let database = try TestDatabase()
        let project = try TemporaryProject()
        var orders = GrowingOrders(seed: seed)
        try GrowingOrders.define(project)
        try project.write("sql/transforms/held_locks.sql", ReaderTests.heldLocks)
        try orders.write(project, orders: 1_000)
        try run(project, database)
        var committed = [orders.sums]

        let reader = try ReportReader(database)
        let watch = try LockWatch(database, reader: reader.processID)
        reader.start()
        watch.start()
        var locks: Set<String> = []
        do {
            for number in 1...ReaderTests.runs {
                try orders.write(project, orders: 40)
                committed.append(orders.sums)
                // In the midst of them, everything is computed anew.
                var options = RunOptions()
                options.isFullRefresh = number % 10 == 5
                try run(project, database, options)
                locks.formUnion(
                    try database.rows("SELECT relation || ' ' || mode FROM report.held_locks").map { $0[0] })
            }
        } catch {
            _ = (reader.stop(), watch.stop())
            throw error
        }
        let seen = reader.stop()
        let watched = watch.stop()

        print(
            "ReaderTests: \(ReaderTests.runs) runs, \(seen.reads) reads, \(seen.states.count) states seen, the longest "
                + String(format: "read %.0f ms", seen.longestSeconds * 1_000)
                + ", \(watched.looks) looks at locks; repeat with DAYBOOK_TEST_SEED=\(seed)")
        #expect(seen.problems == [], "seed \(seed)")
        let numbers = seen.states.map { committed.firstIndex(of: $0) }
        #expect(!numbers.contains(nil), "seed \(seed): \(seen.states) of \(committed)")
        #expect(numbers.compactMap { $0 } == numbers.compactMap { $0 }.sorted(), "seed \(seed)")
        #expect(seen.states.last == committed.last && seen.states.count > 1, "seed \(seed)")

        #expect(watched.problems == [], "seed \(seed)")
        #expect(watched.looks > 0)
        #expect(locks.contains("sla_hourly RowExclusiveLock"))
        #expect(!locks.contains { $0.hasSuffix("AccessExclusiveLock") }, "\(locks.sorted())")
    }

    private func run(
        _ project: TemporaryProject, _ database: TestDatabase, _ options: RunOptions = RunOptions()
    ) throws {
        let report = try project.run(on: database, options)[0]
        if let error = report.error { throw error }
    }
}

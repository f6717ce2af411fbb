import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform

/// Two years of days on a server with PostgreSQL's own limits: while eight readers hold what they have read, every verb
/// finds room for its locks.
///
/// A statement that does not name its days locks each leaf and its indexes, which fills a server's table of locks before
/// anything else.
@Suite
struct ManyDaysTests {
    @Test("730 days, eight readers at once, max_locks_per_transaction as PostgreSQL has it")
    func manyDays() throws {
        let server = try OwnServer()
        let history = LongHistory()
        let project = try TemporaryProject()
        try LongHistory.define(project)
        try project.write("logs/1.ndjson", history.past())
        let command = DaybookCommand(in: project.directory, database: server.url)
        let first = try command.run("run")
        try #require(first.status == 0, "\(first.error)")

        let connection = try Connection(server.url, applicationName: "tests")
        func value(_ sql: String) throws -> String { try connection.query(sql).first().get(0) }
        #expect(try value("SHOW max_locks_per_transaction") == "64")
        #expect(try value("SHOW max_connections") == "100")
        #expect(
            try value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'raw.events_by_day'::regclass")
                == "\(LongHistory.days)")

        // The leaves are small; of large ones the server's workers would read, who lock what they read once more.
        try connection.execute(
            """
            ALTER DATABASE daybook SET min_parallel_table_scan_size = 0;
            ALTER DATABASE daybook SET parallel_setup_cost = 0;
            ALTER DATABASE daybook SET parallel_tuple_cost = 0
            """)
        try project.write("logs/2.ndjson", history.late())
        let verbs = [
            ["run"], ["transform", "--full-refresh"], ["verify"], ["test"],
            ["restate", "orders", "--from", "2024-01-01", "--to", "2025-12-30"],
        ]
        var told = [String(format: "the first run took %.1f s", first.seconds)]
        for verb in verbs {
            let readers = try Readers(server.url)
            readers.read()
            readers.wait()
            let running = try command.start(verb)
            readers.read()
            let most = try mostLocks(while: running, connection)
            let outcome = try running.outcome()
            let problems = readers.end()
            #expect(outcome.status == 0, "\(verb): \(outcome.out)\(outcome.error)")
            #expect(problems == [], "\(verb)")
            told.append(
                "\(verb[0]): \(String(format: "%.1f s", outcome.seconds)), at most \(most) locks at once")
        }
        print("ManyDaysTests: \(told.joined(separator: "; "))")

        #expect(try value("SELECT count(*) FROM raw.events") == "\(history.events)")
        #expect(
            try value("SELECT format('%s %s', sum(started), sum(completed)) FROM report.sla_hourly")
                == "\(history.started) \(history.completed)")
        let models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
        #expect(try Rebuild.differences(models, connection) == [])
    }

    /// The most locks that all sessions together were seen to hold.
    private func mostLocks(while running: RunningCommand, _ connection: Connection) throws -> Int {
        var most = 0
        while running.isRunning {
            most = max(most, try connection.query("SELECT count(*) FROM pg_locks").first().get(0))
            usleep(20_000)
        }
        return most
    }
}

/// A server of the test's own, whose numbers of connections and locks are PostgreSQL's.
private final class OwnServer {
    let url: String
    private let server: PrivateServer
    private let directory = "\(NSTemporaryDirectory())daybook-days-\(UUID().uuidString.prefix(13))"

    init() throws {
        server = PrivateServer(
            directory: directory,
            settings: [
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
                "max_locks_per_transaction": "64",
            ])
        do {
            url = try server.start()
        } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
    }

    deinit {
        _ = try? server.stop(immediately: true)
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// Orders of 730 days, most of which end on the next day, and some after 700 days.
private final class LongHistory {
    static let days = 730
    private static let longDays = 700
    /// 2024-01-01 00:00 UTC.
    private static let base = 1_704_067_200
    private(set) var events = 0
    private(set) var started = 0
    private(set) var completed = 0

    static func define(_ project: TemporaryProject) throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "logs/*.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "delivered", "start": "order.created", "end": "order.delivered",
                          "within": "3d" } ] }
            """)
    }

    private func line(_ order: String, _ type: String, day: Int, second: Int) -> String {
        events += 1
        switch type {
        case "created": started += 1
        case "delivered": completed += 1
        default: break
        }
        return "{\"id\":\"\(order)-\(type)\",\"at\":\(LongHistory.base + day * 86_400 + second),"
            + "\"type\":\"order.\(type)\",\"order\":\"\(order)\"}\n"
    }

    /// Of each day seven orders, of which six have ended, and one that is noted on a day more than a year later.
    func past() -> String {
        (0..<LongHistory.days).map { day in
            (0..<7).map { number in
                let order = "o\(day)-\(number)"
                var lines = line(order, "created", day: day, second: number * 9_000)
                lines += line(order, "noted", day: day, second: number * 9_000 + 60)
                if number > 0 {
                    lines += line(
                        order, "delivered", day: min(day + 1, LongHistory.days - 1), second: 70_000 + number)
                } else {
                    lines += line(
                        order, "kept", day: day < 365 ? day + 365 : day, second: 80_000)
                }
                return lines
            }.joined()
        }.joined()
    }

    /// Late orders of every ninth day, and ends of orders that began 700 days before.
    func late() -> String {
        let orders = stride(from: 0, to: LongHistory.days, by: 9).map { day in
            line("late-\(day)", "created", day: day, second: 5_000)
                + line("late-\(day)", "delivered", day: day, second: 15_000)
        }
        let ends = (0..<LongHistory.days - LongHistory.longDays).map { day in
            line("o\(day)-0", "delivered", day: day + LongHistory.longDays, second: 20_000)
        }
        return (orders + ends).joined()
    }
}

/// Eight readers in open transactions, which hold the locks of all that they have read until they are ended.
private final class Readers: @unchecked Sendable {
    // Each is used by one thread at a time.
    private let readers: [Connection]
    private let lock = NSLock()
    private var problems: [String] = []
    private let done = DispatchGroup()

    private static let queries = [
        "SELECT count(*) FROM raw.events WHERE event_day BETWEEN '2024-05-01' AND '2024-05-07'",
        "SELECT count(*), max(occurred_at) FROM raw.events",
        "SELECT sum(started), (SELECT count(*) FROM report.fact_sla) FROM report.sla_hourly",
        "SELECT * FROM raw.current_events WHERE case_id = 'o17-0'",
    ]

    init(_ url: String) throws {
        readers = try (0..<8).map { _ in try Connection(url, applicationName: "reader") }
        for reader in readers { try reader.execute("BEGIN") }
    }

    /// Has each read everything on a thread of its own, beginning with something else than its neighbours.
    func read() {
        for number in readers.indices {
            done.enter()
            Thread { [self] in
                do {
                    for index in Readers.queries.indices {
                        try readers[number].query(Readers.queries[(number + index) % Readers.queries.count])
                    }
                } catch {
                    lock.withLock { problems.append("reader \(number): \(error)") }
                }
                done.leave()
            }.start()
        }
    }

    /// Waits until all have read; they go on holding their locks.
    func wait() { done.wait() }

    /// Gives what went wrong.
    func end() -> [String] {
        wait()
        for reader in readers { try? reader.execute("COMMIT") }
        return problems
    }
}

import Foundation
import Postgres
import TestSupport
import Testing

/// `daybook schedule` as a process: by the clock, with signals, with a database that is down.
@Suite(.serialized)
struct ScheduleTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try project.write("log.ndjson", "")
    }

    private func define(
        _ name: String = "orders", schedule: String, path: String = "log.ndjson", _ more: String = ""
    ) throws {
        try project.write(
            "pipelines/\(name).jsonc",
            """
            { "pipeline": "\(name)", "entity": "order", "schedule": \(schedule),
              "sources": [ { "name": "shop", "file": { "path": "\(path)", "format": "ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ]
              \(more) }
            """)
    }

    private func log(_ type: String, of order: String) throws {
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        try project.append(
            "log.ndjson",
            "{\"id\":\"\(UUID())\",\"at\":\"\(time)\",\"type\":\"\(type)\",\"order\":\"\(order)\"}\n")
    }

    /// Waits for something to become so.
    private func eventually(
        _ what: String, within seconds: Double = 60, _ isSo: () throws -> Bool
    ) throws {
        let until = Date() + seconds
        while Date() < until {
            if try isSo() { return }
            Thread.sleep(forTimeInterval: 0.1)
        }
        Issue.record("\(what): not within \(seconds) s")
    }

    private func count(_ condition: String) throws -> Int {
        // Before the first run there is no table.
        guard try database.value("SELECT to_regclass('daybook.runs')::text") != nil else { return 0 }
        return Int(try database.value("SELECT count(*) FROM daybook.runs WHERE \(condition)") ?? "") ?? 0
    }

    private func stop(_ running: RunningCommand) throws -> DaybookCommand.Outcome {
        running.send(SIGTERM)
        return try running.outcome()
    }

    /// Sets a schedule's account back, as if nobody had been there for a while.
    private func setBack(_ interval: String) throws {
        try database.execute(
            "UPDATE daybook.schedules SET accounted_until = now() - interval '\(interval)'")
    }

    @Test("An order is created, and not delivered within 10 seconds: one mail. It is delivered: one more.")
    func story() throws {
        try define(
            schedule: "{\"every\": \"1h\"}",
            """
            , "slas": [ { "name": "delivered", "start": "order.created", "end": "order.delivered", "within": "10s",
                "alerts": [ { "type": "overdue", "severity": "critical", "description": "Call the depot." } ] } ]
            """)
        try project.write(
            "pipelines/project.jsonc",
            """
            { "channels": { "ops": { "group_interval": "0s", "mail": { "to": "ops@example.com",
              "command": ["sh", "-c", "cat > part.$$ && mv part.$$ mail.$$"] } } } }
            """)
        func mails() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: project.directory)
                .filter { $0.hasPrefix("mail.") }
                .map { try String(contentsOfFile: project.path($0), encoding: .utf8) }
        }
        try log("order.created", of: "o-77")
        let first = try command.run("run")
        #expect(first.status == 0, "\(first.error)")
        // The hour is far; the deadline wakes it.
        let schedule = try command.start(["schedule"])
        try eventually("a mail about the deadline") { try mails().count == 1 }
        let late = try #require(try mails().first)
        #expect(late.contains("o-77: no order.delivered within 10s") && late.contains("Call the depot."))
        #expect(try count("started_by = 'deadline'") == 1)
        try log("order.delivered", of: "o-77")
        #expect(try command.run("run").status == 0)
        try eventually("a mail about the end") { try mails().count == 2 }
        let done = try #require(try mails().first { $0 != late })
        #expect(done.contains("RESOLVED (1)") && done.contains("it was completed"))
        #expect(try command.run("run").status == 0)
        #expect(try stop(schedule).status == 0)
        #expect(try mails().count == 2)
        #expect(
            try database.rows("SELECT case_id, cycle, state, detected_late_seconds < 5 FROM daybook.alerts")
                == [["o-77", "1", "resolved", "t"]])
    }

    @Test("Runs by the clock, one at a time, and catches up what it missed with one run")
    func times() throws {
        try define(schedule: "{\"every\": \"1s\"}")
        let first = try command.start(["schedule"])
        try eventually("three runs") { try count("status = 'succeeded'") >= 3 }
        #expect(try command.run("schedule").status == 75)
        let outcome = try stop(first)
        #expect(outcome.status == 0 && outcome.error.contains("stopped"), "\(outcome.error)")
        // Each time is a whole second, and there is one for each until it stopped.
        #expect(try count("nominal_at <> date_trunc('second', nominal_at) OR nominal_at > started_at") == 0)
        let gaps = """
            SELECT count(*) FROM (
                SELECT nominal_from - lag(nominal_at) OVER (ORDER BY nominal_at) AS gap FROM daybook.runs
            ) AS g WHERE gap <> interval '1 second'
            """
        #expect(try database.value(gaps) == "0")

        try setBack("1 hour")
        let second = try command.start(["schedule"])
        try eventually("what was missed is caught up") { try count("nominal_times > 3500") == 1 }
        #expect(try stop(second).status == 0)
        #expect(try database.value(gaps) == "1")
    }

    @Test("SIGTERM lets the batch that is under way be committed")
    func stopsGracefully() throws {
        var lines = ""
        for number in 0..<400_000 {
            lines +=
                "{\"id\":\"\(number)\",\"at\":\"2026-01-01T10:00:00Z\",\"type\":\"order.created\",\"order\":\"o\(number % 5000)\"}\n"
        }
        try project.write("log.ndjson", lines)
        try define(schedule: "{\"every\": \"1s\"}")
        let schedule = try command.start(["schedule"])
        try eventually("a batch") {
            guard try database.value("SELECT to_regclass('daybook.runs')::text") != nil else { return false }
            return try count("status = 'running'") == 1
        }
        let outcome = try stop(schedule)
        #expect(outcome.status == 0 && outcome.signal == nil, "\(outcome.error)")
        #expect(try count("status = 'running'") == 0)
        #expect(try command.run("verify").status == 0)
        #expect(try command.run("run").status == 0)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "400000")
    }

    @Test("SIGHUP takes new definitions, and keeps the old ones where these have mistakes")
    func reloads() throws {
        try define(schedule: "\"@yearly\"")
        let schedule = try command.start(["schedule"])
        try eventually("the schedule is known") {
            try database.value("SELECT to_regclass('daybook.schedules')::text") != nil
                && database.value("SELECT schedule FROM daybook.schedules") == "@yearly GMT"
        }
        try define(schedule: "\"every now and then\"")
        schedule.send(SIGHUP)
        Thread.sleep(forTimeInterval: 1)
        #expect(schedule.isRunning)
        try define(schedule: "{\"every\": \"1s\"}")
        schedule.send(SIGHUP)
        try eventually("a run by the new schedule") { try count("status = 'succeeded'") >= 1 }
        let outcome = try stop(schedule)
        #expect(outcome.status == 0 && outcome.error.contains("those that were read before stay"))
    }

    @Test("A database that is down at first, and sources that come later")
    func waits() throws {
        try define(
            schedule: "{\"every\": \"1s\", \"backoff\": \"1s\", \"max_attempts\": 100}", path: "later.ndjson")
        let name = "late_\(UUID().uuidString.lowercased().prefix(8))"
        let url = database.url.replacingOccurrences(of: database.name, with: name)
        let late = DaybookCommand(in: project.directory, database: url)
        let schedule = try late.start(["schedule"])
        Thread.sleep(forTimeInterval: 2)
        #expect(schedule.isRunning)
        try database.execute("CREATE DATABASE \(name)")
        defer { try? database.execute("DROP DATABASE \(name) WITH (FORCE)") }
        let connection = try Connection(url, applicationName: "tests")
        func value(_ sql: String) throws -> String? { try connection.query(sql).rows.first?.text(0) }
        try eventually("failed runs") {
            try value("SELECT to_regclass('daybook.runs')::text") != nil
                && value("SELECT count(*) > 0 FROM daybook.runs WHERE status = 'failed' AND attempt = 1")
                    == "t"
        }
        try project.write("later.ndjson", "")
        try eventually("a run that succeeds") {
            try value("SELECT count(*) > 0 FROM daybook.runs WHERE status = 'succeeded'") == "t"
        }
        let outcome = try stop(schedule)
        #expect(
            outcome.status == 0 && outcome.error.contains("the database answers again"), "\(outcome.error)")
    }

    @Test("What fails for a reason that may pass is tried again, so often and no more; what is wrong is not")
    func retries() throws {
        try define(
            schedule: "{\"cron\": \"@hourly\", \"backoff\": \"1s\", \"max_attempts\": 3}",
            path: "missing.ndjson")
        #expect(try command.run("schedule", "--once").status == 0)
        try setBack("2 hours")
        let schedule = try command.start(["schedule"])
        try eventually("three attempts") { try count("attempt = 3 AND status = 'failed'") == 1 }
        Thread.sleep(forTimeInterval: 2)
        #expect(try stop(schedule).status == 0)
        #expect(
            try database.rows("SELECT attempt, nominal_times FROM daybook.runs ORDER BY run_id").map { $0[0] }
                == ["1", "2", "3"])

        // Nothing but rejects is no matter of patience.
        try project.write("missing.ndjson", "no JSON\n")
        try setBack("2 hours")
        let once = try command.run("schedule", "--once")
        #expect(once.status == 65 && once.error.contains("the run failed"), "\(once.error)")
        let last = try database.rows("SELECT attempt, status FROM daybook.runs ORDER BY run_id DESC LIMIT 1")
        #expect(last == [["1", "failed"]])
    }

    @Test("--once runs what is due and no more; two of them run each time once")
    func once() throws {
        try define(schedule: "\"@hourly\"")
        #expect(try command.run("schedule", "--once").status == 0)
        #expect(try count("true") == 0)
        try setBack("2 hours")
        let both = [try command.start(["schedule", "--once"]), try command.start(["schedule", "--once"])]
        for running in both { #expect(try running.outcome().status == 0) }
        #expect(try count("status = 'succeeded'") == 1)
        #expect(
            try count(
                "nominal_at = date_trunc('hour', now()) OR nominal_at = date_trunc('hour', now() - interval '1 minute')"
            ) == 1)
        #expect(try command.run("schedule", "--once").status == 0)
        #expect(try count("true") == 1)
        // A time that is accounted for is not run again; another is.
        let nominal = try #require(try database.value("SELECT max(nominal_at)::text FROM daybook.runs"))
        let again = try command.run(
            "run", "orders", "--nominal", nominal.replacingOccurrences(of: " ", with: "T"))
        #expect(again.status == 0 && again.error.contains("accounted for already"), "\(again.error)")
        #expect(try command.run("run", "--nominal", "2026-01-01").status == 64)
    }

    @Test("Many pipelines on one schedule")
    func many() throws {
        let pipelines = ProcessInfo.processInfo.environment["DAYBOOK_TORTURE"] == "1" ? 200 : 25
        for number in 0..<pipelines {
            try define("p\(number)", schedule: "{\"every\": \"1h\", \"jitter\": \"1s\"}", path: "log.ndjson")
        }
        try log("order.created", of: "o1")
        #expect(try command.run("schedule", "--once").status == 0)
        try setBack("3 hours")
        // What chance has put off may not be due at once.
        try eventually("all of them", within: 300) {
            #expect(try command.run("schedule", "--once").status == 0)
            return try count("status = 'succeeded' AND nominal_times = 3") == pipelines
        }
        #expect(try count("true") == pipelines)
    }

    @Test("Tells the manager that started it how it is")
    func notifies() throws {
        try define(schedule: "{\"every\": \"1h\"}")
        let path = "\(NSTemporaryDirectory())daybook-notify-\(getpid())"
        unlink(path)
        defer { unlink(path) }
        #if os(Linux)
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        #else
            let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var told = ""
        func hear(_ word: String) throws {
            try eventually(word, within: 20) {
                var buffer = [UInt8](repeating: 0, count: 4_096)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count > 0 { told += String(decoding: buffer.prefix(count), as: UTF8.self) + "\n" }
                return told.contains(word)
            }
        }
        var watched = command
        watched.environment["NOTIFY_SOCKET"] = path
        watched.environment["WATCHDOG_USEC"] = "1000000"
        let schedule = try watched.start(["schedule"])
        try hear("READY=1")
        try hear("WATCHDOG=1")
        told = ""
        try hear("WATCHDOG=1")
        schedule.send(SIGHUP)
        try hear("RELOADING=1")
        schedule.send(SIGTERM)
        try hear("STOPPING=1")
        #expect(try schedule.outcome().status == 0)
    }

    @Test("Writes what keeps it running, and tells the times that come")
    func installs() throws {
        try define(schedule: "{\"cron\": \"0 3 * * *\", \"time_zone\": \"Europe/Berlin\"}")
        var home = command
        home.environment["HOME"] = project.path("home dir")
        home.environment["XDG_CONFIG_HOME"] = nil
        let unit = try home.start(["schedule", "--install", "systemd", "--out", project.path("a.service")])
            .outcome()
        #expect(unit.status == 0 && unit.out.contains("enable --now"), "\(unit.error)")
        let text = try String(contentsOfFile: project.path("a.service"), encoding: .utf8)
        #expect(text.contains("Type=notify") && text.contains("schedule --project \"\(project.directory)\""))
        let cron = try home.run("schedule", "--install", "cron", "--out", "-")
        #expect(cron.out.contains("* * * * * cd '\(project.directory)' && "))
        let wrong = try home.run("schedule", "--install", "launchd")
        #expect(wrong.status == 64)
        let next = try home.run("schedule", "--next", "2", "--json")
        #expect(next.status == 0 && next.out.contains("T02:00:00Z\"") || next.out.contains("T01:00:00Z\""))
        let none = try TemporaryProject()
        try none.write(
            "pipelines/p.jsonc",
            "{ \"pipeline\": \"p\", \"sources\": [ { \"name\": \"s\", \"file\": {\"path\": \"x.ndjson\"}, \"event\": {\"occurred_at\": \"t\", \"type\": \"k\"} } ] }"
        )
        let unscheduled = try DaybookCommand(in: none.directory, database: database.url).run("schedule")
        #expect(unscheduled.status == 78 && unscheduled.error.contains("\"schedule\": \"5 * * * *\""))
    }
}

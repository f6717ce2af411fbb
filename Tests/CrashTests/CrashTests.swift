import Foundation
import Postgres
import TestSupport
import Testing
import Warehouse

/// Loads whose program, connections, server or disk dies, and that are run again: in the end everything is as after
/// a load that nothing disturbed. `make torture` does the same with larger numbers.
@Suite(.serialized)
struct CrashTests {
    private let scale = CrashScale.chosen

    /// The scenes of a test in turn.
    private func scene(_ number: Int, _ sizes: [CrashScene.Size], _ dice: inout Dice) throws -> CrashScene {
        // In the short form each size has one rule, for a scene costs as much as a round.
        let size = sizes[number % sizes.count]
        let rules: [OnChange] = [.keepFirst, .keepLast]
        return try CrashScene.of(
            size,
            scale.isTorture
                ? rules.randomElement(using: &dice)! : rules[size == .building ? 1 : 0])
    }

    private func workers(_ dice: inout Dice) -> Int { Int.random(in: 1...4, using: &dice) }

    // MARK: - The program

    @Test("kill -9 at every fail point", arguments: FailPoint.ofLoad)
    func failPoints(_ name: String) throws {
        var dice = scale.dice(100 + FailPoint.ofLoad.firstIndex(of: name)!)
        let isOfFinishing = name.hasPrefix("finish")
        var kills = 0
        var rounds = 0
        for pass in scale.passes {
            let sizes: [CrashScene.Size] =
                scale.isTorture
                ? (isOfFinishing ? [.building, .building] : CrashScene.Size.allCases)
                : (isOfFinishing || pass > 1 && name.hasPrefix("commit") ? [.building] : [.small])
            for index in sizes.indices {
                let database = try TestDatabase()
                let round = CrashRound(
                    try scene(index, sizes, &dice), database.url, "\(name):\(pass)")
                rounds += 1
                // Sometimes what takes up the work dies at a point of its own.
                var points = ["\(name):\(pass)"]
                if dice.chance(0.4) {
                    points.append(
                        "\(FailPoint.ofLoad.randomElement(using: &dice)!):\(Int.random(in: 1...3, using: &dice))"
                    )
                }
                for (order, point) in points.enumerated() {
                    let outcome = try round.start(workers: workers(&dice), failPoint: point).outcome()
                    let isKilled = outcome.signal == SIGKILL
                    #expect(isKilled || outcome.status == 0, "\(round.label), \(point): \(outcome.error)")
                    if order == 0 {
                        // Every point is passed at least once, and most of them with each batch and day.
                        if pass == 1 || round.scene.size == .building && name != "finished-day" {
                            #expect(isKilled, "\(round.label) was not passed")
                        }
                    }
                    if isKilled { kills += 1 } else { break }
                }
                try round.finish(workers: workers(&dice))
            }
        }
        #expect(kills > 0)
        tell("\(name): \(kills) kills in \(rounds) rounds")
    }

    @Test("kill -9 at random times")
    func randomKills() throws {
        var dice = scale.dice(1)
        var kills = 0
        var rounds = 0
        while kills < scale.randomKills, rounds < scale.randomKills * 3 {
            let sizes: [CrashScene.Size] =
                scale.isTorture ? [.building, .indexed, .building, .small] : [.building]
            let database = try TestDatabase()
            let round = CrashRound(
                try scene(rounds, sizes, &dice), database.url, "random kill, round \(rounds)")
            rounds += 1
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let load = try round.start(workers: workers(&dice))
                Thread.sleep(forTimeInterval: Double.random(in: 0...round.scene.seconds, using: &dice))
                load.send(SIGKILL)
                let outcome = try load.outcome()
                #expect(outcome.signal == SIGKILL || outcome.status == 0, "\(round.label): \(outcome.error)")
                guard outcome.signal == SIGKILL else { break }
                kills += 1
            }
            try round.finish(workers: workers(&dice))
        }
        #expect(kills >= scale.randomKills)
        tell("random times: \(kills) kills in \(rounds) rounds")
    }

    // MARK: - Its connections

    @Test(
        "A connection is ended in the middle of a COPY, be it that of a worker or the one that holds the lock"
    )
    func terminations() throws {
        var dice = scale.dice(2)
        var terminations = 0
        var rounds = 0
        while terminations < scale.terminations, rounds < scale.terminations * 20 {
            let sizes: [CrashScene.Size] =
                scale.isTorture ? [.building, .indexed, .building, .small] : [.building]
            let database = try TestDatabase()
            _ = try Warehouse.open(database.url)
            let round = CrashRound(
                try scene(rounds, sizes, &dice), database.url, "termination, round \(rounds)")
            rounds += 1
            let load = try round.start(workers: workers(&dice))
            Thread.sleep(forTimeInterval: Double.random(in: 0...round.scene.seconds * 0.7, using: &dice))
            guard try terminateOne(database, while: load, &dice) else {
                let outcome = try load.outcome()
                #expect(outcome.status == 0, "\(round.label): \(outcome.error)")
                try round.compare()
                continue
            }
            terminations += 1
            // Whoever is impatient runs it again at once: the first may still be at work without its lock.
            let isImpatient = dice.chance(0.5)
            let second = isImpatient ? try round.start(workers: workers(&dice)) : nil
            let outcome = try load.outcome()
            // Unreachable; or done, where the worker had nothing more to do.
            #expect(
                [0, 69].contains(outcome.status) && outcome.signal == nil, "\(round.label): \(outcome.error)")
            if outcome.status == 69 { #expect(outcome.error.contains("connection"), "\(round.label)") }
            if let second {
                let outcome = try second.outcome()
                #expect(outcome.status == 0, "\(round.label), at once: \(outcome.error)")
            }
            try round.finish(workers: workers(&dice))
        }
        #expect(terminations >= scale.terminations)
        tell("\(terminations) connections ended in \(rounds) rounds")
    }

    /// Waits for a COPY and ends one of the load's sessions; false where the load is over before.
    private func terminateOne(
        _ database: TestDatabase, while load: RunningCommand, _ dice: inout Dice
    ) throws -> Bool {
        let connection = try database.connect()
        while load.isRunning {
            let terminated: Bool = try connection.query(
                """
                WITH sessions AS MATERIALIZED (
                    SELECT pid, state, query FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'daybook'
                ),
                chosen AS MATERIALIZED (
                    SELECT pid FROM sessions
                    WHERE EXISTS (SELECT FROM sessions WHERE state = 'active' AND query LIKE 'COPY %')
                        AND (NOT $1::boolean OR state = 'active' AND query LIKE 'COPY %')
                    ORDER BY pid OFFSET $2::int % greatest(1, (SELECT count(*) FROM sessions)) LIMIT 1
                )
                SELECT EXISTS (SELECT FROM chosen WHERE pg_terminate_backend(pid))
                """, [dice.chance(0.6), Int.random(in: 0..<12, using: &dice)]
            ).first().get(0)
            if terminated { return true }
            usleep(2_000)
        }
        return false
    }

    // MARK: - The server

    @Test("The server is stopped at once in the middle of a load, and started again")
    func immediateStops() throws {
        var dice = scale.dice(3)
        let directory = "\(NSTemporaryDirectory())daybook-crash-\(UUID().uuidString.prefix(13))"
        // What was committed outlives a server that ends at once without fsync, for the machine goes on.
        let server = PrivateServer(directory: directory, settings: ["fsync": "off"])
        defer {
            _ = try? server.stop(immediately: true)
            try? FileManager.default.removeItem(atPath: directory)
        }
        var stops = 0
        var rounds = 0
        while stops < scale.immediateStops, rounds < scale.immediateStops * 4 {
            let url = try CrashTests.newDatabase(on: server, rounds)
            let round = CrashRound(
                try scene(rounds, scale.isTorture ? [.building, .indexed] : [.building], &dice), url,
                "immediate stop, round \(rounds)")
            rounds += 1
            let load = try round.start(workers: workers(&dice))
            try CrashTests.awaitCopy(Connection(url, applicationName: "tests"), while: load)
            Thread.sleep(forTimeInterval: Double.random(in: 0...0.05, using: &dice))
            _ = try server.stop(immediately: true)
            let outcome = try load.outcome()
            #expect(
                [0, 69].contains(outcome.status) && outcome.signal == nil, "\(round.label): \(outcome.error)")
            if outcome.status == 69 { stops += 1 }
            let without = try round.start(workers: 1).outcome()
            #expect(without.status == 69, "\(round.label), without a server: \(without.error)")
            _ = try server.start()
            try round.finish(workers: workers(&dice))
        }
        #expect(stops >= scale.immediateStops)
        tell("\(stops) immediate stops in \(rounds) rounds")
    }

    /// Returns once the load copies rows, or is over.
    private static func awaitCopy(_ connection: Connection, while load: RunningCommand) throws {
        while load.isRunning {
            let copies: Bool = try connection.query(
                """
                SELECT EXISTS (
                    SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'daybook'
                        AND state = 'active' AND query LIKE 'COPY %'
                )
                """
            ).first().get(0)
            if copies { return }
            usleep(2_000)
        }
    }

    /// A database of its own on a server of the test's own, which is started.
    private static func newDatabase(on server: PrivateServer, _ number: Int) throws -> String {
        let url = try server.start()
        let connection = try Connection(url, applicationName: "tests")
        if number > 0 { try connection.execute("DROP DATABASE round_\(number - 1) WITH (FORCE)") }
        try connection.execute("CREATE DATABASE round_\(number)")
        return url.replacingOccurrences(of: "/daybook?", with: "/round_\(number)?")
    }

    // MARK: - The disk

    @Test(
        "The server's disk is full: the load fails and says why, and goes on once there is space",
        .enabled(if: CrashScale.chosen.fullDisks > 0, "only in make torture"),
        .enabled(if: SmallDisk.isAllowed, "needs Linux, root, and leave to mount a tmpfs"))
    func fullDisk() throws {
        var dice = scale.dice(4)
        var failures: [Int32: Int] = [:]
        for number in 0..<scale.fullDisks {
            let disk = try SmallDisk(megabytes: 1_024)
            let server = PrivateServer(
                directory: "\(disk.path)/server",
                settings: [
                    "fsync": "off", "shared_buffers": "32MB", "maintenance_work_mem": "32MB",
                    "max_wal_size": "64MB",
                ])
            defer { _ = try? server.stop(immediately: true) }
            let url = try server.start()
            _ = try Warehouse.open(url)
            let round = CrashRound(try scene(0, [.building], &dice), url, "full disk, round \(number)")
            try disk.leave(megabytes: Int.random(in: 4...140, using: &dice))
            // The second time there is still no space; the server may have ended itself for want of it.
            for attempt in 1...2 {
                let outcome = try round.start(workers: workers(&dice)).outcome()
                #expect(
                    [1, 69].contains(outcome.status) && outcome.signal == nil, "\(round.label), \(attempt)")
                tell("full disk, \(number).\(attempt): \(outcome.status): \(outcome.error)")
                failures[outcome.status, default: 0] += 1
                if outcome.status == 1 {
                    #expect(outcome.error.contains("No space left on device"), "\(round.label)")
                }
            }
            try disk.resize(megabytes: 1_024)
            _ = try server.start()
            try round.finish(workers: workers(&dice))
        }
        tell("full disks, by exit code: \(failures)")
    }
}

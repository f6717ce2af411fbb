import Foundation
import Generate
import Postgres
import TestSupport
import Testing
import Warehouse

/// Loads that are killed again and again, whatever dies: in the end each event is there once.
@Suite(.serialized)
struct ChaosTests {
    private static let events = 120_000

    /// Writes one log a service, part of it a second time in a file of its own, and gives the truth of all.
    private func write(_ project: TemporaryProject, seed: UInt64) throws -> (ids: Set<String>, badLines: Int)
    {
        var options = GeneratorOptions(
            orders: GeneratorOptions.orders(forEvents: ChaosTests.events), days: 12, seed: seed)
        options.badLines = 40
        let generator = Generator(options)
        var handles: [GeneratedService: FileHandle] = [:]
        for service in GeneratedService.allCases {
            try project.write("logs/\(service.rawValue).ndjson", "")
            handles[service] = try FileHandle(
                forWritingTo: URL(fileURLWithPath: project.path("logs/\(service.rawValue).ndjson")))
        }
        let summary = try generator.write(
            to: handles.mapValues { handle in { try handle.write(contentsOf: Data($0)) } })
        // Good lines that come again in another file: duplicates across files, at other positions.
        let ids = Set(generator.events().map(\.id))
        let log = try String(contentsOfFile: project.path("logs/checkout.ndjson"), encoding: .isoLatin1)
        let again = log.split(separator: "\n").filter { line in
            line.hasPrefix("{\"id\":\"") && line.hasSuffix("}")
                && ids.contains(String(line.dropFirst(7).prefix { $0 != "\"" }))
        }
        try project.write("logs/again.ndjson", again.prefix(20_000).joined(separator: "\n") + "\n")
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [ { "name": "all", "file": { "path": "logs/*.ndjson" },
              "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
            """)
        return (ids, summary.badLines)
    }

    /// Ends every connection that a daybook has to the database, as a server that crashes would.
    private func terminate(_ connection: Connection) throws {
        try connection.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'daybook'
            """)
    }

    @Test("Six rounds of random kills, of the program and of its connections")
    func kills() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("ChaosTests seed: \(seed)")
        var random = Dice(seed: seed)
        let project = try TemporaryProject()
        let truth = try write(project, seed: 1 + seed % 1_000)
        // Joined, so that each event is compared and an event too many is one too.
        let expected = truth.ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: ",")
        var kills = 0
        for round in 0..<6 {
            let database = try TestDatabase()
            _ = try Warehouse.open(database.url)
            let connection = try database.connect()
            let command = DaybookCommand(in: project.directory, database: database.url)
            var attempts = 0
            var isDone = false
            while !isDone, attempts < 40 {
                attempts += 1
                let workers = Int.random(in: 1...4, using: &random)
                let process = try command.start(["load", "--workers", "\(workers)"])
                // The first few are killed, then one is let through.
                if attempts <= 3 {
                    Thread.sleep(forTimeInterval: Double.random(in: 0.05...0.6, using: &random))
                    if process.isRunning {
                        kills += 1
                        if Bool.random(using: &random) {
                            kill(process.processIdentifier, SIGKILL)
                        } else {
                            try terminate(connection)
                        }
                    }
                }
                process.waitUntilExit()
                isDone = process.terminationReason == .exit && process.terminationStatus == 0
            }
            #expect(isDone, "round \(round) of seed \(seed)")
            let stored = try database.value(
                "SELECT string_agg(event_id, ',' ORDER BY event_id) FROM raw.events")
            let isEqual = stored == expected
            #expect(isEqual, "round \(round) of seed \(seed)")
            #expect(
                try connection.query("SELECT count(*) FROM daybook.rejects").first().get(0) == truth.badLines,
                "round \(round) of seed \(seed)")
            #expect(try Verification.problems(connection) == [], "round \(round) of seed \(seed)")
        }
        #expect(kills > 0)
    }
}

/// A generator of random numbers that gives the same ones for a seed.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

import Foundation
import Postgres
import TestSupport
import Testing
import Transform

/// Transforms whose program, connection or server dies, and that are run again: no death leaves a part of one, and in
/// the end the report tables hold what a full rebuild would give. `make torture` does the same with larger numbers.
@Suite(.serialized)
struct TransformCrashTests {
    private let scale = CrashScale.chosen
    /// The short form has time for three; one of them is the usual one.
    private let causes: [TransformScene.Cause]

    init() {
        var dice = CrashScale.chosen.dice(213)
        let others = TransformScene.Cause.allCases.dropFirst().shuffled(using: &dice)
        causes = [.load] + others.prefix(CrashScale.chosen.isTorture ? others.count : 2)
    }

    /// Shared by the tests of the suite, which run one after the other.
    nonisolated(unsafe) private static var shared: (database: TestDatabase, scene: TransformScene)?

    private static func scene() throws -> TransformScene {
        if let shared { return shared.scene }
        let database = try TestDatabase()
        let scene = try TransformScene(on: database.url)
        shared = (database, scene)
        // What is static is never given up: its project would stay.
        atexit { TransformCrashTests.shared = nil }
        return scene
    }

    // MARK: - The program

    @Test("kill -9 at every fail point of a transform", arguments: FailPoint.ofTransform)
    func failPoints(_ name: String) throws {
        var dice = scale.dice(200 + FailPoint.ofTransform.firstIndex(of: name)!)
        let scene = try TransformCrashTests.scene()
        let isOfModels = name == "model-written"
        var passes = isOfModels ? Array(1...scene.models.count) : [1]
        var causes = causes
        if !scale.isTorture {
            passes = Array(passes.shuffled(using: &dice).prefix(2))
            causes = Array(causes.shuffled(using: &dice).prefix(1))
        }
        var kills = 0
        for cause in causes {
            for pass in passes {
                let round = TransformRound(scene, cause, "\(name):\(pass)")
                try round.run { url in
                    let outcome = try scene.transform(cause, url, failPoint: "\(name):\(pass)").outcome()
                    #expect(outcome.signal == SIGKILL, "\(round.label) was not passed: \(outcome.error)")
                    kills += 1
                    return name == "transform-committed" ? .done : .undone
                }
            }
        }
        tell("\(name): \(kills) kills of a transform")
    }

    @Test("kill -9 at random times of a transform")
    func randomKills() throws {
        var dice = scale.dice(210)
        let scene = try TransformCrashTests.scene()
        var kills = 0
        var rounds = 0
        while kills < scale.transformKills, rounds < scale.transformKills * 20 {
            let cause = causes.randomElement(using: &dice)!
            let round = TransformRound(scene, cause, "random kill, round \(rounds)")
            rounds += 1
            let seconds = try scene.undisturbed(cause).seconds
            try round.run { url in
                let transform = try scene.transform(cause, url)
                _ = try round.awaitBegin(of: transform, Connection(url, applicationName: "tests"))
                Thread.sleep(forTimeInterval: Double.random(in: 0...seconds * 0.7, using: &dice))
                transform.send(SIGKILL)
                let outcome = try transform.outcome()
                #expect(outcome.signal == SIGKILL || outcome.status == 0, "\(round.label): \(outcome.error)")
                if outcome.signal == SIGKILL { kills += 1 }
                return .either
            }
        }
        #expect(kills >= scale.transformKills)
        tell("\(kills) kills of a transform at random times in \(rounds) rounds")
    }

    // MARK: - Its connection

    @Test("The connection of a transform is ended in its midst")
    func terminations() throws {
        var dice = scale.dice(211)
        let scene = try TransformCrashTests.scene()
        var terminations = 0
        var rounds = 0
        while terminations < scale.terminations, rounds < scale.terminations * 20 {
            let cause = causes.randomElement(using: &dice)!
            let round = TransformRound(scene, cause, "termination, round \(rounds)")
            rounds += 1
            let seconds = try scene.undisturbed(cause).seconds
            try round.run { url in
                let connection = try Connection(url, applicationName: "tests")
                let transform = try scene.transform(cause, url)
                let session = try round.awaitBegin(of: transform, connection)
                Thread.sleep(forTimeInterval: Double.random(in: 0...seconds * 0.7, using: &dice))
                if let session {
                    try connection.query("SELECT pg_terminate_backend($1::integer)", [session])
                }
                let outcome = try transform.outcome()
                #expect(
                    [0, 69].contains(outcome.status) && outcome.signal == nil,
                    "\(round.label): \(outcome.error)")
                guard outcome.status == 69 else { return .done }
                terminations += 1
                #expect(outcome.error.contains("connection"), "\(round.label): \(outcome.error)")
                return .either
            }
        }
        #expect(terminations >= scale.terminations)
        tell("\(terminations) connections of a transform ended in \(rounds) rounds")
    }

    // MARK: - The server

    @Test("The server is stopped at once in the midst of a transform, and started again")
    func immediateStops() throws {
        var dice = scale.dice(212)
        let directory = "\(NSTemporaryDirectory())daybook-crash-\(UUID().uuidString.prefix(13))"
        // What was committed outlives a server that ends at once without fsync, for the machine goes on.
        let server = PrivateServer(directory: directory, settings: ["fsync": "off"])
        defer {
            _ = try? server.stop(immediately: true)
            try? FileManager.default.removeItem(atPath: directory)
        }
        let scene = try TransformScene(on: server.start())
        var stops = 0
        var rounds = 0
        while stops < scale.immediateStops, rounds < scale.immediateStops * 4 {
            let cause = causes.randomElement(using: &dice)!
            let round = TransformRound(scene, cause, "immediate stop, round \(rounds)")
            rounds += 1
            let seconds = try scene.undisturbed(cause).seconds
            try round.run { url in
                let connection = try Connection(url, applicationName: "tests")
                // The pages of sequences that were copied with the database tell how far ahead they are logged, which
                // they are not in the copy: before a checkpoint, a crash would set them back.
                try connection.execute("CHECKPOINT")
                let transform = try scene.transform(cause, url)
                _ = try round.awaitBegin(of: transform, connection)
                Thread.sleep(forTimeInterval: Double.random(in: 0...seconds * 0.7, using: &dice))
                _ = try server.stop(immediately: true)
                let outcome = try transform.outcome()
                #expect(
                    [0, 69].contains(outcome.status) && outcome.signal == nil,
                    "\(round.label): \(outcome.error)")
                if outcome.status == 69 { stops += 1 }
                _ = try server.start()
                return outcome.status == 0 ? .done : .either
            }
        }
        #expect(stops >= scale.immediateStops)
        tell("\(stops) immediate stops in the midst of a transform in \(rounds) rounds")
    }
}

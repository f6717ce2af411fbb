import Foundation
import Postgres
import TestSupport
import Testing
import Warehouse

/// Days that are compacted while they are loaded into, reopened by late events and compacted again, by programs that are
/// killed: in the end everything is as after a load that nothing disturbed.
@Suite(.serialized)
struct CompactionCrashTests {
    private let scale = CrashScale.chosen

    @Test("kill -9 of compactions and loads that go on at once")
    func kills() throws {
        var dice = scale.dice(30)
        let wanted = scale.isTorture ? 60 : 5
        var (kills, rounds, compacted) = (0, 0, 0)
        while rounds < wanted {
            let rule: OnChange = scale.isTorture && dice.chance(0.5) ? .keepLast : .keepFirst
            let scene = try CrashScene.of(scale.isTorture && dice.chance(0.3) ? .indexed : .small, rule)
            let database = try TestDatabase()
            _ = try Warehouse.open(database.url)
            let round = CrashRound(scene, database.url, "compaction, round \(rounds)")
            rounds += 1
            for _ in 0..<Int.random(in: 2...4, using: &dice) {
                let load = try round.start(workers: Int.random(in: 1...3, using: &dice))
                var compactions: [RunningCommand] = []
                for _ in 0..<Int.random(in: 1...2, using: &dice) {
                    Thread.sleep(forTimeInterval: Double.random(in: 0...scene.seconds, using: &dice))
                    compactions.append(try compact(round, failPoint: point(&dice)))
                }
                if dice.chance(0.5) {
                    load.send(SIGKILL)
                } else if dice.chance(0.5), let last = compactions.last {
                    Thread.sleep(forTimeInterval: Double.random(in: 0...0.3, using: &dice))
                    last.send(SIGKILL)
                }
                for command in compactions + [load] {
                    let outcome = try command.outcome()
                    if outcome.signal == SIGKILL { kills += 1 }
                    // A load may still hold what a compaction wants for longer than it waits.
                    #expect(
                        outcome.signal == SIGKILL || [0, 75].contains(outcome.status),
                        "\(round.label): \(outcome.error)")
                }
            }
            try round.finish(workers: 2)
            let last = try compact(round).outcome()
            #expect(last.status == 0, "\(round.label): \(last.error)")
            try round.compare()
            let left = try database.value("SELECT count(*) FROM raw.events_by_day")
            #expect(left == "0", "\(round.label)")
            compacted += Int(try database.value("SELECT count(*) FROM raw.event_segments") ?? "") ?? 0
        }
        #expect(kills > 0 && compacted > 0)
        tell("compactions: \(kills) kills in \(rounds) rounds")
    }

    private func point(_ dice: inout Dice) -> String? {
        guard dice.chance(0.8) else { return nil }
        return "\(FailPoint.ofCompaction.randomElement(using: &dice)!):\(Int.random(in: 1...2, using: &dice))"
    }

    private func compact(_ round: CrashRound, failPoint: String? = nil) throws -> RunningCommand {
        var command = DaybookCommand(in: round.scene.project.directory, database: round.url)
        command.environment["DAYBOOK_FAIL_POINT"] = failPoint
        return try command.start(["compact", "--older-than", "1d", "--lock-wait", "20"])
    }
}

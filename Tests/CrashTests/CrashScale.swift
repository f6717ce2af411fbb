import Foundation
import TestSupport

/// How much is broken: a little in `make test`, a lot in `make torture`.
struct CrashScale {
    let isTorture: Bool
    /// What chance decides follows from it: files, points of time, workers. The scheduler's part does not.
    let seed: UInt64
    let randomKills: Int
    /// The passes at which each fail point kills.
    let passes: ClosedRange<Int>
    let terminations: Int
    let immediateStops: Int
    let fullDisks: Int
    let transformKills: Int

    /// `DAYBOOK_TORTURE=1` takes the large numbers, `DAYBOOK_TEST_SEED` a seed that was printed.
    static let chosen: CrashScale = {
        let environment = ProcessInfo.processInfo.environment
        let isTorture = environment["DAYBOOK_TORTURE"] == "1"
        let seed =
            environment["DAYBOOK_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        tell("\(isTorture ? "torture" : "short form"); repeat with DAYBOOK_TEST_SEED=\(seed)")
        return isTorture
            ? CrashScale(
                isTorture: true, seed: seed, randomKills: 100, passes: 1...5, terminations: 30,
                immediateStops: 10, fullDisks: 8, transformKills: 100)
            : CrashScale(
                isTorture: false, seed: seed, randomKills: 7, passes: 1...2, terminations: 3,
                immediateStops: 1, fullDisks: 0, transformKills: 5)
    }()

    /// Chance for one test, which does not depend on the tests before it.
    func dice(_ test: Int) -> Dice { Dice(seed: seed &+ UInt64(test) &* 0x5851_F42D_4C95_7F2D) }
}

/// Says how far it has come, also where the output is no terminal: the long form takes a while. Where the output takes
/// nothing at this moment, nothing is said; FileHandle would end the process.
func tell(_ text: String) {
    let line = Array("CrashTests: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

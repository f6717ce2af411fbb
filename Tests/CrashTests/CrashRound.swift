import Foundation
import TestSupport
import Testing

/// One database that is loaded with disturbances, and then to the end.
struct CrashRound {
    let scene: CrashScene
    let url: String
    /// What is told where something is not as it should be.
    let label: String

    init(_ scene: CrashScene, _ url: String, _ label: String) {
        self.scene = scene
        self.url = url
        self.label = "\(label); \(scene.size), \(scene.onChange.rawValue), seed \(CrashScale.chosen.seed)"
    }

    /// - Parameter failPoint: where it is to die: a name and a pass.
    func start(workers: Int, failPoint: String? = nil) throws -> RunningCommand {
        var command = DaybookCommand(in: scene.project.directory, database: url)
        command.environment["DAYBOOK_FAIL_POINT"] = failPoint
        // Sessions of a killed run may take a moment to notice it.
        return try command.start(["load", "--workers", "\(workers)", "--lock-wait", "60"])
    }

    /// Loads what is left, undisturbed, and compares all with the truth.
    func finish(workers: Int) throws {
        let outcome = try start(workers: workers).outcome()
        #expect(outcome.status == 0 && outcome.signal == nil, "\(label): \(outcome.error)")
        try compare()
        let again = try start(workers: 1).outcome()
        #expect(again.status == 0 && again.out.contains(": 0 read:"), "\(label): \(again.out)\(again.error)")
    }

    func compare() throws {
        let difference = try scene.difference(url)
        #expect(difference == nil, "\(label)")
    }
}

import Foundation

/// The built command, run as a process.
package struct DaybookCommand {
    package struct Outcome {
        package let status: Int32
        package let out: String
        package let error: String
        /// The signal that ended it, where one did.
        package let signal: Int32?
    }

    /// Beside the test bundle, where the build puts both.
    package static let path: String = {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return bundle.appending(path: "daybook").path
    }()

    package let directory: String
    package var environment: [String: String]

    /// - Parameter database: what `DATABASE_URL` names; nil: nothing, and no PG* variable either.
    package init(in directory: String, database: String?) {
        self.directory = directory
        environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
        environment["DATABASE_URL"] = database
    }

    /// Starts it; the caller waits.
    package func start(_ arguments: [String]) throws -> RunningCommand {
        try RunningCommand(DaybookCommand.path, arguments, in: directory, environment)
    }

    /// Runs it to its end.
    package func run(_ arguments: String...) throws -> Outcome {
        try Shell.run(DaybookCommand.path, arguments, in: directory, environment)
    }
}

/// Programs run to their end, with what they wrote.
package enum Shell {
    package static func run(
        _ path: String, _ arguments: [String], in directory: String, _ environment: [String: String]
    ) throws -> DaybookCommand.Outcome {
        try RunningCommand(path, arguments, in: directory, environment).outcome()
    }
}

/// A program that runs; what it writes goes to files that go with it.
package final class RunningCommand {
    package let process = Process()
    private let base = "\(NSTemporaryDirectory())daybook-output-\(UUID().uuidString)"

    init(
        _ path: String, _ arguments: [String], in directory: String, _ environment: [String: String]
    ) throws {
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: nothing that the command leaves running can keep the test waiting.
        process.standardOutput = try output("out")
        process.standardError = try output("err")
        try process.run()
    }

    deinit {
        for name in ["out", "err"] { try? FileManager.default.removeItem(atPath: "\(base).\(name)") }
    }

    package var isRunning: Bool { process.isRunning }

    /// Waits for its end.
    package func outcome() throws -> DaybookCommand.Outcome {
        process.waitUntilExit()
        return DaybookCommand.Outcome(
            status: process.terminationStatus, out: try text("out"), error: try text("err"),
            signal: process.terminationReason == .uncaughtSignal ? process.terminationStatus : nil)
    }

    private func output(_ name: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: "\(base).\(name)", contents: nil)
        return try FileHandle(forWritingTo: URL(fileURLWithPath: "\(base).\(name)"))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(base).\(name)")), as: UTF8.self)
    }
}

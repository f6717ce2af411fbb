import Foundation

/// The built command, run as a process.
package struct DaybookCommand {
    package struct Outcome {
        package let status: Int32
        package let out: String
        package let error: String
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
    package func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: DaybookCommand.path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: nothing that the command leaves running can keep the test waiting.
        let base = "\(NSTemporaryDirectory())daybook-output-\(UUID().uuidString)"
        var handles: [FileHandle] = []
        for name in ["\(base).out", "\(base).err"] {
            _ = FileManager.default.createFile(atPath: name, contents: nil)
            handles.append(try FileHandle(forWritingTo: URL(fileURLWithPath: name)))
        }
        defer {
            for name in ["\(base).out", "\(base).err"] { try? FileManager.default.removeItem(atPath: name) }
        }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        try process.run()
        process.waitUntilExit()
        return DaybookCommand.Outcome(
            status: process.terminationStatus,
            out: try String(contentsOfFile: "\(base).out", encoding: .utf8),
            error: try String(contentsOfFile: "\(base).err", encoding: .utf8))
    }
}

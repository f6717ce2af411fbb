import Foundation
import Postgres

/// The built command, run as a process.
package struct DaybookCommand {
    package struct Outcome {
        package let status: Int32
        package let out: String
        package let error: String
        /// The signal that ended it, where one did.
        package let signal: Int32?
        package let seconds: Double
        /// The most memory it held at a time.
        package let peakBytes: Int
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

    /// Starts another program; the caller waits.
    package static func program(
        _ path: String, _ arguments: [String], in directory: String
    ) throws -> RunningCommand {
        try RunningCommand(path, arguments, in: directory, ProcessInfo.processInfo.environment)
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
///
/// Foundation's `Process` will not do where tests run side by side: it changes the directory of the whole test process
/// for each start, and learns of an end by a socket that other children may inherit.
package final class RunningCommand {
    package let processID: pid_t
    private let base: String
    private let stopwatch = Stopwatch()

    /// A program could not be started.
    private struct CannotStart: Error {
        let path: String
        let reason: String
    }

    init(
        _ path: String, _ arguments: [String], in directory: String, _ environment: [String: String]
    ) throws {
        base = "\(NSTemporaryDirectory())daybook-output-\(UUID().uuidString)"
        // Files, not pipes: nothing that the command leaves running can keep the test waiting.
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(base).out", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(base).err", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // A group of its own: what ends the tests by Ctrl-C is not what a test sends to its command.
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var flags = Int32(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setpgroup(&attributes, 0)
        // What other tests have open is not for it.
        #if canImport(Darwin)
            flags |= Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
        #else
            for descriptor in ChildCommand.openDescriptors() where descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory, path] + arguments
        var argv = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + variables { free(text) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, "/bin/sh", &actions, &attributes, &argv, &variables)
        guard failure == 0 else { throw CannotStart(path: path, reason: String(cString: strerror(failure))) }
        processID = child
    }

    deinit {
        for name in ["out", "err"] { unlink("\(base).\(name)") }
    }

    package var isRunning: Bool {
        var information = siginfo_t()
        // Without WNOWAIT the end would be told only once.
        return waitid(P_PID, id_t(processID), &information, WEXITED | WNOHANG | WNOWAIT) == 0
            && information.si_signo == 0
    }

    package func send(_ signal: Int32) { kill(processID, signal) }

    /// Waits for its end, which may be asked for once.
    package func outcome() throws -> DaybookCommand.Outcome {
        var (status, usage): (Int32, rusage) = (0, rusage())
        while wait4(processID, &status, 0, &usage) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return DaybookCommand.Outcome(
            status: signal == 0 ? status >> 8 & 0xFF : signal, out: try text("out"), error: try text("err"),
            signal: signal == 0 ? nil : signal, seconds: stopwatch.seconds,
            peakBytes: usage.ru_maxrss * 1_024)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(base).\(name)")), as: UTF8.self)
    }
}

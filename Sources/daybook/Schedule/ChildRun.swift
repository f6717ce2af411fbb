import Foundation

/// This program once more, as a process of its own: what it takes in memory goes with it, and what ends it ends nothing
/// else. What it notes goes to our stderr; a Ctrl-C in our terminal does not reach it.
final class ChildRun: Sendable {
    /// How it ended.
    struct Ending: Sendable {
        /// The exit code, or 128 + the signal that ended it.
        let code: Int32
        /// What it wrote to stdout.
        let output: String
    }

    let processID: pid_t
    private let output: Int32

    /// Where this program is; a newer one in its place is taken.
    private static let program = (Bundle.main.executablePath ?? CommandLine.arguments[0])
        .replacingOccurrences(of: " (deleted)", with: "")

    /// Starts it.
    ///
    /// - Throws: `POSIXError` where it cannot be.
    init(_ arguments: [String]) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ChildRun.failure(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGHUP, SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        // The manager that started us is to hear from us alone.
        let environment = ProcessInfo.processInfo.environment.filter {
            !["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"].contains($0.key)
        }
        var argv = ([ChildRun.program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + variables { free(text) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, ChildRun.program, &actions, &attributes, &argv, &variables)
        guard failure == 0 else {
            close(ends[0])
            throw ChildRun.failure(failure)
        }
        processID = process
        output = ends[0]
    }

    deinit { close(output) }

    /// Waits for its end, once.
    func end() -> Ending {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            text += buffer.prefix(count)
        }
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return Ending(
            code: signal == 0 ? status >> 8 & 0xff : 128 + signal,
            output: String(decoding: text, as: UTF8.self))
    }

    /// Asks it to stop at its next safe point.
    func stop() { kill(processID, SIGTERM) }

    private static func failure(_ code: Int32) -> POSIXError {
        POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO)
    }
}

import Foundation

/// A program whose output is read while it runs. It has a process group of its own, so that a Ctrl-C in our terminal does
/// not reach it, and ends when this goes.
///
/// Belongs to one thread at a time.
final class ChildProgram {
    /// How a program ended.
    struct Ending {
        /// The exit code, or 128 + the signal that ended it.
        let code: Int32
        /// The end of what it wrote to stderr, at most 8 KiB.
        let errors: String

        /// In words, for a person: the code or the signal, and what the program itself said.
        var description: String {
            let how =
                code >= 128 && code < 160 ? "was ended by signal \(code - 128)" : "exited with code \(code)"
            return errors.isEmpty ? how : "\(how): \(errors)"
        }
    }

    private let process: pid_t
    /// What it writes to stdout.
    let output: Int32
    private let errors: Int32
    private var ending: Ending?

    private static let keptErrors = 8_192
    private static let pipeBytes: Int32 = 1 << 20
    /// `F_SETPIPE_SZ` of fcntl(2), which the C library shows to GNU programs only.
    private static let setPipeSize: Int32 = 1_031
    private static let starting = NSLock()

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - path: of the program itself; see `find`.
    ///   - arguments: with its name, as it is to see it.
    ///   - input: what is its stdin; -1: nothing.
    ///   - environment: `NAME=VALUE`.
    ///   - directory: where it is to run; nil: here.
    init(
        _ path: String, _ arguments: [String], input: Int32, environment: [String], directory: String? = nil
    ) throws(ExtractError) {
        func failed(_ code: Int32) -> ExtractError {
            ExtractError(
                kind: .unreadable, object: arguments[0],
                message: "cannot be started: \(String(cString: strerror(code)))")
        }
        var ends: [Int32] = [-1, -1]
        // No other program is to inherit what is open for a moment.
        ChildProgram.starting.lock()
        defer { ChildProgram.starting.unlock() }
        guard pipe(&ends) == 0 else { throw failed(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        #if os(Linux)
            // A larger pipe lets both sides go on for longer; it is no matter where that is refused.
            _ = fcntl(ends[1], ChildProgram.setPipeSize, ChildProgram.pipeBytes)
        #endif
        defer { close(ends[1]) }
        let errors = namelessFile()
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(nothing) }
        guard errors >= 0, nothing >= 0 else {
            let code = errno
            close(ends[0])
            if errors >= 0 { close(errors) }
            throw failed(code)
        }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input >= 0 ? input : nothing, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

        var (path, arguments) = (path, arguments)
        if let directory {
            arguments =
                ["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", directory, path]
                + arguments.dropFirst()
            path = "/bin/sh"
        }
        var argv = arguments.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for text in argv + variables { free(text) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, path, &actions, &attributes, &argv, &variables)
        guard failure == 0 else {
            close(ends[0])
            close(errors)
            throw failed(failure)
        }
        self.process = process
        self.errors = errors
        output = ends[0]
    }

    deinit {
        if ending == nil {
            kill(-process, SIGKILL)
            kill(process, SIGKILL)
            while waitpid(process, nil, 0) < 0 && errno == EINTR {}
        }
        close(output)
        close(errors)
    }

    /// Where a program of this name is, by the `PATH`; nil where there is none.
    ///
    /// - Parameter directory: where a relative path begins.
    static func find(_ name: String, in directory: String = ".") -> String? {
        guard !name.contains("/") else {
            let base = URL(fileURLWithPath: directory, isDirectory: true)
            let path = name.hasPrefix("/") ? name : URL(fileURLWithPath: name, relativeTo: base).path
            return access(path, X_OK) == 0 ? path : nil
        }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Reads what the program has written, at least a byte; 0 at its end.
    ///
    /// - Parameter isCancelled: asked now and then while nothing comes.
    /// - Throws: `cancelled`.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, isCancelled: () -> Bool = { false }
    ) throws(ExtractError) -> Int {
        try ChildProgram.read(output, into: buffer, isCancelled: isCancelled)
    }

    /// As `read`, of a pipe of somebody else's.
    static func read(
        _ output: Int32, into buffer: UnsafeMutableRawBufferPointer, isCancelled: () -> Bool
    ) throws(ExtractError) -> Int {
        while true {
            var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let found = poll(&ready, 1, 200)
            if isCancelled() { throw ExtractError(kind: .cancelled, object: "", message: "stopped") }
            if found == 0 || found < 0 && errno == EINTR { continue }
            let count = Foundation.read(output, buffer.baseAddress!, buffer.count)
            if count >= 0 { return count }
            if errno == EINTR || errno == EAGAIN { continue }
            throw ExtractError(
                kind: .unreadable, object: "", message: "cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    /// Whether a pipe has something to read, or its end, now or in a moment.
    static func isReady(_ output: Int32) -> Bool {
        var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, 50) > 0
    }

    /// Waits for the program to end, which it does soon once its output has.
    ///
    /// - Parameter patienceSeconds: how long; then it is ended.
    func end(patienceSeconds: Double = 10) -> Ending {
        let until = Date().addingTimeInterval(patienceSeconds)
        while true {
            if let ending = endingSoFar() { return ending }
            if Date() > until { kill(-process, SIGKILL) }
            usleep(1_000)
        }
    }

    /// How the program ended; nil while it runs.
    func endingSoFar() -> Ending? {
        if let ending { return ending }
        var status: Int32 = 0
        let waited = waitpid(process, &status, WNOHANG)
        if waited == 0 || waited < 0 && errno == EINTR { return nil }
        if waited < 0 {
            // Somebody else was told how it ended, so that nobody knows whether well.
            ending = Ending(code: 128, errors: "its end was not told: \(String(cString: strerror(errno)))")
        } else {
            let signal = status & 0x7f
            ending = Ending(code: signal == 0 ? (status >> 8) & 0xff : 128 + signal, errors: said())
        }
        return ending
    }

    private func said() -> String {
        let size = lseek(errors, 0, SEEK_END)
        let start = max(0, size - off_t(ChildProgram.keptErrors))
        var bytes = [UInt8](repeating: 0, count: Int(max(0, size - start)))
        let count = bytes.withUnsafeMutableBytes { pread(errors, $0.baseAddress, $0.count, start) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

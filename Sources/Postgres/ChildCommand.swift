import Foundation

/// A PostgreSQL program that is run to its end, with nothing of ours that could outlive it.
///
/// Foundation's `Process` will not do: on Linux it learns of a child's end by a socket that the child's
/// children inherit, so it would wait for the server itself.
package enum ChildCommand {
    package struct Outcome {
        /// The exit code, or 128 + the signal that ended it.
        package let code: Int32
        /// The end of what it wrote to stdout and stderr, at most 16 KiB.
        package let output: String
    }

    /// Runs a program from "/" with umask 077, no environment but PATH and the like, no open files but
    /// stdin (`input`), stdout and stderr (a nameless file, so nobody waits for an end of file) and, as
    /// descriptor 3, `inheriting`. With `ownGroup` a Ctrl-C in our terminal does not reach it.
    package static func run(
        _ arguments: [String], input: String = "", inheriting: Int32? = nil, ownGroup: Bool = true
    ) throws(PrivateServerError) -> Outcome {
        let stdin = try namelessFile(input)
        defer { close(stdin) }
        let stdout = try namelessFile("")
        defer { close(stdout) }

        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }

        // Descriptors 3 and up are ours or were handed to us; the server would hold them for days. Each
        // source is above 3 (see namelessFile and FileLock: 0...2 are open in a command), or is 3 itself.
        posix_spawn_file_actions_adddup2(&actions, stdin, 0)
        posix_spawn_file_actions_adddup2(&actions, stdout, 1)
        posix_spawn_file_actions_adddup2(&actions, stdout, 2)
        var duplicate: Int32 = -1
        defer { if duplicate >= 0 { close(duplicate) } }
        if let inheriting {
            // dup2 onto itself would leave close-on-exec set.
            duplicate = fcntl(inheriting, F_DUPFD_CLOEXEC, 64)
            posix_spawn_file_actions_adddup2(&actions, duplicate, 3)
        }
        var flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
        #if canImport(Darwin)
            flags |= Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
        #else
            for descriptor in openDescriptors() where descriptor > (inheriting == nil ? 2 : 3) {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        #endif
        if ownGroup {
            flags |= Int32(POSIX_SPAWN_SETPGROUP)
            posix_spawnattr_setpgroup(&attributes, 0)
        }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2] {
            sigaddset(&signals, signal)
        }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let script = ["/bin/sh", "-c", "cd / && umask 077 && exec \"$@\"", "sh"]
        var argv = (script + arguments).map { strdup($0) } + [nil]
        var environment = Self.environment.map { strdup($0) } + [nil]
        defer { for text in argv + environment { free(text) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, "/bin/sh", &actions, &attributes, &argv, &environment)
        guard failure == 0 else {
            errno = failure
            throw .system("cannot run \(arguments[0])")
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return Outcome(
            code: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: FileSystem.text(stdout))
    }

    /// A server keeps its environment for as long as it lives, so it gets no secrets of the caller's and no
    /// `PG…` variables, which would change what the programs do.
    private static var environment: [String] {
        let kept = ["PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
        let ours = ProcessInfo.processInfo.environment
        return kept.compactMap { name in ours[name].map { "\(name)=\($0)" } } + ["LC_ALL=C"]
    }

    /// The numbers of the files that this process has open.
    package static func openDescriptors() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        return names.compactMap { Int32($0) }
    }

    /// An open file without a name, above descriptor 3, positioned at the start of `content`.
    private static func namelessFile(_ content: String) throws(PrivateServerError) -> Int32 {
        let directory = NSTemporaryDirectory()
        var template = Array("\(directory)daybook-XXXXXX".utf8CString)
        let made = mkstemp(&template)
        guard made >= 0 else { throw .system("cannot make a temporary file in \(directory)") }
        defer { close(made) }
        unlink(template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
        let descriptor = fcntl(made, F_DUPFD_CLOEXEC, 4)
        guard descriptor >= 0 else { throw .system("cannot make a temporary file in \(directory)") }
        do throws(PrivateServerError) {
            try FileSystem.write(content, to: descriptor, path: "a temporary file in \(directory)")
        } catch {
            close(descriptor)
            throw error
        }
        lseek(descriptor, 0, SEEK_SET)
        return descriptor
    }
}

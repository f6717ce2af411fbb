import Foundation

/// A running server's main process, as its `postmaster.pid` tells.
///
/// The file's lines, from PostgreSQL's `src/include/utils/pidfile.h`: process, data directory, start time,
/// port, socket directory, listen address, shared memory, status.
struct Postmaster {
    enum Status: Equatable { case starting, ready, stopping }

    let process: pid_t
    let socketDirectory: String
    let status: Status

    /// The server that runs on `data`; nil when none does, or when a file was left by one that was killed.
    init?(data: String) {
        guard let lines = Self.lines(of: data), let process = lines.first.flatMap({ pid_t($0) }),
            Self.serves(process, data: data)
        else { return nil }
        self.process = process
        socketDirectory = lines.count > 4 ? lines[4] : ""
        switch lines.count > 7 ? lines[7].trimmingCharacters(in: .whitespaces) : "" {
        case "ready", "standby": status = .ready
        case "stopping": status = .stopping
        default: status = .starting
        }
    }

    /// Makes a left `postmaster.pid` harmless when its process number is in use by another program, or by a
    /// dead process that nobody waits for: PostgreSQL would refuse to start. Only the number is replaced, by
    /// one that no process can have, so that the server still looks at the old one's shared memory.
    static func disarmStaleFile(data: String, account: ServerAccount) throws(PrivateServerError) {
        guard var lines = lines(of: data), let process = lines.first.flatMap({ pid_t($0) }), process > 0,
            kill(process, 0) == 0 || errno == EPERM, !serves(process, data: data)
        else { return }
        lines[0] = String(pid_t.max)
        try FileSystem.replace(
            data + "/postmaster.pid", with: lines.joined(separator: "\n"), owner: account)
    }

    private static func lines(of data: String) -> [String]? {
        let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)
        return text?.components(separatedBy: "\n")
    }

    /// Whether the process is alive and the server of this very directory, which it never leaves.
    private static func serves(_ process: pid_t, data: String) -> Bool {
        guard process > 0, kill(process, 0) == 0 || errno == EPERM else { return false }
        #if os(Linux)
            var ours = stat()
            var its = stat()
            guard stat(data, &ours) == 0, stat("/proc/\(process)/cwd", &its) == 0 else { return false }
            return ours.st_dev == its.st_dev && ours.st_ino == its.st_ino
        #else
            // The directory is not easily asked for here, so any PostgreSQL counts: rather one start refused
            // than two servers on one directory.
            let outcome = try? ChildCommand.run(["/bin/ps", "-p", "\(process)", "-o", "stat=", "-o", "comm="])
            guard let outcome, outcome.code == 0, !outcome.output.hasPrefix("Z") else { return false }
            return outcome.output.contains("postgres")
        #endif
    }
}

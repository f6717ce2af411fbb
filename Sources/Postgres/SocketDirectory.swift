import Foundation

/// The directory of a server's Unix socket: short, because a socket's path has at most 107 bytes, and closed
/// to all others, because whoever can connect is let in.
package struct SocketDirectory {
    package let path: String
    private let port: Int

    /// The port of a server that takes no TCP connections.
    static let defaultPort = 5432

    /// The socket's name tells the port, also when nobody listens on TCP.
    var socket: String { path + "/.s.PGSQL.\(port)" }

    package init(name: String, stateDirectory: String, port: Int = SocketDirectory.defaultPort) {
        self.port = port
        path = "/tmp/\(name)-\(FileSystem.fingerprint(stateDirectory))"
    }

    /// Whether a server answers there, in a directory that is the account's alone.
    func isServed(by account: ServerAccount) -> Bool { (try? check(account)) == true && answers() }

    /// Asks for TLS (SSLRequest in PostgreSQL's "Message Formats") and waits up to 10 s for the one byte that
    /// answers: a killed server's socket takes connections for some milliseconds more, but answers no longer.
    private func answers() -> Bool {
        #if canImport(Darwin) || canImport(Musl)
            let stream = SOCK_STREAM
        #else
            let stream = Int32(SOCK_STREAM.rawValue)
        #endif
        let descriptor = Foundation.socket(AF_UNIX, stream, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))

        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        // Sending to a server that just died must not end us by SIGPIPE.
        let request: [UInt8] = [0, 0, 0, 8, 4, 210, 22, 47]
        #if canImport(Darwin)
            let flags: Int32 = 0
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        var answer: UInt8 = 0
        return isConnected && send(descriptor, request, request.count, flags) == request.count
            && recv(descriptor, &answer, 1, 0) == 1
    }

    /// Makes the directory, or checks that the one that is there can be trusted.
    func prepare(for account: ServerAccount) throws(PrivateServerError) {
        try FileSystem.makeDirectory(path, mode: 0o700)
        // Root may have been interrupted before it gave the directory away; nobody else makes one of root's.
        if account.isOther, let status = FileSystem.status(path), status.st_uid == 0,
            FileSystem.isDirectory(status)
        {
            guard lchown(path, account.user, account.group) == 0 else {
                throw .system("cannot give \(path) to the account \(account.name)")
            }
        }
        _ = try check(account)
    }

    /// Removes a killed server's socket; called when no server runs. PostgreSQL would, but not while its
    /// process number is taken, be it by a dead process that nobody waits for, as in many containers.
    func clear() {
        // Of another port, too: it may have listened elsewhere when it was killed.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        where name.hasPrefix(".s.PGSQL.") {
            unlink(path + "/" + name)
        }
    }

    /// Removes what a stopped server leaves; keeps a directory that something else is in.
    func remove() { rmdir(path) }

    private func check(_ account: ServerAccount) throws(PrivateServerError) -> Bool {
        guard let status = FileSystem.status(path) else { return false }
        let problem: String
        if !FileSystem.isDirectory(status) {
            problem = "is not a directory"
        } else if status.st_uid != account.user {
            problem = "belongs to \(ServerAccount.name(of: status.st_uid)), not to \(account.name)"
        } else if status.st_mode & 0o7777 != 0o700 {
            problem = "has the mode \(String(status.st_mode & 0o7777, radix: 8)), not 700"
        } else {
            return true
        }
        throw PrivateServerError(
            .unsafeSocketDirectory, "the server's socket cannot be in \(path): it \(problem)",
            hint: "find out who made it, then remove it")
    }
}

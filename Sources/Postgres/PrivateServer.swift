import CLibPQ
import Foundation

/// A PostgreSQL server of our own: made, started and stopped without an administrator, reached by a Unix
/// socket.
///
/// It outlives the process that started it. Any number of processes and threads may start and stop it at
/// once: a lock in its directory puts them in order.
package struct PrivateServer: Sendable {
    /// Where the server's state is kept, without symbolic links.
    package let directory: String
    /// The database, and the superuser that owns it.
    package let name: String

    private let settings: [String: String]
    private let roots: [String]

    /// - Parameters:
    ///   - directory: where the server's state is kept; made on first use (mode 0700; for root 0711, as
    ///     another account runs the server).
    ///   - name: the database, the user, and the first part of the socket directory's name: letters, digits,
    ///     `_`.
    ///   - settings: more settings of `postgresql.conf`, by name; they win over our own, but for those that
    ///     the URL rests on. They count from the server's next start.
    ///   - roots: where to look for PostgreSQL; see `ServerBinaries.installed`.
    package init(
        directory: String, name: String = "daybook", settings: [String: String] = [:],
        roots: [String] = ServerBinaries.standardRoots
    ) {
        precondition(
            !name.isEmpty && name.utf8.allSatisfy { $0 == 0x5f || ($0 < 0x80 && isalnum(Int32($0)) != 0) })
        self.directory = FileSystem.canonical(directory)
        self.name = name
        self.settings = settings
        self.roots = roots
    }

    /// Where the server is reached once it runs, for libpq.
    package func url() -> String {
        let port = address.map { "&port=\($0.port)" } ?? ""
        return "postgresql:///\(name)?host=\(sockets.path)\(port)&user=\(name)"
    }

    /// Where it takes TCP connections beside; nil where it takes none.
    package var address: ListenAddress? {
        guard let text = try? String(contentsOfFile: addressPath, encoding: .utf8) else { return nil }
        return try? ListenAddress(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private var addressPath: String { directory + "/listen" }

    private var sockets: SocketDirectory {
        SocketDirectory(
            name: name, stateDirectory: directory, port: address?.port ?? SocketDirectory.defaultPort)
    }

    /// The server's own log, which need not exist yet.
    package var logPath: String { ServerPlace.recordedBase(of: directory) + "/server.log" }

    /// Whether the server's main process lives; it may be starting up or going down. False also when the
    /// caller may not look into the data directory.
    package var isRunning: Bool {
        Postmaster(data: ServerPlace.recordedBase(of: directory) + "/postgres") != nil
    }

    /// Whether there is a server to start; where not, a start makes one.
    package var hasData: Bool {
        FileSystem.status(ServerPlace.recordedBase(of: directory) + "/postgres") != nil
    }

    /// Makes the server if it is new, starts it if it is down, and waits until it takes connections, also
    /// through a recovery after a crash. Returns the URL.
    package func start() throws(PrivateServerError) -> String {
        try makeStateDirectory()
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        return try startLocked()
    }

    /// Starts it to take TCP connections at an address, now and at every later start; nil: at none. One that runs
    /// otherwise is started anew. Returns the URL.
    ///
    /// - Throws: `PrivateServerError` of the kind `.inUse` where others are connected to it.
    package func start(at new: ListenAddress?) throws(PrivateServerError) -> String {
        try makeStateDirectory()
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let old = address
        guard old != new else { return try startLocked() }
        if isRunning {
            try refuseOthers(try startLocked())
            let data = ServerPlace.recordedBase(of: directory) + "/postgres"
            if let server = Postmaster(data: data) { try stop(server, data: data, immediately: false) }
        }
        try record(new)
        do throws(PrivateServerError) {
            return try startLocked()
        } catch {
            // What it is to listen at must not keep it from starting tomorrow.
            try record(old)
            throw error
        }
    }

    private func record(_ address: ListenAddress?) throws(PrivateServerError) {
        guard let address else {
            unlink(addressPath)
            return
        }
        try FileSystem.replace(addressPath, with: "\(address)\n", owner: ServerAccount.current)
    }

    private func refuseOthers(_ url: String) throws(PrivateServerError) {
        let others: [String]
        do {
            others = try Connection(url, applicationName: name).query(
                """
                SELECT coalesce(nullif(application_name, ''), 'a client') || ' (process ' || pid || ')'
                FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                ORDER BY pid
                LIMIT 5
                """
            ).rows.map { try $0.get(0) }
        } catch {
            throw PrivateServerError(.startFailed, "cannot ask the server who is connected: \(error)")
        }
        guard !others.isEmpty else { return }
        throw PrivateServerError(
            .inUse,
            "to listen elsewhere the server must be started anew, and others are connected to it: "
                + others.joined(separator: ", "),
            hint: "run the command again when they are done, or end their connections with: daybook db stop")
    }

    private func startLocked() throws(PrivateServerError) -> String {
        let place = try ServerPlace.settle(directory: directory, name: name)
        // pg_ctl hands these paths to a shell in double quotes.
        if place.data.contains(where: { "\"$`\\\n\r".contains($0) }) {
            throw PrivateServerError(
                .inaccessible,
                "\(place.data) has a character in its path that PostgreSQL's pg_ctl would run in a shell",
                hint: "move to a directory without quotes, dollars, backslashes and line ends in its name")
        }

        if try !joinRunning(at: place) {
            try sockets.prepare(for: place.account)
            if FileSystem.status(place.data) == nil {
                let new = NewServerData(place: place, name: name, configuration: configuration(of: place))
                try new.make(with: .forNewData(roots: roots))
            }
            try place.record(in: directory)
            try startStopped(at: place)
        }
        return url()
    }

    /// Stops the server and ends its connections; `immediately` leaves the rest to a recovery at the next
    /// start.
    /// Returns false when it was not running.
    package func stop(immediately: Bool = false) throws(PrivateServerError) -> Bool {
        guard FileSystem.status(directory) != nil else { return false }
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let data = ServerPlace.recordedBase(of: directory) + "/postgres"
        guard let server = Postmaster(data: data) else { return false }
        try stop(server, data: data, immediately: immediately)
        return true
    }
}

// Every function from here on is called with the lock held, but for the first two.
extension PrivateServer {
    private func makeStateDirectory() throws(PrivateServerError) {
        let parent = (directory as NSString).deletingLastPathComponent
        if FileSystem.status(parent) == nil {
            do {
                try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            } catch {
                throw PrivateServerError(
                    .inaccessible, "cannot create the directory \(parent): \(error.localizedDescription)")
            }
        }
        try FileSystem.makeDirectory(directory, mode: geteuid() == 0 ? 0o711 : 0o700)
        guard let status = FileSystem.status(directory), FileSystem.isDirectory(status) else {
            throw PrivateServerError(.inaccessible, "\(directory) is not a directory", hint: "move it away")
        }
    }

    private func lock() throws(PrivateServerError) -> FileLock {
        try FileLock(path: directory + "/server.lock", owner: FileSystem.status(directory)?.st_uid)
    }

    /// Whether a running server can be used. One whose socket is gone (a cleaner of /tmp, a moved directory)
    /// is stopped, as only a start makes a new socket.
    private func joinRunning(at place: ServerPlace) throws(PrivateServerError) -> Bool {
        for _ in 0..<10 {
            guard let server = try awaitReady(at: place) else { return false }
            if server.socketDirectory != sockets.path { break }
            if sockets.isServed(by: place.account) { return true }
            // It may just have been killed, and not be gone yet.
            usleep(50_000)
        }
        guard let server = Postmaster(data: place.data) else { return false }
        try stop(server, data: place.data, immediately: false)
        return false
    }

    /// Waits while the server starts or stops; nil when it does not run, or no longer.
    private func awaitReady(at place: ServerPlace) throws(PrivateServerError) -> Postmaster? {
        let limitSeconds = 900.0
        let stopwatch = Stopwatch()
        while let server = Postmaster(data: place.data) {
            // A recovery in the midst of its life leaves the file's word as it was; only who connects is told.
            if server.status == .ready, PQping(url()) != PQPING_REJECT { return server }
            guard stopwatch.seconds < limitSeconds else {
                throw failure(
                    "the server is still not ready after \(Int(limitSeconds / 60)) minutes", at: place)
            }
            usleep(50_000)
        }
        return nil
    }

    private func startStopped(at place: ServerPlace) throws(PrivateServerError) {
        guard
            let text = try? String(contentsOfFile: place.data + "/PG_VERSION", encoding: .utf8),
            let version = Int(text.prefix { $0.isASCII && $0.isNumber })
        else {
            throw PrivateServerError(
                .inaccessible, "\(place.data) is not a PostgreSQL data directory that can be read",
                hint: "move it away to start anew with an empty database")
        }
        let binaries = try ServerBinaries.forData(of: version, in: place.data, roots: roots)
        guard try place.account.canEnter(place.data) else {
            throw ServerPlace.unreachable(place.data, for: place.account)
        }
        guard let vigil = try takeVigil(at: place) else { return }
        defer { withExtendedLifetime(vigil) {} }

        try Postmaster.disarmStaleFile(data: place.data, account: place.account)
        try sockets.prepare(for: place.account)
        sockets.clear()
        let configuration = configuration(of: place)
        let files = [(configuration.fileName, configuration.text), configuration.access].compactMap { $0 }
        for (name, text) in files {
            let path = place.data + "/" + name
            if (try? String(contentsOfFile: path, encoding: .utf8)) != text {
                try FileSystem.replace(path, with: text, owner: place.account)
            }
        }
        let logSize = try FileSystem.prepareLog(place.log, owner: place.account)
        let outcome = try place.account.run(
            [
                binaries.path("pg_ctl"), "-D", place.data, "-l", place.log, "-s", "-w", "-t", "60", "start",
            ], inheriting: vigil.descriptor)
        // pg_ctl gives up after a minute; a server that is still recovering then is waited for.
        if outcome.code == 0 { return }
        if try awaitReady(at: place) != nil { return }
        throw failure("the server did not start", at: place, output: outcome.output, logSize: logSize)
    }

    /// A lock that the server's processes inherit, so that it is held until the last of them has ended: also
    /// those that outlive a killed main process, and those in another container, whose process numbers say
    /// nothing here. Two servers on one directory would destroy it. Nil when a server is up after all.
    private func takeVigil(at place: ServerPlace) throws(PrivateServerError) -> FileLock? {
        for _ in 0..<150 {
            if let vigil = try FileLock(trying: place.data + "/PG_VERSION") { return vigil }
            if try joinRunning(at: place) { return nil }
            usleep(100_000)
        }
        throw PrivateServerError(
            .startFailed,
            "processes that cannot be seen from here still use \(place.data): those of a killed server, "
                + "or a server in another container",
            hint: "end them, or stop that server, and run the command again")
    }

    private func stop(
        _ server: Postmaster, data: String, immediately: Bool
    ) throws(PrivateServerError) {
        guard kill(server.process, immediately ? SIGQUIT : SIGINT) == 0 || errno == ESRCH else {
            throw PrivateServerError(
                .stopFailed,
                "cannot stop the server (process \(server.process)): \(String(cString: strerror(errno)))",
                hint: "run this command as the user who started it, or as root")
        }
        // A fast stop writes what is in memory to the disk first.
        let limitSeconds = 300.0
        let stopwatch = Stopwatch()
        while let still = Postmaster(data: data), still.process == server.process {
            guard stopwatch.seconds < limitSeconds else {
                throw PrivateServerError(
                    .stopFailed,
                    "the server (process \(server.process)) is still up after \(Int(limitSeconds)) s",
                    hint: "its log is \(logPath)")
            }
            usleep(20_000)
        }
        sockets.remove()
    }

    private func configuration(of place: ServerPlace) -> ServerConfiguration {
        ServerConfiguration(
            name: name, data: place.data, socketDirectory: sockets.path, settings: settings, listen: address)
    }

    private func failure(
        _ what: String, at place: ServerPlace, output: String = "", logSize: off_t = 0
    ) -> PrivateServerError {
        var lines = FileSystem.lastLines(12, of: place.log, from: logSize)
        if lines.isEmpty { lines = FileSystem.lastLines(12, of: output) }
        let isFull = lines.contains { $0.contains("No space left on device") }
        let message = ([what + " (data in \(place.data)):"] + lines).joined(separator: "\n    ")
        let unbound = lines.filter { $0.contains("could not bind") }
        if let address, unbound.contains(where: { $0.contains("Permission denied") }) {
            return PrivateServerError(
                .startFailed, message,
                hint:
                    "the system does not let it listen at \(address), as of ports below 1024; take another port, or none: "
                    + "daybook db start --listen off")
        }
        if let address, !unbound.isEmpty {
            return PrivateServerError(
                .startFailed, message,
                hint:
                    "another program listens at \(address); take another port, or none: daybook db start --listen off"
            )
        }
        return PrivateServerError(isFull ? .diskFull : .startFailed, message, hint: "its log is \(place.log)")
    }
}

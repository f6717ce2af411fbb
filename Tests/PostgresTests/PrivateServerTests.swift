import Foundation
import Postgres
import Testing

/// Each test has a directory and a server of its own; real PostgreSQL, from wherever it is installed.
@Suite(.serialized, .enabled(if: !ServerBinaries.installed().isEmpty))
struct PrivateServerTests {
    @Test func startsOnceAndKeepsItsDataWhenStopped() throws {
        try withScratch { scratch in
            let server = scratch.server()
            #expect(!server.isRunning)
            #expect(try !server.stop())
            #expect(FileSystem.status(server.directory) == nil, "stopping makes nothing")

            let url = try server.start()
            let process = try scratch.process()
            #expect(url == server.url())
            #expect(url == "postgresql:///daybook?host=\(scratch.sockets)&user=daybook")
            #expect(try server.start() == url)
            #expect(try scratch.process() == process, "a second start keeps the server")
            #expect(server.isRunning)
            #expect(try query(url, "SELECT current_user, current_database()") == "daybook|daybook")
            _ = try query(url, "CREATE TABLE kept AS SELECT 42 AS answer")

            #expect(try server.stop())
            #expect(!server.isRunning)
            #expect(FileSystem.status(scratch.sockets) == nil, "nothing is left in /tmp")
            #expect(try !server.stop())
            #expect(try server.start() == url)
            #expect(try query(url, "SELECT answer FROM kept") == "42")
        }
    }

    @Test func isSafeByItsSettings() throws {
        try withScratch { scratch in
            let url = try scratch.server(settings: ["work_mem": "7MB", "port": "1"], fast: false).start()
            let settings = [
                "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "listen_addresses": "",
                "unix_socket_permissions": "0700", "max_wal_size": "4GB", "server_encoding": "UTF8",
                "log_min_error_statement": "panic", "work_mem": "7MB", "port": "5432",
            ]
            for (name, value) in settings {
                #expect(try query(url, "SELECT current_setting('\(name)')") == value, "\(name)")
            }
            let remote = "SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE type <> 'local'"
            #expect(try query(url, remote) == "reject")
            #expect(try query(url, "SELECT datcollate FROM pg_database WHERE datname = 'daybook'") == "C")

            _ = try? query(url, "SELECT 'a secret of the user' FROM no_such_table")
            let log = try String(contentsOfFile: scratch.server().logPath, encoding: .utf8)
            #expect(log.contains("no_such_table"))
            #expect(!log.contains("secret"), "statements stay out of the log")

            let status = try #require(FileSystem.status(scratch.sockets))
            #expect(status.st_mode & 0o7777 == 0o700)
        }
    }

    @Test func appliesNewSettingsAtTheNextStart() throws {
        try withScratch { scratch in
            let url = try scratch.server().start()
            _ = try scratch.server().stop()
            _ = try scratch.server(settings: ["cluster_name": #"it's a \ "name""#]).start()
            #expect(try query(url, "SHOW cluster_name") == #"it's a \ "name""#)
        }
    }

    @Test func recoversFromAKill() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let url = try server.start()
            _ = try query(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
            let killed = try scratch.process()
            kill(killed, SIGKILL)
            #expect(try server.start() == url)
            #expect(try scratch.process() != killed)
            #expect(try query(url, "SELECT count(*) FROM kept") == "1000")

            #expect(try server.stop(immediately: true))
            #expect(try server.start() == url)
            #expect(try query(url, "SELECT count(*) FROM kept") == "1000")
        }
    }

    @Test("A server that recovers because one of its processes crashed is waited for")
    func waitsForARecovery() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let url = try server.start()
            for round in 1...3 {
                let connection = try Connection(url, applicationName: "tests")
                // Something to recover.
                try connection.execute(
                    "CREATE TABLE t\(round) AS SELECT n, repeat('x', 200) FROM generate_series(1, 200000) AS n"
                )
                kill(connection.processID, SIGKILL)
                // Until the main process has noticed, connections are taken.
                while (try? Connection(url, applicationName: "tests")) != nil { usleep(1_000) }
                #expect(try server.start() == url)
                #expect(try query(url, "SELECT count(*) FROM t\(round)") == "200000")
            }
        }
    }

    /// The server's farewell can still be read where our write fails: libpq then calls the connection good.
    @Test func connectionsOfAServerThatStoppedAtOnceAreLost() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let url = try server.start()
            let isLost = {
                (_ body: (borrowing Connection) throws -> Void) throws in
                let connection = try Connection(url, applicationName: "tests")
                try connection.execute("CREATE TEMPORARY TABLE t (n int)")
                #expect(try server.stop(immediately: true))
                for _ in 0..<2 {
                    let error = #expect(throws: PostgresError.self) { try body(connection) }
                    #expect(error?.kind == .connectionLost, "\(String(describing: error))")
                }
                _ = try server.start()
            }
            try isLost { _ = try $0.query("SELECT 1") }
            try isLost { try $0.execute("SELECT 1; SELECT 2") }
            try isLost { try $0.transaction {} }
            try isLost { connection in
                _ = try connection.copy("COPY t FROM STDIN") { copy in
                    try Array("1\n".utf8).withUnsafeBytes { try copy.write($0) }
                }
            }
        }
    }

    /// After a reboot the number of the killed server may be that of another program of the same account: only
    /// then would PostgreSQL refuse.
    @Test func recoversFromAPidFileThatNamesAnotherProgram() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let url = try server.start()
            kill(try scratch.process(), SIGKILL)
            var lines = try String(contentsOfFile: scratch.pidFile, encoding: .utf8)
                .components(separatedBy: "\n")
            let other = try ServerAccount.forServer().run(["/bin/sh", "-c", "sleep 60 & echo $!"]).output
            let program = try #require(pid_t(other.trimmingCharacters(in: .newlines)))
            defer { kill(program, SIGKILL) }
            lines[0] = String(program)
            let handle = try #require(FileHandle(forUpdatingAtPath: scratch.pidFile))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(lines.joined(separator: "\n").utf8))
            try handle.close()

            #expect(!server.isRunning)
            #expect(try !server.stop(), "another program is not stopped")
            #expect(kill(program, 0) == 0)
            #expect(try server.start() == url)
            #expect(try query(url, "SELECT 1") == "1")
        }
    }

    @Test func waitsForProcessesThatOutliveTheServer() throws {
        try withScratch { scratch in
            let server = scratch.server()
            _ = try server.start()
            _ = try server.stop()
            // Stands for a backend that is slow to see that its server died.
            let waiting = open(scratch.data + "/PG_VERSION", O_RDWR)
            defer { close(waiting) }
            // On a busy machine the stopped server's own processes may be as slow.
            let stopwatch = Stopwatch()
            while flock(waiting, LOCK_EX | LOCK_NB) != 0, stopwatch.seconds < 30 {
                Thread.sleep(forTimeInterval: 0.05)
            }
            #expect(stopwatch.seconds < 30, "nobody else holds it")
            let released = Date().addingTimeInterval(1)
            Thread.detachNewThread {
                Thread.sleep(until: released)
                flock(waiting, LOCK_UN)
            }
            _ = try server.start()
            #expect(Date() >= released)
            #expect(flock(waiting, LOCK_EX | LOCK_NB) != 0, "the server's processes hold it now")
        }
    }

    @Test func concurrentStartsMakeOneServer() async throws {
        let scratch = try makeScratch()
        defer { scratch.clear() }
        let server = scratch.server()
        let urls = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<2 { group.addTask { try server.start() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(urls == [server.url(), server.url()])
        #expect(try query(server.url(), "SELECT 1") == "1")
        let log = try String(contentsOfFile: server.logPath, encoding: .utf8)
        #expect(log.components(separatedBy: "starting PostgreSQL").count == 2)
    }

    @Test func clearsWhatAKilledInitdbLeft() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let leftover = server.directory + "/postgres.new-killed"
            try FileManager.default.createDirectory(
                atPath: leftover + "/base", withIntermediateDirectories: true)
            if geteuid() == 0 { chmod(server.directory, 0o711) }
            try Data("15\n".utf8).write(to: URL(fileURLWithPath: leftover + "/PG_VERSION"))
            #expect(try query(server.start(), "SELECT 1") == "1")
            #expect(FileSystem.status(leftover) == nil)
        }
    }

    @Test func restartsWhenItsSocketIsGone() throws {
        try withScratch { scratch in
            let server = scratch.server()
            let url = try server.start()
            let before = try scratch.process()
            try FileManager.default.removeItem(atPath: scratch.sockets)
            #expect(try server.start() == url)
            #expect(try scratch.process() != before)
            #expect(try query(url, "SELECT 1") == "1")
        }
    }

    @Test func movesWithItsDirectoryAndLeavesACopyItsOwn() throws {
        try withScratch { scratch in
            let url = try scratch.server().start()
            _ = try query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
            let process = try scratch.process()

            let copy = Scratch(path: scratch.path + "/copy")
            defer { copy.clear() }
            try run("/bin/cp", ["-a", scratch.state, copy.path])
            #expect(!copy.server().isRunning)
            #expect(try !copy.server().stop(), "the original is not stopped")
            #expect(try scratch.process() == process)
            #expect(scratch.server().isRunning)

            let moved = Scratch(path: scratch.path + "/moved")
            defer { moved.clear() }
            try FileManager.default.createDirectory(atPath: moved.path, withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: scratch.state, toPath: moved.state)
            let movedURL = try moved.server().start()
            #expect(movedURL != url)
            #expect(try query(movedURL, "SELECT answer FROM kept") == "42")
        }
    }

    @Test(arguments: ["link", "mode", "file"])
    func refusesASocketDirectoryThatIsNotItsOwn(kind: String) throws {
        try withScratch { scratch in
            switch kind {
            case "link": symlink(scratch.path, scratch.sockets)
            case "mode":
                mkdir(scratch.sockets, 0o700)
                chmod(scratch.sockets, 0o755)
            default: try Data().write(to: URL(fileURLWithPath: scratch.sockets))
            }
            defer { remove(scratch.sockets) }
            let error = #expect(throws: PrivateServerError.self) { try scratch.server().start() }
            #expect(error?.kind == .unsafeSocketDirectory)
            #expect(error?.description.contains(scratch.sockets) == true)
            #expect(!scratch.server().isRunning)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func refusesASocketDirectoryOfAnotherUser() throws {
        try withScratch { scratch in
            mkdir(scratch.sockets, 0o700)
            defer { rmdir(scratch.sockets) }
            chown(scratch.sockets, 12345, 12345)
            let error = #expect(throws: PrivateServerError.self) { try scratch.server().start() }
            #expect(error?.kind == .unsafeSocketDirectory)
            #expect(error?.message.contains("belongs to 12345") == true)
        }
    }

    @Test(arguments: [(9, PrivateServerError.Kind.tooOld), (99, .otherVersion)])
    func refusesDataOfAnotherMajorVersion(version: Int, kind: PrivateServerError.Kind) throws {
        try withScratch { scratch in
            try FileManager.default.createDirectory(atPath: scratch.data, withIntermediateDirectories: true)
            try Data("\(version)\n".utf8).write(to: URL(fileURLWithPath: scratch.data + "/PG_VERSION"))
            let account = try ServerAccount.forServer()
            chown(scratch.data, account.user, account.group)
            let error = #expect(throws: PrivateServerError.self) { try scratch.server().start() }
            #expect(error?.kind == kind)
            #expect(error?.description.contains("PostgreSQL \(version)") == true)
            #expect(error?.hint?.contains("move \(scratch.data) away") == true)
        }
    }

    @Test func tellsHowToInstallPostgreSQL() throws {
        try withScratch { scratch in
            let none = scratch.server(roots: [scratch.path + "/none"])
            let error = #expect(throws: PrivateServerError.self) { try none.start() }
            #expect(error?.kind == .notInstalled)
            #expect(error?.hint?.contains("apt install postgresql") == true)
            #expect(error?.hint?.contains("--database") == true)

            let old = scratch.server(roots: [try scratch.installation("old", version: "9.6.24")])
            #expect(#expect(throws: PrivateServerError.self) { try old.start() }?.kind == .tooOld)
        }
    }

    @Test func findsInstallationsNewestFirst() throws {
        try withScratch { scratch in
            for (name, version) in [("14", "14.2"), ("16", "16beta1"), ("15", "15.18 (Debian)")] {
                _ = try scratch.installation(name, version: version)
            }
            try FileManager.default.createDirectory(
                atPath: scratch.path + "/links", withIntermediateDirectories: true)
            symlink(scratch.path + "/pg-14/bin/pg_ctl", scratch.path + "/links/pg_ctl")
            let found = ServerBinaries.installed(
                roots: [scratch.path + "/pg-*/bin", scratch.path + "/links", scratch.path + "/none"])
            #expect(found.map(\.majorVersion) == [16, 15, 14])
            #expect(found.first?.directory == FileSystem.canonical(scratch.path + "/pg-16/bin"))
        }
    }

    @Test func showsTheLogWhenTheServerDoesNotStart() throws {
        try withScratch { scratch in
            _ = try scratch.server().start()
            _ = try scratch.server().stop()
            let broken = scratch.server(settings: ["no_such_setting": "1"])
            let error = #expect(throws: PrivateServerError.self) { try broken.start() }
            #expect(error?.kind == .startFailed)
            #expect(error?.message.contains("no_such_setting") == true)
            #expect(error?.hint?.contains(broken.logPath) == true)
            #expect(try query(scratch.server().start(), "SELECT 1") == "1")
        }
    }

    @Test func leavesNothingBehindWhenInitdbFails() throws {
        try withScratch { scratch in
            let fake = try scratch.installation("16", version: "16.1")
            let error = #expect(throws: PrivateServerError.self) {
                try scratch.server(roots: [fake]).start()
            }
            #expect(error?.kind == .initialisationFailed)
            #expect(error?.message.contains("No such luck") == true)
            let left = try FileManager.default.contentsOfDirectory(atPath: scratch.state)
            #expect(left == ["server.lock"])
        }
    }

    @Test func namesADirectoryThatIsNone() throws {
        try withScratch { scratch in
            try Data().write(to: URL(fileURLWithPath: scratch.state))
            let error = #expect(throws: PrivateServerError.self) { try scratch.server().start() }
            #expect(error?.kind == .inaccessible)
            #expect(error?.message.contains(scratch.state) == true)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root runs it with another account"))
    func livesElsewhereBelowAClosedHome() throws {
        try withScratch { scratch in
            chmod(scratch.path, 0o700)
            let server = scratch.server()
            let elsewhere = "/var/lib/daybook/" + FileSystem.fingerprint(server.directory)
            defer {
                _ = try? server.stop(immediately: true)
                try? FileManager.default.removeItem(atPath: elsewhere)
                rmdir("/var/lib/daybook")
            }
            let url = try server.start()
            #expect(server.isRunning)
            #expect(server.logPath == elsewhere + "/server.log")
            #expect(FileSystem.status(elsewhere + "/postgres") != nil)
            #expect(FileSystem.status(scratch.data) == nil)
            _ = try query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
            _ = try server.stop()
            #expect(try server.start() == url)
            #expect(try query(url, "SELECT answer FROM kept") == "42")

            _ = try server.stop()
            try FileManager.default.moveItem(atPath: elsewhere, toPath: elsewhere + ".away")
            let error = #expect(throws: PrivateServerError.self) { try server.start() }
            #expect(error?.kind == .inaccessible, "lost data is not replaced by an empty database in silence")
            try FileManager.default.moveItem(atPath: elsewhere + ".away", toPath: elsewhere)
        }
    }

    /// Whoever captures our output gets its end although the server stays up, and the server is in a session
    /// of its own, out of a terminal's reach.
    @Test func letsGoOfTheCallersFilesAndTerminal() throws {
        try withScratch { scratch in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            _ = try scratch.server().start()
            let server = try scratch.process()
            close(ends[1])
            var waiting = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            #expect(poll(&waiting, 1, 2000) == 1)
            #expect(waiting.revents & Int16(POLLHUP) != 0, "the server holds no end of the pipe")
            close(ends[0])
            #expect(getsid(server) != getsid(0))
            #expect(getpgid(server) != getpgrp())
        }
    }
}

/// A directory below /tmp with one server in it.
private struct Scratch: Sendable {
    let path: String

    var state: String { path + "/.state" }
    var data: String { state + "/postgres" }
    var pidFile: String { data + "/postmaster.pid" }
    var sockets: String {
        SocketDirectory(name: "daybook", stateDirectory: FileSystem.canonical(state)).path
    }

    /// Without fsync unless `fast` is false.
    func server(
        settings: [String: String] = [:], roots: [String] = ServerBinaries.standardRoots, fast: Bool = true
    ) -> PrivateServer {
        let base = fast ? ["fsync": "off", "shared_buffers": "16MB"] : [:]
        return PrivateServer(directory: state, settings: base.merging(settings) { $1 }, roots: roots)
    }

    func process() throws -> pid_t {
        let lines = try String(contentsOfFile: pidFile, encoding: .utf8).split(separator: "\n")
        return try #require(lines.first.flatMap { pid_t($0) })
    }

    /// Programs that tell a version and fail at everything else. Returns their directory.
    func installation(_ name: String, version: String) throws -> String {
        let bin = path + "/pg-\(name)/bin"
        try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
        for program in ["postgres", "initdb", "pg_ctl"] {
            let script = """
                #!/bin/sh
                if [ "$1" = --version ]; then echo '\(program) (PostgreSQL) \(version)'; exit 0; fi
                echo 'No such luck' >&2
                exit 1

                """
            try Data(script.utf8).write(to: URL(fileURLWithPath: bin + "/" + program))
            chmod(bin + "/" + program, 0o755)
        }
        return bin
    }

    /// Stops the server, if it runs, and removes the directory.
    func clear() {
        _ = try? server().stop(immediately: true)
        rmdir(sockets)
        try? FileManager.default.removeItem(atPath: path)
    }
}

private func makeScratch() throws -> Scratch {
    var template = Array("/tmp/private-server-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    chmod(path, 0o755)
    return Scratch(path: path)
}

private func withScratch(_ body: (Scratch) throws -> Void) throws {
    let scratch = try makeScratch()
    defer { scratch.clear() }
    try body(scratch)
}

private struct CommandFailed: Error { let output: String }

@discardableResult
private func run(_ program: String, _ arguments: [String]) throws -> String {
    let outcome = try ChildCommand.run([program] + arguments)
    guard outcome.code == 0 else { throw CommandFailed(output: outcome.output) }
    return outcome.output.trimmingCharacters(in: .newlines)
}

/// The rows as psql prints them unaligned.
private func query(_ url: String, _ sql: String) throws -> String {
    let psql = try #require(ServerBinaries.installed().first).directory + "/psql"
    return try run(psql, ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
}

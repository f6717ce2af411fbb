import Foundation
import Postgres

/// A database of a test's own, on a server that the test run starts: created when made, dropped when it goes.
///
/// The server keeps nothing (fsync off) and ends with the test process. `DAYBOOK_TEST_SERVER` gives the URL of another
/// one, for a superuser; `DAYBOOK_TEST_EXTENSIONS` names what each database is to have, with spaces between.
package final class TestDatabase {
    /// The extensions that each has.
    package static let extensions = (ProcessInfo.processInfo.environment["DAYBOOK_TEST_EXTENSIONS"] ?? "")
        .split(separator: " ").map(String.init)

    package let name: String
    /// What to connect with.
    package let url: String

    package init() throws {
        let server = try TestServer.url.get()
        name = "test_\(UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: ""))"
        // What comes last wins over the database that a URL begins with.
        url = "\(server)\(server.contains("?") ? "&" : "?")dbname=\(name)"
        let admin = try Connection(server, applicationName: "tests")
        try admin.execute("CREATE DATABASE \(name)")
        for wanted in TestDatabase.extensions {
            try connect().execute("CREATE EXTENSION IF NOT EXISTS \(wanted)")
        }
    }

    deinit {
        guard let server = try? TestServer.url.get(),
            let admin = try? Connection(server, applicationName: "tests")
        else { return }
        try? admin.execute("DROP DATABASE \(name) WITH (FORCE)")
    }

    package func connect() throws -> Connection { try Connection(url, applicationName: "tests") }

    package func execute(_ script: String) throws { try connect().execute(script) }

    /// The single value of a query, as text.
    package func value(_ sql: String) throws -> String? {
        let result = try connect().query(sql)
        return result.count > 0 ? result[0].text(0) : nil
    }

    /// Every row of a query as its columns' texts, null as "∅".
    package func rows(_ sql: String) throws -> [[String]] {
        let result = try connect().query(sql)
        return result.rows.map { row in (0..<result.columnCount).map { row.text($0) ?? "∅" } }
    }
}

extension Connection {
    /// An id for a load that a test makes itself, larger than all before.
    package func nextLoadID() throws -> Int64 {
        try query("SELECT nextval(pg_get_serial_sequence('daybook.loads', 'load_id'))").first().get(0)
    }
}

/// The server of the test run.
private final class TestServer: Sendable {
    let url: String
    private let server: PrivateServer
    private let directory: String

    static let shared = Swift.Result { try TestServer() }
    /// Of the server that is given, or else of this one, which is started then.
    static let url = Swift.Result {
        try ProcessInfo.processInfo.environment["DAYBOOK_TEST_SERVER"] ?? shared.get().url
    }

    private init() throws {
        TestServer.sweep()
        directory = "\(NSTemporaryDirectory())daybook-tests-\(ProcessInfo.processInfo.processIdentifier)"
        server = PrivateServer(
            directory: directory,
            settings: [
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
                "max_connections": "60",
            ])
        url = try server.start()
        atexit {
            guard let test = try? TestServer.shared.get() else { return }
            _ = try? test.server.stop(immediately: true)
            try? FileManager.default.removeItem(atPath: test.directory)
        }
    }

    /// Stops the servers of test runs that were killed: their process is gone.
    private static func sweep() {
        let parent = NSTemporaryDirectory()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name.hasPrefix("daybook-tests-") {
            guard let process = Int32(name.dropFirst("daybook-tests-".count)), kill(process, 0) != 0 else {
                continue
            }
            _ = try? PrivateServer(directory: parent + name).stop(immediately: true)
            try? FileManager.default.removeItem(atPath: parent + name)
        }
    }
}

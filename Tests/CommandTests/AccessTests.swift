import Foundation
import Postgres
import TestSupport
import Testing

/// What each has a right to: readers, the role that loads, and who comes by TCP.
@Suite
struct AccessTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "*.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "event_fields": { "order": { "amount": { "type": "numeric" } } },
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-05T10:00:00Z","type":"order.created","order":"o1","amount":3}
            {"id":"2","at":"2026-01-05T10:10:00Z","type":"order.paid","order":"o1"}
            {"id":"3"}

            """)
    }

    /// Roles belong to the whole server: each test has its own, and takes them away.
    private func withRole(_ body: (String) throws -> Void) throws {
        let role = "test role \"\(UUID().uuidString.prefix(8).lowercased())'"
        defer {
            try? database.execute(
                """
                REASSIGN OWNED BY \(quoteIdentifier(role)) TO CURRENT_USER;
                DROP OWNED BY \(quoteIdentifier(role)); DROP ROLE \(quoteIdentifier(role));
                """)
        }
        try body(role)
    }

    private func url(of role: String) -> String {
        let name = role.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? role
        return "\(database.url)&user=\(name)"
    }

    private func connect(_ role: String) throws -> Connection {
        try Connection(url(of: role), applicationName: "tests")
    }

    @discardableResult
    private func run(_ arguments: String...) throws -> String {
        let outcome = try Shell.run(
            DaybookCommand.path, arguments, in: project.directory, command.environment)
        #expect(outcome.status == 0, "\(arguments): \(outcome.error)")
        return outcome.out
    }

    // MARK: - Readers

    @Test("A reader sees every table, view and function of report and raw, those that come later too")
    func readersRead() throws {
        try run("run")
        try withRole { role in
            #expect(try run("grant-reader", role).contains("may read report and raw"))
            let reader = try connect(role)
            try project.write(
                "a2.ndjson",
                #"{"id":"9","at":"2026-03-05T10:00:00Z","type":"cart.add","order":"o2"}"# + "\n")
            try project.write(
                "sql/transforms/mine.sql",
                "-- model: report.mine\n-- key: case_id\n-- from: report.cases\nSELECT case_id FROM report.cases"
            )
            try run("run")
            let relations = try database.rows(
                """
                SELECT c.oid::regclass FROM pg_class AS c
                WHERE relnamespace IN ('raw'::regnamespace, 'report'::regnamespace) AND relkind IN ('r', 'p', 'v')
                    -- Before the loader has finished a day nobody is to see it.
                    AND relname <> 'building'
                """
            ).map { $0[0] }
            #expect(relations.contains("raw.events_20260305") && relations.contains("report.mine"))
            for relation in relations {
                #expect(throws: Never.self, "\(relation)") {
                    try reader.query("SELECT * FROM \(relation) LIMIT 1")
                }
            }
            let functions = try database.rows(
                """
                SELECT p.oid::regprocedure, format('SELECT * FROM %s(%s)', p.oid::regproc, (
                    SELECT string_agg(format('NULL::%s', format_type(t, NULL)), ', ' ORDER BY i)
                    FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, i)))
                FROM pg_proc AS p
                WHERE p.pronamespace IN ('raw'::regnamespace, 'report'::regnamespace)
                """)
            #expect(functions.count > 8)
            for function in functions {
                #expect(throws: Never.self, "\(function[0])") { try reader.query(function[1]) }
            }
            for call in [
                "raw.events_of_case('o1')", "raw.events_between('2026-01-01', '2026-02-01')",
                "report.sla_daily_local('Europe/Berlin')", "report.sla_hourly_as_of(now())",
                "report.case_timeline('o1')", "report.locate('o1')", "report.usual_steps('order')",
            ] {
                #expect(throws: Never.self, "\(call)") { try reader.query("SELECT * FROM \(call)") }
            }
        }
    }

    @Test("A reader can write nothing, see no secrets, and read no files")
    func readersDoNothingElse() throws {
        try run("run")
        try withRole { role in
            try run("grant-reader", role, "--timeout", "200ms")
            let reader = try connect(role)
            // Whoever reads may turn this off; what holds is that nothing was granted.
            #expect(try reader.query("SHOW transaction_read_only").first().get(0) == "on")
            try reader.execute("SET default_transaction_read_only = off")
            let tables = try database.rows(
                """
                SELECT c.oid::regclass, (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1)
                FROM pg_class AS c
                WHERE relnamespace IN ('raw'::regnamespace, 'report'::regnamespace, 'daybook'::regnamespace)
                    AND relkind IN ('r', 'p', 'v')
                """)
            for table in tables {
                for statement in [
                    "INSERT INTO \(table[0]) DEFAULT VALUES", "DELETE FROM \(table[0])",
                    "TRUNCATE \(table[0])",
                    "UPDATE \(table[0]) SET \(table[1]) = \(table[1])", "DROP TABLE \(table[0])",
                    "LOCK TABLE \(table[0]) IN EXCLUSIVE MODE", "CREATE INDEX ON \(table[0]) (\(table[1]))",
                    "COPY \(table[0]) FROM STDIN", "ALTER TABLE \(table[0]) ADD COLUMN more int",
                    "CREATE TRIGGER t BEFORE INSERT ON \(table[0]) EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                ] {
                    #expect(throws: PostgresError.self, "\(statement)") { try reader.execute(statement) }
                }
            }
            for name in [
                "rejects", "channels", "alert_rules", "alerts", "notifications", "silences", "alert_news",
                "pulls", "runs",
                "files", "schema_files", "schedules", "touched_cases",
            ] {
                #expect(throws: PostgresError.self, "\(name)") {
                    try reader.query("SELECT * FROM daybook.\(name)")
                }
            }
            for statement in [
                "CREATE TABLE report.t (a int)", "CREATE TABLE raw.t (a int)",
                "CREATE TABLE daybook.t (a int)",
                "CREATE SCHEMA s", "CREATE FUNCTION report.f() RETURNS int LANGUAGE sql RETURN 1",
                "CREATE ROLE r",
                "SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')",
                "SELECT lo_import('/etc/passwd')",
                "COPY report.cases TO '/tmp/x'", "COPY report.cases TO PROGRAM 'true'",
                "ALTER SYSTEM SET fsync = off",
                "SELECT daybook.drop_day('2026-01-05', '1s')", "SELECT daybook.compact_day('2026-01-05')",
                "SELECT daybook.drop_rejects(now())",
                "SELECT daybook.grant_loader(current_user, NULL)", "SET ROLE postgres", "SELECT pg_sleep(2)",
            ] {
                #expect(throws: PostgresError.self, "\(statement)") { try reader.execute(statement) }
            }
        }
    }

    @Test func readersOfReportsSeeNoEvents() throws {
        try run("run")
        try withRole { role in
            try run("grant-reader", role)
            #expect(try connect(role).query("SELECT * FROM raw.events").count == 2)
            let document = try run("grant-reader", role, "--report-only", "--json")
            #expect(document.contains(#""created" : false"#))
            let reader = try connect(role)
            #expect(try reader.query("SELECT * FROM report.cases").count == 1)
            #expect(throws: PostgresError.self) { try reader.query("SELECT * FROM raw.events") }
        }
    }

    @Test("The password of a new role stands in a file that only its owner reads, and in no output")
    func passwordsAreKept() throws {
        try run("run")
        try withRole { role in
            let out = try run("grant-reader", role, "--passfile", "secrets/reader")
            let path = project.path("secrets/reader")
            let fields = try String(contentsOfFile: path, encoding: .utf8).split(separator: ":")
            let password = String(try #require(fields.last)).trimmingCharacters(in: .newlines)
            #expect(password.count == 24 && fields[2] == database.name && fields[3] == role)
            #expect(!out.contains(password) && out.contains("secrets/reader"))
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let stored = try database.value(
                "SELECT rolpassword FROM pg_authid WHERE rolname = \(quoteLiteral(role))")
            #expect(stored?.hasPrefix("SCRAM-SHA-256$") == true)
            // It keeps its password when it is granted something once more.
            try run("grant-reader", role, "--passfile", "secrets/other")
            #expect(!FileManager.default.fileExists(atPath: project.path("secrets/other")))
        }
    }

    @Test("What else stands in a password file stays, whatever becomes of the grant")
    func otherPasswordsStay() throws {
        try run("run")
        let others = "# mine\nshop.example:5432:shop:ann:one\nbooks\\:2:*:books:bob:two\n"
        try project.write("pgpass", others)
        try FileManager.default.createSymbolicLink(
            atPath: project.path("link"), withDestinationPath: "pgpass")
        func held() throws -> String { try String(contentsOfFile: project.path("pgpass"), encoding: .utf8) }
        for wrong in ["public", "pg_x", try #require(try database.value("SELECT current_user"))] {
            #expect(try command.run("grant-reader", wrong, "--passfile", "link").status != 0)
            #expect(try held() == others)
        }
        try withRole { role in
            try run("grant-reader", role, "--passfile", "link")
            let first = try held()
            #expect(first.hasPrefix(others) && first.contains(":\(role):"))
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: project.path("link")) == "pgpass")
            // A wider line after it must not come first.
            try project.write("pgpass", first + "*:*:*:*:three\n")
            let verifier = "SELECT rolpassword FROM pg_authid WHERE rolname = \(quoteLiteral(role))"
            let before = try database.value(verifier)
            #expect(
                try run("grant-reader", role, "--passfile", "link", "--new-password").contains("new password")
            )
            #expect(try database.value(verifier) != before)
            let second = try held()
            #expect(second.hasPrefix(others) && second.hasSuffix("*:*:*:*:three\n"))
            #expect(second.split(separator: "\n").count { $0.contains(":\(role):") } == 1)
            #expect(!second.contains(first.split(separator: "\n").last ?? ""))
            let attributes = try FileManager.default.attributesOfItem(atPath: project.path("pgpass"))
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let reader = try Connection(
                "\(url(of: role))&passfile=\(project.path("pgpass"))", applicationName: "tests")
            #expect(try reader.query("SELECT count(*) FROM report.cases").count == 1)
        }
    }

    @Test("In a folder that is no project, that is what is told")
    func needsAProject() throws {
        var command = command
        command.environment["DATABASE_URL"] = nil
        let folder = try TemporaryProject()
        try FileManager.default.removeItem(atPath: folder.path("pipelines"))
        for verb in ["grant-reader", "grant-loader"] {
            let outcome = try Shell.run(
                DaybookCommand.path, [verb, "nobody"], in: folder.directory, command.environment)
            #expect(outcome.status == 78 && !outcome.error.contains("--passfile"), "\(outcome.error)")
        }
    }

    @Test func refusesRolesThatNoPrivilegeBinds() throws {
        try run("run")
        let owner = try #require(try database.value("SELECT current_user"))
        for (arguments, words) in [
            (["grant-reader", owner], "may do everything already"),
            (["grant-reader", String(repeating: "x", count: 64)], "is no name of a role"),
            (["grant-reader", "pg_x"], "is no name of a role"),
            (["grant-reader"], "name the role"),
            (["grant-loader", owner], "may do everything already"),
        ] {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(outcome.status != 0 && outcome.error.contains(words), "\(outcome.error)")
        }
    }

    // MARK: - The role that loads

    @Test("A loader that is no superuser does all that runs do, and readers go on reading what it makes")
    func loadersLoad() throws {
        try withRole { loader in
            try withRole { role in
                #expect(try run("grant-loader", loader).contains("may load"))
                try run("grant-reader", role, "--report-only")
                let isSuperuser = try database.value(
                    "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = \(quoteLiteral(loader))"
                )
                #expect(isSuperuser == "f")
                let theirs = DaybookCommand(in: project.directory, database: url(of: loader))
                try project.write(
                    "sql/transforms/mine.sql",
                    "-- model: report.mine\n-- key: case_id\n-- from: report.cases\nSELECT case_id FROM report.cases"
                )
                for arguments in [
                    ["run"], ["run"], ["transform", "--full-refresh"],
                    ["restate", "orders", "--from", "2026-01-05", "--to", "2026-01-05"],
                    ["compact", "--older-than", "1d"], ["verify", "--deep"], ["test"], ["status"], ["runs"],
                    ["report"], ["lineage"], ["drift"], ["retain", "--raw", "30d"], ["alerts"], ["verify"],
                ] {
                    let outcome = try Shell.run(
                        DaybookCommand.path, arguments, in: project.directory, theirs.environment)
                    #expect(outcome.status == 0, "\(arguments): \(outcome.out)\(outcome.error)")
                }
                #expect(try connect(role).query("SELECT * FROM report.mine").count == 1)
                #expect(throws: PostgresError.self) { try connect(loader).execute("CREATE SCHEMA other") }
                #expect(throws: PostgresError.self) {
                    try connect(loader).query("SELECT pg_read_file('/etc/passwd')")
                }
            }
        }
    }

    // MARK: - By TCP

    @Test("A private server lets readers in by TCP with their password, and its owner by the socket alone")
    func listensForBITools() throws {
        let port = 20_000 + Int.random(in: 0..<20_000)
        var command = command
        command.environment["DATABASE_URL"] = nil
        defer { _ = try? command.run("db", "stop") }
        let before = try command.run("db", "url", "--jdbc")
        #expect(before.status == 64 && before.error.contains("--listen"))
        let outcome = try command.run("db", "start", "--listen", "127.0.0.1:\(port)")
        #expect(outcome.status == 0, "\(outcome.error)")
        #expect(try command.run("run").status == 0)
        let jdbc = try command.run("db", "url", "--jdbc").out
        #expect(jdbc == "jdbc:postgresql://127.0.0.1:\(port)/daybook?user=daybook_reader\n")
        let url = try command.run("db", "url", "--tcp").out.trimmingCharacters(in: .newlines)
        let reader = try Connection(url, applicationName: "tests")
        #expect(try reader.query("SELECT count(*) FROM raw.events").first().get(0) == 2)
        try reader.execute("SET default_transaction_read_only = off")
        for statement in [
            "CREATE TEMPORARY TABLE t (a int)", "SELECT lo_create(0)", "CREATE TABLE public.t (a int)",
        ] {
            #expect(throws: PostgresError.self, "\(statement)") { try reader.execute(statement) }
        }
        let secret = try command.run("db", "url", "--tcp", "--with-password").out
        #expect(
            secret.hasPrefix("postgresql://daybook_reader:")
                && !outcome.out.contains(secret.split(separator: ":")[2]))
        for wrong in [
            "postgresql://daybook_reader:wrong@127.0.0.1:\(port)/daybook",
            "postgresql://daybook@127.0.0.1:\(port)/daybook",
        ] {
            #expect(throws: PostgresError.self, "\(wrong)") {
                try Connection(wrong, applicationName: "tests")
            }
        }
        try FileManager.default.removeItem(atPath: project.path(".daybook/daybook_reader.pgpass"))
        let lost = try command.run("db", "start", "--listen", "127.0.0.1:\(port)").out
        #expect(lost.contains("--new-password") && !lost.contains("passfile="), "\(lost)")
        #expect(try command.run("db", "url", "--tcp", "--with-password").error.contains("--new-password"))
        #expect(try command.run("grant-reader", "daybook_reader", "--new-password").status == 0)
        let renewed = try command.run("db", "url", "--tcp").out.trimmingCharacters(in: .newlines)
        #expect(try Connection(renewed, applicationName: "new").query("SELECT 1").count == 1)
        var other = command
        other.environment["DATABASE_URL"] = database.url
        #expect(try other.run("db", "url").error.contains("DATABASE_URL"))
        // Another port wants a new start, for which nobody may be connected.
        let used = try command.run("db", "start", "--listen", "off")
        #expect(used.status == 75 && used.error.contains("tests (process"), "\(used.error)")
        withExtendedLifetime(reader) {}
    }

    @Test(arguments: [
        "10.0.0.1:5433", "0.0.0.0:5433", "127.0.0.1", "127.0.0.1:0", ":5433", "example.org:5433",
    ])
    func listensToThisMachineOnly(address: String) throws {
        let outcome = try command.run("db", "start", "--listen", address)
        #expect(outcome.status == 64 && outcome.error.contains("127.0.0.1:"), "\(outcome.error)")
    }

    // MARK: - Completions

    @Test(arguments: [
        ("daybook repo", "report"), ("daybook report --zo", "--zone"), ("daybook run o", "orders"),
        ("daybook db st", "start stop"), ("daybook run --project . o", "orders"),
    ])
    func bashCompletes(line: String, expected: String) throws {
        try project.write("c.bash", try command.run("completions", "bash").out)
        let script = """
            source ./c.bash
            COMP_WORDS=(\(line)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _daybook
            echo "${COMPREPLY[*]}"
            """
        let outcome = try Shell.run("/bin/bash", ["-c", script], in: project.directory, command.environment)
        #expect(outcome.out == expected + "\n", "\(outcome.error)")
    }

    @Test("Names of files are completed, and never run")
    func bashRunsNoNames() throws {
        for name in ["$(touch PWNED)", "`touch PWNED`", "two words"] {
            try project.write("pipelines/\(name).jsonc", "{}")
        }
        try project.write("c.bash", try command.run("completions", "bash").out)
        let script = """
            source ./c.bash
            COMP_WORDS=(daybook run ''); COMP_CWORD=2; _daybook; printf '%s\\n' "${COMPREPLY[@]}" | sort
            COMP_WORDS=(daybook run 'tw'); _daybook; printf '%s\\n' "${COMPREPLY[@]}"
            """
        let outcome = try Shell.run("/bin/bash", ["-c", script], in: project.directory, command.environment)
        let words = outcome.out.split(separator: "\n")
        #expect(words.count == 5 && words.last == "two\\ words" && words.contains("orders"), "\(outcome.out)")
        #expect(!FileManager.default.fileExists(atPath: project.path("PWNED")))
    }

    @Test("zsh and fish, where they are, take their scripts", arguments: ["zsh", "fish"])
    func othersTakeTheirScripts(shell: String) throws {
        let outcome = try command.run("completions", shell)
        #expect(outcome.status == 0 && outcome.out.contains("report"))
        guard
            let path = ["/bin/", "/usr/bin/", "/usr/local/bin/"].map({ $0 + shell }).first(where: {
                access($0, X_OK) == 0
            })
        else { return }
        try project.write("script", outcome.out)
        let check = try Shell.run(path, ["-n", "script"], in: project.directory, command.environment)
        #expect(check.status == 0, "\(check.error)")
    }
}

import Foundation
import Pipeline
import Postgres
import Warehouse

/// `daybook db`: the private server of the project.
enum DBVerb: Verb {
    static let name = "db"
    static let summary = "the project's private PostgreSQL server: url, start, stop"
    static let operands = "url|start|stop"
    static let options: [Option] = [
        .project,
        Option(
            "--listen", "ADDRESS", "start: take TCP connections too, at 127.0.0.1:PORT; off: no longer"),
        Option("--tcp", nil, "url: of the TCP connections, for BI tools that speak libpq"),
        Option("--jdbc", nil, "url: of the TCP connections, for BI tools that speak JDBC"),
        Option("--with-password", nil, "url --tcp, url --jdbc: with the password in it"),
    ]
    static let discussion = """
        url    starts the server where it is down, and prints one line to connect with: psql "$(daybook db url)"
        start  initialises and starts it
        stop   stops it; the data stays under .daybook/

        BI tools cannot use sockets: daybook db start --listen 127.0.0.1:5433 lets them in by TCP, with a password
        (SCRAM), as the role \(reader), which is made for it and may read report and raw; see daybook grant-reader
        for others. The server's own user, who may do everything, comes by the socket alone. It listens so at every
        later start, and on this machine only.

        A project that names a database, or an environment that does, needs no private server.

        exit codes: 0 done, 1 failed, 64 wrong usage, 69 the server does not start, 75 somebody uses it, 78 no project
        """

    /// Whom BI tools come as.
    private static let reader = "daybook_reader"

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let actions = ["url", "start", "stop"]
        guard let action = arguments.positionals.first else {
            throw UsageError("say what to do: \(actions.joined(separator: ", "))")
        }
        guard actions.contains(action) else {
            throw UsageError("there is no \"\(action)\"\(Spelling.suggestion(action, in: actions))")
        }
        try refuseOthers(action, arguments)
        let context = Context(arguments)
        let project = try context.project()
        let directory = project.directory
        let server = DatabaseTarget.privateServer(of: directory)
        switch action {
        case "url":
            tellOther(context, project)
            Terminal.out(try url(of: server, directory, arguments))
        case "start":
            let wasRunning = server.isRunning
            let before = server.address
            guard let text = arguments["--listen"] else {
                let url = try server.start()
                Terminal.out(wasRunning ? "running already: \(url)" : "started: \(url)")
                break
            }
            let address = text == "off" ? nil : try ListenAddress(text)
            let url = try server.start(at: address)
            Terminal.out(wasRunning && before == address ? "running already: \(url)" : "started: \(url)")
            if address != nil { try tellReader(server, url, directory) }
        default: Terminal.out(try server.stop() ? "stopped" : "it was not running")
        }
        return .done
    }

    /// An option of another action was meant for something.
    private static func refuseOthers(_ action: String, _ arguments: Arguments) throws(UsageError) {
        if action != "start", arguments["--listen"] != nil {
            throw UsageError("--listen is for start: daybook db start --listen ADDRESS")
        }
        for flag in ["--tcp", "--jdbc", "--with-password"] where action != "url" && arguments.has(flag) {
            throw UsageError("\(flag) is for url: daybook db url \(flag)")
        }
        if arguments.has("--tcp"), arguments.has("--jdbc") { throw UsageError("give --tcp or --jdbc") }
        if arguments.has("--with-password"), !arguments.has("--tcp"), !arguments.has("--jdbc") {
            throw UsageError("--with-password is for --tcp and --jdbc; by the socket nobody needs one")
        }
    }

    /// The private server is not what all other verbs use where something names a database.
    private static func tellOther(_ context: Context, _ project: Project) {
        switch context.target(project) {
        case .privateServer: break
        case .url:
            Terminal.error(
                "daybook db: this is the private server, but \(project.definition.database == nil ? "DATABASE_URL" : "\"database\" of pipelines/project.jsonc") names another database, which all other verbs use"
            )
        case .environment:
            Terminal.error(
                "daybook db: this is the private server, but the PG* variables name another database, which all other verbs use"
            )
        }
    }

    // MARK: - By TCP

    /// Makes the reader where there is none, and says how to connect as it.
    private static func tellReader(_ server: PrivateServer, _ url: String, _ directory: String) throws {
        let warehouse = try Warehouse.open(url)
        let grant = RoleGrant(reader, file: RoleGrant.path(of: reader, in: directory))
        let isThere: Bool = try warehouse.connection.query(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", [reader]
        ).first().get(0)
        if !isThere {
            _ = try grant.apply(warehouse.connection) { roles, password in
                try roles.grantReader(
                    reader, password: password, isReportOnly: false, timeoutMicroseconds: 60_000_000)
            }
            // The database is ours alone: nobody else is to write into it, not even what is temporary.
            try warehouse.connection.query("SELECT daybook.close_database()")
        }
        let file = passwordFile(of: server, directory)
        Terminal.out("for BI tools: \(try tcpURL(of: server, file, isJDBC: false))")
        Terminal.out("  with JDBC: \(try tcpURL(of: server, nil, isJDBC: true))")
        Terminal.out(
            file.map { "  the password of \(reader) is in \($0)" } ?? "  \(lost(directory))")
    }

    /// Nil where the password of the reader is not in it.
    private static func passwordFile(of server: PrivateServer, _ directory: String) -> String? {
        let file = PasswordFile(path: RoleGrant.path(of: reader, in: directory))
        return file.password(of: .init(database: server.name, role: reader)) == nil ? nil : file.path
    }

    private static func lost(_ directory: String) -> String {
        """
        the password of \(reader) is not in \(RoleGrant.path(of: reader, in: directory)); for a new one:
            daybook grant-reader \(reader) --new-password --database "$(daybook db url)"
        """
    }

    private static func url(
        of server: PrivateServer, _ directory: String, _ arguments: Arguments
    ) throws -> String {
        let url = try server.start()
        guard arguments.has("--tcp") || arguments.has("--jdbc") else { return url }
        guard arguments.has("--with-password") else {
            return try tcpURL(
                of: server, passwordFile(of: server, directory), isJDBC: arguments.has("--jdbc"))
        }
        let file = PasswordFile(path: RoleGrant.path(of: reader, in: directory))
        guard let password = file.password(of: .init(database: server.name, role: reader)) else {
            throw UsageError(lost(directory))
        }
        return try tcpURL(of: server, nil, isJDBC: arguments.has("--jdbc"), password: password)
    }

    private static func tcpURL(
        of server: PrivateServer, _ file: String?, isJDBC: Bool, password: String? = nil
    ) throws -> String {
        guard let address = server.address else {
            throw UsageError(
                "the server listens at no address; start it so: daybook db start --listen 127.0.0.1:5433")
        }
        if isJDBC {
            let secret = password.map { "&password=\($0)" } ?? ""
            return "jdbc:postgresql://\(address)/\(server.name)?user=\(reader)\(secret)"
        }
        let secret = password.map { ":\($0)" } ?? ""
        let plain = CharacterSet(charactersIn: "/-_.~").union(.alphanumerics)
        let passfile =
            file?.addingPercentEncoding(withAllowedCharacters: plain).map { "?passfile=\($0)" } ?? ""
        return "postgresql://\(reader)\(secret)@\(address)/\(server.name)\(passfile)"
    }
}

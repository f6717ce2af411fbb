import Warehouse

/// `daybook grant-reader`: a role for BI tools and analysts.
enum GrantReaderVerb: Verb {
    static let name = "grant-reader"
    static let summary = "lets a role read the reports and the raw events, and nothing else"
    static let operands = "NAME"
    static let options: [Option] = [
        .project, .database,
        Option("--report-only", nil, "only the reports, not the events that they are made of"),
        Option("--timeout", "DURATION", "how long a statement of the role may take (default: 1m)"),
        RoleGrant.passfile, RoleGrant.newPassword, .json,
    ]
    static let discussion = """
        Where there is no such role, it is made, with a password that goes into a file that only you can read, in the
        form of libpq's password file:

          psql "postgresql://NAME@HOST/DATABASE?passfile=.daybook/NAME.pgpass"

        The role sees the schemas report and raw, also what is made there later, and of the catalogue what an SLA is,
        which sources there are and what was loaded; not what was rejected, nor who is told of what. It cannot write,
        its statements end after the timeout, and a transaction that it leaves open after ten minutes. Run it again to
        change what the role sees; with --new-password also where the password is lost. Other lines of the file stay.

        To take it all back: DROP OWNED BY NAME; DROP ROLE NAME.

        exit codes: 0 done, 1 failed, 64 wrong usage, 69 database out of reach, 78 no project
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let role = arguments.positionals.first else {
            throw UsageError("name the role that is to read")
        }
        let timeout = try arguments.duration("--timeout") ?? 60_000_000
        guard timeout >= 1_000 else { throw UsageError("--timeout is less than a millisecond") }
        // The server counts it in milliseconds, in 31 bits.
        guard timeout <= 24 * 86_400_000_000 else {
            throw UsageError("--timeout is more than 24d, the longest that the server knows")
        }
        let isReportOnly = arguments.has("--report-only")
        let context = Context(arguments)
        let grant = try RoleGrant(role, context)
        let warehouse = try Warehouse.open(try context.conninfo()) { Terminal.error("daybook: \($0)") }
        let outcome = try grant.apply(warehouse.connection) { roles, password in
            try roles.grantReader(
                role, password: password, isReportOnly: isReportOnly, timeoutMicroseconds: timeout)
        }
        if arguments.isJSON {
            try JSONOutput.print(outcome)
            return .done
        }
        Terminal.out("\(role) may read \(isReportOnly ? "report" : "report and raw") in \(outcome.database)")
        RoleGrant.tell(outcome)
        return .done
    }
}

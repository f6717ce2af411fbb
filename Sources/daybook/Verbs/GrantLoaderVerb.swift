import Warehouse

/// `daybook grant-loader`: the role that runs connect as.
enum GrantLoaderVerb: Verb {
    static let name = "grant-loader"
    static let summary = "gives a role what loading takes, and nothing else"
    static let operands = "NAME"
    static let options: [Option] = [
        .project, .database,
        RoleGrant.passfile, RoleGrant.newPassword, .json,
    ]
    static let discussion = """
        Runs need no superuser. The role becomes the owner of the schemas raw, report and daybook and of what is in
        them, which are made where they are missing; beyond that it may connect, and make temporary tables. Name it in
        "database" of pipelines/project.jsonc, or in DATABASE_URL. Readers keep what they see.

        There is one such role for a database: given to another, the first one loses it. It takes a superuser, or who
        may make roles and owns the schemas, to run this.

        exit codes: 0 done, 1 failed, 64 wrong usage, 69 database out of reach, 78 no project
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let role = arguments.positionals.first else {
            throw UsageError("name the role that is to load")
        }
        let context = Context(arguments)
        let project = try? context.project()
        let grant = try RoleGrant(role, context)
        // A database in which nothing was ever loaded is as good as any.
        let conninfo = try project.map { try context.target($0).conninfo() } ?? context.conninfo()
        let warehouse = try Warehouse.open(conninfo) { Terminal.error("daybook: \($0)") }
        let outcome = try grant.apply(warehouse.connection) { roles, password in
            try roles.grantLoader(role, password: password)
        }
        if arguments.isJSON {
            try JSONOutput.print(outcome)
            return .done
        }
        Terminal.out("\(role) may load into \(outcome.database), and owns what is Daybook's there")
        RoleGrant.tell(outcome)
        return .done
    }
}

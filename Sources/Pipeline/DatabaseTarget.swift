import Postgres

/// Which database a command works on.
package enum DatabaseTarget: Sendable {
    /// A URL or connection string, with its secrets.
    case url(String)
    /// What libpq finds in the PG* variables.
    case environment
    /// The server that Daybook runs for the project.
    case privateServer(PrivateServer)

    private static let variables = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGUSER"]

    /// The first that is given: the option, the project's, `DATABASE_URL`, the PG* variables, a private server.
    package static func resolve(
        option: String?, project: Project, environment: [String: String]
    ) -> DatabaseTarget {
        if let url = option ?? project.definition.database ?? environment["DATABASE_URL"], !url.isEmpty {
            return .url(url)
        }
        if variables.contains(where: { environment[$0]?.isEmpty == false }) { return .environment }
        return .privateServer(privateServer(of: project.directory))
    }

    package static func privateServer(of directory: String) -> PrivateServer {
        PrivateServer(directory: "\(directory)/.daybook")
    }

    /// Whether there is something to connect with; a private server that was never started is made by the first start,
    /// for which reading is no reason.
    package var isMade: Bool {
        if case .privateServer(let server) = self { server.hasData } else { true }
    }

    /// What to connect with; starts the private server where it is down.
    package func conninfo() throws -> String? {
        switch self {
        case .url(let url): url
        case .environment: nil
        case .privateServer(let server): try server.start()
        }
    }
}

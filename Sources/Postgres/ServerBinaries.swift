import Foundation

/// The programs of one PostgreSQL installation: `postgres`, `initdb` and `pg_ctl`.
package struct ServerBinaries: Sendable, Equatable {
    /// The oldest major version the private server is run with.
    package static let oldestSupported = 14

    /// Where the programs are, without symbolic links, such as `/usr/lib/postgresql/15/bin`.
    package let directory: String
    package let majorVersion: Int

    /// Shell patterns of the directories that packages of PostgreSQL put their programs into, then those of
    /// PATH.
    package static var standardRoots: [String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return [
            "/usr/lib/postgresql/*/bin",
            "/opt/homebrew/opt/postgresql*/bin",
            "/usr/local/opt/postgresql*/bin",
            "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
            "/usr/pgsql-*/bin",
            "/usr/lib/postgresql*/bin",
            "/usr/libexec/postgresql*",
            "/usr/local/pgsql/bin",
            "/opt/local/lib/postgresql*/bin",
            "/Applications/Postgres.app/Contents/Versions/*/bin",
        ] + path.split(separator: ":").filter { $0.hasPrefix("/") }.map(String.init)
    }

    /// All installations below `roots` (shell patterns), newest first, each once; within a version in the
    /// order of the roots. Runs each `postgres --version` it finds.
    package static func installed(roots: [String] = standardRoots) -> [ServerBinaries] {
        var seen: Set<String> = []
        let found = roots.flatMap(matches).compactMap { directory -> ServerBinaries? in
            guard let home = programs(in: directory), seen.insert(home).inserted else { return nil }
            return version(of: home).map { ServerBinaries(directory: home, majorVersion: $0) }
        }
        return found.enumerated().sorted {
            ($1.element.majorVersion, $0.offset) < ($0.element.majorVersion, $1.offset)
        }.map(\.element)
    }

    func path(_ program: String) -> String { directory + "/" + program }

    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }

    /// The directory that really holds the programs: a directory of PATH may have only links to some of them.
    private static func programs(in directory: String) -> String? {
        guard access(directory + "/pg_ctl", X_OK) == 0 else { return nil }
        let linked = (FileSystem.canonical(directory + "/pg_ctl") as NSString).deletingLastPathComponent
        return [FileSystem.canonical(directory), linked].first { home in
            ["postgres", "initdb", "pg_ctl"].allSatisfy { access(home + "/" + $0, X_OK) == 0 }
        }
    }

    /// From `postgres (PostgreSQL) 15.18 (Debian …)`, `16beta1`, `9.6.24`.
    private static func version(of home: String) -> Int? {
        guard let outcome = try? ChildCommand.run([home + "/postgres", "--version"]), outcome.code == 0,
            let words = outcome.output.range(of: "(PostgreSQL) ")
        else { return nil }
        return Int(outcome.output[words.upperBound...].prefix { $0.isASCII && $0.isNumber })
    }
}

extension ServerBinaries {
    /// The installation to make a new data directory with: the newest.
    static func forNewData(roots: [String]) throws(PrivateServerError) -> ServerBinaries {
        guard let newest = installed(roots: roots).first else { throw notInstalled }
        guard newest.majorVersion >= oldestSupported else {
            throw PrivateServerError(
                .tooOld,
                "PostgreSQL \(newest.majorVersion) in \(newest.directory) is too old: "
                    + "version \(oldestSupported) or later is needed",
                hint: installHint)
        }
        return newest
    }

    /// The installation that can run data of this major version; another one cannot read it.
    static func forData(
        of version: Int, in data: String, roots: [String]
    ) throws(PrivateServerError) -> ServerBinaries {
        let anew = "move \(data) away to start anew with an empty database"
        guard version >= oldestSupported else {
            throw PrivateServerError(
                .tooOld,
                "the data in \(data) is of PostgreSQL \(version), which is too old: "
                    + "version \(oldestSupported) or later is needed",
                hint: "dump it with PostgreSQL \(version) if you need it, then \(anew)")
        }
        let all = installed(roots: roots)
        if let match = all.first(where: { $0.majorVersion == version }) { return match }
        guard !all.isEmpty else { throw notInstalled }
        let others = all.map { "\($0.majorVersion) (\($0.directory))" }.joined(separator: ", ")
        throw PrivateServerError(
            .otherVersion,
            "the data in \(data) is of PostgreSQL \(version), but installed is only \(others)",
            hint: "install PostgreSQL \(version), or \(anew)")
    }

    private static var notInstalled: PrivateServerError {
        PrivateServerError(
            .notInstalled, "no PostgreSQL server is installed, and no other database was named",
            hint: installHint)
    }

    private static let installHint =
        "install one (apt install postgresql on Debian and Ubuntu, brew install postgresql@16 on macOS), "
        + "or point to a server with --database URL or DATABASE_URL"
}

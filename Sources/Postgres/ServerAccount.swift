import Foundation

/// The account a server runs with. PostgreSQL refuses to run as root, so for root it is another one.
package struct ServerAccount: Sendable {
    package let user: uid_t
    package let group: gid_t
    /// The account's name, or its number when it has none.
    package let name: String

    /// Whether it is not the account of this process, which then is root.
    package var isOther: Bool { user != geteuid() }

    /// The account of this process.
    static var current: ServerAccount {
        ServerAccount(user: geteuid(), group: getegid(), name: name(of: geteuid()))
    }

    /// This process's account; for root, that of `owner` (of data that exists already), `postgres` or
    /// `nobody`.
    package static func forServer(owner: uid_t? = nil) throws(PrivateServerError) -> ServerAccount {
        guard geteuid() == 0 else { return current }
        if let owner, owner != 0 {
            guard let entry = getpwuid(owner) else {
                throw PrivateServerError(
                    .noAccount, "the server's data belongs to the user \(owner), who has no account here")
            }
            return ServerAccount(entry.pointee)
        }
        for candidate in ["postgres", "nobody"] {
            if let entry = getpwnam(candidate), entry.pointee.pw_uid != 0 {
                return ServerAccount(entry.pointee)
            }
        }
        throw PrivateServerError(
            .noAccount, "PostgreSQL refuses to run as root, and there is no account postgres or nobody",
            hint: "run this command as another user, or add one: useradd --system postgres")
    }

    private init(user: uid_t, group: gid_t, name: String) {
        self.user = user
        self.group = group
        self.name = name
    }

    private init(_ entry: passwd) {
        self.init(user: entry.pw_uid, group: entry.pw_gid, name: String(cString: entry.pw_name))
    }

    static func name(of user: uid_t) -> String {
        getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? String(user)
    }

    /// Runs a program with this account; see `ChildCommand.run`.
    package func run(
        _ arguments: [String], input: String = "", inheriting: Int32? = nil, ownGroup: Bool = true
    ) throws(PrivateServerError) -> ChildCommand.Outcome {
        try ChildCommand.run(
            isOther ? switching(arguments) : arguments, input: input, inheriting: inheriting,
            ownGroup: ownGroup)
    }

    /// Asks as the account itself, because groups and access lists decide too, not only the three modes.
    func canEnter(_ directory: String) throws(PrivateServerError) -> Bool {
        guard isOther else { return access(directory, X_OK) == 0 }
        return try run(["/bin/sh", "-c", "cd -- \"$1\"", "sh", directory]).code == 0
    }

    /// runuser and setpriv keep descriptor 3 open, sudo closes it.
    private func switching(_ arguments: [String]) throws(PrivateServerError) -> [String] {
        if let runuser = Self.program("runuser") { return [runuser, "-u", name, "--"] + arguments }
        if let setpriv = Self.program("setpriv"), Self.program("busybox") == nil {
            return [setpriv, "--reuid", "\(user)", "--regid", "\(group)", "--init-groups"] + arguments
        }
        if let sudo = Self.program("sudo") { return [sudo, "-n", "-u", name, "--"] + arguments }
        guard let su = Self.program("su") else {
            throw PrivateServerError(
                .noAccount,
                "PostgreSQL refuses to run as root, and neither runuser, setpriv, sudo nor su is here "
                    + "to run it as \(name)",
                hint: "run this command as another user")
        }
        let line = arguments.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        return [su, "-s", "/bin/sh", name, "-c", "exec " + line.joined(separator: " ")]
    }

    private static func program(_ name: String) -> String? {
        ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }
            .first { access($0, X_OK) == 0 }
    }
}

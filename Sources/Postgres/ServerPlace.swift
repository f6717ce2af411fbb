import Foundation

/// Where a server's files are: `base/postgres` is its data, `base/server.log` its log.
///
/// `base` is the state directory itself, unless root asks and the server's account cannot go there: then it
/// is `/var/lib/NAME/<fingerprint of the state directory>`, and the file `server` in the state directory says
/// so.
struct ServerPlace {
    let account: ServerAccount
    let base: String

    var data: String { base + "/postgres" }
    var log: String { base + "/server.log" }

    /// The base as far as it is decided already; reads only.
    static func recordedBase(of directory: String) -> String {
        guard let record = try? String(contentsOfFile: directory + "/server", encoding: .utf8) else {
            return directory
        }
        let lines = record.split(separator: "\n").map(String.init)
        guard lines.count == 2 else { return directory }
        // A copied state directory must not share the original's server; a moved one keeps it.
        let isCopy = lines[1] != directory && FileSystem.status(lines[1] + "/server") != nil
        return isCopy ? directory : lines[0]
    }

    /// Decides where the files are to be and with which account, and makes the base directory.
    static func settle(directory: String, name: String) throws(PrivateServerError) -> ServerPlace {
        let recorded = recordedBase(of: directory)
        if let data = FileSystem.status(recorded + "/postgres") {
            return try existing(data, base: recorded)
        }
        guard recorded == directory else {
            throw PrivateServerError(
                .inaccessible, "the server's data was in \(recorded)/postgres and is no longer there",
                hint: "bring it back, or remove \(directory)/server to start anew with an empty database")
        }
        let account = try ServerAccount.forServer()
        if try account.canEnter(directory) { return ServerPlace(account: account, base: directory) }
        guard account.isOther else { throw unreachable(directory, for: account) }

        let parent = "/var/lib/\(name)"
        try FileSystem.makeDirectory(parent, mode: 0o755)
        let base = parent + "/" + FileSystem.fingerprint(directory)
        try FileSystem.makeDirectory(base, mode: 0o711)
        guard try account.canEnter(base) else { throw unreachable(base, for: account) }
        if let data = FileSystem.status(base + "/postgres") { return try existing(data, base: base) }
        return ServerPlace(account: account, base: base)
    }

    private static func existing(_ data: stat, base: String) throws(PrivateServerError) -> ServerPlace {
        let path = base + "/postgres"
        guard FileSystem.isDirectory(data) else {
            throw PrivateServerError(.inaccessible, "\(path) is not a directory", hint: "move it away")
        }
        let account = try ServerAccount.forServer(owner: data.st_uid)
        guard account.user == data.st_uid else {
            let owner = ServerAccount.name(of: data.st_uid)
            throw PrivateServerError(
                .inaccessible,
                "the server's data in \(path) belongs to \(owner), "
                    + "and the server would run as \(account.name)",
                hint: geteuid() == 0
                    ? "give it back: chown -R \(account.name) \(path)"
                    : "run this command as \(owner) or as root, as before")
        }
        return ServerPlace(account: account, base: base)
    }

    static func unreachable(_ path: String, for account: ServerAccount) -> PrivateServerError {
        PrivateServerError(
            .inaccessible, "the account \(account.name), which runs the server, cannot enter \(path)",
            hint: "make it and the directories above it passable: chmod o+x")
    }

    /// Keeps the decision for later runs; called once the data is there.
    func record(in directory: String) throws(PrivateServerError) {
        guard base != directory else { return }
        let record = "\(base)\n\(directory)\n"
        guard (try? String(contentsOfFile: directory + "/server", encoding: .utf8)) != record else { return }
        try FileSystem.replace(directory + "/server", with: record, owner: ServerAccount.current)
    }
}

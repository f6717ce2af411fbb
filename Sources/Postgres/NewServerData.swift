import Foundation

/// Makes a data directory, whole or not at all: under a temporary name, renamed when nothing is left to do.
struct NewServerData {
    let place: ServerPlace
    let name: String
    let configuration: ServerConfiguration

    private static let temporaryPrefix = "postgres.new-"

    /// Called with the server's lock held: what other attempts left is removed.
    func make(with binaries: ServerBinaries) throws(PrivateServerError) {
        removeLeftovers()
        let temporary = try makeTemporary()
        do throws(PrivateServerError) {
            try fill(temporary, with: binaries)
            guard rename(temporary, place.data) == 0 else {
                throw .system("cannot rename \(temporary) to \(place.data)")
            }
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
        let base = open(place.base, O_RDONLY | O_CLOEXEC)
        fsync(base)
        close(base)
    }

    /// One that an orphaned initdb still writes to may resist; the next attempt gets it.
    private func removeLeftovers() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.base)) ?? []
        for name in names where name.hasPrefix(Self.temporaryPrefix) {
            try? FileManager.default.removeItem(atPath: place.base + "/" + name)
        }
    }

    private func makeTemporary() throws(PrivateServerError) -> String {
        var template = Array("\(place.base)/\(Self.temporaryPrefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .system("cannot create a directory in \(place.base)")
        }
        let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        if place.account.isOther, lchown(path, place.account.user, place.account.group) != 0 {
            let account = place.account.name
            let failure = PrivateServerError.system("cannot give \(path) to the account \(account)")
            rmdir(path)
            throw failure
        }
        return path
    }

    private func fill(_ data: String, with binaries: ServerBinaries) throws(PrivateServerError) {
        // Trust is safe only because nobody else can enter the socket's directory.
        try run(
            "initdb",
            [
                binaries.path("initdb"), "-D", data, "-U", name, "--encoding=UTF8", "--locale=C",
                "--auth-local=trust", "--auth-host=reject",
            ])
        try FileSystem.replace(
            data + "/" + configuration.fileName, with: configuration.text, owner: place.account)
        if let access = configuration.access {
            try FileSystem.replace(
                data + "/" + access.fileName, with: access.text, owner: place.account)
        }
        try FileSystem.append(
            "\ninclude '\(configuration.fileName)'\n", to: data + "/postgresql.conf")
        // Here, not once the server is up: after the rename nothing may be missing. Without exit_on_error a
        // single-user server ends with 0 whatever happened.
        try run(
            "postgres --single",
            [binaries.path("postgres"), "--single", "-D", data, "-c", "exit_on_error=on", "postgres"],
            input: "CREATE DATABASE \"\(name)\"\n")
    }

    /// In our own process group, so that a Ctrl-C ends it too.
    private func run(
        _ program: String, _ arguments: [String], input: String = ""
    ) throws(PrivateServerError) {
        let outcome = try place.account.run(arguments, input: input, ownGroup: false)
        guard outcome.code != 0 else { return }
        let lines = FileSystem.lastLines(12, of: outcome.output)
        let what = "cannot make a database server in \(place.data); \(program) ended with \(outcome.code):"
        let isFull = lines.contains { $0.contains("No space left on device") }
        throw PrivateServerError(
            isFull ? .diskFull : .initialisationFailed,
            ([what] + lines).joined(separator: "\n    "),
            hint: isFull ? "free some space and run the command again" : nil)
    }
}

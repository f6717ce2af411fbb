import Foundation
import Pipeline
import Postgres
import Warehouse

/// Gives a role its rights in the project's database; the password of one that is made goes into a file, and nowhere else.
struct RoleGrant {
    let name: String
    /// In the form of libpq's password file, mode 0600.
    let passwordFile: String

    /// What came of it.
    struct Outcome: Encodable {
        let role: String
        let database: String
        let isNew: Bool
        /// Where the password of a new role is.
        let passwordFile: String?

        private enum CodingKeys: String, CodingKey {
            case role, database
            case isNew = "created"
            case passwordFile = "passfile"
        }
    }

    /// - Parameters:
    ///   - file: where the password of a new role goes; nil: into the project.
    ///   - directory: of the project; nil where there is none.
    init(_ name: String, file: String?, directory: String?) throws(UsageError) {
        self.name = name
        guard let path = file ?? directory.map({ RoleGrant.path(of: name, in: $0) }) else {
            throw UsageError("say where the password is to go: --passfile FILE")
        }
        passwordFile = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// Where a project keeps the password of a role.
    static func path(of role: String, in directory: String) -> String {
        let plain = CharacterSet(charactersIn: "-_").union(.alphanumerics)
        return
            "\(directory)/.daybook/\(role.addingPercentEncoding(withAllowedCharacters: plain) ?? role).pgpass"
    }

    /// - Parameter grant: gives the rights, and makes the role with the password where there is none: whether it did.
    func apply(
        _ connection: Connection, _ grant: (Roles, _ password: String) throws -> Bool
    ) throws -> Outcome {
        let password = Roles.newPassword()
        let isThere: Bool = try connection.query(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", [name]
        ).first().get(0)
        // Before the role is there: a password that cannot be kept would be lost.
        if !isThere { try write(password, database: connection.database) }
        do {
            let isNew = try grant(Roles(connection), password)
            return Outcome(
                role: name, database: connection.database, isNew: isNew,
                passwordFile: isNew ? passwordFile : nil)
        } catch {
            if !isThere { unlink(passwordFile) }
            throw error
        }
    }

    /// As section 34.16 of PostgreSQL's documentation has it.
    private func write(_ password: String, database: String) throws {
        func escaped(_ text: String) -> String {
            text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: ":", with: "\\:")
        }
        try FileManager.default.createDirectory(
            atPath: (passwordFile as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try WholeFile.write(
            "*:*:\(escaped(database)):\(escaped(name)):\(password)\n", to: passwordFile, for: .owner)
    }

    /// The password that such a file holds for a role; nil where it holds none.
    static func password(of role: String, in file: String) -> String? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        return text.split(separator: "\n").last.flatMap { $0.split(separator: ":").last }.map(String.init)
    }
}

import Foundation
import Pipeline
import Postgres
import Warehouse

/// Gives a role its rights in the project's database; the password of one that is made goes into a file, and nowhere else.
struct RoleGrant {
    let name: String
    /// In the form of libpq's password file, mode 0600.
    let passwordFile: String
    /// Whether a role that is there gets a new password.
    let isRenewing: Bool

    static let passfile = Option(
        "--passfile", "FILE",
        "where a new password goes, beside what is there (default: .daybook/NAME.pgpass)")
    static let newPassword = Option(
        "--new-password", nil, "give a role that is there a new password; the old one ends")

    /// What came of it.
    struct Outcome: Encodable {
        let role: String
        let database: String
        let isNew: Bool
        /// Where the password is, of a new role or where it is new.
        @OrNull var passwordFile: String?

        private enum CodingKeys: String, CodingKey {
            case role, database
            case isNew = "created"
            case passwordFile = "passfile"
        }
    }

    /// - Throws: `UsageError` where nothing says where a password is to go, or `ProjectError` where nothing names a
    ///   database either.
    init(_ name: String, _ context: Context) throws {
        let file: String
        if let path = context.arguments["--passfile"] {
            file = path
        } else {
            do {
                file = RoleGrant.path(of: name, in: try context.project().directory)
            } catch let error as ProjectError {
                guard context.namesDatabase else { throw error }
                throw UsageError(
                    "there is no project to keep the password; say where it is to go: --passfile FILE")
            }
        }
        self.init(name, file: file, isRenewing: context.arguments.has("--new-password"))
    }

    init(_ name: String, file: String, isRenewing: Bool = false) {
        self.name = name
        self.isRenewing = isRenewing
        passwordFile = URL(fileURLWithPath: file).standardizedFileURL.path
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
        var undo: PasswordFile.Undo?
        do {
            // A password that cannot be kept would be lost: the role is not made before its file is written.
            return try connection.transaction {
                let isNew = try grant(Roles(connection), password)
                if !isNew, isRenewing { try renew(password, connection) }
                if isNew || isRenewing {
                    undo = try PasswordFile(path: passwordFile).set(
                        password, of: .init(database: connection.database, role: name))
                }
                return Outcome(
                    role: name, database: connection.database, isNew: isNew,
                    passwordFile: undo == nil ? nil : passwordFile)
            }
        } catch {
            undo?()
            throw error
        }
    }

    private func renew(_ password: String, _ connection: Connection) throws {
        let verifier = try connection.scramVerifier(password: password, user: name)
        try connection.query(
            "ALTER ROLE \(quoteIdentifier(name)) PASSWORD \(quoteLiteral(verifier))",
            action: "give \(name) a new password")
    }

    /// For a person.
    static func tell(_ outcome: Outcome) {
        if let file = outcome.passwordFile {
            Terminal.out("  its \(outcome.isNew ? "" : "new ")password is in \(file)")
        }
    }
}

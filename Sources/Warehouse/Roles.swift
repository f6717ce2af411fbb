import Foundation
import Postgres

/// Roles with no more rights than they need.
package struct Roles {
    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    package struct Mistake: Error, CustomStringConvertible {
        package let description: String
    }

    /// Lets a role read `report`, and `raw` beside it, and nothing else; makes it where there is none.
    ///
    /// - Parameters:
    ///   - password: of the role where it is made; one that is there keeps its own.
    ///   - timeoutMicroseconds: after which a statement of the role is ended.
    /// - Returns: whether it was made.
    package func grantReader(
        _ name: String, password: String, isReportOnly: Bool, timeoutMicroseconds: Int64
    ) throws -> Bool {
        try check(name)
        let verifier = try connection.scramVerifier(password: password, user: name)
        return try connection.transaction {
            try connection.query(
                "SELECT daybook.grant_reader($1, $2, $3::boolean, $4::bigint * interval '1 microsecond')",
                [name, verifier, isReportOnly, timeoutMicroseconds], action: "let \(name) read"
            ).first().get(0)
        }
    }

    /// Makes a role the owner of all that is Daybook's in the database, so that runs may connect as it; makes it where there
    /// is none.
    ///
    /// - Returns: whether it was made.
    package func grantLoader(_ name: String, password: String) throws -> Bool {
        try check(name)
        let verifier = try connection.scramVerifier(password: password, user: name)
        return try connection.transaction {
            try connection.query(
                "SELECT daybook.grant_loader($1, $2)", [name, verifier], action: "let \(name) load"
            ).first().get(0)
        }
    }

    /// 144 random bits, in letters that no URL and no password file needs to escape.
    package static func newPassword() -> String {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        return String((0..<24).map { _ in letters.randomElement(using: &generator)! })
    }

    /// The server cuts longer names, and then grants to another role.
    private func check(_ name: String) throws {
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard !name.isEmpty, name.utf8.count <= 63, isPlain, !name.hasPrefix("pg_"), name != "public" else {
            throw Mistake(
                description:
                    "\"\(name)\" is no name of a role: it has 1 to 63 bytes, no control characters, does not begin with "
                    + "pg_ and is not public")
        }
    }
}

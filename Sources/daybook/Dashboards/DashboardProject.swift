import Events
import Foundation
import Pipeline
import Warehouse

/// What dashboards are made of: the SLAs of a project, what the dashboard is called, and where the tool finds the tables.
struct DashboardProject {
    let title: String
    let slas: [SLADefinition]
    let connection: DashboardConnection
    private let slugs: [String: String]

    init(title: String, slas: [SLADefinition], connection: DashboardConnection) {
        (self.title, self.slas, self.connection) = (title, slas, connection)
        slugs = DashboardProject.slugs(of: slas.map(\.name))
    }

    /// Whether the data end some time ago, so that "the last days" by the wall clock may hold nothing.
    var followsData: Bool { slas.contains { $0.clock == "data" } }

    /// An id of the form of a UUID (RFC 9562, version 8) that is the same for the same name and title, so that what is
    /// imported again takes the place of what was there.
    func uuid(_ name: String) -> String {
        var bytes = Array("daybook dashboards\0\(title)\0\(name)".utf8).withUnsafeBufferPointer(SHA256.digest)
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = bytes.prefix(16).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
        let lengths = [8, 4, 4, 4, 12]
        var rest = hex[...]
        return lengths.map { length in
            defer { rest = rest.dropFirst(length) }
            return String(rest.prefix(length))
        }.joined(separator: "-")
    }

    /// The name of an SLA as a part of a file's: letters, digits and underscores, no two alike.
    func slug(_ sla: SLADefinition) -> String { slugs[sla.name] ?? DashboardProject.slug(sla.name) }

    private static func slugs(of names: [String]) -> [String: String] {
        var (slugs, taken): ([String: String], Set<String>) = ([:], [])
        for name in names {
            let plain = slug(name)
            var (candidate, number) = (plain, 2)
            while !taken.insert(candidate).inserted {
                candidate = "\(plain)_\(number)"
                number += 1
            }
            slugs[name] = candidate
        }
        return slugs
    }

    static func slug(_ name: String) -> String {
        let parts = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return parts.isEmpty ? "sla" : String(parts.joined(separator: "_").prefix(60))
    }

    /// A text as SQL in which no tool finds a variable of its own: `$x`, `{{x}}` and `[[x]]` mean something to them.
    static func literal(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-. ".unicodeScalars.contains($0))
        }
        guard !isPlain else { return "'\(text)'" }
        let scalars = text.unicodeScalars.map { scalar -> String in
            if scalar.isASCII, scalar.properties.isAlphabetic { return String(scalar) }
            let hex = String(scalar.value, radix: 16)
            return "\\+" + String(repeating: "0", count: 6 - hex.count) + hex
        }
        return "U&'\(scalars.joined())'"
    }
}

/// Where a tool finds the database. It holds no password: that is given to the tool.
struct DashboardConnection {
    let user: String
    let host: String
    let port: Int
    let database: String
    /// How much TLS is asked for, in the words of libpq; nil: as the tool has it.
    let sslMode: String?
    /// The certificates that are trusted, a file where the tool runs.
    let sslRootCertificate: String?

    private static let sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

    static let standard = "postgresql://daybook_reader@127.0.0.1:5432/daybook"

    /// - Throws: `UsageError` where the text is no such URL, or holds a password.
    init(_ text: String) throws(UsageError) {
        let form = "postgresql://USER@HOST:PORT/DATABASE"
        guard let url = URLComponents(string: text), ["postgresql", "postgres"].contains(url.scheme ?? ""),
            let host = url.host, !host.isEmpty, let user = url.user, !user.isEmpty
        else { throw UsageError("--connect is not like \(form)") }
        guard url.password == nil else {
            throw UsageError(
                "--connect holds a password, which would stand in the files; leave it out: the tool asks for it, or takes it from its environment"
            )
        }
        guard url.fragment == nil else { throw UsageError("--connect is not like \(form)") }
        var settings: [String: String] = [:]
        for item in url.queryItems ?? [] {
            guard ["sslmode", "sslrootcert"].contains(item.name), let value = item.value, !value.isEmpty
            else {
                throw UsageError(
                    "--connect has \"\(item.name)\"; behind the database it takes sslmode and sslrootcert: \(form)?sslmode=verify-full"
                )
            }
            settings[item.name] = value
        }
        (sslMode, sslRootCertificate) = (settings["sslmode"], settings["sslrootcert"])
        if let sslMode, !DashboardConnection.sslModes.contains(sslMode) {
            throw UsageError(
                "--connect has sslmode \"\(sslMode)\"; it must be \(DashboardConnection.sslModes.joined(separator: ", "))"
                    + Spelling.suggestion(sslMode, in: DashboardConnection.sslModes))
        }
        let database = url.path.drop { $0 == "/" }
        guard !database.isEmpty, !database.contains("/") else {
            throw UsageError("--connect names no database: \(form)")
        }
        (self.user, self.host, self.database) = (user, host, String(database))
        port = url.port ?? 5_432
    }

    /// As SQLAlchemy writes it; with the password's place held, as Superset exports it, so that an import asks for it.
    var sqlAlchemy: String {
        func escaped(_ text: String) -> String {
            text.utf8.map { byte in
                let scalar = Unicode.Scalar(byte)
                let isPlain =
                    scalar.isASCII
                    && (scalar.properties.isAlphabetic || "0123456789-._~".unicodeScalars.contains(scalar))
                return isPlain
                    ? String(scalar) : (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }.joined()
        }
        let settings = [("sslmode", sslMode), ("sslrootcert", sslRootCertificate)].compactMap { name, value in
            value.map { "\(name)=\(escaped($0))" }
        }
        return "postgresql+psycopg2://\(escaped(user)):XXXXXXXXXX@\(host):\(port)/\(escaped(database))"
            + (settings.isEmpty ? "" : "?\(settings.joined(separator: "&"))")
    }
}

import Events
import Postgres
import SQLFiles

/// The files of `sql/schema`, and what a database holds of them.
struct Schema {
    let files: [SQLFiles.File]

    /// The advisory lock under which the schema changes; any fixed number would do.
    private static let lock: Int64 = 0x6461_7962_6f6f_6b00

    func isPresent(_ connection: Connection) throws -> Bool {
        // Not to_regclass: it may answer from before the wait for our advisory lock, since only a lock on a table
        // makes the server look at what others have changed in the catalogue.
        try connection.query(
            """
            SELECT EXISTS (
                SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = 'daybook' AND c.relname = 'schema_files'
            )
            """
        ).first().get(0)
    }

    /// Applies, in order and in one transaction, the files that the database does not have.
    ///
    /// - Throws: `WarehouseError` where the database holds schemas that are not ours, newer than ours, or built
    ///   from a file that has changed.
    func apply(to connection: Connection) throws {
        guard try !isCurrent(connection) else { return }
        try connection.transaction {
            try connection.query("SELECT pg_advisory_xact_lock($1::bigint)", [Schema.lock])
            let applied = try appliedFiles(connection)
            if applied.isEmpty { try refuseForeignSchemas(connection) }
            for file in files.dropFirst(applied.count) {
                try connection.execute(file.text, action: "apply \(file.path)")
                try connection.query(
                    "INSERT INTO daybook.schema_files (version, name, sha256) VALUES ($1::int, $2, $3)",
                    [version(file), fileName(file), hash(file)])
            }
        }
    }

    /// Whether the database holds exactly our files; checked without a lock, since most runs find it so.
    func isCurrent(_ connection: Connection) throws -> Bool {
        try appliedFiles(connection).count == files.count
    }

    /// The files that the database holds, checked to be the first of ours.
    private func appliedFiles(_ connection: Connection) throws -> [String] {
        guard try isPresent(connection) else { return [] }
        let rows = try connection.query(
            "SELECT name, sha256, applied_at FROM daybook.schema_files ORDER BY version"
        ).rows
        for (index, row) in rows.enumerated() {
            let name: String = try row.get(0)
            guard index < files.count, fileName(files[index]) == name else {
                throw WarehouseError.newerSchema(file: name)
            }
            guard try row.get(1) == hash(files[index]) else {
                throw WarehouseError.editedSchema(file: name, appliedAt: try row.get(2))
            }
        }
        return try rows.map { try $0.get(0) }
    }

    /// - Throws: where a schema of one of our names is there that we did not make.
    func refuseForeignSchemas(_ connection: Connection) throws {
        let found = try connection.query(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('daybook', 'raw', 'report') ORDER BY nspname")
        if found.count > 0 { throw WarehouseError.foreignSchema(try found[0].get(0)) }
    }

    private func fileName(_ file: SQLFiles.File) -> String { String(file.path.split(separator: "/").last!) }
    private func version(_ file: SQLFiles.File) -> Int { Int(file.name.prefix { $0.isNumber })! }
    private func hash(_ file: SQLFiles.File) -> String { SHA256.hex(Array(file.text.utf8)) }
}

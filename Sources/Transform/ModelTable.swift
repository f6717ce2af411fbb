import Postgres

/// The table of a model, against what its SELECT has given into `pg_temp.fresh`.
struct ModelTable {
    private let model: Model
    private let connection: Connection

    init(_ model: Model, _ connection: Connection) {
        self.model = model
        self.connection = connection
    }

    /// Makes the table where a project's own model has none yet, and checks that the SELECT fits it.
    ///
    /// - Returns: the SELECT's columns, and whether the table stamps changes (`restated_at`).
    func prepare() throws -> (columns: [String], isStamped: Bool) {
        let given = try columns(of: "pg_temp.fresh")
        for column in model.key where given[column] == nil {
            throw mistake("the key column \(column) is not in the SELECT")
        }
        for (column, comment) in model.columnComments where given[column] == nil {
            throw TransformError(
                file: model.file.origin, line: comment.line,
                message:
                    "the column \(column) is not in the SELECT, which gives \(try names(of: "pg_temp.fresh"))"
            )
        }
        if model.isOwn { try checkKey() }
        var stored = try columns(of: model.quotedName)
        if stored.isEmpty {
            try create()
            stored = given
        }
        let isStamped = stored["restated_at"] != nil && given["restated_at"] == nil
        if isStamped { stored["restated_at"] = nil }
        try checkColumns(given, stored)
        try checkTime()
        try comment()
        return (try connection.columns(of: "pg_temp.fresh"), isStamped)
    }

    private func create() throws {
        let key = model.key.map(quoteIdentifier).joined(separator: ", ")
        try connection.execute(
            """
            CREATE TABLE \(model.quotedName) AS SELECT * FROM pg_temp.fresh WITH NO DATA;
            ALTER TABLE \(model.quotedName) ADD PRIMARY KEY (\(key));
            COMMENT ON TABLE \(model.quotedName) IS \(quoteLiteral(model.description))
            """, action: "create \(model.name)")
    }

    private func comment() throws {
        for (column, comment) in model.columnComments.sorted(by: { $0.value.line < $1.value.line }) {
            let isSaid: Bool = try connection.query(
                """
                SELECT col_description(attrelid, attnum) IS NOT DISTINCT FROM $3
                FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2
                """, [model.quotedName, column, comment.text]
            ).first().get(0)
            guard !isSaid else { continue }
            try connection.execute(
                "COMMENT ON COLUMN \(model.quotedName).\(quoteIdentifier(column)) IS \(quoteLiteral(comment.text))"
            )
        }
    }

    // MARK: - Mistakes

    private func checkColumns(_ given: [String: String], _ stored: [String: String]) throws {
        let missing = model.keepsColumns ? [] : stored.keys.filter { given[$0] == nil }.sorted()
        let extra = given.keys.filter { stored[$0] == nil }.sorted()
        // Ours take what the server converts; a project's table has the types that its SELECT had.
        let changed = model.isOwn ? given.keys.filter { stored[$0] ?? given[$0] != given[$0] }.sorted() : []
        guard missing.isEmpty, extra.isEmpty, changed.isEmpty else {
            let parts =
                [
                    missing.isEmpty ? nil : "the SELECT lacks \(missing.joined(separator: ", "))",
                    extra.isEmpty ? nil : "the table has no \(extra.joined(separator: ", "))",
                ].compactMap { $0 } + changed.map { "\($0) is \(given[$0]!), in the table \(stored[$0]!)" }
            let way =
                model.isOwn
                ? "; a table that others may read keeps its columns: drop it, and the next transform makes it anew: "
                    + "DROP TABLE \(model.quotedName)" : ""
            throw mistake("the SELECT does not fit \(model.name): " + parts.joined(separator: "; ") + way)
        }
    }

    private func checkTime() throws {
        guard model.isOwn, let time = model.time else { return }
        do {
            // In a savepoint, for the transform goes on to say more.
            _ = try connection.rehearsal {
                try connection.query(
                    "SELECT FROM \(model.quotedName) WHERE (\(time)) >= timestamptz 'epoch' LIMIT 0")
            }
        } catch let error as PostgresError {
            throw TransformError(
                file: model.file.origin, line: model.timeLine,
                message: "time is \"\(time)\", which is no day or time of the table: \(error.message)")
        }
    }

    private func checkKey() throws {
        let key = model.key.map(quoteIdentifier).joined(separator: ", ")
        let twice = try connection.query(
            """
            SELECT to_json(k) FROM (SELECT \(key) FROM pg_temp.fresh GROUP BY \(key) HAVING count(*) > 1 LIMIT 1) AS k
            """
        ).rows.first?.text(0)
        guard let twice else { return }
        throw mistake(
            "the SELECT gives the key \(twice) more than once; name as key (\(model.key.joined(separator: ", "))) "
                + "columns of which no two rows have the same")
    }

    /// Of an additive model every column is of the key or a sum; what is computed of sums would not add up.
    func checkSums() throws {
        let given = try connection.columns(of: "pg_temp.fresh")
        if let other = given.first(where: { !(model.key + model.additive).contains($0) }) {
            throw mistake(
                "\(other) is neither of the key nor additive: have it computed of the sums where they are read"
            )
        }
        if let lacking = model.additive.first(where: { !given.contains($0) }) {
            throw mistake("the column \(lacking), which is to be additive, is not in the SELECT")
        }
        let types = try columns(of: "pg_temp.fresh")
        for column in model.additive {
            let type = types[column] ?? ""
            guard type == "real" || type == "double precision" else { continue }
            throw mistake(
                "\(column) is \(type), whose sums depend on the order of what is added: make it numeric, as in "
                    + "sum(\(column)::numeric)")
        }
    }

    /// The table's columns and their types, but for those that the server computes of others.
    func storedTypes() throws -> [String: String] { try columns(of: model.quotedName) }

    private func mistake(_ message: String) -> TransformError {
        TransformError(file: model.file.origin, line: model.selectLine, message: message)
    }

    private func names(of relation: String) throws -> String {
        try connection.columns(of: relation).joined(separator: ", ")
    }

    /// The columns of a relation and their types, but for those that the server computes of others; none where there is
    /// no such relation.
    private func columns(of relation: String) throws -> [String: String] {
        let rows = try connection.query(
            """
            SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
            """, [relation]
        ).rows
        return Dictionary(
            try rows.map { (try $0.get(0, as: String.self), try $0.get(1, as: String.self)) },
            uniquingKeysWith: { first, _ in first })
    }
}

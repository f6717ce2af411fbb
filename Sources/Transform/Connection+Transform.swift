import Postgres

extension Connection {
    /// The columns of a relation, in order; none where there is no such relation.
    func columns(of relation: String) throws(PostgresError) -> [String] {
        let rows = try query(
            """
            SELECT attname FROM pg_attribute
            WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum
            """, [relation]
        ).rows
        return rows.map { $0.text(0) ?? "" }
    }

    /// Makes a temporary table of what a SELECT gives, until the end of the transaction.
    ///
    /// - Parameters:
    ///   - name: quoted where it needs that, without its schema.
    ///   - keys: the columns, quoted, by which it is joined to report tables. The planner is told how many values they
    ///     have: otherwise it expects so much that it reads the report tables whole.
    /// - Returns: the number of rows.
    @discardableResult
    func createTemporary(
        _ name: String, as select: String, keys: [String] = [], action: String? = nil
    ) throws(PostgresError) -> Int {
        let rows = try query("CREATE TEMPORARY TABLE \(name) ON COMMIT DROP AS\n\(select)", action: action)
            .affectedRows
        if rows > 0, !keys.isEmpty {
            try execute("ANALYZE pg_temp.\(name) (\(keys.joined(separator: ", ")))", action: action)
        }
        return rows
    }
}

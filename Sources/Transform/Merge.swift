import Postgres

/// Makes a model's table equal to what was computed into `pg_temp.fresh`, but for rows behind which events are gone: writes
/// the rows that differ and no others, and keeps what they were and are, for the models that read them and for the history.
struct Merge {
    private let model: Model
    private let connection: Connection
    private let kept: KeptRows
    /// Whether rows that were computed and did not change count as changed to the models that read them.
    private let tellsAll: Bool
    /// Whether what changes is to be seen afterwards, in `pg_temp.old_<table>` and `pg_temp.new_<table>`: by who rehearses,
    /// and by sums that are kept by differences.
    private let showsChanges: Bool
    /// What the history says of rows that nothing is known to have touched.
    private let causeOfTheRest: String
    private let keyList: String
    private let newKeyList: String
    /// A condition over rows named `new` and `old`.
    let isSameKey: String
    /// After `write`: the rows in which the table has changed, as they were and as they are, and what touched them.
    let changedRows: String

    init(
        _ model: Model, _ connection: Connection, kept: KeptRows, tellsAll: Bool, showsChanges: Bool,
        causeOfTheRest: String
    ) {
        self.model = model
        self.connection = connection
        self.kept = kept
        self.tellsAll = tellsAll
        self.showsChanges = showsChanges
        self.causeOfTheRest = causeOfTheRest
        let key = model.key.map(quoteIdentifier)
        keyList = key.joined(separator: ", ")
        newKeyList = key.map { "new.\($0)" }.joined(separator: ", ")
        isSameKey = key.map { "new.\($0) = old.\($0)" }.joined(separator: " AND ")
        changedRows = "pg_temp.\(quoteIdentifier("changed_\(model.table)"))"
    }

    /// Writes, and drops `pg_temp.fresh`.
    ///
    /// - Parameters:
    ///   - scopes: the keys that something has touched.
    ///   - isWhole: whether all were computed, and not only these.
    /// - Returns: the number of keys computed, and of rows inserted, updated or deleted.
    func write(_ scopes: [Scope], isWhole: Bool) throws -> (keys: Int, rowsChanged: Int) {
        let keys: Int = try connection.query("SELECT count(*) FROM pg_temp.fresh").first().get(0)
        let (columns, isStamped) = try ModelTable(model, connection).prepare()
        let list = columns.map(quoteIdentifier).joined(separator: ", ")
        let found = try compare(columns, list, isWhole ? [] : scopes)
        let rowsChanged = try writeRows(columns, list, isStamped: isStamped, found)
        if rowsChanged > 0 || tellsAll { try keepChanges(list, scopes, isWhole: isWhole) }
        if rowsChanged > 0, let history = model.history { try writeHistory(history, list) }
        if showsChanges {
            for kind in ["old", "new"] {
                try connection.execute(
                    "ALTER TABLE pg_temp.\(kind)_rows RENAME TO \(quoteIdentifier("\(kind)_\(model.table)"))")
            }
        } else {
            try connection.execute("DROP TABLE pg_temp.new_rows, pg_temp.old_rows")
        }
        try connection.execute("DROP TABLE pg_temp.fresh")
        return (keys, rowsChanged)
    }

    /// Makes `pg_temp.old_rows` and `pg_temp.new_rows`: what was and is no more, and what is and was not.
    ///
    /// - Returns: how many they hold.
    private func compare(
        _ columns: [String], _ list: String, _ scopes: [Scope]
    ) throws -> (old: Int, new: Int) {
        let action = "compare \(model.name)"
        let key = model.key.map(quoteIdentifier)
        let values = columns.filter { !model.key.contains($0) }.map(quoteIdentifier)
        let isSame = ([isSameKey] + values.map { "new.\($0) IS NOT DISTINCT FROM old.\($0)" })
            .joined(separator: " AND ")
        // What the SELECT gives beyond the scopes may be half of the truth.
        let isTouched =
            scopes.isEmpty ? "true" : "(\(scopes.map { $0.contains("new") }.joined(separator: " OR ")))"
        var before = model.quotedName
        if !scopes.isEmpty {
            before = "pg_temp.before"
            // Each scope by itself: by its own index.
            let parts = scopes.map {
                "SELECT \(list) FROM \(model.quotedName) AS old WHERE \($0.contains("old"))"
            }
            let all =
                parts.count == 1
                ? parts[0]
                : "SELECT DISTINCT ON (\(keyList)) * FROM (\(parts.joined(separator: " UNION ALL "))) AS old"
            try connection.createTemporary("before", as: all, action: action)
        }
        let (isNewOpen, isOldOpen) = (try kept.condition(model, "new"), try kept.condition(model, "old"))
        let new = try connection.createTemporary(
            "new_rows",
            as: """
                SELECT \(list) FROM pg_temp.fresh AS new
                WHERE \(isTouched) AND \(isNewOpen)
                    AND NOT EXISTS (SELECT FROM \(before) AS old WHERE \(isSame))
                """, keys: key, action: action)
        // A row that is kept for its age gives way to one of the same key that is not as old.
        let isOpen =
            isOldOpen == "true"
            ? isOldOpen : "(\(isOldOpen) OR EXISTS (SELECT FROM pg_temp.new_rows AS new WHERE \(isSameKey)))"
        let old = try connection.createTemporary(
            "old_rows",
            as: """
                SELECT \(list) FROM \(before) AS old
                WHERE \(isOpen) AND NOT EXISTS (SELECT FROM pg_temp.fresh AS new WHERE \(isSame))
                """, keys: key, action: action)
        if !scopes.isEmpty { try connection.execute("DROP TABLE pg_temp.before") }
        return (old, new)
    }

    /// Writes what `compare` has found.
    private func writeRows(
        _ columns: [String], _ list: String, isStamped: Bool, _ found: (old: Int, new: Int)
    ) throws -> Int {
        var rowsChanged = 0
        if found.old > 0 {
            rowsChanged += try connection.query(
                """
                DELETE FROM \(model.quotedName) AS old
                USING (SELECT \(keyList) FROM pg_temp.old_rows EXCEPT SELECT \(keyList) FROM pg_temp.new_rows) AS new
                WHERE \(isSameKey)
                """, action: "write \(model.name)"
            ).affectedRows
        }
        guard found.new > 0 else { return rowsChanged }
        let values = columns.filter { !model.key.contains($0) }.map(quoteIdentifier)
        if found.old > 0, !values.isEmpty {
            let assignments = values.map { "\($0) = new.\($0)" } + (isStamped ? ["restated_at = now()"] : [])
            rowsChanged += try connection.query(
                """
                UPDATE \(model.quotedName) AS old
                SET \(assignments.joined(separator: ", "))
                FROM pg_temp.new_rows AS new
                WHERE \(isSameKey) AND (\(newKeyList)) IN (SELECT \(keyList) FROM pg_temp.old_rows)
                """, action: "write \(model.name)"
            ).affectedRows
        }
        // Known to be new: no need to ask the index first.
        rowsChanged += try connection.query(
            """
            INSERT INTO \(model.quotedName) (\(list)\(isStamped ? ", restated_at" : ""))
            SELECT \(list)\(isStamped ? ", now()" : "")
            FROM pg_temp.new_rows AS new
            \(found.old > 0 ? "WHERE NOT EXISTS (SELECT FROM pg_temp.old_rows AS old WHERE \(isSameKey))" : "")
            """, action: "write \(model.name)"
        ).affectedRows
        return rowsChanged
    }

    private func keepChanges(_ list: String, _ scopes: [Scope], isWhole: Bool) throws {
        var parts = scopes.map { scope in
            let isTouched = scope.columns.map {
                "\(quoteIdentifier(Scope.prefix + $0)) = changed.\(quoteIdentifier($0))"
            }
            return "SELECT changed.*, touched_loads, touched_cause FROM changed "
                + "JOIN \(scope.table) AS touched ON \(isTouched.joined(separator: " AND "))"
        }
        if isWhole {
            let isTouched = (["false"] + scopes.map { $0.contains("changed") }).joined(separator: " OR ")
            parts.append(
                "SELECT changed.*, NULL::bigint[] AS touched_loads, \(quoteLiteral(causeOfTheRest)) AS touched_cause "
                    + "FROM changed WHERE NOT (\(isTouched))")
        }
        try connection.createTemporary(
            "\(changedRows.dropFirst("pg_temp.".count))",
            as: """
                WITH changed AS (
                    SELECT \(list) FROM pg_temp.old_rows
                    UNION ALL
                    SELECT \(list) FROM pg_temp.\(tellsAll ? "fresh" : "new_rows")
                )
                \(parts.joined(separator: " UNION ALL "))
                """)
    }

    /// Ends the versions that changed, and begins those that are.
    private func writeHistory(_ history: String, _ list: String) throws {
        let action = "write \(history)"
        try connection.query(
            """
            UPDATE \(history) AS old SET valid_to = now()
            FROM (SELECT \(keyList) FROM pg_temp.old_rows UNION SELECT \(keyList) FROM pg_temp.new_rows) AS new
            WHERE \(isSameKey) AND old.valid_to IS NULL
            """, action: action)
        try connection.query(
            """
            INSERT INTO \(history) (\(list), valid_from, load_ids, cause)
            SELECT \(list), now(), touched.loads, touched.cause
            FROM pg_temp.new_rows
            JOIN (
                SELECT \(keyList), array_agg(DISTINCT load ORDER BY load) FILTER (WHERE load IS NOT NULL) AS loads,
                    max(touched_cause) AS cause
                FROM \(changedRows) LEFT JOIN LATERAL unnest(touched_loads) AS load ON true
                GROUP BY \(keyList)
            ) AS touched USING (\(keyList))
            """, action: action)
    }
}

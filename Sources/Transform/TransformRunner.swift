import Foundation
import Postgres

/// What a transform did to one model.
package struct ModelResult: Sendable, Encodable {
    package let model: String
    /// Keys that were computed.
    package let keys: Int
    /// Rows inserted, updated or deleted; unchanged rows are not written.
    package let rowsChanged: Int
    package let seconds: Double

    private enum CodingKeys: String, CodingKey {
        case model, keys
        case rowsChanged = "rows_changed"
        case seconds
    }
}

/// Brings the report tables up to date with what the models' SELECTs say, in one transaction: readers see the
/// state before or after, and a run that fails leaves no trace.
package struct TransformRunner {
    private let connection: Connection
    private let models: [Model]

    /// The advisory lock that lets one transform run at a time.
    private static let lock: Int64 = 0x6461_7962_7472_6e73

    package init(_ models: [Model], _ connection: Connection) {
        self.models = models
        self.connection = connection
    }

    /// Recomputes every model.
    ///
    /// - Parameter prepare: what must change in the same transaction before: definitions and clocks.
    package func run(prepare: () throws -> Void) throws -> [ModelResult] {
        // Taken before the snapshot, so that it sees what the transform before has done.
        try connection.query("SELECT pg_advisory_lock($1::bigint)", [TransformRunner.lock])
        defer { _ = try? connection.query("SELECT pg_advisory_unlock($1::bigint)", [TransformRunner.lock]) }
        return try connection.transaction("ISOLATION LEVEL REPEATABLE READ") {
            try connection.execute("SET LOCAL work_mem = '128MB'")
            try prepare()
            return try models.map { try rebuild($0) }
        }
    }

    /// Computes the whole model beside its table and writes the rows in which the two differ.
    private func rebuild(_ model: Model) throws -> ModelResult {
        let began = Date()
        do {
            // A statement with parameters can be one only: no COMMIT hides behind a SELECT.
            try connection.query("CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS \(model.select)")
        } catch {
            throw located(error, in: model)
        }
        let rowsChanged: Int
        do {
            try connection.execute("ANALYZE pg_temp.fresh")
            rowsChanged = try merge(model)
        } catch let error as PostgresError {
            throw described(error, in: model)
        }
        let keys: Int = try connection.query("SELECT count(*) FROM pg_temp.fresh").first().get(0)
        try connection.execute("DROP TABLE pg_temp.fresh")
        return ModelResult(
            model: model.name, keys: keys, rowsChanged: rowsChanged, seconds: Date().timeIntervalSince(began))
    }

    /// Makes the model's table equal to what was computed; returns the number of rows that were not.
    private func merge(_ model: Model) throws -> Int {
        let table = "\(quoteIdentifier(model.schema)).\(quoteIdentifier(model.table))"
        try createIfMissing(model, table)
        let (columns, isStamped) = try columns(of: model)
        let key = model.key.map(quoteIdentifier)
        let list = columns.map(quoteIdentifier).joined(separator: ", ")
        let isSameKey = key.map { "fresh.\($0) = old.\($0)" }.joined(separator: " AND ")
        let deleted = try connection.query(
            "DELETE FROM \(table) AS old WHERE NOT EXISTS (SELECT FROM pg_temp.fresh WHERE \(isSameKey))"
        ).affectedRows

        let values = columns.filter { !model.key.contains($0) }.map(quoteIdentifier)
        // Not left to DO UPDATE … WHERE: that locks, and so writes, every row that stays as it is.
        let isSame =
            ([isSameKey] + values.map { "fresh.\($0) IS NOT DISTINCT FROM old.\($0)" })
            .joined(separator: " AND ")
        let assignments = (values + (isStamped ? ["restated_at"] : [])).map { "\($0) = excluded.\($0)" }
        let update = values.isEmpty ? "NOTHING" : "UPDATE SET \(assignments.joined(separator: ", "))"
        let written = try connection.query(
            """
            INSERT INTO \(table) (\(list)\(isStamped ? ", restated_at" : ""))
            SELECT \(list)\(isStamped ? ", now()" : "") FROM pg_temp.fresh
            WHERE NOT EXISTS (SELECT FROM \(table) AS old WHERE \(isSame))
            ON CONFLICT (\(key.joined(separator: ", "))) DO \(update)
            """
        ).affectedRows
        return deleted + written
    }

    /// A project's own model gets its table from its SELECT; ours have theirs from the schema.
    private func createIfMissing(_ model: Model, _ table: String) throws {
        let isPresent: Bool = try connection.query("SELECT to_regclass($1) IS NOT NULL", [table]).first().get(
            0)
        guard !isPresent else { return }
        try connection.execute(
            """
            CREATE TABLE \(table) AS SELECT * FROM pg_temp.fresh WITH NO DATA;
            ALTER TABLE \(table) ADD PRIMARY KEY (\(model.key.map(quoteIdentifier).joined(separator: ", ")));
            COMMENT ON TABLE \(table) IS \(quoteLiteral(model.description))
            """, action: "create \(model.name)")
    }

    /// The SELECT's columns, checked against the table's; and whether the table stamps changes (`restated_at`).
    private func columns(of model: Model) throws -> (columns: [String], isStamped: Bool) {
        func names(_ relation: String) throws -> [String] {
            try connection.query(
                """
                SELECT attname FROM pg_attribute
                WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
                ORDER BY attnum
                """, [relation]
            ).rows.map { try $0.get(0) }
        }
        let given = try names("pg_temp.fresh")
        var wanted = try names("\(quoteIdentifier(model.schema)).\(quoteIdentifier(model.table))")
        let isStamped = wanted.contains("restated_at") && !given.contains("restated_at")
        if isStamped { wanted.removeAll { $0 == "restated_at" } }
        let missing = wanted.filter { !given.contains($0) }
        let extra = given.filter { !wanted.contains($0) }
        guard missing.isEmpty, extra.isEmpty else {
            let parts = [
                missing.isEmpty ? nil : "the SELECT lacks \(missing.joined(separator: ", "))",
                extra.isEmpty ? nil : "the table has no \(extra.joined(separator: ", "))",
            ]
            throw TransformError(
                file: model.file.origin,
                message: "the SELECT does not fit \(model.name): "
                    + parts.compactMap { $0 }.joined(separator: "; "))
        }
        for column in model.key where !given.contains(column) {
            throw TransformError(
                file: model.file.origin, message: "the key column \(column) is not in the SELECT")
        }
        return (given, isStamped)
    }

    /// An error of the SELECT itself, with the line of the file that the server points at.
    private func located(_ error: PostgresError, in model: Model) -> any Error {
        let preamble = "CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS ".count
        // The server counts code points.
        let line = error.statementPosition.map { position in
            model.select.unicodeScalars.prefix(max(position - preamble - 1, 0)).count { $0 == "\n" } + 1
        }
        return described(error, in: model, line: line)
    }

    /// What the server refuses, as a mistake of the model's file; what is no mistake goes on as it is.
    private func described(_ error: PostgresError, in model: Model, line: Int? = nil) -> any Error {
        guard error.kind == .refused, !error.isCancelled, !error.isRetryable else { return error }
        let more = [error.detail, error.hint].filter { !$0.isEmpty }.joined(separator: "; ")
        return TransformError(
            file: model.file.origin, line: line, message: error.message + (more.isEmpty ? "" : " (\(more))"))
    }
}

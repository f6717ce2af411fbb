import Events
import Foundation
import Postgres
import SQLFiles

/// Brings one model's table up to date: finds the keys that are touched, computes them beside the table, and has the
/// rows written that differ.
final class Restatement {
    private let model: Model
    private let changes: Changes
    private let scoped: ScopedRelations
    private let connection: Connection
    private let merge: Merge
    /// Whether the table is to be computed as a whole whatever has changed.
    private let isNew: Bool
    private let hash: String
    private let tellsAll: Bool
    /// Keys that the clock has touched.
    private var clockScope: Scope?

    init(
        _ model: Model, _ changes: Changes, _ scoped: ScopedRelations, _ connection: Connection,
        isFullRefresh: Bool, tellsAll: Bool, showsChanges: Bool
    ) throws {
        self.model = model
        self.changes = changes
        self.scoped = scoped
        self.connection = connection
        self.tellsAll = tellsAll
        let texts = [model.before?.text, model.clock?.text].compactMap { $0 }.joined()
        hash = SHA256.hex(Array((texts + "\n" + model.select).utf8))
        let built = try connection.query(
            "SELECT sha256 FROM daybook.models WHERE model = $1 AND to_regclass($2) IS NOT NULL",
            [model.name, model.quotedName]
        ).rows.first
        let builtHash = try built?.get(0, as: String.self)
        isNew = isFullRefresh || builtHash != hash
        merge = Merge(
            model, connection, kept: changes.kept, tellsAll: tellsAll, showsChanges: showsChanges,
            // What nothing is known to have touched: another SQL judges otherwise, a full refresh at another time.
            causeOfTheRest: isFullRefresh ? "clock" : "definition")
    }

    func run() throws -> ModelResult {
        let stopwatch = Stopwatch()
        do {
            let (keys, rowsChanged) = try restate()
            return ModelResult(
                model: model.name, keys: keys, rowsChanged: rowsChanged,
                seconds: stopwatch.seconds)
        } catch let error as PostgresError {
            throw error.described(in: model.file)
        }
    }

    private func restate() throws -> (keys: Int, rowsChanged: Int) {
        if !model.additive.isEmpty { return try restateSums() }
        let (scopes, isWhole) = try scopes()
        if isWhole { return try rebuild(scopes) }
        guard !scopes.isEmpty else {
            for table in [model.name, model.history].compactMap({ $0 }) { changes.note(.nothing, of: table) }
            return (0, 0)
        }
        if scopes.count == 1 {
            try compute("fresh", try scoped.select(model, scopes[0]))
        } else {
            for scope in scopes { try add(scope) }
        }
        let (keys, rowsChanged) = try merge.write(scopes, isWhole: false)
        note(rowsChanged, areMost: false)
        return (keys, rowsChanged)
    }

    /// - Parameter scopes: of what may have changed, the keys that something is known to have touched.
    private func rebuild(_ scopes: [Scope]) throws -> (keys: Int, rowsChanged: Int) {
        try compute("fresh", ScopedSelect(text: model.select, with: [], before: model.before?.text))
        if !model.additive.isEmpty {
            try ModelTable(model, connection).checkSums()
            // As differences leave it.
            try connection.execute(
                "DELETE FROM pg_temp.fresh WHERE \(isNothing)", action: "compute \(model.name)")
        }
        let (keys, rowsChanged) = try merge.write(scopes, isWhole: true)
        note(rowsChanged, areMost: rowsChanged > keys / 5)
        try connection.query(
            """
            INSERT INTO daybook.models (model, sha256) VALUES ($1, $2)
            ON CONFLICT (model) DO UPDATE SET sha256 = excluded.sha256, built_at = now()
            """, [model.name, hash])
        if rowsChanged > 0, model.name != EventTables.refusals {
            try connection.execute("ANALYZE \(model.quotedName)")
        }
        return (keys, rowsChanged)
    }

    // MARK: - Sums

    /// Brings sums up to date: computes what the rows that have changed gave before and what they give now, and adds the
    /// difference to what is stored.
    private func restateSums() throws -> (keys: Int, rowsChanged: Int) {
        let changed: String
        switch changes.extent(of: model.summed, for: model) {
        case .nothing where !isNew:
            changes.note(.nothing, of: model.name)
            return (0, 0)
        // To compute days anew is to trust no stored row.
        case .rows(let table, false) where !isNew && !tellsAll: changed = table
        default: return try rebuild([])
        }
        let scope = Scope(
            columns: model.key, table: "pg_temp.\(quoteIdentifier("differences_\(model.table)"))")
        let touched = try findDifferences(scope, changed)
        guard touched > 0 else {
            changes.note(.nothing, of: model.name)
            return (0, 0)
        }
        let types = try ModelTable(model, connection).storedTypes()
        let keys = model.key.map(quoteIdentifier)
        let isSameKey = keys.map { "stored.\($0) = d.\($0)" }.joined(separator: " AND ")
        let sums = model.additive.map { column in
            let name = quoteIdentifier(column)
            let sum = "d.\(name) + coalesce(stored.\(name), 0)"
            return types[column].map { "(\(sum))::\($0) AS \(name)" } ?? "\(sum) AS \(name)"
        }
        let named = zip(model.key, keys).map { "\(quoteIdentifier(Scope.prefix + $0)) AS \($1)" }
        try connection.createTemporary(
            "fresh",
            as: """
                SELECT * FROM (
                    SELECT \((keys.map { "d.\($0)" } + sums).joined(separator: ", "))
                    FROM (SELECT *, \(named.joined(separator: ", ")) FROM \(scope.table)) AS d
                    LEFT JOIN \(model.quotedName) AS stored ON \(isSameKey)
                ) AS summed
                WHERE NOT (\(isNothing))
                """, action: "compute \(model.name)")
        let (_, rowsChanged) = try merge.write([scope], isWhole: false)
        note(rowsChanged, areMost: false)
        return (touched, rowsChanged)
    }

    /// Whether a row has no sum but 0: it is none.
    private var isNothing: String {
        model.additive.map { "\(quoteIdentifier($0)) = 0" }.joined(separator: " AND ")
    }

    /// Makes the scope's table: each key of which any sum is another, and by how much.
    ///
    /// - Returns: how many there are.
    private func findDifferences(_ scope: Scope, _ changed: String) throws -> Int {
        let table = model.summed.split(separator: ".").last!
        let sums = model.additive.map(quoteIdentifier)
        let parts = [("new", ""), ("old", "-")].map { kind, sign in
            let rows = "pg_temp.\(quoteIdentifier("\(kind)_\(table)"))"
            let select = RelationNames(in: model.query).replacing([model.summed: rows])
            let list = model.key.map(quoteIdentifier) + sums.map { "\(sign)\($0) AS \($0)" }
            return "SELECT \(list.joined(separator: ", ")) FROM (\n\(select)\n) AS \(kind)"
        }
        let keys = model.key.map { "\(quoteIdentifier($0)) AS \(quoteIdentifier(Scope.prefix + $0))" }
        return try connection.createTemporary(
            quoteIdentifier("differences_\(model.table)"),
            as: """
                SELECT \((keys + sums.map { "sum(\($0)) AS \($0)" }).joined(separator: ", ")),
                    NULL::bigint[] AS touched_loads, (SELECT max(touched_cause) FROM \(changed) AS c) AS touched_cause
                FROM (
                \(parts.joined(separator: "\nUNION ALL\n"))
                ) AS part
                GROUP BY \(model.key.map(quoteIdentifier).joined(separator: ", "))
                HAVING \(sums.map { "sum(\($0)) <> 0" }.joined(separator: " OR "))
                """, keys: model.key.map { quoteIdentifier(Scope.prefix + $0) },
            action: "compute \(model.name)")
    }

    private func note(_ rowsChanged: Int, areMost: Bool) {
        let extent =
            rowsChanged > 0 || tellsAll
            ? Changes.Extent.rows(table: merge.changedRows, areMost: areMost) : .nothing
        changes.note(extent, of: model.name)
        if let history = model.history { changes.note(rowsChanged > 0 ? .everything : .nothing, of: history) }
    }

    // MARK: - What is touched

    /// Runs the model's clock file.
    func askClock() throws {
        guard !isNew, let clock = model.clock else { return }
        let name = "clock_\(model.table)"
        try fill(name, ScopedSelect(text: clock.text, with: []), of: clock)
        let rows = "pg_temp.\(quoteIdentifier(name))"
        let columns = try connection.columns(of: rows)
        let isAny: Bool = try connection.query("SELECT EXISTS (SELECT FROM \(rows))").first().get(0)
        guard isAny else { return }
        if columns == ["case_id"] { return try changes.touchCases(ofClock: rows) }
        guard columns.allSatisfy(model.key.contains) else {
            throw TransformError(
                file: clock.origin,
                message: "a clock gives case_id, or columns of the key (\(model.key.joined(separator: ", ")))"
            )
        }
        let part = "(SELECT *, NULL::bigint[] AS touched_loads, 'clock' AS touched_cause FROM \(rows))"
        clockScope = try scoped.scope(
            columns, of: [.init(table: part, expressions: columns.map(quoteIdentifier))], action: findsKeys)
    }

    /// The keys that are touched, and whether the whole table is to be computed.
    private func scopes() throws -> (scopes: [Scope], isWhole: Bool) {
        var isWhole = isNew
        // By columns of the key: the tables whose rows touch keys, and how they tell these columns.
        var parts: [[String]: [Scope.Part]] = [:]
        for source in model.from {
            switch changes.extent(of: source.relation, for: model) {
            case .nothing: continue
            case .everything: isWhole = true
            case .rows(let table, let areMost):
                let links = try scoped.linked(source, model)
                isWhole = isWhole || areMost || links.isEmpty
                guard !links.isEmpty else { continue }
                parts[links.map(\.column), default: []].append(
                    Scope.Part(table: table, expressions: links.map(\.expression)))
            }
        }
        if let clockScope {
            let names = clockScope.columns.map { quoteIdentifier(Scope.prefix + $0) }
            parts[clockScope.columns, default: []].append(
                Scope.Part(table: clockScope.table, expressions: names))
        }
        let scopes = try parts.sorted { $0.key.count < $1.key.count }.map { columns, parts in
            try scoped.scope(columns, of: parts, action: findsKeys)
        }
        return (scopes, isWhole)
    }

    private var findsKeys: String { "find the keys of \(model.name) that are touched" }

    // MARK: - Computing

    /// Adds the keys in the scope to `pg_temp.fresh`.
    private func add(_ scope: Scope) throws {
        try compute("part", try scoped.select(model, scope))
        // What the SELECT gives beyond the scope may be half of the truth; what two scopes share is the same.
        try connection.execute(
            """
            CREATE TEMPORARY TABLE IF NOT EXISTS fresh (LIKE pg_temp.part) ON COMMIT DROP;
            INSERT INTO pg_temp.fresh SELECT * FROM pg_temp.part AS new
            WHERE \(scope.contains("new")) AND NOT EXISTS (SELECT FROM pg_temp.fresh AS old WHERE \(merge.isSameKey));
            DROP TABLE pg_temp.part
            """, action: "compute \(model.name)")
    }

    /// Makes a temporary table of what the model's SELECT gives.
    private func compute(_ table: String, _ select: ScopedSelect) throws {
        if let before = select.before {
            try connection.query(before, action: "prepare \(model.name)")
        }
        try fill(table, select, of: model.file)
    }

    /// Makes a temporary table of what a SELECT gives.
    private func fill(_ table: String, _ select: ScopedSelect, of file: SQLFiles.File) throws {
        // A statement with parameters can be one only, and a SELECT in parentheses can change nothing: neither a COMMIT
        // hides behind it nor a DELETE in it.
        let with = select.with.isEmpty ? "" : "WITH \(select.with.joined(separator: ", "))\n"
        let create =
            "CREATE TEMPORARY TABLE \(quoteIdentifier(table)) ON COMMIT DROP AS \(with)SELECT * FROM (\n"
        do {
            try connection.query("\(create)\(select.text.withoutEnd)\n) AS model")
        } catch {
            throw error.described(in: file, line: error.line(in: select.text, after: create))
        }
    }
}

import Postgres

/// What a database tells of the relations that models read and fill, and of the views that read them.
package struct KnownRelations: Sendable {
    package struct Relation: Sendable {
        package let isView: Bool
        /// Its comment.
        package let description: String
        package internal(set) var columns: [Lineage.Column]

        package init(isView: Bool, description: String, columns: [Lineage.Column]) {
            self.isView = isView
            self.description = description
            self.columns = columns
        }
    }

    /// By name with schema.
    package private(set) var relations: [String: Relation] = [:]
    /// By name of a model or a view: of each relation that it reads the columns, in the relation's order.
    package private(set) var reads: [String: [String: [String]]] = [:]
    /// What the server would not tell, and why.
    package private(set) var notes: [String] = []

    package init(relations: [String: Relation], reads: [String: [String: [String]]]) {
        self.relations = relations
        self.reads = reads
    }

    /// Asks the server. What a SELECT reads it knows of views only, so each model's becomes a temporary view in a
    /// transaction that is rolled back: nothing is written, and no query is run.
    ///
    /// - Parameter models: each after those that it reads.
    package init(of models: [Model], _ connection: Connection) throws {
        try connection.rehearsal {
            let views = try makeViews(of: models, connection)
            let all = try readers(views, connection)
            keepReaders(all, models)
            try readRelations(models, views, connection)
        }
    }

    /// Makes the models' views where the server lets us.
    ///
    /// - Returns: by the name of the view, the model.
    private mutating func makeViews(of models: [Model], _ connection: Connection) throws -> [String: Model] {
        var views: [String: Model] = [:]
        // A model that no transform has filled yet has no table; its view stands for it where others read it.
        var unbuilt: [String: String] = [:]
        var refusals: [(reason: String, models: [String])] = []
        for (index, model) in models.enumerated() {
            let view = "lineage_\(index)"
            let head = "CREATE TEMPORARY VIEW \(view) AS "
            let select = RelationNames(in: model.select.withoutEnd).replacing(unbuilt)
            do {
                // A statement with parameters can be one only.
                _ = try connection.transaction { try connection.query(head + select) }
            } catch let error as PostgresError where error.kind == .refused && !error.isCancelled {
                // What the file has no part in, the server says of all models alike.
                let line = error.line(in: select, after: head)
                let reason = line == nil ? error.message : "\(error.described(in: model.file, line: line))"
                if let same = refusals.firstIndex(where: { $0.reason == reason }) {
                    refusals[same].models.append(model.name)
                } else {
                    refusals.append((reason, [model.name]))
                }
                continue
            }
            views[view] = model
            let isBuilt: Bool = try connection.query(
                "SELECT to_regclass($1) IS NOT NULL", [model.quotedName]
            ).first().get(0)
            if !isBuilt { unbuilt[model.name] = "pg_temp.\(view)" }
        }
        notes = refusals.map { refusal in
            "the columns that \(refusal.models.joined(separator: ", ")) "
                + "\(refusal.models.count == 1 ? "reads" : "read") are missing: \(refusal.reason)"
        }
        return views
    }

    /// What each view in the database reads, ours among them under their models' names.
    private func readers(
        _ views: [String: Model], _ connection: Connection
    ) throws -> [String: [String: [String]]] {
        // A view's query is its rewrite rule, and the rule depends on each column that the query names; on a relation
        // of which it names none, as a whole.
        let rows = try connection.query(
            """
            SELECT by.relname AS reader, CASE WHEN by.relnamespace <> pg_my_temp_schema() THEN by_schema.nspname END
                    AS reader_schema,
                of.relname AS relation, CASE WHEN of.relnamespace <> pg_my_temp_schema() THEN of_schema.nspname END
                    AS relation_schema,
                a.attname
            FROM pg_rewrite AS r
            JOIN pg_class AS by ON by.oid = r.ev_class
            JOIN pg_namespace AS by_schema ON by_schema.oid = by.relnamespace
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
            JOIN pg_class AS of ON of.oid = d.refobjid
            JOIN pg_namespace AS of_schema ON of_schema.oid = of.relnamespace
            LEFT JOIN pg_attribute AS a
                ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid <> 0
            WHERE by.relkind IN ('v', 'm')
                AND (by.relnamespace = pg_my_temp_schema()
                    OR by_schema.nspname <> 'information_schema' AND NOT starts_with(by_schema.nspname, 'pg_'))
            ORDER BY by.oid, of.oid, d.refobjsubid
            """, action: "ask what views read")
        var readers: [String: [String: [String]]] = [:]
        for row in rows.rows {
            func name(_ column: String) throws -> String {
                let name: String = try row.get(column)
                guard let schema = try row.getIfPresent("\(column)_schema", as: String.self) else {
                    return views[name]?.name ?? name
                }
                return "\(schema).\(name)"
            }
            let (reader, relation) = (try name("reader"), try name("relation"))
            let column = try row.getIfPresent("attname", as: String.self)
            readers[reader, default: [:]][relation, default: []] += column.map { [$0] } ?? []
        }
        return readers
    }

    /// Keeps, of all that the database's views read, what leads to a model or comes from one. What `raw.events` itself
    /// reads is storage.
    private mutating func keepReaders(_ all: [String: [String: [String]]], _ models: [Model]) {
        var all = all
        all[Lineage.events] = nil
        // Downwards from what is ours to show; whoever reads the catalogue or a table of others is not asked for.
        var shown = Set(models.map(\.name) + models.compactMap(\.history) + [Lineage.events])
        shown.formUnion(models.flatMap(\.from).map(\.relation).filter { $0.hasPrefix("raw.") })
        let filled = shown
        while let reader = all.first(where: { reader in
            !shown.contains(reader.key) && reader.value.keys.contains(where: shown.contains)
        }) { shown.insert(reader.key) }
        // Upwards from all that is read.
        var waiting = Array(shown) + models.flatMap(\.from).map(\.relation)
        while let name = waiting.popLast() {
            guard reads[name] == nil, let columns = all[name] else { continue }
            reads[name] = columns
            waiting += columns.keys.filter { !filled.contains($0) }
        }
    }

    private mutating func readRelations(
        _ models: [Model], _ views: [String: Model], _ connection: Connection
    ) throws {
        var names = Set(reads.keys).union(reads.values.flatMap(\.keys))
        for model in models {
            names.formUnion(model.from.map(\.relation) + [model.name])
            if let history = model.history { names.insert(history) }
        }
        names.insert(Lineage.events)
        let rows = try connection.query(
            """
            SELECT c.relname, CASE WHEN c.relnamespace <> pg_my_temp_schema() THEN n.nspname END AS schema,
                c.relkind IN ('v', 'm') AS is_view, coalesce(obj_description(c.oid, 'pg_class'), '') AS description,
                a.attname, format_type(a.atttypid, a.atttypmod) AS type,
                coalesce(col_description(c.oid, a.attnum), '') AS comment
            FROM pg_class AS c
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
            LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
                AND (n.nspname || '.' || c.relname = ANY ($1::text[]) OR c.relnamespace = pg_my_temp_schema())
            ORDER BY c.relnamespace = pg_my_temp_schema(), c.oid, a.attnum
            """, [names.sorted()], action: "ask for columns")
        var unbuilt: Set<String> = []
        for row in rows.rows {
            var name: String = try row.get("relname")
            if let schema = try row.getIfPresent("schema", as: String.self) {
                name = "\(schema).\(name)"
            } else {
                // A model's view tells its columns where there is no table yet.
                guard let model = views[name] else { continue }
                guard relations[model.name] == nil || unbuilt.contains(model.name) else { continue }
                name = model.name
                unbuilt.insert(name)
            }
            if relations[name] == nil {
                relations[name] = Relation(
                    isView: try row.get("is_view"), description: try row.get("description"), columns: [])
            }
            guard let column = try row.getIfPresent("attname", as: String.self) else { continue }
            relations[name]?.columns.append(
                Lineage.Column(name: column, type: try row.get("type"), description: try row.get("comment")))
        }
    }
}

import Postgres

/// The rows of what a model reads on which some of its keys depend: events copied aside into `pg_temp`, of other relations
/// as common table expressions under the same names, so that the SELECT computes these keys and no others.
final class ScopedRelations {
    private let connection: Connection
    private let changes: Changes
    /// Whether `pg_temp.events` and the views made of it hold every touched case.
    private var eventViews: Set<String> = []
    /// By the SELECT that finds their keys: what touches one model often touches others in the same way.
    private var scopes: [String: Scope] = [:]

    init(_ changes: Changes, _ connection: Connection) {
        self.changes = changes
        self.connection = connection
    }

    /// The model's SELECT, reading only rows on which the keys in `scope` depend.
    func select(_ model: Model, _ scope: Scope) throws -> ScopedSelect {
        var select = ScopedSelect(text: "", with: [])
        var names: [String: String] = [:]
        for source in model.from {
            let columns = try linked(source, model).filter { scope.columns.contains($0.column) }
            guard !columns.isEmpty else { continue }
            if Changes.isOfEvents(source.relation) {
                try copyEvents(of: source.relation, "\(Scope.prefix)\(columns[0].column)", scope)
                names[source.relation] = ScopedRelations.copyName(source.relation)
                continue
            }
            let name = quoteIdentifier(String(source.relation.split(separator: ".").last!))
            // Two relations of one name in two schemas: the second is read whole, which gives the same keys.
            guard !names.values.contains(name) else { continue }
            let matches = columns.map {
                "\($0.expression) = \(quoteIdentifier(Scope.prefix + $0.column))"
            }
            let list = try connection.columns(of: source.relation).map { "r.\(quoteIdentifier($0))" }
            let touched = columns.map { quoteIdentifier(Scope.prefix + $0.column) }.joined(separator: ", ")
            select.with.append(
                """
                \(name) AS (
                    SELECT \(list.joined(separator: ", "))
                    FROM (SELECT DISTINCT \(touched) FROM \(scope.table)) AS touched
                    JOIN \(source.relation) AS r ON \(matches.joined(separator: " AND "))
                )
                """)
            names[source.relation] = name
        }
        select.text = RelationNames(in: model.select).replacing(names)
        select.before = model.before.map { RelationNames(in: $0.text).replacing(names) }
        return select
    }

    /// The keys that rows of some tables touch.
    func scope(_ columns: [String], of parts: [Scope.Part], action: String) throws -> Scope {
        let names = columns.map { quoteIdentifier(Scope.prefix + $0) }
        let list = names.joined(separator: ", ")
        let selects = Set(
            parts.map { part in
                let keys = zip(part.expressions, names).map { "\($0) AS \($1)" }.joined(separator: ", ")
                return "SELECT \(keys), touched_loads, touched_cause FROM \(part.table) AS part"
            }
        ).sorted().joined(separator: " UNION ALL ")
        if let known = scopes[selects] { return known }
        let name = "touched_\(scopes.count)"
        try connection.createTemporary(
            name,
            as: """
                SELECT \(list), array_agg(load) FILTER (WHERE load IS NOT NULL) AS touched_loads,
                    max(cause) AS touched_cause
                FROM (
                    SELECT \(list), load, max(touched_cause) AS cause
                    FROM (\(selects)) AS touched
                    LEFT JOIN LATERAL unnest(touched_loads) AS load ON true
                    WHERE \(names.map { "\($0) IS NOT NULL" }.joined(separator: " AND "))
                    GROUP BY \(list), load
                ) AS by_load
                GROUP BY \(list)
                """, keys: names, action: action)
        let scope = Scope(columns: columns, table: "pg_temp.\(name)")
        scopes[selects] = scope
        return scope
    }

    /// The columns of the model's key that rows of a relation tell, and how.
    func linked(_ source: Model.Source, _ model: Model) throws -> [Model.Link] {
        let isOfEvents = Changes.isOfEvents(source.relation)
        let own = isOfEvents ? ["case_id"] : try connection.columns(of: source.relation)
        return model.key.compactMap { column in
            source.links.first { $0.column == column }
                ?? (own.contains(column)
                    ? Model.Link(column: column, expression: quoteIdentifier(column), line: 1) : nil)
        }.filter { link in
            // Of events the cases are known that are touched, and no more: what else they were before is gone.
            !isOfEvents || ["case_id", "\"case_id\""].contains(link.expression)
        }
    }

    /// The view, and the table beneath it.
    private static let allEvents = ["raw.events", "raw.events_by_day"]

    private static func copyName(_ relation: String) -> String {
        "pg_temp.\(allEvents.contains(relation) ? "events" : relation.split(separator: ".").last!)"
    }

    // MARK: - Events

    /// Makes `pg_temp.events`, or what a view makes of it, hold the events of every case in the scope; of others too.
    ///
    /// - Parameter column: of the scope, the one that holds cases.
    private func copyEvents(of relation: String, _ column: String, _ scope: Scope) throws {
        let cases = "SELECT \(quoteIdentifier(column)) FROM \(scope.table)"
        if try changes.fetchEvents(ofOthers: cases) { eventViews = [] }
        guard !ScopedRelations.allEvents.contains(relation), eventViews.insert(relation).inserted else {
            return
        }
        let definition: String = try connection.query("SELECT pg_get_viewdef($1::regclass)", [relation])
            .first().get(0)
        let copy = ScopedRelations.copyName(relation)
        let select = RelationNames(in: definition).replacing(
            Dictionary(uniqueKeysWithValues: ScopedRelations.allEvents.map { ($0, "pg_temp.events") }))
        try connection.execute("DROP TABLE IF EXISTS \(copy)")
        try connection.createTemporary(
            "\(copy.dropFirst("pg_temp.".count))", as: select, action: "read \(relation)")
    }
}

/// Keys of a model that are to be computed: all that share some of their columns with a row of a temporary table.
struct Scope {
    /// Columns of the model's key.
    let columns: [String]
    /// Holds them, each named with `prefix`, so that no column of what is read is named alike; beside them
    /// `touched_loads` and `touched_cause`.
    let table: String

    static let prefix = "touched_"

    /// Rows of a table that touch keys, and how they tell their columns.
    struct Part {
        /// Has the columns `touched_loads` and `touched_cause` beside those that the expressions name.
        let table: String
        let expressions: [String]
    }

    /// A condition: whether a row of the relation that is named so is in the scope.
    func contains(_ name: String) -> String {
        let keys = columns.map { "\(name).\(quoteIdentifier($0))" }.joined(separator: ", ")
        let touched = columns.map { quoteIdentifier(Scope.prefix + $0) }.joined(separator: ", ")
        return "(\(keys)) IN (SELECT \(touched) FROM \(table))"
    }
}

/// A model's SELECT over a part of what it reads.
struct ScopedSelect {
    var text: String
    /// Common table expressions that the text needs.
    var with: [String]
    /// What is to run before.
    var before: String?
}

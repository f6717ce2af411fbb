import Events
import Foundation
import Postgres
import SQLFiles

/// The tables `raw.event_<namespace>` of declared fields, and the values that are not of their type
/// (`daybook.conversions`): models whose SELECTs are made from the declarations, and kept like all others.
package struct EventTables: Sendable {
    /// The model of the values that are not of their type.
    package static let refusals = "daybook.conversions"

    private let fields: [EventField]
    private let pipelines: [String]

    /// - Parameters:
    ///   - fields: all that these pipelines declare.
    ///   - pipelines: those whose declarations are known; what others declare stays as it is.
    package init(_ fields: [EventField], ofPipelines pipelines: [String]) {
        self.fields = fields
        self.pipelines = pipelines
    }

    // MARK: - Declarations

    /// Writes the declarations down and gives the tables their columns, in a transaction of its own: a lock on a table
    /// that somebody reads is not to last as long as a transform.
    ///
    /// - Throws: `TransformError` where a column is there with another type.
    func define(_ connection: Connection) throws {
        guard try isNews(connection) else { return }
        try connection.transaction {
            for field in fields { try refuseChangeOfType(field, connection) }
            try connection.query(
                "DELETE FROM daybook.event_fields WHERE pipeline = ANY ($1::text[])", [pipelines])
            for field in fields {
                try connection.query(
                    """
                    INSERT INTO daybook.event_fields (namespace, field, pipeline, paths, type, map, description)
                    VALUES ($1, $2, $3, $4::jsonb, $5, $6::jsonb, $7)
                    ON CONFLICT (namespace, field) DO UPDATE
                    SET pipeline = excluded.pipeline, paths = excluded.paths, type = excluded.type,
                        map = excluded.map, description = excluded.description
                    """, row(field), action: "declare \(field.namespace).\(field.name)")
                try connection.query("SELECT daybook.make_event_table($1)", [field.namespace])
                try connection.query(
                    "SELECT daybook.set_event_field($1, $2, $3, $4)",
                    [field.namespace, field.name, field.type.rawValue, field.comment],
                    action: "add \(field.name) to raw.event_\(field.namespace)")
            }
        }
    }

    /// The declarations that the tables refuse, each as a mistake of its file.
    package func mistakes(_ connection: Connection) throws -> [TransformError] {
        try fields.compactMap { field in
            do {
                try refuseChangeOfType(field, connection)
                return nil
            } catch let error as TransformError {
                return error
            }
        }
    }

    /// Whether the declarations are others than those that are written down.
    private func isNews(_ connection: Connection) throws -> Bool {
        let known = try connection.query(
            """
            SELECT namespace, field, pipeline, paths::text, type, map::text, description
            FROM daybook.event_fields
            WHERE pipeline = ANY ($1::text[])
            """, [pipelines]
        ).rows.map { row in (0..<7).map { row.text($0) } }
        guard known.count == fields.count else { return true }
        let given = try connection.query(
            """
            SELECT n, f, p, paths::text, t, map::text, d
            FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::jsonb[], $7::text[])
                AS field (n, f, p, paths, t, map, d)
            """,
            [
                fields.map(\.namespace), fields.map(\.name), fields.map(\.pipeline), fields.map(paths),
                fields.map(\.type.rawValue), fields.map(\.map), fields.map(\.description),
            ]
        ).rows.map { row in (0..<7).map { row.text($0) } }
        return Set(known) != Set(given)
    }

    private func row(_ field: EventField) -> [(any PostgresParameter)?] {
        [
            field.namespace, field.name, field.pipeline, paths(field), field.type.rawValue, field.map,
            field.description,
        ]
    }

    /// As JSON: an array of paths, each an array of names.
    private func paths(_ field: EventField) -> String {
        let data = try? JSONSerialization.data(withJSONObject: field.paths.map(\.steps))
        return String(decoding: data ?? Data("[]".utf8), as: UTF8.self)
    }

    private func refuseChangeOfType(_ field: EventField, _ connection: Connection) throws {
        let stored = try connection.query(
            """
            SELECT format_type(atttypid, NULL) AS type, format('ALTER TABLE %s DROP COLUMN %I', attrelid::regclass, attname)
            FROM pg_attribute
            WHERE attrelid = to_regclass(format('raw.%I', 'event_' || $1)) AND attname = $2 AND NOT attisdropped
                AND atttypid <> $3::regtype
            """, [field.namespace, field.name, field.type.rawValue]
        ).rows.first
        guard let stored else { return }
        throw TransformError(
            file: field.file, line: field.line,
            message: "\(field.name) of \(field.namespace) is \(field.type.rawValue) here, and "
                + "\(try stored.get(0, as: String.self)) in raw.event_\(field.namespace); a column that others may read "
                + "keeps its type: give the field another name, or drop the column first: "
                + "\(try stored.get(1, as: String.self))")
    }

    // MARK: - Models

    /// The models of all declarations that are written down.
    package static func models(_ connection: Connection) throws -> [Model] {
        let fields = try connection.query(
            """
            SELECT namespace, field, pipeline, paths, type, map, description FROM daybook.event_fields
            """
        ).rows.map { row in try field(row) }
        guard fields.isEmpty else { return models(of: fields) }
        // Where the last declaration is gone, what it refused goes too.
        let hasRefused: Bool = try connection.query("SELECT EXISTS (SELECT FROM daybook.conversions)").first()
            .get(0)
        return hasRefused ? [refusals([:])] : []
    }

    /// The models of these declarations, in order of their names: a table for each namespace, and what does not convert.
    package static func models(of fields: [EventField]) -> [Model] {
        guard !fields.isEmpty else { return [] }
        let byNamespace = Dictionary(grouping: fields.sorted { $0.name < $1.name }, by: \.namespace)
        return byNamespace.keys.sorted().map { table($0, byNamespace[$0] ?? []) } + [refusals(byNamespace)]
    }

    private static func field(_ row: Result.Row) throws -> EventField {
        let steps = try JSONDecoder().decode(
            [[String]].self, from: Data(try row.get("paths", as: String.self).utf8))
        guard let type = EventField.ColumnType(rawValue: try row.get("type")) else {
            throw TransformError(
                file: "daybook.event_fields", message: "unknown type \(try row.get("type", as: String.self))")
        }
        return EventField(
            namespace: try row.get("namespace"), name: try row.get("field"),
            pipeline: try row.get("pipeline"),
            paths: steps.map { FieldPath(steps: $0) }, type: type, map: try row.getIfPresent("map"),
            description: try row.getIfPresent("description"))
    }

    private static func table(_ namespace: String, _ fields: [EventField]) -> Model {
        let values = fields.map { ",\n    \($0.stored($0.value)) AS \(quoteIdentifier($0.name))" }
        return Model(
            schema: "raw", table: "event_\(namespace)",
            key: ["case_id", "event_id", "source_id", "occurred_at"], from: ["raw.events"],
            origin: "event_fields of \(namespace)",
            description: "Typed fields of the events of \(namespace).*",
            select: """
                SELECT e.case_id, e.event_id, e.source_id, e.occurred_at, e.event_day, e.type\(values.joined())
                FROM raw.events AS e
                WHERE \(isOf(namespace))
                """)
    }

    private static func refusals(_ fields: [String: [EventField]]) -> Model {
        let selects = fields.keys.sorted().map { namespace in
            let values = (fields[namespace] ?? []).map { field in
                """
                    SELECT \(quoteLiteral(field.name)) AS field, \(quoteLiteral(field.complaint)) AS complaint,
                        v.value #>> '{}' AS given
                    FROM (SELECT \(field.value) AS value) AS v
                    WHERE \(field.isRefused("v.value"))
                """
            }
            return """
                SELECT e.load_id, l.pipeline, l.source_id, l.object, e.position AS byte_offset,
                    'conversion' AS reason_code,
                    format('%s of %s is %s, which is %s', r.field, \(quoteLiteral(namespace)),
                        to_json(left(r.given, 200)), r.complaint) AS reason,
                    convert_to(left(r.given, 1024), 'UTF8') AS raw, e.case_id, e.event_id, e.occurred_at, r.field
                FROM raw.events AS e
                JOIN daybook.loads AS l USING (load_id)
                CROSS JOIN LATERAL (
                \(values.joined(separator: "\n    UNION ALL\n"))
                ) AS r
                WHERE \(isOf(namespace))
                """
        }
        return Model(
            schema: "daybook", table: "conversions",
            key: ["case_id", "load_id", "byte_offset", "event_id", "occurred_at", "field"],
            from: ["raw.events"],
            origin: "event_fields", description: "Values that are not of their declared type",
            select: selects.isEmpty
                ? "SELECT * FROM daybook.conversions WHERE false" : selects.joined(separator: "\nUNION ALL\n")
        )
    }

    private static func isOf(_ namespace: String) -> String {
        "split_part(e.type, '.', 1) = \(quoteLiteral(namespace))"
    }
}

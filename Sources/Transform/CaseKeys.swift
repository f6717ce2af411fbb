import Events
import Foundation
import Postgres

/// `report.case_keys`, by which cases are found: a model whose SELECT is made from the declared keys, and kept like all
/// others.
package struct CaseKeys: Sendable {
    /// The model's table.
    package static let table = "report.case_keys"

    private let keys: [CaseKey]
    private let pipelines: [String]

    /// - Parameters:
    ///   - keys: all that these pipelines declare.
    ///   - pipelines: those whose declarations are known; what others declare stays as it is.
    package init(_ keys: [CaseKey], ofPipelines pipelines: [String]) {
        self.keys = keys
        self.pipelines = pipelines
    }

    /// Writes the declarations down, where they are others than before.
    func define(_ connection: Connection) throws {
        let known = try CaseKeys.defined(connection)
        guard
            Set(known.filter { pipelines.contains($0.pipeline) }.map(\.identity)) != Set(keys.map(\.identity))
        else { return }
        try connection.transaction {
            try connection.query(
                "DELETE FROM daybook.key_definitions WHERE pipeline = ANY ($1::text[])", [pipelines])
            for key in keys {
                try connection.query(
                    "INSERT INTO daybook.key_definitions (pipeline, key, paths) VALUES ($1, $2, $3::jsonb)",
                    [key.pipeline, key.name, key.pathsAsJSON], action: "declare the key \(key.name)")
            }
        }
    }

    /// The declarations that are written down, in order of pipeline and name.
    package static func defined(_ connection: Connection) throws -> [CaseKey] {
        try connection.query(
            "SELECT key, pipeline, paths FROM daybook.key_definitions ORDER BY pipeline, key"
        ).rows.map { row in
            let steps = try JSONDecoder().decode(
                [[String]].self, from: Data(try row.get("paths", as: String.self).utf8))
            return CaseKey(
                name: try row.get("key"), pipeline: try row.get("pipeline"),
                paths: steps.map { FieldPath(steps: $0) })
        }
    }

    /// The model of all declarations that are written down.
    package static func models(_ connection: Connection) throws -> [Model] {
        let keys = try defined(connection)
        guard keys.isEmpty else { return models(of: keys) }
        // Where the last declaration is gone, what it found goes too.
        let holdsAny: Bool = try connection.query("SELECT EXISTS (SELECT FROM \(table))").first().get(0)
        return holdsAny ? [model("SELECT * FROM \(table) WHERE false")] : []
    }

    /// The model of these declarations; none where there are none.
    package static func models(of keys: [CaseKey]) -> [Model] {
        guard !keys.isEmpty else { return [] }
        let values = keys.sorted { ($0.pipeline, $0.name) < ($1.pipeline, $1.name) }.map { key in
            "    SELECT \(quoteLiteral(key.name)) AS key, \(key.value) AS given "
                + "WHERE l.pipeline = \(quoteLiteral(key.pipeline))"
        }
        // Of a list each element is a value. A hash that two values of a case share hides one of them, and fails nothing.
        return [
            model(
                """
                SELECT e.entity, e.case_id, k.key, v.hash AS value_hash, min(report.key_value(v.value) COLLATE "C") AS value,
                    min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at, count(*) AS events
                FROM raw.current_events AS e
                JOIN daybook.loads AS l USING (load_id)
                CROSS JOIN LATERAL (
                \(values.joined(separator: "\n    UNION ALL\n"))
                ) AS k
                CROSS JOIN LATERAL (
                    SELECT DISTINCT given.value, left(encode(sha256(convert_to(given.value, 'UTF8')), 'hex'), 32)::uuid AS hash
                    FROM jsonb_array_elements(
                        CASE WHEN jsonb_typeof(k.given) = 'array' THEN k.given ELSE jsonb_build_array(k.given) END
                    ) AS one
                    CROSS JOIN LATERAL (SELECT daybook.to_text(one) AS value) AS given
                    WHERE given.value <> ''
                ) AS v
                WHERE k.given IS NOT NULL
                GROUP BY e.case_id, e.entity, k.key, v.hash
                """)
        ]
    }

    private static func model(_ select: String) -> Model {
        Model(
            schema: "report", table: "case_keys", key: ["case_id", "entity", "key", "value_hash"],
            from: ["raw.current_events"], time: "last_at", origin: "keys",
            description: "By which values of declared keys which cases are found", select: select)
    }
}

extension CaseKey {
    /// An array of paths, each an array of names.
    fileprivate var pathsAsJSON: String {
        let data = try? JSONSerialization.data(withJSONObject: paths.map(\.steps))
        return String(decoding: data ?? Data("[]".utf8), as: UTF8.self)
    }

    /// What it says, however its paths are written.
    fileprivate var identity: [[String]] { [[pipeline, name]] + paths.map(\.steps) }
}

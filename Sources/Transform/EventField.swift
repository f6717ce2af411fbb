import Events
import Postgres

/// A typed field of the events of a namespace: a column of `raw.event_<namespace>`, as a pipeline declares it.
package struct EventField: Sendable, Equatable {
    /// The first level of the events' types.
    package var namespace: String
    /// The column.
    package var name: String
    package var pipeline: String
    /// Where the value stands; of several the first that is present counts. The first step is a column of raw.events.
    package var paths: [FieldPath]
    package var type: ColumnType
    /// A JSON object: what is stored in place of which value; nil: the value itself.
    package var map: String?
    package var description: String?
    /// Where it is declared.
    package var file: String
    package var line: Int

    package init(
        namespace: String, name: String, pipeline: String, paths: [FieldPath], type: ColumnType = .text,
        map: String? = nil, description: String? = nil, file: String = "", line: Int = 1
    ) {
        self.namespace = namespace
        self.name = name
        self.pipeline = pipeline
        self.paths = paths
        self.type = type
        self.map = map
        self.description = description
        self.file = file
        self.line = line
    }

    package enum ColumnType: String, Sendable, CaseIterable {
        case text, integer, bigint, numeric
        case double = "double precision"
        case boolean, date, timestamptz, uuid, jsonb

        /// What makes one of a jsonb value, and null of what is none; see `sql/schema/012_event_fields.sql`.
        var conversion: String {
            switch self {
            case .double: "daybook.to_double"
            default: "daybook.to_\(rawValue)"
            }
        }
    }

    /// The columns of raw.events that a path may begin with.
    package static let columns = [
        "details", "type", "service", "entity", "user_id", "correlation_id", "sequence",
    ]

    /// Columns that every table of events has.
    package static let reservedNames = [
        "case_id", "event_id", "source_id", "occurred_at", "event_day", "type",
    ]

    /// The column's comment.
    var comment: String {
        description ?? "\(paths.map(\.text).joined(separator: " or ")) of the event, as \(type.rawValue)"
            + (map == nil ? "" : "; mapped")
    }

    /// What a value is that is not taken.
    var complaint: String {
        map == nil ? "no \(type.rawValue)" : "not in the map, or no \(type.rawValue) by it"
    }

    // MARK: - SQL over rows of raw.events named e

    /// The value as jsonb; null where it is absent or JSON's null.
    var value: String {
        let values = paths.map { path in
            let column = "e.\(quoteIdentifier(path.steps[0]))"
            guard path.steps[0] == "details" else { return "to_jsonb(\(column))" }
            let steps = path.steps.dropFirst().map(quoteLiteral).joined(separator: ", ")
            return "nullif(\(column) #> ARRAY[\(steps)]::text[], 'null')"
        }
        return values.count == 1 ? values[0] : "coalesce(\(values.joined(separator: ", ")))"
    }

    /// What is stored, of a value.
    func stored(_ value: String) -> String {
        guard let mapped = mapped(value) else { return "\(type.conversion)(\(value))" }
        return "\(type.conversion)(nullif(\(mapped), 'null'))"
    }

    /// A condition: whether a value that is present is not of the type, and not in the map.
    func isRefused(_ value: String) -> String {
        let isNothing = mapped(value).map { " AND \($0) IS DISTINCT FROM 'null'" } ?? ""
        return "\(value) IS NOT NULL AND \(stored(value)) IS NULL\(isNothing)"
    }

    private func mapped(_ value: String) -> String? {
        map.map { "\(quoteLiteral($0))::jsonb -> (\(value) #>> '{}')" }
    }
}

/// How the records of a source are written.
package enum RecordFormat: Sendable, Hashable {
    /// JSON objects, one a line.
    case ndjson
    /// Objects that follow each other, or stand in arrays; with a path, those of the array there.
    case json(FieldPath?)
    case csv

    /// As a definition names it.
    package var name: String {
        switch self {
        case .ndjson: "ndjson"
        case .json: "json"
        case .csv: "csv"
        }
    }
}

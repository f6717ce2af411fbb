import SQLFiles

/// What the database says of its tables and columns: the `COMMENT ON` of the schema's files, of which the last holds.
struct SchemaComments {
    private var texts: [String: String] = [:]

    static let builtin = SchemaComments(SQLFiles.builtin.folder("schema").map(\.text))

    /// - Parameter files: in the order in which they are applied.
    init(_ files: [String]) {
        let comment = #/COMMENT ON (?:TABLE|VIEW|COLUMN) ([a-z0-9_.]+) IS '((?:[^']|'')*)';/#
        for file in files {
            for match in file.matches(of: comment) {
                texts[String(match.1)] = String(match.2).replacing("''", with: "'")
            }
        }
    }

    /// - Parameters:
    ///   - relation: with its schema.
    ///   - column: nil: of the relation itself.
    func text(of relation: String, column: String? = nil) -> String? {
        texts[column.map { "\(relation).\($0)" } ?? relation]
    }
}

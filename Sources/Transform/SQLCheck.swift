import Postgres
import SQLFiles

/// A check: a SELECT whose rows are failures, with the comment lines `-- severity: error` (or `warn`) and
/// `-- description: …` at its top.
package struct SQLCheck: Sendable {
    package enum Severity: String, Sendable, Encodable { case error, warn }

    package let file: SQLFiles.File
    package let severity: Severity
    package let description: String
    package var name: String { file.name }

    package init(_ file: SQLFiles.File) throws(TransformError) {
        self.file = file
        var severity = Severity.error
        var description = ""
        for (index, line) in file.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            guard line.hasPrefix("--") else { break }
            let parts = line.dropFirst(2).split(separator: ":", maxSplits: 1).map(\.trimmed)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "severity":
                guard let known = Severity(rawValue: parts[1]) else {
                    throw TransformError(
                        file: file.origin, line: index + 1,
                        message: "severity is \"\(parts[1])\"; it must be error or warn")
                }
                severity = known
            case "description": description = parts[1]
            default: continue
            }
        }
        self.severity = severity
        self.description = description
    }

    /// What a check has found.
    package struct Outcome: Sendable {
        package let check: SQLCheck
        /// The number of its rows.
        package let failures: Int
        /// The first few of them: the texts of their columns.
        package let rows: [[(column: String, value: String?)]]
    }

    /// Runs it; call in a read-only transaction, so that it can change nothing.
    package func run(_ connection: Connection) throws -> Outcome {
        let count: Int = try select("SELECT count(*) FROM (", connection).first().get(0)
        guard count > 0 else { return Outcome(check: self, failures: 0, rows: []) }
        let found = try select("SELECT * FROM (", end: " LIMIT 5", connection)
        let rows = found.rows.map { row in
            found.columns.indices.map { (column: found.columns[$0], value: row.text($0)) }
        }
        return Outcome(check: self, failures: count, rows: rows)
    }

    private func select(_ head: String, end: String = "", _ connection: Connection) throws -> Result {
        let (head, text) = (head + "\n", file.text.withoutEnd)
        do {
            // A statement with parameters can be one only.
            return try connection.query("\(head)\(text)\n) AS failures\(end)")
        } catch {
            throw error.described(in: file, line: error.line(in: text, after: head))
        }
    }
}

extension String {
    /// Without the semicolon that psql needs at its end, and comments behind it.
    var withoutEnd: String { RelationNames(in: self).withoutEnd }
}

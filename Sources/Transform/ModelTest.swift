import Postgres
import SQLFiles

/// A test of a model: what it reads, and what it must make of that.
///
///     -- test: An order that is paid in time is met.
///     -- model: report.orders
///
///     -- given: report.fact_sla (sla, case_id, cycle, status, breached)
///     VALUES ('paid', 'o1', 1, 'completed', false)
///
///     -- expect: (case_id, is_met)
///     VALUES ('o1', true)
///
/// Columns that are not named are null; a relation that the model reads and that is not given is empty; columns that are
/// not expected are not compared.
package struct ModelTest: Sendable {
    package let file: SQLFiles.File
    package let description: String
    package let model: Model
    package var name: String { file.name }
    private let givens: [Rows]
    private let expected: Rows

    /// Rows in SQL, and where in the file they begin.
    private struct Rows: Sendable {
        /// Empty for what is expected.
        let relation: String
        /// As written: `(sla, case_id)`.
        let columns: String
        var values = ""
        let line: Int
    }

    package init(_ file: SQLFiles.File, _ models: [Model]) throws(TransformError) {
        func wrong(_ line: Int, _ message: String) -> TransformError {
            TransformError(file: file.origin, line: line, message: message)
        }
        var (description, modelName): (String, (name: String, line: Int)?) = ("", nil)
        var sections: [Rows] = []
        for (index, line) in file.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            let parts = line.hasPrefix("--") ? line.dropFirst(2).split(separator: ":", maxSplits: 1) : []
            switch parts.first?.trimmed {
            case "test": description = parts.last?.trimmed ?? ""
            case "model": modelName = (parts.last?.trimmed ?? "", index + 1)
            case "given", "expect":
                let text = parts.count == 2 ? parts[1].trimmed : ""
                let isGiven = parts[0].trimmed == "given"
                guard let open = text.firstIndex(of: "("), text.hasSuffix(")"),
                    isGiven != text[..<open].trimmed.isEmpty
                else {
                    throw wrong(
                        index + 1,
                        isGiven
                            ? "write it like \"-- given: report.fact_sla (sla, case_id, status)\""
                            : "write it like \"-- expect: (sla, case_id, status)\"")
                }
                sections.append(
                    Rows(relation: text[..<open].trimmed, columns: String(text[open...]), line: index + 1))
            default:
                if !sections.isEmpty { sections[sections.count - 1].values += line + "\n" }
            }
        }
        guard let modelName else { throw wrong(1, "the header lacks \"-- model: …\"") }
        guard let model = models.first(where: { $0.name == modelName.name }) else {
            throw wrong(
                modelName.line,
                "there is no model \(modelName.name); there are \(models.map(\.name).joined(separator: ", "))"
            )
        }
        guard let expected = sections.first(where: { $0.relation.isEmpty }) else {
            throw wrong(1, "it expects nothing: add \"-- expect: (…)\" and VALUES")
        }
        for section in sections where !section.relation.isEmpty {
            guard model.from.contains(where: { $0.relation == section.relation }) else {
                throw wrong(section.line, "\(model.name) does not read \(section.relation)")
            }
        }
        self.file = file
        self.description = description
        self.model = model
        self.expected = expected
        givens = sections.filter { !$0.relation.isEmpty }
    }

    /// Computes the model from the given rows, in temporary tables that a transaction of its own takes away.
    ///
    /// - Returns: the rows that differ, `-` those that are expected and missing, `+` those that are there and are not
    ///   expected; empty where the test passes.
    package func run(_ connection: Connection) throws -> [String] {
        try connection.rehearsal { try compare(connection) }
    }

    private func compare(_ connection: Connection) throws -> [String] {
        var names: [String: String] = [:]
        for (index, source) in model.from.enumerated() {
            let copy = "given_\(index)"
            // A SELECT of events would open every leaf; LIKE would forbid nulls in what is no view.
            let rows =
                Changes.isOfEvents(source.relation)
                ? "(LIKE \(source.relation))" : "AS SELECT * FROM \(source.relation) LIMIT 0"
            try connection.execute("CREATE TEMPORARY TABLE \(copy) \(rows)")
            names[source.relation] = "pg_temp.\(copy)"
            for given in givens where given.relation == source.relation {
                try insert(given, into: copy, connection)
            }
        }
        let select = RelationNames(in: model.select).replacing(names)
        do {
            try connection.query("CREATE TEMPORARY TABLE actual AS \(select.withoutEnd)")
        } catch {
            throw error.described(in: model.file)
        }
        let columns = expected.columns.dropFirst().dropLast()
        do {
            try connection.query(
                "CREATE TEMPORARY TABLE expected AS SELECT \(columns) FROM pg_temp.actual LIMIT 0")
        } catch {
            throw error.described(in: file, line: expected.line)
        }
        try insert(expected, into: "expected", connection)
        return try connection.query(
            """
            SELECT '- ' || to_json(m)
            FROM (TABLE pg_temp.expected EXCEPT ALL SELECT \(columns) FROM pg_temp.actual) AS m
            UNION ALL
            SELECT '+ ' || to_json(m)
            FROM (SELECT \(columns) FROM pg_temp.actual EXCEPT ALL TABLE pg_temp.expected) AS m
            """
        ).rows.map { try $0.get(0) }
    }

    private func insert(_ rows: Rows, into table: String, _ connection: Connection) throws {
        let head = "INSERT INTO pg_temp.\(table) \(rows.columns)\n"
        let values = rows.values.withoutEnd
        guard !values.isEmpty else { return }
        do {
            try connection.query(head + values)
        } catch {
            // A line of the values, or that of their columns.
            let line = error.line(in: values, after: head) ?? 0
            throw error.described(in: file, line: rows.line + line)
        }
    }
}

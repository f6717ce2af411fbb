import SQLFiles

/// A transform: the SELECT that says what a table holds, and the header that says how it is kept.
///
/// The header is the comment lines at the top of the file:
///
///     -- model: report.fact_sla          the table
///     -- key: sla, case_id, cycle        its primary key
///     -- from: raw.current_events        what the SELECT reads, models or not
///     -- description: One row for each SLA and case.
package struct Model: Sendable {
    package let file: SQLFiles.File
    package let schema: String
    package let table: String
    package let key: [String]
    package let from: [String]
    package let description: String
    /// The file's text: comments are SQL too.
    package var select: String { file.text }
    package var name: String { "\(schema).\(table)" }

    private static let fields = ["model", "key", "from", "description"]

    package init(_ file: SQLFiles.File) throws(TransformError) {
        var values: [String: String] = [:]
        for (index, line) in file.text.split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).enumerated() {
            guard line.hasPrefix("--") else { break }
            let parts = line.dropFirst(2).split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let field = parts[0].trimmed
            guard Model.fields.contains(field) else {
                throw TransformError(
                    file: file.origin, line: index + 1,
                    message: "unknown header \"\(field)\"; known are \(Model.fields.joined(separator: ", "))")
            }
            guard values.updateValue(parts[1].trimmed, forKey: field) == nil else {
                throw TransformError(
                    file: file.origin, line: index + 1, message: "\"\(field)\" is given twice")
            }
        }
        func required(_ field: String) throws(TransformError) -> String {
            guard let value = values[field], !value.isEmpty else {
                throw TransformError(
                    file: file.origin, line: 1, message: "the header lacks \"-- \(field): …\"")
            }
            return value
        }
        let name = try required("model").split(separator: ".").map(String.init)
        guard name.count == 2, name[0] == "report" else {
            throw TransformError(
                file: file.origin, line: 1,
                message: "a model is a table of report, as in \"-- model: report.orders\"")
        }
        self.file = file
        schema = name[0]
        table = name[1]
        key = try required("key").split(separator: ",").map(\.trimmed)
        from = try required("from").split(separator: ",").map(\.trimmed)
        description = values["description"] ?? ""
    }

    /// The models of these files, each after those that it reads.
    ///
    /// - Throws: where two files fill one table, or models read each other in a circle.
    package static func ordered(_ files: [SQLFiles.File]) throws(TransformError) -> [Model] {
        var models: [Model] = []
        for file in files {
            let model = try Model(file)
            if let other = models.first(where: { $0.name == model.name }) {
                throw TransformError(
                    file: file.origin, line: 1,
                    message: "\(model.name) is filled by \(other.file.origin) already")
            }
            models.append(model)
        }
        var ordered: [Model] = []
        while ordered.count < models.count {
            let placed = Set(ordered.map(\.name))
            let waiting = models.filter { !placed.contains($0.name) }
            let waitingNames = Set(waiting.map(\.name))
            let ready = waiting.filter { model in
                model.from.allSatisfy { !waitingNames.contains($0) }
            }
            guard !ready.isEmpty else {
                throw TransformError(
                    file: waiting[0].file.origin, line: 1,
                    message: "these models read each other in a circle: "
                        + waiting.map(\.name).joined(separator: ", "))
            }
            ordered += ready
        }
        return ordered
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return String(text)
    }
}

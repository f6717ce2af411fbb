import Foundation
import Postgres
import SQLFiles

/// A transform: the SELECT that says what a table holds, and the header that says how it is kept.
///
/// The header is the comment lines at the top of the file:
///
///     -- model: report.fact_sla          the table
///     -- key: sla, case_id, cycle        its primary key
///     -- from: raw.current_events        what the SELECT reads, models or not
///     -- description: One row for each SLA and case.
///     -- column late_seconds: …          the comment of a column, in a project's own model
///     -- time: completed_at              when what a row tells of was over: an expression over its columns
///     -- additive: events, errors        what is not key is sums over the rows of the first relation that is read
///
/// A row depends on those rows of what is read that share its key's columns, by name or as a line says:
///
///     -- from: report.fact_sla on hour_start = report.hour(started_at)
///
/// So a change of what is read touches known keys. A file NAME.clock.sql beside it is a SELECT of keys that a change
/// of time has touched.
///
/// Of an additive model, sums are kept by differences: from each stored sum goes what the SELECT gives of the rows that
/// are no more, and to it comes what it gives of the rows that are new. So the SELECT must give of many rows the sum of
/// what it gives of each alone: count and sum, and no DISTINCT, HAVING or LIMIT. A row whose sums are all 0 is none.
package struct Model: Sendable {
    package let file: SQLFiles.File
    package let schema: String
    package let table: String
    package let key: [String]
    package let from: [Source]
    /// A SELECT of the keys, whole or in part, or of the cases whose rows no longer hold because time went on.
    package let clock: SQLFiles.File?
    /// Of ours: a statement over what the SELECT is about to read, for what it needs to find there.
    let before: SQLFiles.File?
    /// The columns that are sums; empty where the model is not additive.
    package let additive: [String]
    package let description: String
    /// The file's text: comments are SQL too.
    package var select: String { file.text }
    /// The SELECT as it may stand in parentheses.
    package var query: String { select.withoutEnd }
    package var name: String { "\(schema).\(table)" }
    /// Whether a file of the project brings it.
    var isOwn: Bool { !isBuiltin && !keepsColumns }
    /// Whether a file of ours brings it.
    var isBuiltin: Bool { file.origin == "sql/\(file.path)" }
    /// Over whose rows an additive model sums.
    var summed: String { from[0].relation }
    /// The line, from 1, that says when a row is.
    var timeLine: Int {
        let lines = select.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return (lines.firstIndex { $0.hasPrefix("-- time:") } ?? 0) + 1
    }
    /// The line, from 1, on which the SELECT begins.
    var selectLine: Int {
        let lines = select.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return (lines.firstIndex { !$0.hasPrefix("--") && !$0.trimmed.isEmpty } ?? 0) + 1
    }
    /// The column of the key that holds a case, by its own name or by that of events; nil where none does.
    var caseColumn: String? {
        if key.contains("case_id") { return "case_id" }
        let links = from.filter { $0.relation.hasPrefix("raw.") }.flatMap(\.links)
        return links.first { ["case_id", "\"case_id\""].contains($0.expression) }?.column
    }
    /// Whether rows that tell of dropped events are dropped with them, when the table is computed next: nothing says how old
    /// a row is, nor of which case.
    package var forgets: Bool {
        isOwn && time == nil && caseColumn == nil && from.contains { $0.relation.hasPrefix("raw.") }
    }
    /// Whether its rows are rows of events, in other columns, and go with them.
    var areEvents: Bool { keepsColumns && schema != "report" }
    var quotedName: String { "\(quoteIdentifier(schema)).\(quoteIdentifier(table))" }

    /// Where every version of every row is kept, with its schema; its columns are the table's and `valid_from`,
    /// `valid_to`, `load_ids` and `cause`.
    package let history: String?

    /// An expression over the columns that tells how old a row is: as old as reports are kept, it is dropped. Nil where
    /// rows are kept for ever.
    package let time: String?

    /// Whether the table may have columns that the SELECT no longer gives: they stay as they are.
    let keepsColumns: Bool

    /// By column, what its comment says and the line that gives it.
    let columnComments: [String: (text: String, line: Int)]

    private static let fields = [
        "model", "key", "from", "description", "history", "time", "additive", "column NAME",
    ]

    /// A relation that a SELECT reads.
    package struct Source: Sendable, Equatable {
        /// With its schema: `report.fact_sla`.
        package let relation: String
        /// Beside the columns that it shares with the key by name.
        package var links: [Link] = []
    }

    /// What a column of the key is in a relation that the SELECT reads.
    package struct Link: Sendable, Equatable {
        package let column: String
        /// SQL over the relation's columns.
        package let expression: String
        let line: Int
    }

    package init(
        _ file: SQLFiles.File, clock: SQLFiles.File? = nil, before: SQLFiles.File? = nil
    ) throws(TransformError) {
        var values: [String: String] = [:]
        var from: [Source] = []
        var comments: [String: (text: String, line: Int)] = [:]
        for (index, line) in file.text.split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).enumerated() {
            guard line.hasPrefix("--") else { break }
            let parts = line.dropFirst(2).split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let field = parts[0].trimmed
            // A remark may end in a colon; a header that does is not finished.
            guard parts.count == 2, !parts[1].trimmed.isEmpty || Model.fields.contains(field) else {
                continue
            }
            if field.hasPrefix("column ") {
                let column = field.dropFirst("column ".count).trimmed
                guard comments.updateValue((parts[1].trimmed, index + 1), forKey: column) == nil else {
                    throw TransformError(
                        file: file.origin, line: index + 1, message: "the column \(column) is described twice"
                    )
                }
                continue
            }
            guard Model.fields.contains(field) else {
                throw TransformError(
                    file: file.origin, line: index + 1,
                    message: "unknown header \"\(field)\"; known are \(Model.fields.joined(separator: ", "))")
            }
            // What is read may take several lines.
            if field == "from" {
                try Model.add(parts[1].trimmed, to: &from, TransformError.Place(file.origin, index + 1))
            } else if values.updateValue(parts[1].trimmed, forKey: field) != nil {
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
        // What only our own models need to know of each other lies in the catalogue.
        let isOurs = file.origin == "sql/\(file.path)"
        guard name.count == 2, name[0] == "report" || isOurs && name[0] == "daybook" else {
            throw TransformError(
                file: file.origin, line: 1,
                message: "a model is a table of report, as in \"-- model: report.orders\"")
        }
        self.file = file
        self.clock = clock
        self.before = before
        schema = name[0]
        table = name[1]
        key = try required("key").split(separator: ",").map(\.trimmed)
        if from.isEmpty { _ = try required("from") }
        self.from = from
        description = values["description"] ?? ""
        history = values["history"]
        time = values["time"]
        guard time != "" else {
            throw TransformError(
                file: file.origin, line: 1,
                message: "\"time\" is empty; name a column, as in \"-- time: hour_start\"")
        }
        keepsColumns = false
        columnComments = comments
        additive = try Model.sums(values["additive"], key, file)
        for source in from {
            for link in source.links where !key.contains(link.column) {
                throw TransformError(
                    file: file.origin, line: link.line,
                    message: "\(link.column) is no column of the key (\(key.joined(separator: ", ")))")
            }
        }
        // What it reads unsaid could change without anybody's notice.
        let names = RelationNames(in: select)
        for name in names.occurrences where !name.isCall && ["raw", "report"].contains(name.schema) {
            guard !from.contains(where: { $0.relation == name.name }) else { continue }
            throw TransformError(
                file: file.origin, line: names.line(of: name),
                message:
                    "it reads \(name.name), which the header does not name: add \"-- from: \(name.name)\"")
        }
    }

    /// A model whose SELECT is made by the program.
    ///
    /// - Parameters:
    ///   - from: relations that share columns of the key by name.
    ///   - origin: what a person knows it by.
    init(
        schema: String, table: String, key: [String], from: [String], time: String? = nil, origin: String,
        description: String, select: String
    ) {
        file = SQLFiles.File(path: "transforms/\(table).sql", text: select, origin: origin)
        (clock, before, additive) = (nil, nil, [])
        (self.schema, self.table, self.key) = (schema, table, key)
        self.from = from.map { Source(relation: $0) }
        self.description = description
        history = nil
        self.time = time
        keepsColumns = true
        columnComments = [:]
    }

    private static func sums(
        _ text: String?, _ key: [String], _ file: SQLFiles.File
    ) throws(TransformError) -> [String] {
        guard let text else { return [] }
        let columns = text.split(separator: ",").map(\.trimmed)
        let line = (file.text.split(separator: "\n").firstIndex { $0.hasPrefix("-- additive:") } ?? 0) + 1
        guard !columns.isEmpty else {
            throw TransformError(
                file: file.origin, line: line,
                message:
                    "\"additive\" is empty; name the columns that are sums, as in \"-- additive: events\"")
        }
        if let column = columns.first(where: key.contains) {
            throw TransformError(
                file: file.origin, line: line, message: "\(column) is of the key, and cannot be a sum")
        }
        return columns
    }

    /// Reads `raw.events, daybook.slas`, or `report.fact_sla on hour_start = report.hour(started_at)`.
    private static func add(
        _ text: String, to from: inout [Source], _ place: TransformError.Place
    ) throws(TransformError) {
        guard let on = text.range(of: " on ") else {
            for name in text.split(separator: ",").map(\.trimmed)
            where !from.contains(where: { $0.relation == name }) {
                from.append(Source(relation: name))
            }
            return
        }
        let relation = text[..<on.lowerBound].trimmed
        let sides = text[on.upperBound...].split(separator: "=", maxSplits: 1).map(\.trimmed)
        guard sides.count == 2, !sides[1].isEmpty, !relation.contains(",") else {
            throw TransformError(
                file: place.file, line: place.line,
                message: "write it like \"-- from: report.fact_sla on hour_start = report.hour(started_at)\"")
        }
        let link = Link(column: sides[0], expression: sides[1], line: place.line)
        if let index = from.firstIndex(where: { $0.relation == relation }) {
            from[index].links.append(link)
        } else {
            from.append(Source(relation: relation, links: [link]))
        }
    }

    /// The models of these files, each after those that it reads.
    ///
    /// - Throws: where two files fill one table, or models read each other in a circle.
    package static func ordered(_ files: [SQLFiles.File]) throws(TransformError) -> [Model] {
        var models: [Model] = []
        let (clocks, befores) = (files.filter(\.isClock), files.filter(\.isBefore))
        let selects = files.filter { !$0.isClock && !$0.isBefore }
        for clock in clocks where !selects.contains(where: { $0.name == clock.name }) {
            throw TransformError(file: clock.origin, message: "there is no \(clock.name).sql beside it")
        }
        for file in selects {
            let model = try Model(
                file, clock: clocks.first { $0.name == file.name },
                before: befores.first { $0.name == file.name })
            if let other = models.first(where: { $0.name == model.name }) {
                throw TransformError(
                    file: file.origin, line: 1,
                    message: "\(model.name) is filled by \(other.file.origin) already")
            }
            models.append(model)
        }
        try checkSums(of: models)
        var ordered: [Model] = []
        let filled = Set(models.flatMap { [$0.name, $0.history].compactMap { $0 } })
        /// What is no model may be a view of any: who reads it comes last.
        func readsUnknown(_ model: Model) -> Bool {
            model.from.contains { source in
                !filled.contains(source.relation)
                    && !["raw.", "daybook."].contains(where: source.relation.hasPrefix)
            }
        }
        while ordered.count < models.count {
            let placed = Set(ordered.map(\.name))
            let waiting = models.filter { !placed.contains($0.name) }
            let waitingNames = Set(waiting.flatMap { [$0.name, $0.history].compactMap { $0 } })
            let allReady = waiting.filter { model in
                model.from.allSatisfy { !waitingNames.contains($0.relation) }
            }
            let known = allReady.filter { !readsUnknown($0) }
            let ready = known.isEmpty ? allReady : known
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

    /// How rows were before they changed is known of models only.
    private static func checkSums(of models: [Model]) throws(TransformError) {
        for model in models where !model.additive.isEmpty {
            let line =
                (model.select.split(separator: "\n").firstIndex { $0.hasPrefix("-- additive:") } ?? 0) + 1
            guard models.contains(where: { $0.name == model.summed }) else {
                throw TransformError(
                    file: model.file.origin, line: line,
                    message: "\(model.summed) is filled by no model, so that sums over it cannot be additive")
            }
            // Of ours, the others are dictionaries, whose rows never change.
            guard model.from.count == 1 || model.isBuiltin else {
                throw TransformError(
                    file: model.file.origin, line: line,
                    message: "an additive model reads one relation, and this one reads "
                        + model.from.map(\.relation).joined(separator: ", "))
            }
        }
    }
}

extension SQLFiles.File {
    fileprivate var isClock: Bool { path.hasSuffix(".clock.sql") }
    /// A project's own file of such a name is a model.
    fileprivate var isBefore: Bool { path.hasSuffix(".before.sql") && origin == "sql/\(path)" }
}

extension StringProtocol {
    var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return String(text)
    }
}

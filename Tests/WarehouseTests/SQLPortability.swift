import SQLFiles

/// Names what in `sql/` would not run, or not say the same, where `raw.events_by_day` and `report.fact_sla` are Citus
/// tables distributed by `case_id`. It knows no more of SQL than these rules need, and rather names too much.
///
/// A view over distributed tables counts as one of them, and so does a subquery or a common table expression; unless it
/// groups their rows by something else than `case_id`: then it is computed first, and sent to where it is read.
/// What a template leaves open in the place of a table's name is taken for a leaf, as it nearly always is one.
struct SQLPortability {
    enum Rule: String, CaseIterable {
        case uniqueKey = "a unique key without case_id"
        case join = "a join of distributed tables that is not on case_id"
        case volatileUpdate = "a volatile function in ON CONFLICT DO UPDATE"
        case rawRows = "raw rows are changed without their event_day"
        case trigger = "a trigger"
        case serial = "a serial column"
        case identity = "an identity column outside of the catalogue"
        case groupingSets = "grouping sets over a distributed table"
        case parentIndex = "a GIN or BRIN index on the partitioned parent"
        case temporaryFacts = "facts are inserted from a temporary table and facts"
    }

    struct Finding: Hashable, CustomStringConvertible {
        /// The file, as a person finds it.
        let origin: String
        let line: Int
        let rule: Rule
        var description: String { "\(origin):\(line): \(rule.rawValue)" }
    }

    /// What is found in some files, the schema's views known to all, in order of files and lines.
    static func findings(in files: [SQLFiles.File]) -> [Finding] {
        var lint = SQLPortability()
        let isSchema = { (file: SQLFiles.File) in file.path.hasPrefix("schema/") }
        for file in files.filter(isSchema) + files.filter({ !isSchema($0) }) {
            lint.origin = file.origin
            lint.script(SQLReader.pieces(of: file.text))
        }
        return lint.findings.sorted { ($0.origin, $0.line) < ($1.origin, $1.line) }
    }

    private static let volatileFunctions: Set = [
        "clock_timestamp", "currval", "gen_random_uuid", "lastval", "nextval", "now", "random", "setval",
        "statement_timestamp", "timeofday", "transaction_timestamp",
    ]
    private static let volatileWords: Set = [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
    ]
    private static let joins: Set = ["cross", "full", "inner", "join", "left", "natural", "right"]
    fileprivate static let clauses: Set = [
        "fetch", "for", "group", "having", "into", "limit", "loop", "offset", "order", "returning", "set",
        "where", "window",
    ]

    /// `report.cases` is not said to be distributed, but has a row for each case and is read beside the facts.
    private var distributed: Set = ["raw.events_by_day", "report.fact_sla", "report.cases"]
    private var origin = ""
    private var findings: Set<Finding> = []

    private mutating func find(_ rule: Rule, _ piece: SQLPiece) {
        findings.insert(Finding(origin: origin, line: piece.line, rule: rule))
    }

    // MARK: - Statements

    /// The statements of a file, or of a text within one. What stands before a statement in a function's body, such as
    /// `BEGIN` or `IF … THEN`, does no harm.
    private mutating func script(_ pieces: [SQLPiece]) {
        for statement in pieces.split(whereSeparator: { $0.isSign(";") }).map(Array.init) {
            definition(statement)
            let isDistributed = query(statement, [])
            if isDistributed, statement.word(at: 0) == "create", let view = statement.find("view") {
                distributed.insert(statement.relation(at: view + 1).name)
            }
        }
    }

    /// CREATE and ALTER.
    private mutating func definition(_ statement: [SQLPiece]) {
        guard let verb = statement.firstIndex(where: { $0.word == "create" || $0.word == "alter" }) else {
            return
        }
        let all = Array(statement[verb...])
        let object =
            all.firstIndex {
                ["function", "index", "procedure", "table", "trigger", "view"].contains($0.word)
            } ?? 0
        switch all[object].word {
        case "trigger" where all[0].word == "create": find(.trigger, all[object])
        case "table": table(all, object)
        case "index" where all[0].word == "create": index(all, object)
        default: break
        }
    }

    private mutating func table(_ statement: [SQLPiece], _ object: Int) {
        var start = object + 1
        while ["if", "not", "exists", "only"].contains(statement.word(at: start)) { start += 1 }
        let (name, end) = statement.relation(at: start)
        // CREATE has them in parentheses, ALTER has not.
        let rest = Array(statement[end...])
        let elements = statement[0].word == "create" ? rest.lazy.compactMap(\.group).first ?? [] : rest
        for element in elements.split(whereSeparator: { $0.isSign(",") }).map(Array.init) {
            for (index, piece) in element.enumerated() {
                switch piece.word {
                case "unique", "key":
                    let isPrimary = index > 0 && element[index - 1].word == "primary"
                    guard isDistributed(name, []), isPrimary || piece.word == "unique" else { continue }
                    // Where no columns follow, it is of the column itself.
                    let columns = element.piece(at: index + 1)?.group ?? element
                    if !columns.mentions("case_id") { find(.uniqueKey, piece) }
                case "bigserial", "serial", "smallserial", "serial2", "serial4", "serial8":
                    // A column may have that name.
                    let before = element.piece(at: index - 1)?.name
                    if let before, !["add", "column", "drop", "exists"].contains(before) {
                        find(.serial, piece)
                    }
                case "identity":
                    if element.word(at: index - 1) == "as", !name.hasPrefix("daybook.") {
                        find(.identity, piece)
                    }
                default: break
                }
            }
        }
    }

    private mutating func index(_ statement: [SQLPiece], _ object: Int) {
        guard let on = statement.find("on") else { return }
        let (name, end) = statement.relation(at: statement.word(at: on + 1) == "only" ? on + 2 : on + 1)
        if statement[..<object].contains("unique"), isDistributed(name, []) {
            let columns = statement[end...].lazy.compactMap(\.group).first ?? []
            if !columns.contains("case_id") { find(.uniqueKey, statement[object]) }
        }
        // A leaf's own BRIN index is of one day, and is made with the leaf.
        if name == "raw.events_by_day", statement.word(at: end) == "using",
            ["brin", "gin"].contains(statement.word(at: end + 1))
        {
            find(.parentIndex, statement[object])
        }
    }

    // MARK: - Queries

    /// A statement, a subquery, or any other pieces between parentheses.
    ///
    /// - Parameter outer: the common table expressions that hold rows of distributed tables.
    /// - Returns: whether it gives rows of distributed tables, each with its case.
    private mutating func query(_ pieces: [SQLPiece], _ outer: Set<String>) -> Bool {
        conflict(pieces)
        facts(pieces)
        var (rest, known) = (pieces, outer)
        for (index, piece) in pieces.enumerated() where piece.word == "as" && index > 0 {
            var body = index + 1
            while ["materialized", "not"].contains(pieces.word(at: body)) { body += 1 }
            guard let group = pieces.piece(at: body)?.group, group.isQuery else { continue }
            // It may have a list of its columns.
            let name = (pieces[index - 1].name ?? pieces.piece(at: index - 2)?.name) ?? ""
            if query(group, known) { known.insert(name) } else { known.remove(name) }
            rest[body] = SQLPiece(kind: .value, line: piece.line)
        }
        let parts = rest.split { ["except", "intersect", "union"].contains($0.word) }.map(Array.init)
        return parts.reduce(false) { select($1, known) || $0 }
    }

    /// A table or a subquery that a statement reads or changes.
    private struct Source {
        let isDistributed: Bool
        let piece: SQLPiece
        /// Whether it is joined on case_id.
        var isOnCase = false
    }

    /// One SELECT, INSERT, UPDATE or DELETE, or pieces that are none.
    private mutating func select(_ pieces: [SQLPiece], _ known: Set<String>) -> Bool {
        var (sources, seen): ([Source], Set<Int>) = ([], [])
        var changed: (name: String, piece: SQLPiece)?
        // Elsewhere FROM belongs to a function's arguments: extract(epoch FROM …).
        var hasVerb = pieces.word(at: 0) == "from"
        for (index, piece) in pieces.enumerated() {
            let target = pieces.word(at: index + 1) == "only" ? index + 2 : index + 1
            switch (pieces.word(at: index - 1) ?? "", piece.word) {
            case (_, "select"), (_, "delete"):
                hasVerb = true
            case ("do", "update"), ("for", "update"), ("key", "update"), ("on", "update"): break
            case (_, "update") where pieces.piece(at: target)?.name != nil:
                hasVerb = true
                let name = pieces.relation(at: target).name
                changed = (name, piece)
                sources.append(Source(isDistributed: isDistributed(name, known), piece: piece))
            case (let before, "from") where hasVerb:
                if before == "distinct", ["is", "not"].contains(pieces.word(at: index - 2)) { continue }
                if before == "delete" { changed = (pieces.relation(at: target).name, piece) }
                sources += from(pieces, index + 1, known, &seen)
            default: break
            }
        }
        for (index, piece) in pieces.enumerated() where !seen.contains(index) {
            switch piece.kind {
            case .group(let group): _ = query(group, known)
            case .text(let text): script(text)
            default: break
            }
        }

        let condition = pieces.clause("where")
        for (index, source) in sources.enumerated() where source.isDistributed && !source.isOnCase {
            let isJoined = sources[..<index].contains(where: \.isDistributed)
            if isJoined, !condition.equatesCases { find(.join, source.piece) }
        }
        // A leaf is a day: who names it goes to that day's shards only, where event_day would send a statement that
        // names the parent.
        if let changed, ["raw.events", "raw.events_by_day"].contains(changed.name),
            !condition.mentions("event_day")
        {
            find(.rawRows, changed.piece)
        }
        let isDistributed = sources.contains(where: \.isDistributed)
        let grouping = pieces.clause("group", "by")
        for (index, piece) in grouping.enumerated() where isDistributed {
            let isSets = piece.word == "grouping" && grouping.word(at: index + 1) == "sets"
            let isShort =
                ["cube", "rollup"].contains(piece.word) && grouping.piece(at: index + 1)?.group != nil
            if isSets || isShort { find(.groupingSets, piece) }
        }
        let columns = Array(pieces.clause("select").prefix { $0.word != "from" })
        let isDistinct = columns.word(at: 0) == "distinct" && columns.word(at: 1) != "on"
        return isDistributed && (grouping.isEmpty && !isDistinct || columns.showCases)
    }

    /// What stands between FROM (or USING of a DELETE) and the next clause.
    ///
    /// - Parameter seen: gets the places of the subqueries, which are looked into here.
    private mutating func from(
        _ pieces: [SQLPiece], _ start: Int, _ known: Set<String>, _ seen: inout Set<Int>
    ) -> [Source] {
        var sources: [Source] = []
        var (index, expectsTable, isLateral) = (start, true, false)
        while let piece = pieces.piece(at: index), !SQLPortability.clauses.contains(piece.word ?? "") {
            index += 1
            switch piece.word {
            case "on" where pieces.word(at: index) == "conflict":
                return sources
            case "on":
                let condition = pieces[index...].prefix {
                    !$0.isSign(",")
                        && !SQLPortability.joins.union(SQLPortability.clauses).contains($0.word ?? "")
                }
                if condition.equatesCases, let last = sources.indices.last { sources[last].isOnCase = true }
            case "using":
                if let columns = pieces.piece(at: index)?.group, !columns.isQuery,
                    let last = sources.indices.last
                {
                    sources[last].isOnCase = columns.contains("case_id")
                } else {
                    expectsTable = true
                }
            case "lateral":
                isLateral = true
            case "only":
                break
            case _ where piece.word == "join" || piece.isSign(","):
                expectsTable = true
            case _ where expectsTable:
                if let group = piece.group, group.isQuery {
                    seen.insert(index - 1)
                    let isOnCase = isLateral && group.equatesCases
                    sources.append(
                        Source(isDistributed: query(group, known), piece: piece, isOnCase: isOnCase))
                } else if let group = piece.group {
                    seen.insert(index - 1)
                    var inner: Set<Int> = []
                    sources += from(group, 0, known, &inner)
                } else {
                    let (name, end) = pieces.relation(at: index - 1)
                    // What has arguments is a function.
                    let isTable = pieces.piece(at: end)?.group == nil
                    sources.append(Source(isDistributed: isTable && isDistributed(name, known), piece: piece))
                    index = end
                }
                (expectsTable, isLateral) = (false, false)
            default: break
            }
        }
        return sources
    }

    private func isDistributed(_ name: String, _ known: Set<String>) -> Bool {
        let day = name.hasPrefix("raw.events_") ? name.dropFirst("raw.events_".count) : nil
        return distributed.contains(name) || known.contains(name) || name.hasSuffix("%")
            || (day?.allSatisfy(\.isNumber) ?? false)
    }

    private mutating func conflict(_ pieces: [SQLPiece]) {
        guard let into = pieces.find("into"), pieces.word(at: into - 1) == "insert",
            isDistributed(pieces.relation(at: into + 1).name, []),
            let update = pieces.indices.first(where: {
                pieces.word(at: $0) == "do" && pieces.word(at: $0 + 1) == "update"
            })
        else { return }
        let set = pieces[update...].prefix { $0.word != "returning" }.flattened
        for (index, piece) in set.enumerated() {
            let word = piece.word ?? ""
            let isCall =
                SQLPortability.volatileFunctions.contains(word)
                && set.piece(at: index + 1)?.isSign("(") ?? false
            if isCall || SQLPortability.volatileWords.contains(word) { find(.volatileUpdate, piece) }
        }
    }

    private mutating func facts(_ pieces: [SQLPiece]) {
        guard let into = pieces.find("into"), pieces.word(at: into - 1) == "insert" else { return }
        let (target, end) = pieces.relation(at: into + 1)
        guard target == "report.fact_sla" else { return }
        let read = (pieces[..<into] + pieces[end...]).flattened
        let names = read.indices.map { read.relation(at: $0).name }
        if names.contains("report.fact_sla"), names.contains(where: { $0.hasPrefix("pg_temp.") }) {
            find(.temporaryFacts, pieces[into])
        }
    }
}

extension Collection where Element == SQLPiece, Index == Int {
    /// Whether the case_id of one table is to equal that of another, alone or in a row of columns.
    fileprivate var equatesCases: Bool {
        indices.contains { index in
            if let group = self[index].group { return !group.isQuery && group.equatesCases }
            guard self[index].isSign("="), let left = piece(at: index - 1) else { return false }
            if let left = left.group {
                return left.contains("case_id") && piece(at: index + 1)?.group?.contains("case_id") ?? false
            }
            return left.word == "case_id"
                && relation(at: index + 1).name.split(separator: ".").last == "case_id"
        }
    }

    /// Whether a select list has case_id or all columns.
    fileprivate var showCases: Bool {
        indices.contains { index in
            if self[index].word == "case_id" { return true }
            guard self[index].isSign("*") else { return false }
            // Not a product.
            guard let before = piece(at: index - 1) else { return true }
            return before.isSign(",") || before.isSign(".") || piece(at: index - 2)?.word == "on"
        }
    }

    /// What follows a clause's first words, up to the next clause.
    fileprivate func clause(_ first: String, _ second: String? = nil) -> [SQLPiece] {
        let start = indices.first { word(at: $0) == first && (second == nil || word(at: $0 + 1) == second) }
        return start.map {
            dropFirst($0 + 1 - startIndex).prefix { !SQLPortability.clauses.contains($0.word ?? "") }
        } ?? []
    }
}

import Events

/// How a table of text is written, found by trying: the dialect by which most records have the same number of cells.
struct GuessedDialect {
    private(set) var dialect: CSVDialect
    /// The first record, where it names the columns.
    let header: [String]?
    let columnCount: Int
    /// Of the records, those with as many cells as most have.
    let share: Double

    private static let mostRecords = 500
    private static let mostSkippedLines = 20
    private static let raggedShare = 0.9

    private struct Row {
        let cells: [String]
        /// Physical lines before it.
        let line: Int
    }

    private struct Trial {
        let dialect: CSVDialect
        let rows: [Row]
        let columnCount: Int
        let share: Double

        /// Many columns in nearly all records are no chance.
        var score: Double {
            var weight = 1.0
            for count in 2...max(2, min(columnCount, 64)) { weight += 1 / Double(count) }
            return share * share * share * share * weight
        }
    }

    /// Nil where no dialect gives most records two cells or more.
    init?(_ sample: GuessedSample) {
        let bytes = Array(sample.start.prefix(256 << 10))
        let isWhole = sample.isStartWhole && bytes.count == sample.bytes.count
        let comment = GuessedDialect.hasComments(sample.lines(GuessedDialect.mostRecords))
        var best: Trial?
        for dialect in GuessedDialect.candidates {
            var dialect = dialect
            dialect.comment = comment ? UInt8(ascii: "#") : nil
            guard let trial = GuessedDialect.trial(dialect, bytes, isWhole: isWhole) else { continue }
            if trial.score > (best?.score ?? 0) + 1e-9 { best = trial }
        }
        guard var found = best, found.share > 0.5 else { return nil }
        if found.dialect.comment != nil, let first = sample.lines(1).first, first.first == UInt8(ascii: "#"),
            let without = GuessedDialect.trial(
                found.dialect.commentless, bytes, isWhole: isWhole),
            without.rows.first?.cells.count == found.columnCount,
            sample.lines(GuessedDialect.mostRecords).count(where: { $0.first == UInt8(ascii: "#") }) == 1
        {
            // A header that begins with the sign.
            found = without
        }
        let first = found.rows.firstIndex { $0.cells.count == found.columnCount } ?? 0
        dialect = found.dialect
        columnCount = found.columnCount
        share = found.share
        if first > 0 || found.dialect.comment == nil, found.rows[first].line > 0 {
            guard found.rows[first].line <= GuessedDialect.mostSkippedLines else { return nil }
            dialect.skippedLines = found.rows[first].line
        }
        let rows = found.rows[first...].map(\.cells)
        header = GuessedDialect.isHeader(rows[0], over: rows.dropFirst()) ? rows[0] : nil
    }

    /// Whether it is COPY's form: no quotes, and what a backslash means is meant.
    var isTSV: Bool { dialect.separator == UInt8(ascii: "\t") && dialect.escapesByLetter }

    mutating func fillsRaggedRows() { dialect.raggedRows = .filled }
    mutating func name(_ columns: [String]) { dialect.header = .given(columns) }

    /// The keys of a definition that say it.
    var keys: [(name: String, json: String)] {
        let usual: CSVDialect = isTSV ? .tsv : .rfc4180
        func text(_ byte: UInt8?) -> String {
            byte.map { JSONValue(.string(String(Unicode.Scalar($0)))).json } ?? "null"
        }
        var keys: [(String, String)] = []
        if dialect.separator != usual.separator { keys.append(("separator", text(dialect.separator))) }
        if dialect.quote != usual.quote { keys.append(("quote", text(dialect.quote))) }
        if dialect.escape != usual.escape { keys.append(("escape", text(dialect.escape))) }
        if dialect.comment != usual.comment { keys.append(("comment", text(dialect.comment))) }
        if dialect.skippedLines > 0 { keys.append(("skip_lines", "\(dialect.skippedLines)")) }
        if case .given(let names) = dialect.header {
            keys.append(("header", JSONValue(.array(names.map { JSONValue(.string($0)) })).json))
        }
        if dialect.raggedRows == .filled { keys.append(("ragged", "\"fill\"")) }
        return keys
    }

    // MARK: - Trials

    /// The usual ones first.
    private static let candidates: [CSVDialect] = {
        let quotes: [(quote: UInt8?, escape: UInt8?)] = [
            (UInt8(ascii: "\""), nil), (UInt8(ascii: "\""), UInt8(ascii: "\\")), (UInt8(ascii: "'"), nil),
            (nil, nil),
        ]
        var candidates: [CSVDialect] = []
        for separator in [",", ";", "\t", "|"] as [Unicode.Scalar] {
            if separator == "\t" { candidates.append(.tsv) }
            for (quote, escape) in quotes {
                candidates.append(
                    CSVDialect(separator: UInt8(ascii: separator), quote: quote, escape: escape))
            }
        }
        return candidates
    }()

    private static func hasComments(_ lines: [ArraySlice<UInt8>]) -> Bool {
        let comments = lines.count { $0.first == UInt8(ascii: "#") }
        return comments > 0 && comments * 2 < lines.count
    }

    private static func trial(_ dialect: CSVDialect, _ bytes: [UInt8], isWhole: Bool) -> Trial? {
        var rows: [Row] = []
        var malformed = 0
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var scanner = CSVScanner(dialect)
            var (place, line) = (0, 0)
            while place < buffer.count, rows.count + malformed < mostRecords {
                switch scanner.scan(base, from: place, to: buffer.count, isLast: isWhole) {
                case .record(let end, let next, let lines):
                    if scanner.cellCount > 0, end > place {
                        rows.append(Row(cells: scanner.texts(base), line: line))
                    }
                    (place, line) = (next, line + lines)
                case .malformed, .unfinished(isQuoted: true):
                    guard let end = buffer[place...].firstIndex(of: 0x0A) else { return }
                    malformed += 1
                    (place, line) = (end + 1, line + 1)
                case .unfinished: return
                }
            }
        }
        let counts = Dictionary(grouping: rows, by: \.cells.count).mapValues(\.count)
        guard let usual = counts.filter({ $0.key > 1 }).max(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        else { return nil }
        // Quotes that stay in cells are those of another dialect; what looks quoted is.
        let isQuoted = rows.contains { row in
            row.cells.contains {
                $0.count > 1 && $0.first == $0.last && ($0.first == "\"" || $0.first == "'")
            }
        }
        // A backslash that stands before nothing that it could mean is text.
        guard !dialect.escapesByLetter || !bytes.contains(UInt8(ascii: "\\")) || holdsEscapes(bytes) else {
            return nil
        }
        let all = Double(rows.count + malformed)
        var (columnCount, share) = (usual.key, Double(usual.value) / all)
        if let first = rows.first?.cells, first.count >= columnCount, share < raggedShare,
            rows.allSatisfy({ $0.cells.count <= first.count }),
            isHeader(first, over: rows.dropFirst().map(\.cells)[...]),
            rows.contains(where: { $0.cells.contains { GuessedTime([$0]) != nil } })
        {
            // Records that leave out cells at their ends.
            (columnCount, share) = (first.count, raggedShare * Double(rows.count) / all)
        }
        return Trial(
            dialect: dialect, rows: rows, columnCount: columnCount, share: share * (isQuoted ? 0.9 : 1))
    }

    /// Whether there is a backslash as COPY writes it: `\N`, `\t`, `\n`, `\\`.
    private static func holdsEscapes(_ bytes: [UInt8]) -> Bool {
        bytes.firstRange(of: Array("\\N".utf8)) != nil || bytes.firstRange(of: Array("\\\\".utf8)) != nil
    }

    // MARK: - The header

    /// Whether a record names columns: its texts differ, and none is a value.
    private static func isHeader(_ row: [String], over rows: ArraySlice<[String]>) -> Bool {
        let names = row.filter { !$0.isEmpty }
        guard names.count >= row.count - 1, Set(names).count == names.count,
            names.allSatisfy({ $0.count < 100 && !isValue($0) })
        else { return false }
        if rows.isEmpty { return true }
        let holdsValues = rows.contains { $0.contains(where: isValue) }
        let isRepeated = rows.contains { other in
            zip(row, other).contains { !$0.isEmpty && $0 == $1 }
        }
        return holdsValues || !isRepeated
    }

    private static func isValue(_ cell: String) -> Bool {
        let text = cell.trimmedBlanks
        return Double(text.filter { $0 != "," }) != nil || GuessedTime([text]) != nil
    }
}

extension CSVDialect {
    fileprivate var commentless: CSVDialect {
        var dialect = self
        dialect.comment = nil
        return dialect
    }
}

extension String {
    var trimmedBlanks: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

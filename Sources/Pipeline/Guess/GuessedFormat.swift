import Events
import Extract

/// How the records of a sample are written: told by what is in it, not by its name.
struct GuessedFormat {
    let format: SourceFormat
    /// As it is parsed.
    let form: RecordFormat
    /// What a definition says beside `format`.
    private(set) var keys: [(name: String, json: String)] = []
    /// What a person should know.
    private(set) var notes: [String] = []
    /// Of lines of text.
    private(set) var pattern: GuessedPattern?
    /// Of tables.
    private(set) var columns: [String]?

    private init(_ format: SourceFormat, _ form: RecordFormat) { (self.format, self.form) = (format, form) }

    /// Whether a last record is surely whole though no line end follows: what it begins with is closed.
    var isWholeWithoutLineEnd: Bool {
        switch format {
        case .ndjson, .json, .cloudevents, .ecs, .drdroid, .logeater, .xes: true
        case .csv, .tsv, .logfmt, .regex, .access, .otlp: false
        }
    }

    /// What is of a format that is not read in this way.
    struct Unreadable: Error {
        let reason: String
    }

    private static let mostLines = 400
    private static let mostRecords = 200

    /// The likeliest; nil where it is none that is known.
    static func find(_ sample: GuessedSample) throws(Unreadable) -> GuessedFormat? {
        guard let first = sample.start.first(where: { $0 > 0x20 }) else { return nil }
        let lines = sample.lines(mostLines)
        if let json = linesOfJSON(lines) { return json }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["), let json = try json(sample) {
            return json
        }
        if first == UInt8(ascii: "<"), isXES(sample) { return GuessedFormat(.xes, .xes) }
        guard !lines.isEmpty, !sample.isBinary else { return nil }
        if let found = lineFormat(.access, .access, lines, sample) { return found }
        if isLogfmt(lines), let found = lineFormat(.logfmt, .logfmt, lines, sample) { return found }
        let table = GuessedDialect(sample)
        if let table, table.header != nil, table.share >= 0.8 { return csv(table, sample) }
        let texts = texts(lines)
        let pattern = GuessedPattern(texts)
        if let table, table.header == nil, table.columnCount > 2, table.share >= 0.95 {
            // A comma before the fraction of a second separates nothing.
            let separator = Character(Unicode.Scalar(table.dialect.separator))
            if pattern?.firstTime.contains(separator) != true { return csv(table, sample) }
        }
        if let pattern { return regex(pattern) }
        if let yearless = yearless(texts) { throw Unreadable(reason: yearless) }
        return table.flatMap { $0.share >= 0.8 ? csv($0, sample) : nil }
    }

    /// All that the sample may be, where too little comes of the likeliest.
    static func others(_ sample: GuessedSample) -> [GuessedFormat] {
        let lines = sample.lines(mostLines)
        guard !lines.isEmpty, !sample.isBinary else { return [] }
        var found: [GuessedFormat] = []
        let trees = objects(lines)
        if !trees.isEmpty { found.append(json(trees)) }
        let items = sample.records(.json(nil), most: mostRecords, maxBytes: GuessedSample.startBytes).items
        if !items.isEmpty { found.append(GuessedFormat(standard(of: items) ?? .json, .json(nil))) }
        if isXES(sample) { found.append(GuessedFormat(.xes, .xes)) }
        for (format, form) in [(SourceFormat.access, RecordFormat.access), (.logfmt, .logfmt)] {
            if let format = lineFormat(format, form, lines, sample, leastShare: 0.3) { found.append(format) }
        }
        if let pattern = GuessedPattern(texts(lines)) { found.append(regex(pattern)) }
        if let table = GuessedDialect(sample).flatMap({ csv($0, sample) }) { found.append(table) }
        return found
    }

    private static func texts(_ lines: [ArraySlice<UInt8>]) -> [String] {
        lines.map { String(decoding: $0.prefix(4_096), as: UTF8.self) }
    }

    // MARK: - JSON

    /// The lines that are objects.
    private static func objects(_ lines: [ArraySlice<UInt8>]) -> [JSONValue] {
        lines.compactMap { line in
            let tree = try? JSONDocument(Array(line), isLenient: false).root
            return tree?.isObject == true ? tree : nil
        }
    }

    /// Nil where fewer than most lines are objects, or there is but one line.
    private static func linesOfJSON(_ lines: [ArraySlice<UInt8>]) -> GuessedFormat? {
        let trees = objects(lines)
        return lines.count > 1 && trees.count * 2 > lines.count ? json(trees) : nil
    }

    private static func json(_ trees: [JSONValue]) -> GuessedFormat {
        if trees.count(where: { $0.names.contains("resourceLogs") }) * 2 > trees.count {
            return GuessedFormat(.otlp, .otlp)
        }
        return standard(of: trees).map { GuessedFormat($0, .json(nil)) } ?? GuessedFormat(.ndjson, .ndjson)
    }

    private static func json(_ sample: GuessedSample) throws(Unreadable) -> GuessedFormat? {
        let outline = JSONOutline(sample.start, isWhole: sample.isStartWhole)
        guard let root = outline.first else {
            // An array may have elements that are malformed.
            let (items, rejects, _) = sample.records(
                .json(nil), most: mostRecords, maxBytes: GuessedSample.startBytes)
            guard !items.isEmpty, items.count > rejects else { return nil }
            return GuessedFormat(standard(of: items) ?? .json, .json(nil))
        }
        guard case .object = root.content else {
            guard case .array(let elements) = root.content, elements.contains(where: \.isObject) else {
                return nil
            }
            return GuessedFormat(standard(of: elements) ?? .json, .json(nil))
        }
        if root.names.contains("resourceLogs") {
            let lines = sample.lines(2)
            guard lines.count == 1 || lines[0].elementsEqual([UInt8(ascii: "{")]) else {
                throw Unreadable(
                    reason:
                        "is OTLP/JSON over several lines, but not as jq prints it: jq -c . FILE makes it one line"
                )
            }
            return GuessedFormat(.otlp, .otlp)
        }
        if outline.hasMore {
            return GuessedFormat(standard(of: [root] + outline.others(mostRecords)) ?? .json, .json(nil))
        }
        if let found = GuessedRecords.array(in: root), !isRecord(root, around: found.elements) {
            let path = FieldPath(steps: found.path)
            guard !path.text.contains("${") else { return nil }
            var format = GuessedFormat(standard(of: found.elements) ?? .json, .json(path))
            format.keys.append(("data_path", JSONValue(.string(path.text)).json))
            return format
        }
        if let standard = standard(of: [root]) { return GuessedFormat(standard, .json(nil)) }
        return sample.lines(2).count == 1 ? GuessedFormat(.ndjson, .ndjson) : GuessedFormat(.json, .json(nil))
    }

    /// Whether an object that holds an array is a record itself: it has a time, and its elements have none.
    private static func isRecord(_ root: JSONValue, around elements: [JSONValue]) -> Bool {
        if elements.isEmpty { return true }
        if GuessedFields([root]).occurredAt == nil { return false }
        return GuessedFields(Array(elements.prefix(mostRecords))).occurredAt == nil
    }

    /// The standard that most of the records follow; nil where it is none.
    static func standard(of items: [JSONValue]) -> SourceFormat? {
        let items = items.prefix(mostRecords)
        func most(_ isOne: (JSONValue) -> Bool) -> Bool { items.count(where: isOne) * 2 > items.count }
        func has(_ item: JSONValue, _ names: String...) -> Bool {
            names.allSatisfy { item[[$0]]?.text != nil }
        }
        if most({ has($0, "specversion", "type", "source", "id") }) { return .cloudevents }
        let ecs = { (item: JSONValue) in
            item.names.contains {
                ["ecs", "ecs.version", "event"].contains($0) || $0.hasPrefix("event.")
            }
        }
        if most({ has($0, "@timestamp") && ecs($0) }) { return .ecs }
        let drdroid: Set = ["name", "timestamp", "payload"]
        if most({ has($0, "name", "timestamp") && Set($0.names) == drdroid }) { return .drdroid }
        let logeater: Set = ["timestamp", "service", "type", "user_id", "details", "id", "level"]
        let opens = items.count {
            if case .string(let text)? = $0[["details"]]?.content { text.hasPrefix("{") } else { false }
        }
        if most({ has($0, "timestamp", "service", "type") && logeater.isSuperset(of: $0.names) }),
            opens * 2 > items.count
        {
            return .logeater
        }
        return nil
    }

    // MARK: - Text

    private static func isXES(_ sample: GuessedSample) -> Bool {
        let text = String(decoding: sample.start.prefix(64 << 10), as: UTF8.self)
        return text.firstRange(of: "<log") != nil
            && (text.firstRange(of: "<trace") != nil || text.firstRange(of: "xes.") != nil)
    }

    /// A format of lines, where most of them are of it.
    private static func lineFormat(
        _ format: SourceFormat, _ form: RecordFormat, _ lines: [ArraySlice<UInt8>], _ sample: GuessedSample,
        leastShare: Double = 0.6
    ) -> GuessedFormat? {
        let head = GuessedSample(Array(lines.joined(separator: [0x0A])), name: sample.name)
        let (items, rejects, _) = head.records(form, most: mostLines, maxBytes: .max)
        let share = Double(items.count) / Double(max(1, items.count + rejects))
        return share >= leastShare ? GuessedFormat(format, form) : nil
    }

    /// Whether lines begin with a key and its value, and hold few bare words: prose would pass as keys.
    private static func isLogfmt(_ lines: [ArraySlice<UInt8>]) -> Bool {
        let fit = lines.count { line in
            let head = line.prefix(4_096)
            let pairs = head.count { $0 == UInt8(ascii: "=") }
            let key = head.prefix { $0 != UInt8(ascii: "=") }
            return pairs > 1 && !key.isEmpty && key.count < head.count
                && key.allSatisfy { isNameByte($0) }
        }
        return fit * 10 >= lines.count * 9
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\",;|<>{}[]()".utf8.contains(byte)
    }

    private static func csv(_ table: GuessedDialect, _ sample: GuessedSample) -> GuessedFormat? {
        var table = table
        if table.header == nil {
            var plain = table
            plain.name((1...table.columnCount).map { "column_\($0)" })
            let (items, _, _) = sample.records(
                .csv(plain.dialect), most: mostRecords, maxBytes: GuessedSample.startBytes)
            table.name(GuessedFields(items).columnNames(table.columnCount))
        }
        let strict = sample.records(.csv(table.dialect), most: .max, maxBytes: GuessedSample.startBytes)
        guard !strict.items.isEmpty else { return nil }
        if strict.rejects > 0 {
            var filled = table
            filled.fillsRaggedRows()
            let loose = sample.records(.csv(filled.dialect), most: .max, maxBytes: GuessedSample.startBytes)
            if loose.rejects < strict.rejects { table = filled }
        }
        var format = GuessedFormat(table.isTSV ? .tsv : .csv, .csv(table.dialect))
        format.keys = table.keys
        format.columns = table.header
        if case .given(let names) = table.dialect.header { format.columns = names }
        if table.header == nil {
            format.notes.append("the table has no header; its columns have got names: \"header\"")
        }
        return format
    }

    private static func regex(_ pattern: GuessedPattern) -> GuessedFormat {
        var format = GuessedFormat(.regex, .regex(pattern.pattern))
        format.keys = [("pattern", JSONValue(.string(pattern.pattern)).json)]
        format.pattern = pattern
        return format
    }

    /// What to say of lines like those of the older syslog (RFC 3164).
    private static func yearless(_ lines: [String]) -> String? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let fit = lines.count { line in
            let text = line.first == "<" ? line.drop { $0 != ">" }.dropFirst() : line[...]
            return months.contains { text.hasPrefix("\($0) ") } && text.dropFirst(6).prefix(9).contains(":")
        }
        guard fit * 2 > lines.count else { return nil }
        return "has times without a year, which no format reads; let the logger write the year (RFC 5424)"
    }
}

extension JSONValue {
    var isObject: Bool { if case .object = content { true } else { false } }
}

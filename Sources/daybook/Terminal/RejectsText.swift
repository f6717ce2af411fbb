import Pipeline
import Postgres

/// Rejects for a person.
enum RejectsText {
    static func list(_ rows: [Result.Row]) throws {
        var table = TextTable([
            TextTable.Column(title: "source", isNumber: false),
            TextTable.Column(title: "reason", isNumber: false),
            TextTable.Column(title: "waiting"), TextTable.Column(title: "replayed"),
            TextTable.Column(title: "discarded"), TextTable.Column(title: "last (UTC)", isNumber: false),
            TextTable.Column(title: "for example"), TextTable.Column(title: "", isNumber: false),
        ])
        var waiting = 0
        var values = 0
        for row in rows {
            values += try row.get("values", as: Int.self)
            guard try row.get("values", as: Int.self) == 0 else { continue }
            waiting += try row.get("waiting", as: Int.self)
            let reason = try row.get("reason", as: String.self).oneLine
            table.add([
                "\(try row.get("pipeline", as: String.self))/\(try row.get("source", as: String.self))"
                    .oneLine,
                try row.get("reason_code"), Human.count(try row.get("waiting")),
                Human.count(try row.get("replayed")), Human.count(try row.get("discarded")),
                String(try row.get("last_at", as: String.self).prefix(16)).replacing("T", with: " "),
                "\(try row.get("example_id", as: Int64.self))",
                "\(try place(row)): \(reason.count > 100 ? reason.prefix(100) + "…" : reason)".oneLine,
            ])
        }
        if !table.rows.isEmpty { Terminal.out(table.text) }
        if values > 0 {
            Terminal.out(
                "\(Human.plural(values, "value")) of events that are loaded did not convert (conversion, event_fields)"
            )
        }
        if waiting > 0 {
            Terminal.out(
                "\(Human.plural(waiting, "reject")) waiting; see one: daybook rejects show ID; once the definition is "
                    + "mended: daybook rejects replay --dry-run --all")
        } else {
            Terminal.out("nothing waits")
        }
    }

    private static func place(_ row: Result.Row) throws -> String {
        let object = try row.get("object", as: String.self)
        guard let line = try row.getIfPresent("line", as: Int64.self) else { return object }
        return line > 0
            ? "\(object) line \(line)" : "\(object) byte \(try row.get("byte_offset", as: Int64.self))"
    }

    static func show(_ row: Result.Row, isHex: Bool, isJSON: Bool) throws {
        let hex: String = try row.get("hex")
        let bytes = stride(from: 0, to: hex.utf8.count - 1, by: 2).map { offset -> UInt8 in
            let start = hex.utf8.index(hex.startIndex, offsetBy: offset)
            return UInt8(hex[start..<hex.utf8.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
        let text = escaped(bytes)
        if isJSON { return try JSONOutput.print(Shown(row, hex: isHex ? hex : nil, text: text)) }
        let name = "\(try row.get("pipeline", as: String.self))/\(try row.get("source", as: String.self))"
        Terminal.out("reject \(try row.get("reject_id", as: Int64.self)) of \(name): \(try state(row))")
        let byte = try row.get("byte_offset", as: Int64.self)
        let run = try row.getIfPresent("run_id", as: Int64.self).map { " (run \($0))" } ?? ""
        Terminal.out(
            "  from     \(try place(row).oneLine) (byte \(byte)), load \(try row.get("load_id", as: Int64.self))\(run)"
        )
        Terminal.out(
            "  reason   \(try row.get("reason_code", as: String.self)): \(try row.get("reason", as: String.self).oneLine)"
        )
        var read = "  read     \(Human.plural(try row.get("attempts"), "time")), first at "
        read += try row.get("rejected_at", as: String.self)
        if let last = try row.getIfPresent("last_tried_at", as: String.self) { read += ", last at \(last)" }
        Terminal.out(read)
        if let event = try row.getIfPresent("event_id", as: String.self) {
            Terminal.out(
                "  event    \(Cell.line(event)) of case \(Cell.line(try row.get("case_id"))), field "
                    + Cell.line(try row.get("field")))
        }
        let count: Int = try row.get("bytes")
        if count == 0 {
            Terminal.out("  bytes    were not kept")
        } else {
            let note = try row.get("is_redacted", as: Bool.self) ? ", without what the source redacts" : ""
            Terminal.out("  bytes    \(Human.count(count))\(note):")
            Terminal.out(isHex ? dump(bytes) : text)
        }
    }

    private static func state(_ row: Result.Row) throws -> String {
        switch try row.get("state", as: String.self) {
        case "replayed":
            return
                "\(try row.get("outcome", as: String.self)) at \(try row.get("replayed_at", as: String.self)) by load "
                + "\(try row.get("replay_load_id", as: Int64.self))"
        case "discarded":
            return "discarded at \(try row.get("discarded_at", as: String.self)) by "
                + "\(try row.get("discarded_by", as: String.self).oneLine): "
                + (try row.get("discarded_why", as: String.self).oneLine)
        case "value": return "a value that is not of its declared type; the event is loaded"
        default: return "waiting"
        }
    }

    /// The bytes as text; what is not printable is escaped, and a backslash is doubled.
    static func escaped(_ bytes: [UInt8]) -> String {
        var text = ""
        var rest = bytes[...]
        while let byte = rest.first {
            if let scalar = scalar(rest) {
                let length = UTF8.width(scalar)
                switch scalar {
                case "\\": text += "\\\\"
                case "\n": text += "\\n"
                case "\r": text += "\\r"
                case "\t": text += "\\t"
                case _ where isPrintable(scalar): text.unicodeScalars.append(scalar)
                default: text += "\\u{\(String(scalar.value, radix: 16))}"
                }
                rest = rest.dropFirst(length)
            } else {
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
                rest = rest.dropFirst()
            }
        }
        return text
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        default: true
        }
    }

    /// The character that bytes begin with; nil where they are not UTF-8.
    private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        var decoder = UTF8()
        var iterator = bytes.prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return scalar
    }

    /// Sixteen bytes a line, with their offset and what is ASCII of them.
    private static func dump(_ bytes: [UInt8]) -> String {
        func hex(_ number: Int, _ width: Int) -> String {
            String(number, radix: 16).paddingLeft(to: width).replacing(" ", with: "0")
        }
        return stride(from: 0, to: bytes.count, by: 16).map { start in
            let line = bytes[start..<min(start + 16, bytes.count)]
            let ascii = String(
                decoding: line.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
            let digits = line.map { hex(Int($0), 2) }.joined(separator: " ")
            return "\(hex(start, 8))  \(digits.padding(to: 47))  \(ascii)"
        }.joined(separator: "\n")
    }

    // MARK: - replay

    static func tell(_ report: RunReport, isDryRun: Bool) {
        guard let replay = report.replay else { return }
        let all = replay.tried + replay.unreadable.reduce(0) { $0 + $1.rejects }
        var parts: [String] = []
        func add(_ number: Int, _ what: String) {
            if number > 0 { parts.append("\(Human.count(number)) \(what)") }
        }
        add(replay.loaded, "loaded")
        add(replay.duplicate, "there already")
        add(replay.superseded, "older than what is there")
        add(replay.filtered, "filtered")
        add(replay.rejected, "rejected again")
        add(all - replay.tried, "that cannot be read again")
        let would = isDryRun ? " would be read again" : ""
        Terminal.out(
            "\(report.pipeline): \(Human.plural(all, "reject"))\(would): "
                + (parts.isEmpty ? "nothing waits" : parts.joined(separator: ", "))
                + (isDryRun ? "" : " (run \(report.runID), \(Human.duration(report.seconds)))"))
        for reason in replay.reasons.prefix(5) { Terminal.out(line(reason)) }
        if replay.reasons.count > 5 {
            Terminal.out("  and \(Human.plural(replay.reasons.count - 5, "more reason")); all are in --json")
        }
        for reason in replay.unreadable.prefix(5) { Terminal.out(line(reason)) }
        if replay.unreadable.count > 5 {
            Terminal.out(
                "  and \(Human.count(replay.unreadable.count - 5)) more that cannot be read; all are in --json"
            )
        }
    }

    private static func line(_ reason: ReplayOutcome.Reason) -> String {
        let more = reason.rejects > 1 ? " and \(Human.count(reason.rejects - 1)) more" : ""
        return "  \(reason.rejectID)\(more): \(reason.reason.oneLine)"
    }
}

/// One reject as JSON.
private struct Shown: Encodable {
    let rejectID: Int64
    let pipeline: String
    let source: String
    let state: String
    let object: String
    @OrNull var line: Int64?
    let byteOffset: Int64
    let loadID: Int64
    @OrNull var runID: Int64?
    let reasonCode: String
    let reason: String
    let bytes: Int
    let isRedacted: Bool
    let text: String
    @OrNull var hex: String?
    let attempts: Int
    let rejectedAt: String
    @OrNull var lastTriedAt: String?
    @OrNull var outcome: String?
    @OrNull var replayedAt: String?
    @OrNull var replayLoadID: Int64?
    @OrNull var discardedAt: String?
    @OrNull var discardedBy: String?
    @OrNull var discardedWhy: String?
    @OrNull var caseID: String?
    @OrNull var eventID: String?
    @OrNull var field: String?

    private enum CodingKeys: String, CodingKey {
        case pipeline, source, state, object, line, reason, bytes, text, hex, attempts, outcome, field
        case rejectID = "reject_id"
        case byteOffset = "byte_offset"
        case loadID = "load_id"
        case runID = "run_id"
        case reasonCode = "reason_code"
        case isRedacted = "is_redacted"
        case rejectedAt = "rejected_at"
        case lastTriedAt = "last_tried_at"
        case replayedAt = "replayed_at"
        case replayLoadID = "replay_load_id"
        case discardedAt = "discarded_at"
        case discardedBy = "discarded_by"
        case discardedWhy = "discarded_why"
        case caseID = "case_id"
        case eventID = "event_id"
    }

    init(_ row: Result.Row, hex: String?, text: String) throws {
        rejectID = try row.get("reject_id")
        pipeline = try row.get("pipeline")
        source = try row.get("source")
        state = try row.get("state")
        object = try row.get("object")
        line = try row.getIfPresent("line")
        byteOffset = try row.get("byte_offset")
        loadID = try row.get("load_id")
        runID = try row.getIfPresent("run_id")
        reasonCode = try row.get("reason_code")
        reason = try row.get("reason")
        bytes = try row.get("bytes")
        isRedacted = try row.get("is_redacted")
        self.text = text
        self.hex = hex
        attempts = try row.get("attempts")
        rejectedAt = try row.get("rejected_at")
        lastTriedAt = try row.getIfPresent("last_tried_at")
        outcome = try row.getIfPresent("outcome")
        replayedAt = try row.getIfPresent("replayed_at")
        replayLoadID = try row.getIfPresent("replay_load_id")
        discardedAt = try row.getIfPresent("discarded_at")
        discardedBy = try row.getIfPresent("discarded_by")
        discardedWhy = try row.getIfPresent("discarded_why")
        caseID = try row.getIfPresent("case_id")
        eventID = try row.getIfPresent("event_id")
        field = try row.getIfPresent("field")
    }
}

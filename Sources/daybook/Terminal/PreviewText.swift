import Events
import Extract
import Foundation
import Pipeline

/// The first events of sources, for people and for programs.
enum PreviewText {
    /// What of a value fits into a column.
    private static let cellWidth = 36
    /// Where stdout is no terminal.
    private static let detailsWidth = 80
    private static let leastDetails = 24

    static func tell(_ preview: Preview) {
        let more = preview.objects.count > 1 ? " and \(preview.objects.count - 1) more" : ""
        Terminal.out(
            "\(preview.pipeline).\(preview.source)" + (preview.objects.first.map { ": \($0)\(more)" } ?? ""))
        if !preview.events.isEmpty { Terminal.out(table(preview.events)) }
        for reject in preview.rejects { tell(reject) }
        if preview.rejected > preview.rejects.count {
            Terminal.out("  and \(Human.plural(preview.rejected - preview.rejects.count, "more reject"))")
        }
        for note in preview.notes { Terminal.error("\(preview.pipeline).\(preview.source): \(note)") }
        if let error = preview.error {
            Terminal.error("\(preview.pipeline).\(preview.source): \(error)")
        }
        guard preview.error == nil || preview.read > 0 else { return }
        Terminal.out(
            "\(preview.isPartial ? "of the first" : "of all") \(Human.plural(preview.read, "record")): "
                + "\(Human.count(preview.loaded)) would load, \(Human.count(preview.rejected)) rejected, "
                + "\(Human.count(preview.filtered)) filtered")
    }

    private static func tell(_ reject: Preview.RejectedRecord) {
        Terminal.out(
            "  rejected: \(reject.object) line \(reject.line) (byte \(reject.position)): \(reject.code.rawValue): "
                + reject.reason)
        if !reject.raw.isEmpty { Terminal.out("    \(shortened(reject.raw, to: detailsWidth))") }
    }

    private static func table(_ events: [Preview.Row]) -> String {
        let titles = ["occurred_at", "type", "case_id", "event_id", "service", "details"]
        let rows = events.map { event in
            [event.occurredAt.description]
                + [event.type, event.caseID, event.eventID, event.service].map {
                    shortened($0, to: cellWidth)
                }
                + [event.details ?? "·"]
        }
        let before = titles.indices.dropLast().map { column in
            rows.map { $0[column].displayWidth }.reduce(titles[column].displayWidth, max) + 2
        }.reduce(2, +)
        let width = terminalWidth.map { max(leastDetails, $0 - before) } ?? detailsWidth
        var table = TextTable(titles.map { TextTable.Column(title: $0, isNumber: false) })
        for row in rows { table.add(row.dropLast() + [shortened(row[row.count - 1], to: width)]) }
        return table.text
    }

    /// One line of at most `width` characters.
    private static func shortened(_ text: String, to width: Int) -> String {
        // Only what may be shown is looked at: a value can be very long.
        let start = text.prefix(width + 1)
        let line = String(start.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        return line.count > width ? line.prefix(width - 1) + "…" : line
    }

    /// Nil where stdout is none.
    private static var terminalWidth: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return nil }
        return Int(size.ws_col)
    }

    // MARK: - JSON

    /// Written by hand, for details are JSON already, with numbers that no type of ours would keep as they are.
    static func json(_ previews: [Preview]) -> String {
        object([("sources", array(previews.map(json), indent: "  "))])
    }

    private static func json(_ preview: Preview) -> String {
        object([
            ("pipeline", text(preview.pipeline)), ("source", text(preview.source)),
            ("object", text(preview.objects.first)),
            ("events", array(preview.events.map(json), indent: "    ")),
            ("rejects", array(preview.rejects.map(json), indent: "    ")),
            ("read", "\(preview.read)"), ("loaded", "\(preview.loaded)"),
            ("rejected", "\(preview.rejected)"), ("filtered", "\(preview.filtered)"),
            ("is_partial", "\(preview.isPartial)"),
            ("notes", array(preview.notes.map { text($0) }, indent: "    ")),
            ("error", text(preview.error.map { "\($0)" })),
        ])
    }

    private static func json(_ event: Preview.Row) -> String {
        object([
            ("object", text(event.object)), ("position", "\(event.position)"),
            ("occurred_at", text(event.occurredAt.description)), ("type", text(event.type)),
            ("entity", text(event.entity)), ("case_id", text(event.caseID)),
            ("event_id", text(event.eventID)), ("service", text(event.service)),
            ("user_id", text(event.userID)), ("correlation_id", text(event.correlationID)),
            ("sequence", event.sequence.map { "\($0)" } ?? "null"), ("details", event.details ?? "null"),
        ])
    }

    private static func json(_ reject: Preview.RejectedRecord) -> String {
        object([
            ("object", text(reject.object)), ("line", "\(reject.line)"), ("position", "\(reject.position)"),
            ("reason_code", text(reject.code.rawValue)), ("reason", text(reject.reason)),
            ("raw", text(reject.raw)),
        ])
    }

    private static func object(_ members: [(name: String, json: String)]) -> String {
        "{" + members.map { "\(text($0.name)): \($0.json)" }.joined(separator: ", ") + "}"
    }

    private static func array(_ elements: [String], indent: String) -> String {
        elements.isEmpty ? "[]" : "[\n\(indent)" + elements.joined(separator: ",\n\(indent)") + "]"
    }

    private static func text(_ text: String?) -> String { text.map { JSONValue(.string($0)).json } ?? "null" }
}

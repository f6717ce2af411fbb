import Postgres

/// Runs, for people.
enum RunsText {
    /// Objects that one run shows; a tree of files may have very many.
    private static let shownObjects = 100

    static func list(_ runs: Result) throws -> String {
        let rows = runs.rows
        let isScheduled = try rows.contains { try $0.getIfPresent("nominal_at", as: String.self) != nil }
        var columns = [
            TextTable.Column(title: "run"), TextTable.Column(title: "pipeline", isNumber: false),
            TextTable.Column(title: "status", isNumber: false),
            TextTable.Column(title: "started by", isNumber: false),
            TextTable.Column(title: "started (UTC)", isNumber: false), TextTable.Column(title: "took"),
            TextTable.Column(title: "read"), TextTable.Column(title: "loaded"),
            TextTable.Column(title: "rejected"), TextTable.Column(title: "error", isNumber: false),
        ]
        if isScheduled { columns.insert(.init(title: "for (UTC)", isNumber: false), at: 4) }
        if try rows.allSatisfy({ try $0.getIfPresent("error", as: String.self) == nil }) {
            columns.removeLast()
        }
        var table = TextTable(columns)
        for row in rows {
            var cells = [
                try row.get("run_id"), try row.get("pipeline"), try row.get("status"), try startedBy(row),
                try time(row, "started_at"), Human.duration(try row.get("seconds")),
                Human.count(try row.get("read")), Human.count(try row.get("loaded")),
                Human.count(try row.get("rejected")),
                firstLine(try row.getIfPresent("error") ?? ""),
            ]
            if isScheduled { cells.insert(try nominal(row), at: 4) }
            table.add(cells)
        }
        return table.text
    }

    /// One run: what it was, each of its columns, what it read, and what it rejected.
    static func tell(_ run: Result.Row, objects: Result, rejects: Result) throws {
        var lines = [
            ("pipeline", try run.get("pipeline")), ("status", try run.get("status")),
            ("started by", try startedBy(run)),
        ]
        if try run.getIfPresent("nominal_at", as: String.self) != nil {
            let (from, to) = (try time(run, "nominal_from"), try time(run, "nominal_at"))
            let times: Int = try run.get("nominal_times")
            lines.append(
                ("for", times > 1 ? "\(Human.count(times)) times, \(from) to \(to) UTC" : "\(to) UTC"))
        }
        lines += [
            ("started", try time(run, "started_at") + " UTC"),
            (
                "ended",
                try run.getIfPresent("ended_at", as: String.self) == nil
                    ? "·" : try time(run, "ended_at") + " UTC"
            ),
            ("took", Human.duration(try run.get("seconds"))),
        ]
        for column in ["read", "loaded", "duplicate", "conflicting", "rejected", "filtered"] {
            lines.append((column, Human.count(try run.get(column))))
        }
        lines += [
            ("host", try run.get("host")), ("process", try run.get("process_id")),
            ("version", try run.get("version")),
        ]
        let width = lines.map(\.0.displayWidth).max() ?? 0
        Terminal.out("run \(try run.get("run_id", as: String.self))")
        for (name, value) in lines { Terminal.out("  \(name.padding(to: width))  \(value)") }
        if let error = try run.getIfPresent("error", as: String.self) { Terminal.out("\n\(error)") }
        if objects.count > 0 { Terminal.out("\n" + (try text(ofObjects: objects))) }
        if rejects.count > 0 { Terminal.out("\n" + (try text(ofRejects: rejects))) }
    }

    private static func text(ofObjects objects: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "source", isNumber: false),
            TextTable.Column(title: "object", isNumber: false), TextTable.Column(title: "batches"),
            TextTable.Column(title: "read"), TextTable.Column(title: "loaded"),
            TextTable.Column(title: "duplicate"), TextTable.Column(title: "rejected"),
            TextTable.Column(title: "filtered"),
            TextTable.Column(title: "events from (UTC)", isNumber: false),
            TextTable.Column(title: "to (UTC)", isNumber: false),
        ])
        for row in objects.rows.prefix(shownObjects) {
            let counts = try ["batches", "read", "loaded", "duplicate", "rejected", "filtered"].map {
                Human.count(try row.get($0))
            }
            table.add(
                [try row.get("source"), try row.get("object")] + counts
                    + [try time(row, "earliest_event"), try time(row, "latest_event")])
        }
        let more = objects.count - shownObjects
        return table.text + (more > 0 ? "\n  and \(Human.count(more)) more; all are in --json" : "")
    }

    private static func text(ofRejects rejects: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "rejected because", isNumber: false), TextTable.Column(title: "records"),
            TextTable.Column(title: "the first", isNumber: false),
        ])
        for row in rejects.rows {
            let place = "\(try row.get("object", as: String.self)) line \(try row.get("line", as: Int.self))"
            table.add([
                try row.get("reason_code"), Human.count(try row.get("rejects")),
                "\(place): \(firstLine(try row.get("reason")))",
            ])
        }
        return table.text
    }

    private static func startedBy(_ row: Result.Row) throws -> String {
        let attempt = try row.getIfPresent("attempt", as: Int.self) ?? 1
        return try row.get("started_by") + (attempt > 1 ? ", attempt \(attempt)" : "")
    }

    /// The time of the schedule that it stands for: `2026-01-05 10:05 +2 caught up`.
    private static func nominal(_ row: Result.Row) throws -> String {
        let more = (try row.getIfPresent("nominal_times", as: Int.self) ?? 1) - 1
        let isSkipped = try row.get("status", as: String.self) == "skipped"
        return try String(time(row, "nominal_at").prefix(16))
            + (more > 0 ? " +\(Human.count(more)) \(isSkipped ? "skipped" : "caught up")" : "")
    }

    /// To the second.
    private static func time(_ row: Result.Row, _ column: String) throws -> String {
        try row.getIfPresent(column, as: String.self).map { String($0.prefix(19)) } ?? "·"
    }

    private static func firstLine(_ text: String) -> String {
        String(text.split(whereSeparator: \.isNewline).first ?? "")
    }
}

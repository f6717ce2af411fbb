import Postgres
import SQLFiles
import Warehouse

/// `daybook status`: how fresh everything is.
enum StatusVerb: Verb {
    static let name = "status"
    static let summary =
        "shows how fresh the sources are, what holds the hours of an SLA back, and what the days take"
    static let options: [Option] = [.project, .database, .json]
    static let discussion = """
        An hour is final once every source of its SLA has told of a later time: the watermark. A source that is
        silent holds it back, and is named here. Of the disk it says what the days take, as leaves and compacted, and
        what the next 30 days will add, if they are as the last seven; --json lists every day.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let context = Context(arguments)
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        // A day is compacted by the first run after it has become so old.
        let definition = (try? context.project())?.definition
        let days = { (age: Int64) in Int(age / 86_400_000_000) + 1 }
        let compactAfter = definition?.storage == .heap ? nil : definition?.compactAfterMicroseconds.map(days)
        let retention = definition?.retention.raw.map(days)
        let slas = SQLFiles.builtin.text("report/status_slas.sql")
        let sources = SQLFiles.builtin.text("report/status_sources.sql")
        let disk = SQLFiles.builtin.text("report/status_disk.sql")
        let storedDays = SQLFiles.builtin.text("report/status_days.sql")
        if arguments.isJSON {
            let document: String = try connection.query(
                """
                SELECT json_build_object(
                    'slas', (SELECT coalesce(json_agg(s), '[]') FROM (\(slas)) AS s),
                    'sources', (SELECT coalesce(json_agg(s), '[]') FROM (\(sources)) AS s),
                    'disk', (SELECT row_to_json(s) FROM (\(disk)) AS s),
                    'days', (SELECT coalesce(json_agg(s), '[]') FROM (\(storedDays)) AS s))
                """, [compactAfter, retention]
            ).first().get(0)
            Terminal.out(document)
            return .done
        }
        let all = try connection.query(sources)
        guard all.count > 0 else {
            Terminal.out("no source has run yet; see: daybook run")
            return .done
        }
        try Terminal.out(text(of: all))
        let judged = try connection.query(slas)
        if judged.count > 0 { try Terminal.out("\n" + text(ofSLAs: judged)) }
        try tell(
            connection.query(disk, [compactAfter, retention]).first(), isCompacting: compactAfter != nil)
        return .done
    }

    private static func text(of sources: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "source", isNumber: false),
            TextTable.Column(title: "latest event (UTC)", isNumber: false),
            TextTable.Column(title: "last load (UTC)", isNumber: false), TextTable.Column(title: "loaded"),
            TextTable.Column(title: "rejected"),
        ])
        for row in sources.rows {
            table.add([
                try row.get("source"), try time(row, "latest_event"), try time(row, "last_load"),
                Human.count(try row.get("loaded")), Human.count(try row.get("rejected")),
            ])
        }
        return table.text
    }

    private static func text(ofSLAs slas: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "SLA", isNumber: false), TextTable.Column(title: "open"),
            TextTable.Column(title: "overdue"), TextTable.Column(title: "as of (UTC)", isNumber: false),
            TextTable.Column(title: "final up to (UTC)", isNumber: false),
            TextTable.Column(title: "", isNumber: false),
        ])
        for row in slas.rows {
            table.add([
                try row.get("sla"), Human.count(try row.get("open")), Human.count(try row.get("overdue")),
                try time(row, "as_of"), try time(row, "watermark"), try note(row),
            ])
        }
        return table.text
    }

    private static func tell(_ disk: Result.Row, isCompacting: Bool) throws {
        let (leaves, compacted): (Int, Int) = (try disk.get("heap_days"), try disk.get("segment_days"))
        guard leaves + compacted > 0 else { return }
        let next: Int64 = try disk.get("next_30_days_bytes")
        Terminal.out(
            "\nraw.events: \(Human.plural(leaves, "leaf", "leaves")) of \(Human.bytes(try disk.get("heap_bytes"))), "
                + "\(Human.plural(compacted, "compacted day")) of \(Human.bytes(try disk.get("segment_bytes")))"
        )
        Terminal.out(
            (next < 0 ? "the next 30 days give back about " : "the next 30 days will take about ")
                + Human.bytes(abs(next)) + (isCompacting ? "" : "; compact_after is not set"))
    }

    /// Which source holds the SLA's hours back.
    private static func note(_ row: Result.Row) throws -> String {
        guard let source = try row.getIfPresent("held_by", as: String.self) else {
            return "no source has run"
        }
        guard let behind = try row.getIfPresent("behind_seconds", as: Double.self) else {
            return "held back by \(source), which has told nothing yet"
        }
        return behind > 0 ? "held back by \(source), \(Human.duration(behind)) behind" : ""
    }

    private static func time(_ row: Result.Row, _ column: String) throws -> String {
        try row.getIfPresent(column, as: String.self).map { String($0.prefix(16)) } ?? "·"
    }
}

import Events
import Postgres

/// Rows of `raw.events` or of a report table as text, streamed by the server.
package struct Export {
    package enum Format: String, CaseIterable, Sendable { case csv, ndjson }

    /// There is no such table.
    package struct Unknown: Error, CustomStringConvertible {
        package let name: String
        package let known: [String]
        package var description: String {
            "there is no \"\(name)\" to export; there are \(known.joined(separator: ", "))"
        }
    }

    /// A table without times cannot be asked for some days.
    package struct WithoutTime: Error, CustomStringConvertible {
        let relation: String
        package var description: String {
            "\(relation) has no column of a time; export it without --from and --to"
        }
    }

    private let connection: Connection
    private let format: Format
    private let relation: String
    private let columns: [String]
    /// The column by which days are chosen.
    private let time: String?
    private let order: [String]

    /// - Parameter what: `events`, or a table or view of the schema `report`.
    /// - Throws: `Unknown`.
    package init(_ what: String, _ format: Format, _ connection: Connection) throws {
        self.connection = connection
        self.format = format
        let isEvents = what == "events" || what == "raw.events"
        let name = what.hasPrefix("report.") ? String(what.dropFirst("report.".count)) : what
        let rows = try connection.query(
            """
            SELECT a.attname, format_type(a.atttypid, NULL) AS type
            FROM pg_class AS c
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relnamespace = $1::regnamespace AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm')
            ORDER BY a.attnum
            """, [isEvents ? "raw" : "report", isEvents ? "events" : name]
        ).rows
        guard !rows.isEmpty else {
            throw Unknown(name: what, known: try ["events"] + Export.reports(connection))
        }
        relation = "\(isEvents ? "raw" : "report").\(quoteIdentifier(isEvents ? "events" : name))"
        columns = try rows.map { try $0.get("attname") }
        let times = try rows.filter { try $0.get("type") == "timestamp with time zone" }
            .map { try $0.get("attname", as: String.self) }
        time =
            ["occurred_at", "hour_start", "started_at", "first_at"].first(where: times.contains)
            ?? times.first
        order =
            isEvents
            ? ["occurred_at", "load_id", "position", "event_id"]
            : try connection.query(
                """
                SELECT a.attname
                FROM pg_index AS i
                CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
                WHERE i.indisprimary AND i.indrelid = to_regclass($1)
                ORDER BY k.place
                """, [relation]
            ).rows.map { try $0.get(0) }
    }

    private static func reports(_ connection: Connection) throws -> [String] {
        try connection.query(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'report'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
            ORDER BY relname
            """
        ).rows.map { try $0.get(0) }
    }

    /// Streams the rows, of one state of the database.
    ///
    /// - Parameters:
    ///   - from, to: the first and the last day (UTC), both inclusive; nil: all.
    ///   - write: gets a row at a time with its line end.
    /// - Returns: the rows, a header not counted.
    package func run(
        from: CalendarDay?, to: CalendarDay?, write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        guard time != nil || from == nil && to == nil else { throw WithoutTime(relation: relation) }
        return try connection.snapshot {
            guard relation == "raw.events" else {
                return try copy(where: condition(from, to), isFirst: true, write)
            }
            // Day by day, so that none is sorted with others.
            let days = try connection.query(
                """
                SELECT DISTINCT event_day FROM daybook.stored_days
                WHERE ($1::date IS NULL OR event_day >= $1::date) AND ($2::date IS NULL OR event_day <= $2::date)
                ORDER BY event_day
                """, [from?.description, to?.description]
            ).rows.map { try $0.get(0, as: String.self) }
            var rows = 0
            // Where there is nothing, a header says so.
            for (index, day) in (days.isEmpty ? ["-infinity"] : days).enumerated() {
                rows += try copy(where: "event_day = \(quoteLiteral(day))", isFirst: index == 0, write)
            }
            return rows
        }
    }

    private func condition(_ from: CalendarDay?, _ to: CalendarDay?) -> String {
        guard let time else { return "true" }
        var parts: [String] = []
        if let from { parts.append("\(quoteIdentifier(time)) >= \(quoteLiteral("\(from) 00:00Z"))") }
        if let to {
            let end = CalendarDay(daysSinceEpoch: to.daysSinceEpoch + 1)
            parts.append("\(quoteIdentifier(time)) < \(quoteLiteral("\(end) 00:00Z"))")
        }
        return parts.isEmpty ? "true" : parts.joined(separator: " AND ")
    }

    private func copy(
        where condition: String, isFirst: Bool, _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        let list = columns.map(quoteIdentifier).joined(separator: ", ")
        let sorted = order.isEmpty ? "" : " ORDER BY \(order.map(quoteIdentifier).joined(separator: ", "))"
        let select = "SELECT \(list) FROM \(relation) WHERE \(condition)\(sorted)"
        switch format {
        case .csv:
            return try connection.copyOut(
                "COPY (\(select)) TO STDOUT (FORMAT csv, HEADER \(isFirst))", write)
        case .ndjson:
            // JSON holds neither of these characters but as escapes, so that nothing is quoted.
            return try connection.copyOut(
                "COPY (SELECT row_to_json(r) FROM (\(select)) AS r) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')",
                write)
        }
    }
}

import Foundation
import Postgres
import SQLFiles
import Warehouse

/// `daybook report`: the hourly table.
enum ReportVerb: Verb {
    static let name = "report"
    static let summary = "shows the hourly SLA table"
    static let operands = "[SLA]"
    static let options: [Option] = [
        .project, .database,
        Option("--by", "HOUR", "the hour that counts: start (default), end or breach of the deadline"),
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        Option("--from", "TIME", "from this hour (UTC)"),
        Option("--to", "TIME", "up to before this hour (UTC)"),
        Option(
            "--last", "N", "only the latest N hours of each SLA (table: 24 unless --from or --to is given)"),
        Option("--format", "FORMAT", "table (default), csv or json"),
        .json,
    ]
    static let discussion = """
        One row for each hour (UTC) in which cases started; with --by end, in which they were completed, with --by
        breach, in which deadlines were missed. The table shows counts, the share met of those due, and how long
        cases took; csv and json hold every column of report.sla_hourly, report.sla_hourly_by_end or
        report.sla_hourly_by_breach.
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let format =
            arguments.isJSON ? "json" : try arguments.choice("--format", ["table", "csv", "json"]) ?? "table"
        let (from, to) = (try arguments.time("--from"), try arguments.time("--to"))
        let by = try arguments.choice("--by", ["start", "end", "breach"]) ?? "start"
        var last = try arguments.integer("--last", in: 1...1_000_000)
        if format == "table", last == nil, from == nil, to == nil { last = 24 }

        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let sla = arguments.positionals.first
        if let sla { try requireKnown(sla, connection) }
        let zone = arguments["--zone"] ?? "UTC"
        try show(zone, connection)
        let table = by == "start" ? "report.sla_hourly" : "report.sla_hourly_by_\(by)"
        let hourly = SQLFiles.builtin.text("report/hourly.sql")
            .replacingOccurrences(of: "FROM report.sla_hourly\n", with: "FROM \(table)\n")
        let range: [(any PostgresParameter)?] = [sla, from?.description, to?.description]
        switch format {
        case "json":
            let rows: String = try connection.query(
                "SELECT coalesce(json_agg(hours), '[]') FROM (\(hourly)) AS hours", range + [last]
            ).first().get(0)
            Terminal.out("{\"rows\": \(rows)}")
        case "csv": Terminal.out(csv(try connection.query(hourly, range + [last])))
        default:
            let totals = try connection.query(SQLFiles.builtin.text("report/totals.sql"), range + [by])
            try print(try connection.query(hourly, range + [last]), totals, zone)
        }
        return .done
    }

    private static func requireKnown(_ sla: String, _ connection: Connection) throws {
        let names = try connection.query(
            "SELECT sla FROM daybook.slas UNION SELECT sla FROM report.sla_hourly ORDER BY sla"
        ).rows.map { try $0.get(0, as: String.self) }
        guard !names.contains(sla) else { return }
        throw UsageError("there is no SLA \"\(sla)\"; there are: \(names.joined(separator: ", "))")
    }

    /// Lets the server write times of a zone.
    private static func show(_ zone: String, _ connection: Connection) throws {
        do {
            try connection.query("SELECT set_config('timezone', $1, false)", [zone])
        } catch {
            guard error.kind == .refused else { throw error }
            throw UsageError("there is no time zone \"\(zone)\"; write one like Europe/Berlin, or UTC")
        }
    }

    // MARK: - The table

    private static func print(_ hours: Result, _ totals: Result, _ zone: String) throws {
        if totals.count == 0 {
            Terminal.out("no case in these hours; see: daybook status, daybook run, daybook check")
            return
        }
        for (index, total) in totals.rows.enumerated() {
            if index > 0 { Terminal.out("") }
            let sla: String = try total.get("sla")
            let rows = try hours.rows.filter { try $0.get("sla", as: String.self) == sla }
            Terminal.out(try headline(total, zone))
            Terminal.out(try text(rows, zone))
            let all: Int = try total.get("hours")
            if rows.count < all {
                Terminal.out(
                    "  the latest \(rows.count) of \(Human.count(all)) hours; --from, --to or --last show others"
                )
            }
        }
    }

    /// What the SLA is, and how it stands as a whole.
    private static func headline(_ total: Result.Row, _ zone: String) throws -> String {
        let within = Human.duration(try total.get("within_seconds"))
        let target =
            try total.getIfPresent("target", as: Double.self).map { ", target \(Human.share($0))" } ?? ""
        let (met, late, overdue): (Int, Int, Int) = (
            try total.get("met"), try total.get("late"), try total.get("overdue")
        )
        let due = met + late + overdue
        var parts = ["\(Human.count(try total.get("started"))) started"]
        if due > 0 { parts.append("\(Human.share(Double(met) / Double(due))) met") }
        if overdue > 0 { parts.append("\(Human.count(overdue)) overdue") }
        if let median = try total.getIfPresent("p50_seconds", as: Double.self),
            let slow = try total.getIfPresent("p95_seconds", as: Double.self)
        {
            parts.append("p50 \(Human.duration(median)), p95 \(Human.duration(slow))")
        }
        let asOf =
            try total.getIfPresent("as_of", as: String.self).map { ", as of \($0.prefix(16)) \(zone)" } ?? ""
        let sla: String = try total.get("sla")
        return "\(sla): within \(within)\(target)\n  \(parts.joined(separator: ", "))\(asOf)\n"
    }

    private static func text(_ rows: [Result.Row], _ zone: String) throws -> String {
        let titles = ["started", "met", "late", "open", "overdue", "cancelled", "p50", "p95", "met of due"]
        var table = TextTable(
            [TextTable.Column(title: "hour (\(zone))", isNumber: false)]
                + titles.map { TextTable.Column(title: $0) } + [TextTable.Column(title: "", isNumber: false)])
        for row in rows {
            func count(_ column: String) throws -> String {
                let number: Int = try row.get(column)
                return number == 0 ? "·" : Human.count(number)
            }
            func time(_ column: String) throws -> String {
                try row.getIfPresent(column, as: Double.self).map(Human.duration) ?? "·"
            }
            let attainment = try row.getIfPresent("attainment", as: Double.self)
            let isFinal: Bool = try row.get("is_final")
            table.add([
                try hour(row, zone),
                try count("started"), try count("met"), try count("late"), try count("open"),
                try count("overdue"), try count("cancelled"), try time("p50_seconds"),
                try time("p95_seconds"),
                attainment.map(Human.share) ?? "·",
                (attainment.map { Human.bar($0, width: 10) } ?? String(repeating: " ", count: 10))
                    + (isFinal ? "" : " provisional"),
            ])
        }
        return table.text
    }

    /// The hour as its zone's clocks show it; with the offset, for an hour may come twice.
    private static func hour(_ row: Result.Row, _ zone: String) throws -> String {
        let text: String = try row.get("hour_start")
        return String(text.prefix(16) + (zone == "UTC" ? "" : text.dropFirst(19)))
    }

    // MARK: - CSV

    /// RFC 4180, with a header; nulls are empty.
    private static func csv(_ result: Result) -> String {
        let lines = result.rows.map { row in
            (0..<result.columnCount).map { cell(row.text($0) ?? "") }.joined(separator: ",")
        }
        return ([result.columns.joined(separator: ",")] + lines).joined(separator: "\n")
    }

    private static func cell(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r\r\n".contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}

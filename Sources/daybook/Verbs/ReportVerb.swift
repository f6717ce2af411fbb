import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook report`: the hourly table, as a page too, and beside the time before.
enum ReportVerb: Verb {
    static let name = "report"
    static let summary = "shows the hourly SLA table, a page of it, or a comparison"
    static let operands = "[SLA…]"
    static let options: [Option] = [
        .project, .database,
        Option(
            "--by", "start|end|breach",
            "the hour that counts (default: start); breach is that of the deadline"),
        Option("--zone", "ZONE", "show times of this zone, as in Europe/Berlin (default: UTC)"),
        Option("--from", "TIME", "from this hour (UTC)"),
        Option("--to", "TIME", "up to before this hour (UTC)"),
        Option(
            "--last", "N",
            "only the latest N hours of each SLA (table: 24, html: 168 unless --from or --to is given)"),
        Option(
            "--compare", "PERIOD", "beside the same span before: last_day, last_week, last_month, or like 28d"
        ),
        Option("--format", "table|csv|json|html", "default: by the ending of --out, else table"),
        Option("--out", "FILE", "where to write csv, json or html (default: stdout)"),
        .json,
    ]
    static let discussion = """
        One row for each hour (UTC) in which cases started; with --by end, in which they were completed, with --by
        breach, in which deadlines were missed. The table shows counts, the share met of those due, and how long
        cases took; csv and json hold every column of report.sla_hourly, report.sla_hourly_by_end or
        report.sla_hourly_by_breach.

        --format html writes one page that needs no network: each SLA with what it promises, its charts by hour (by
        day where more than 8 days are shown), the worst cases and their timelines, open cases by age, how fresh the
        data is, and the restatements since the page that was at --out before, or else of the last 7 days.

        --compare sets the figures of the span beside those of the same span before, with the change; percentiles of
        both are computed from the cases. Without --from, the span is as long as PERIOD and ends with the latest hour.

          daybook report order_delivered --format html --out sla.html
          daybook report --compare last_week

        exit codes: 0 done, also where there is no case, 1 failed, 64 wrong usage, 69 database out of reach
        """

    private static let formats = ["table", "csv", "json", "html"]

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let format = try WrittenDocument.format(arguments, formats)
        let (from, to) = (try arguments.time("--from"), try arguments.time("--to"))
        if let from, let to, from >= to { throw UsageError("--from is not before --to") }
        let by =
            try arguments.choice("--by", HourBasis.allCases.map(\.rawValue)).flatMap(HourBasis.init) ?? .start
        var last = try arguments.integer("--last", in: 1...1_000_000)
        let period = try arguments["--compare"].map(Comparison.Period.init)
        if format == "table", arguments.outFile != nil {
            throw UsageError("--out is for csv, json and html; say --format, or let the file's name end so")
        }
        if period != nil, last != nil {
            throw UsageError("--compare takes a span by --from and --to, not --last")
        }

        let connection = try Warehouse.open(try Context(arguments).conninfo(), creating: false).connection
        let names = arguments.positionals.isEmpty ? nil : arguments.positionals
        if let names { try requireKnown(names, connection) }
        let zone = try ShownTimes(arguments["--zone"] ?? "UTC", on: connection).zone
        let bounds = (from: from?.description, to: to?.description)

        if format == "html" {
            let length = last.map { "\($0) hours" } ?? period?.interval ?? (to == nil ? "168 hours" : nil)
            return try connection.snapshot {
                let span = try ReportSpan.read(
                    names, from: bounds.from, to: bounds.to, length: length, by: by, connection)
                guard let span else {
                    Terminal.error(try noCase(connection))
                    return .done
                }
                let page = try ReportPage(
                    names, span, zone: zone, by: by, comparing: period,
                    previous: arguments.outFile.flatMap(ReportPage.marks(ofFile:)), connection)
                return try WrittenDocument.write(page.text, arguments.outFile)
            }
        }
        if let period {
            return try connection.snapshot {
                let span = try ReportSpan.read(
                    names, from: bounds.from, to: bounds.to, length: period.interval, by: by, connection)
                let slas = try SLAReport.promises(of: names, connection).map(\.sla)
                let comparisons = try span.map {
                    try Comparison.read(of: slas, $0, period, by: by, connection)
                }
                return try WrittenDocument.write(
                    try ComparisonText(comparisons ?? []).text(format) ?? noCase(connection),
                    arguments.outFile)
            }
        }

        if format == "table", last == nil, from == nil, to == nil { last = 24 }
        let hourly = by.sql("report/hourly.sql")
        let range: [(any PostgresParameter)?] = [names, bounds.from, bounds.to]
        switch format {
        case "json":
            let rows: String = try connection.query(
                "SELECT coalesce(json_agg(hours), '[]') FROM (\(hourly)) AS hours", range + [last]
            ).first().get(0)
            return try WrittenDocument.write(
                JSONOutput.safe("{\"rows\": \(rows)}"), arguments.outFile)
        case "csv":
            return try WrittenDocument.write(
                csv(try connection.query(hourly, range + [last])), arguments.outFile)
        default:
            let totals = try connection.query(
                SQLFiles.builtin.text("report/totals.sql"), range + [by.rawValue])
            guard totals.count > 0 else {
                Terminal.out(try noCase(connection))
                break
            }
            try print(try connection.query(hourly, range + [last]), totals, zone)
        }
        return .done
    }

    /// What to do where there is no row.
    private static func noCase(_ connection: Connection) throws -> String {
        let isDefined: Bool = try connection.query("SELECT EXISTS (SELECT FROM daybook.slas)").first().get(0)
        return isDefined
            ? "no case in these hours; see: daybook status, daybook run, daybook check"
            : """
            no SLA is defined: declare one beside the sources of a pipeline, and run it: daybook run
              "slas": [ { "name": "order_delivered", "start": "order.created", "end": "order.delivered", "within": "10d" } ]
            """
    }

    /// - Throws: `UsageError` that names what there is, where an SLA is neither defined nor reported.
    static func requireKnown(_ asked: [String], _ connection: Connection) throws {
        let names = try connection.query(
            "SELECT sla FROM daybook.slas UNION SELECT sla FROM report.sla_hourly ORDER BY sla"
        ).rows.map { try $0.get(0, as: String.self) }
        guard let unknown = asked.first(where: { !names.contains($0) }) else { return }
        throw UsageError(
            "there is no SLA \"\(unknown)\"" + Spelling.suggestion(unknown, in: names)
                + (names.isEmpty ? "; none is defined" : "; there are: \(names.joined(separator: ", "))"))
    }

    // MARK: - The table

    private static func print(_ hours: Result, _ totals: Result, _ zone: String) throws {
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
        return "\(Cell.line(sla)): within \(within)\(target)\n  \(parts.joined(separator: ", "))\(asOf)\n"
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

    /// Every column, with a header; nulls are empty.
    private static func csv(_ result: Result) -> String {
        CSVText.lines(
            [result.columns] + result.rows.map { row in (0..<result.columnCount).map { row.text($0) ?? "" } })
    }
}

import Postgres
import SQLFiles

/// A span of hours, with its bounds as the server writes them and in words of the session's zone.
struct ReportSpan {
    let from: String
    let until: String
    let fromEpoch: Double
    let untilEpoch: Double
    let fromText: String
    let untilText: String

    /// - Parameter length: where `from` is not given, so long, as an interval of PostgreSQL; nil: from the first hour on.
    /// - Returns: nil where the SLAs have no hour in it.
    static func read(
        _ slas: [String]?, from: String?, to: String?, length: String?, by: HourBasis,
        _ connection: Connection
    ) throws -> ReportSpan? {
        let rows = try connection.query(by.sql("report/page_span.sql"), [slas, from, to, length]).rows
        return try rows.first.map { row in
            ReportSpan(
                from: try row.get("from_hour"), until: try row.get("until_hour"),
                fromEpoch: try row.get("from_epoch"), untilEpoch: try row.get("until_epoch"),
                fromText: try row.get("from_text"), untilText: try row.get("until_text"))
        }
    }

    /// What one bar of a chart stands for: few enough to be told apart.
    var period: String {
        switch (untilEpoch - fromEpoch) / 86_400 {
        case ...8: "hour"
        case ...200: "day"
        default: "week"
        }
    }

    /// Of the axis of a chart, few enough to be read.
    func ticks(_ connection: Connection) throws -> [Plot.Tick] {
        let days = (untilEpoch - fromEpoch) / 86_400
        let unit =
            switch days {
            case ...2: "hour"
            case ...100: "day"
            case ...1_200: "month"
            default: "year"
            }
        let all = try connection.query(
            SQLFiles.builtin.text("report/page_ticks.sql"), [from, until, unit]
        ).rows.map { row in
            (
                tick: Plot.Tick(at: try row.get("at"), label: try row.get("label")),
                number: try row.get("number", as: Int.self)
            )
        }
        let most = 9
        let step =
            [1, 2, 3, 4, 6, 7, 12, 14, 24, 28].first { all.count <= $0 * most } ?? all.count / most + 1
        // Hours and months of round numbers; of days and years, every so many.
        let isRound = unit == "hour" || unit == "month"
        return all.enumerated().filter { index, entry in
            (isRound ? entry.number : index).isMultiple(of: step)
        }.map(\.element.tick)
    }
}

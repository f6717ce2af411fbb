import Foundation
import Postgres
import SQLFiles

extension ReportPage {
    /// Reads all that the page shows from one state of the database.
    ///
    /// - Parameter previous: the marks of the page whose place it takes.
    init(
        _ slas: [String]?, _ span: ReportSpan, zone: String, by: HourBasis,
        comparing period: Comparison.Period?,
        previous: Page.Marks?, _ connection: Connection
    ) throws {
        let made = try connection.query(
            SQLFiles.builtin.text("report/page_made.sql"), [previous?.madeAt, previous?.seenUntil]
        ).first()
        let promises = try SLAReport.promises(of: slas, connection)
        let figures = try Figures.read(
            of: promises.map(\.sla), from: span.from, to: span.until, by: by, connection)
        let question = SLAReport.Question(
            from: span.from, to: span.until, period: span.period, by: by, since: try made.get("since"))
        reports = try promises.map {
            try SLAReport($0, figures[$0.sla] ?? .none, question, connection)
        }
        comparisons = Dictionary(
            uniqueKeysWithValues: try period.map {
                try Comparison.read(of: promises.map(\.sla), span, $0, by: by, connection)
            }?.map { ($0.sla, $0) } ?? [])
        title = promises.count == 1 ? promises[0].sla : "Service levels"
        self.by = by
        self.span = Span(
            fromEpoch: span.fromEpoch, untilEpoch: span.untilEpoch, fromText: span.fromText,
            untilText: span.untilText, period: span.period, zone: zone, ticks: try span.ticks(connection))
        marks = Page.Marks(madeAt: try made.get("made_at"), seenUntil: try made.get("seen_until"))
        madeText = try made.get("made_text")
        sinceText =
            try made.getIfPresent("since_text", as: String.self).map { "since the last report, of \($0)" }
            ?? "of the last 7 days"
    }

    /// The marks of the page that a file holds; nil where there is none.
    static func marks(ofFile path: String) -> Page.Marks? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return Page.marks(of: String(decoding: data.prefix(4_096), as: UTF8.self))
    }
}

extension Comparison {
    /// Of each SLA, in the order that is asked for.
    static func read(
        of slas: [String], _ span: ReportSpan, _ period: Period, by: HourBasis, _ connection: Connection
    ) throws -> [Comparison] {
        let row = try connection.query(
            SQLFiles.builtin.text("report/span_before.sql"), [span.from, span.until, period.interval]
        ).first()
        let (from, until): (String, String) = (try row.get("from_hour"), try row.get("until_hour"))
        let (fromText, untilText): (String, String) = (try row.get("from_text"), try row.get("until_text"))
        let now = try Figures.read(of: slas, from: span.from, to: span.until, by: by, connection)
        let before = try Figures.read(of: slas, from: from, to: until, by: by, connection)
        return slas.map { sla in
            Comparison(
                sla: sla, now: now[sla] ?? .none, before: before[sla] ?? .none,
                spanWords: "\(span.fromText) to before \(span.untilText)",
                beforeWords: "\(period.words): \(fromText) to before \(untilText)",
                span: (span.from, span.until), beforeSpan: (from, until))
        }
    }
}

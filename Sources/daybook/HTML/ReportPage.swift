/// The page of `daybook report --format html`: each SLA with its promise, its charts, and what to look at.
struct ReportPage {
    struct Span {
        let fromEpoch: Double
        let untilEpoch: Double
        let fromText: String
        let untilText: String
        /// hour, day or week.
        let period: String
        let zone: String
        let ticks: [Plot.Tick]
    }

    let title: String
    let span: Span
    let by: HourBasis
    let marks: Page.Marks
    let madeText: String
    /// Since when restatements are told, in words.
    let sinceText: String
    let reports: [SLAReport]
    /// By SLA, where a comparison is asked for.
    let comparisons: [String: Comparison]

    var text: String {
        let sections = reports.enumerated().map { index, report in section(report, "s\(index)") }
        return Page(
            title: title,
            subtitle:
                "Cases that \(by.verb) from \(span.fromText) to before \(span.untilText) (\(span.zone)), by \(span.period)",
            body: reports.count > 1 ? "\(overview)\n\(sections)" : "\(sections)",
            foot: """
                Made by Daybook on \(madeText) (\(span.zone)). Percentiles are computed from the cases of each \
                \(span.period), never averaged. Provisional: cases of it may still end or become overdue; figures that \
                are not provisional change only through late data, and then stand under Restatements.
                """,
            marks: marks
        ).text
    }

    // MARK: - All SLAs

    private var overview: HTML {
        var table = HTMLTable(
            "All SLAs",
            [
                .init(title: "SLA"), .init(title: "Standing"), .init(title: "Met of due", isNumber: true),
                .init(title: "Target", isNumber: true), .init(title: "Started", isNumber: true),
                .init(title: "Late", isNumber: true), .init(title: "Overdue", isNumber: true),
                .init(title: "p50", isNumber: true), .init(title: "p95", isNumber: true),
                .init(title: "Owner"),
            ])
        for (index, report) in reports.enumerated() {
            let figures = report.figures
            table.add([
                "<a href=\"#s\(index)\">\(report.promise.sla)</a>", badge(report), share(figures.attainment),
                "\(report.promise.target.map(Human.share) ?? "–")", "\(Human.count(figures.started))",
                "\(Human.count(figures.late))", "\(Human.count(figures.overdue))",
                "\(figures.p50Seconds.map(Human.duration) ?? "–")",
                "\(figures.p95Seconds.map(Human.duration) ?? "–")", "\(report.promise.owner ?? "–")",
            ])
        }
        return """
            <section class="card" aria-labelledby="all">
            <h2 id="all">At a glance</h2>
            \(table.html)
            </section>
            """
    }

    // MARK: - One SLA

    private func section(_ report: SLAReport, _ id: String) -> HTML {
        let promise = report.promise
        let description =
            promise.description.map { text -> HTML in "<p class=\"promise\">\(text)</p>" } ?? .nothing
        return """
            <section class="card" id="\(id)" aria-labelledby="\(id)-h">
            <div class="head"><h2 id="\(id)-h">\(promise.sla)</h2>
            \(badge(report))</div>
            \(description)
            \(facts(promise))
            \(tiles(report))
            \(charts(report, id))
            \(comparisons[promise.sla].map(comparison) ?? .nothing)
            \(worst(report, id))
            \(open(report, id))
            \(restatements(report))
            \(sources(report))
            </section>
            """
    }

    private func facts(_ promise: SLAReport.Promise) -> HTML {
        let facts: [(String, String?)] = [
            ("Owner", promise.owner),
            ("Within", promise.withinSeconds.map(Human.duration)),
            ("Target", promise.target.map(Human.share)),
            ("Starts with", promise.startTypes), ("Ends with", promise.endTypes),
            ("Cancelled by", promise.cancelTypes),
            ("Judged as of", promise.asOf), ("Sources heard up to", promise.watermark),
        ]
        let entries = facts.compactMap { name, value -> HTML? in
            value.map { "<div><dt>\(name)</dt><dd>\($0)</dd></div>" }
        }
        return "<dl class=\"meta\">\(entries)</dl>"
    }

    private func badge(_ report: SLAReport) -> HTML {
        guard let attainment = report.figures.attainment else {
            return "<span class=\"badge\">nothing due</span>"
        }
        guard let target = report.promise.target else { return "<span class=\"badge\">no target</span>" }
        return attainment >= target
            ? "<span class=\"badge good\">✓ target met</span>"
            : "<span class=\"badge bad\">✗ below target</span>"
    }

    private func tiles(_ report: SLAReport) -> HTML {
        let figures = report.figures
        let before = comparisons[report.promise.sla]?.before
        func tile(
            _ name: String, _ value: String, _ note: String, style: HTML = "",
            _ figure: ((Figures) -> (value: Double?, unit: Figures.Figure.Unit))? = nil
        ) -> HTML {
            var lines = note.isEmpty ? [] : [note]
            if let figure, let before {
                lines.append(Comparison.words(figure(figures), before: figure(before)))
            }
            let notes = lines.map { line -> HTML in "<dd>\(line)</dd>" }
            return "<div class=\"\(style)\"><dt>\(name)</dt><dd>\(value)</dd>\(notes)</div>"
        }
        let isGood = figures.attainment.flatMap { attainment in report.promise.target.map { attainment >= $0 }
        }
        let due = figures.met + figures.breached
        return """
            <dl class="tiles">
            \(tile(
                "Met of due", figures.attainment.map(Human.share) ?? "–",
                "\(Human.count(figures.met)) of \(Human.count(due))",
                style: isGood == true ? "good" : isGood == false ? "bad" : "") { ($0.attainment, .share) })
            \(tile("Started", Human.count(figures.started), "") { (Double($0.started), .cases) })
            \(tile("Late", Human.count(figures.late), "") { (Double($0.late), .cases) })
            \(tile("Overdue", Human.count(figures.overdue), "of \(Human.count(figures.open)) open") { (Double($0.overdue), .cases) })
            \(tile("p50", figures.p50Seconds.map(Human.duration) ?? "–", "") { ($0.p50Seconds, .seconds) })
            \(tile("p95", figures.p95Seconds.map(Human.duration) ?? "–", "") { ($0.p95Seconds, .seconds) })
            \(tile("p99", figures.p99Seconds.map(Human.duration) ?? "–", "") { ($0.p99Seconds, .seconds) })
            </dl>
            """
    }

    private func charts(_ report: SLAReport, _ id: String) -> HTML {
        guard !report.periods.isEmpty else { return "<p class=\"empty\">No case in this span.</p>" }
        let (from, to, ticks) = (span.fromEpoch, span.untilEpoch, span.ticks)
        let period = span.period
        let attainment = AttainmentChart(
            report.periods, target: report.promise.target, from: from, to: to, ticks: ticks)
        let durations = DurationChart(
            report.periods, withinSeconds: report.promise.withinSeconds, from: from, to: to, ticks: ticks)
        let outcomes = OutcomeChart(report.periods, from: from, to: to, ticks: ticks)
        let provisional: HTML =
            report.periods.contains { !$0.isFinal }
            ? "<li><svg aria-hidden=\"true\" viewBox=\"0 0 22 12\"><rect class=\"provisional\" width=\"22\" height=\"12\"/></svg>provisional: not final yet</li>"
            : .nothing
        let targetLegend: HTML =
            report.promise.target == nil
            ? .nothing
            : """
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><line class="target" x1="0" x2="22" y1="6" y2="6"/></svg>target</li>\
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="good-bar" width="22" height="12"/></svg>up: at or above it</li>\
            <li><svg aria-hidden="true" viewBox="0 0 22 12"><rect class="bad-bar" width="22" height="12"/></svg>down: below it</li>
            """
        let hasDurations = report.periods.contains { $0.p50 != nil }
        let durationFigure: HTML =
            hasDurations
            ? """
            <figure>\(durations.html(id: "\(id)-dur", title: "How long cases of \(report.promise.sla) took, by \(period)"))
            <figcaption>\(durations.legend)</figcaption>
            \(durations.table.folded)</figure>
            """ : "<p class=\"empty\">No case was completed.</p>"
        return """
            <h3>Attainment by \(period)</h3>
            <figure>\(attainment.html(id: "\(id)-att", title: "Share met of those due, \(report.promise.sla), by \(period)"))
            <figcaption><ul class="legend" aria-hidden="true">\(targetLegend)\(provisional)</ul></figcaption>
            \(attainment.table.folded)</figure>
            <h3>Time from start to end by \(period)</h3>
            \(durationFigure)
            <h3>Cases by \(period)</h3>
            <figure>\(outcomes.html(id: "\(id)-out", title: "What became of the cases of \(report.promise.sla), by \(period)"))
            <figcaption>\(OutcomeChart.legend)</figcaption>
            \(outcomes.table.folded)</figure>
            """
    }

    // MARK: - What to look at

    private func comparison(_ comparison: Comparison) -> HTML {
        """
        <h3>Compared with \(comparison.beforeWords)</h3>
        \(comparison.table(in: "Compared with \(comparison.beforeWords)").html)
        """
    }

    private func worst(_ report: SLAReport, _ id: String) -> HTML {
        guard !report.worst.isEmpty else {
            return "<h3>Worst cases</h3>\n<p class=\"empty\">No case of this span missed its deadline.</p>"
        }
        let cases = report.worst.enumerated().map { index, late in one(late, "\(id)-w\(index)") }
        return """
            <h3>Worst cases</h3>
            <p class="soft small">Furthest beyond their deadline. Light: the time allowed; hatched: beyond it.</p>
            \(cases)
            """
    }

    private func one(_ late: SLAReport.LateCase, _ id: String) -> HTML {
        let cycle = late.cycle > 1 ? ", cycle \(late.cycle)" : ""
        let ended: HTML =
            late.completedText.map { "completed \($0)" } ?? "still open"
        let heard: HTML =
            late.isOpen
            ? late.events.last.map { "; last heard of by \($0.type) (\($0.service)), \($0.atText)" } ?? ""
            : ""
        // Events before the start and after the end belong to the case, not to what is judged.
        let (from, to) = (
            min(late.started, late.events.first?.at ?? late.started),
            max(late.until, late.events.last?.at ?? late.until)
        )
        let strip = CaseStrip(
            events: late.events.map { .init(at: $0.at, title: "\($0.atText) \($0.type) (\($0.service))") },
            from: from, to: to, allowed: late.started...max(late.deadline, late.started),
            beyond: late.deadline...max(late.until, late.deadline))
        var table = HTMLTable(
            "Its \(Human.plural(late.events.count, "event"))",
            [
                .init(title: "Number"), .init(title: "Time"), .init(title: "After", isNumber: true),
                .init(title: "Event"), .init(title: "Service"),
            ])
        for (index, event) in late.events.enumerated() {
            table.add([
                "\(index + 1)", "\(event.atText)",
                "\(index == 0 ? "" : Human.duration(event.at - late.events[index - 1].at))",
                "<span class=\"id\">\(event.type)</span>", "\(event.service)",
            ])
        }
        return """
            <div class="case">
            <div class="head"><h4 class="id">\(late.caseID)\(cycle)</h4>
            <span class="word-bad">\(Human.duration(late.overSeconds)) too late</span></div>
            <p class="soft small">Started \(late.startedText), due \(late.deadlineText), \(ended)\(heard)</p>
            \(strip.html(id: "\(id)", title: "Timeline of \(late.caseID): \(late.events.count) events, \(Human.duration(late.overSeconds)) beyond the deadline"))
            \(table.folded)
            </div>
            """
    }

    private func open(_ report: SLAReport, _ id: String) -> HTML {
        let count = report.ages.map(\.cases).reduce(0, +)
        guard count > 0 else {
            return "<h3>Open cases</h3>\n<p class=\"empty\">No case is open.</p>"
        }
        let overdue = report.ages.map(\.overdue).reduce(0, +)
        let chart = AgeChart(ages: report.ages, withinSeconds: report.promise.withinSeconds)
        var table = HTMLTable(
            "The oldest open cases",
            [
                .init(title: "Case"), .init(title: "Standing"), .init(title: "Age", isNumber: true),
                .init(title: "Started"), .init(title: "Due"), .init(title: "Last heard"),
                .init(title: "Silent for", isNumber: true),
            ])
        for item in report.openCases {
            table.add([
                "<span class=\"id\">\(item.caseID)</span>",
                item.isOverdue ? "<span class=\"word-bad\">overdue</span>" : "in time",
                "\(Human.duration(item.ageSeconds))", "\(item.startedText)", "\(item.deadlineText)",
                "\(item.lastType.map { "\($0) (\(item.lastService ?? ""))" } ?? "–")",
                "\(item.silentSeconds.map { Human.duration(max($0, 0)) } ?? "–")",
            ])
        }
        return """
            <h3>Open cases by age</h3>
            <p class="soft small">All that are open now, whenever they started: \(Human.count(count)), \
            \(Human.count(overdue)) of them overdue.</p>
            <figure>\(chart.html(id: "\(id)-age"))\(chart.table.folded)</figure>
            <h4 style="margin-top:16px">\(count > report.openCases.count ? "The oldest \(report.openCases.count) of \(Human.count(count))" : "Oldest first")</h4>
            \(table.html)
            """
    }

    private func restatements(_ report: SLAReport) -> HTML {
        let title: HTML = "<h3>Restatements \(sinceText)</h3>"
        guard !report.restatements.isEmpty else {
            return "\(title)\n<p class=\"empty\">No final hour has changed.</p>"
        }
        var table = HTMLTable(
            "Restatements",
            [
                .init(title: "Hour"), .init(title: "Changed"), .init(title: "Because of"),
                .init(title: "Started", isNumber: true), .init(title: "Met", isNumber: true),
                .init(title: "Breached", isNumber: true), .init(title: "Met of due", isNumber: true),
            ])
        for change in report.restatements {
            func arrow(_ before: String, _ after: String?) -> HTML {
                guard let after else { return "\(before) → gone" }
                return before == after ? "\(before)" : "\(before) → <strong>\(after)</strong>"
            }
            let after = change.after
            let objects = change.objects.map { ": \($0)" } ?? ""
            let loads = change.loads.map { " (\(Human.plural($0, "load"))\(objects))" } ?? ""
            table.add([
                "\(change.hourText)", "\(change.restatedText)", "\(change.cause)\(loads)",
                arrow(Human.count(change.before.started), after.map { Human.count($0.started) }),
                arrow(Human.count(change.before.met), after.map { Human.count($0.met) }),
                arrow(Human.count(change.before.breached), after.map { Human.count($0.breached) }),
                arrow(
                    change.before.attainment.map(Human.share) ?? "–",
                    after.map { $0.attainment.map(Human.share) ?? "–" }),
            ])
        }
        let rest: HTML =
            report.allRestatements > report.restatements.count
            ? "<p class=\"soft small\">The latest \(report.restatements.count) of \(Human.count(report.allRestatements)); all are in report.sla_restatements.</p>"
            : .nothing
        return "\(title)\n\(rest)\(table.html)"
    }

    private func sources(_ report: SLAReport) -> HTML {
        guard !report.sources.isEmpty else { return .nothing }
        var table = HTMLTable(
            "How fresh the data is",
            [
                .init(title: "Source"), .init(title: "Latest event"), .init(title: "Loaded last"),
                .init(title: "Age", isNumber: true), .init(title: "Standing"),
            ])
        for source in report.sources {
            let standing: HTML =
                switch source.freshness {
                case "fresh": "<span class=\"word-good\">fresh</span>"
                case "late": "<span class=\"word-warn\">late</span>"
                case "stale": "<span class=\"word-bad\">stale</span>"
                default: "–"
                }
            table.add([
                "\(source.name)", "\(source.latestText ?? "none yet")", "\(source.loadedText ?? "never")",
                "\(Human.duration(source.ageSeconds))",
                source.holdsBack ? "\(standing) <span class=\"soft\">furthest behind</span>" : standing,
            ])
        }
        return "<h3>How fresh the data is</h3>\n\(table.html)"
    }

    private func share(_ share: Double?) -> HTML { "\(share.map(Human.share) ?? "–")" }
}

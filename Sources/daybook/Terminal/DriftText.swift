import Pipeline

/// What has drifted, for people and for programs.
enum DriftText {
    static func tell(_ report: Drift.Report) {
        guard !report.sources.isEmpty else {
            Terminal.out("no source has run yet; see: daybook run")
            return
        }
        if !report.findings.isEmpty {
            var table = TextTable(
                ["source", "what", "which", ""].map { TextTable.Column(title: $0, isNumber: false) })
            for finding in report.findings {
                table.add([finding.source, finding.kind.rawValue, name(finding), detail(finding)])
            }
            Terminal.out(table.text)
        }
        let compared = report.sources.filter { $0.weeks >= Drift.minWeeks }
        for source in report.sources where source.weeks < Drift.minWeeks {
            Terminal.out("\(source.name): \(tooLittle(source))")
        }
        if report.findings.isEmpty, !compared.isEmpty {
            let weeks = compared.map(\.weeks).min() ?? 0
            Terminal.out(
                "ok: \(Human.plural(compared.count, "source")) as in the \(weeks) weeks before"
                    + (report.isSampled ? "; details of types with many events by samples" : ""))
        }
    }

    private static func tooLittle(_ source: Drift.Source) -> String {
        "too little history: it begins \(minute(source.earliest)), and must be whole for \(Drift.minWeeks) weeks before "
            + minute(source.from)
    }

    // MARK: - Findings

    /// What it is that has drifted: a type, a field, or a stretch of hours.
    private static func name(_ finding: Drift.Finding) -> String {
        if let hours = finding.hours { return "\(minute(hours.from)) to \(minute(hours.to))" }
        return (finding.type ?? "") + (finding.field.map { ": \($0)" } ?? "")
    }

    private static func detail(_ finding: Drift.Finding) -> String {
        let weeks = "the \(finding.weeks) weeks before"
        let events = Human.plural(finding.events, "event")
        let before = Human.count(finding.eventsBefore ?? 0)
        let usual = finding.usual.map {
            $0.lowerBound == $0.upperBound
                ? Human.count($0.lowerBound)
                : "\(Human.count($0.lowerBound)) to \(Human.count($0.upperBound))"
        }
        let first = finding.firstAt.map { ", first \(minute($0))" } ?? ""
        let last = finding.lastAt.map { ", last \(minute($0))" } ?? ""
        let total = Human.plural(finding.total ?? 0, "event")
        let totalBefore = Human.count(finding.totalBefore ?? 0)
        switch finding.kind {
        case .silent:
            let isLasting = finding.hours.map { (finding.lastAt ?? "") < $0.from } ?? false
            return "no event; usually \(usual ?? "some")\(isLasting ? last : "")"
        case .volumeLow, .volumeHigh: return "\(events); usually \(usual ?? "others")"
        case .newType: return "\(events)\(first); none in \(weeks)"
        case .vanishedType:
            return "none; \(usual ?? "some") in the same hours of each of \(weeks)\(last)"
        case .newField:
            return
                "in \(share(finding.events, finding.total)) of \(total)\(first); in none of \(totalBefore) in \(weeks)"
        case .vanishedField:
            return "in none of \(total); in \(before) of \(totalBefore) "
                + "(\(share(finding.eventsBefore ?? 0, finding.totalBefore))) in \(weeks)\(last)"
        case .valueTypeChanged:
            return
                "\(finding.valueTypes ?? "another") in \(Human.count(finding.events)) of \(total)\(first); "
                + "\(finding.valueTypesBefore ?? "another") in \(weeks)"
        }
    }

    private static func share(_ events: Int, _ total: Int?) -> String {
        Human.share(Double(events) / Double(max(1, total ?? 1)))
    }

    /// `2026-01-31 10:00`.
    private static func minute(_ time: String) -> String { String(time.prefix(16)) }

    // MARK: - JSON

    struct Document: Encodable {
        let ok: Bool
        let findings: [Finding]
        let sources: [Source]
        let isSampled: Bool

        private enum CodingKeys: String, CodingKey {
            case ok, findings, sources
            case isSampled = "is_sampled"
        }

        init(_ report: Drift.Report) {
            ok = report.findings.isEmpty
            findings = report.findings.map(Finding.init)
            sources = report.sources.map(Source.init)
            isSampled = report.isSampled
        }
    }

    /// What a finding is in JSON; what does not belong to its kind is null.
    struct Finding: Encodable {
        let finding: Drift.Finding

        private enum CodingKeys: String, CodingKey {
            case source, kind, name, detail, type, field, from, to, events, total, weeks
            case eventsBefore = "events_before"
            case totalBefore = "total_before"
            case usualLeast = "usual_least"
            case usualMost = "usual_most"
            case firstAt = "first_at"
            case lastAt = "last_at"
            case valueTypes = "value_types"
            case valueTypesBefore = "value_types_before"
        }

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(finding.source, forKey: .source)
            try values.encode(finding.kind, forKey: .kind)
            try values.encode(name(finding), forKey: .name)
            try values.encode(detail(finding), forKey: .detail)
            try values.encode(finding.type, forKey: .type)
            try values.encode(finding.field, forKey: .field)
            try values.encode(finding.hours.map { ShownTimes.iso($0.from) }, forKey: .from)
            try values.encode(finding.hours.map { ShownTimes.iso($0.to) }, forKey: .to)
            try values.encode(finding.events, forKey: .events)
            try values.encode(finding.total, forKey: .total)
            try values.encode(finding.eventsBefore, forKey: .eventsBefore)
            try values.encode(finding.totalBefore, forKey: .totalBefore)
            try values.encode(finding.usual?.lowerBound, forKey: .usualLeast)
            try values.encode(finding.usual?.upperBound, forKey: .usualMost)
            try values.encode(finding.firstAt.map(ShownTimes.iso), forKey: .firstAt)
            try values.encode(finding.lastAt.map(ShownTimes.iso), forKey: .lastAt)
            try values.encode(finding.valueTypes, forKey: .valueTypes)
            try values.encode(finding.valueTypesBefore, forKey: .valueTypesBefore)
            try values.encode(finding.weeks, forKey: .weeks)
        }
    }

    struct Source: Encodable {
        let source: String
        let from: String
        let to: String
        let weeks: Int
        /// Why nothing was compared.
        @OrNull var skipped: String?

        init(_ source: Drift.Source) {
            (self.source, weeks) = (source.name, source.weeks)
            (from, to) = (ShownTimes.iso(source.from), ShownTimes.iso(source.to))
            skipped = source.weeks < Drift.minWeeks ? tooLittle(source) : nil
        }
    }
}

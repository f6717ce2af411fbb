import Pipeline

/// What a dry run found, for people: all that would be read, and of what would change the first few rows.
enum RehearsalText {
    private static let shown = 10

    static func tell(_ reads: [PlannedRead]) {
        for read in reads where read.bytes != 0 {
            let from = read.position > 0 ? " from byte \(read.position)" : ""
            let size = read.bytes.map { Human.bytes($0) } ?? "as much as there is"
            Terminal.out("\(read.pipeline)/\(read.source): \(read.object): \(size)\(from)")
        }
        let files = reads.compactMap(\.bytes)
        guard !files.isEmpty || reads.isEmpty else { return }
        let waiting = files.filter { $0 > 0 }
        let unknown = reads.count - files.count
        Terminal.out(
            "\(Human.plural(waiting.count, "file")) with \(Human.bytes(waiting.reduce(0, +))) to read"
                + (unknown > 0 ? ", and \(unknown) of which only reading tells how much; " : "; ")
                + "\(Human.plural(files.count - waiting.count, "file")) read already")
    }

    static func tell(_ rehearsal: Rehearsal, _ options: RunOptions) {
        if options.loads {
            tell(rehearsal.reads)
            for run in rehearsal.runs { Terminal.out("\(run.pipeline): \(RunStep.counts(run.counts))") }
        }
        tell("case", rehearsal.cases.map(\.change))
        tell("fact", rehearsal.facts.map(\.change))
        show(
            ["SLA", "case", "status", "breached"],
            rehearsal.facts.map { fact in
                [
                    fact.sla, fact.cycle > 1 ? "\(fact.caseID) (\(fact.cycle))" : fact.caseID,
                    change(fact.statusBefore, fact.statusAfter),
                    change(fact.breachedBefore.map(yesNo), fact.breachedAfter.map(yesNo)),
                ]
            })
        tell("hour", rehearsal.hours.map(\.change), "\(rehearsal.finals) of them final")
        show(
            ["SLA", "hour (UTC)", "started", "met", "breached", "cancelled", "met of due", ""],
            rehearsal.hours.map { hour in
                func figure(_ value: (Rehearsal.HourChange.Figures) -> String?) -> String {
                    change(hour.before.flatMap(value), hour.after.flatMap(value))
                }
                return [
                    hour.sla, String(hour.hourStart.prefix(16)).replacing("T", with: " "),
                    figure { Human.count($0.started) },
                    figure { Human.count($0.met) }, figure { Human.count($0.breached) },
                    figure { Human.count($0.cancelled) }, figure { $0.attainment.map(Human.share) },
                    hour.wasFinal ? "final" : "",
                ]
            })
        if let alerts = rehearsal.alerts {
            tell("alert", alerts.map { $0.stateBefore == nil ? "new" : "changed" })
            show(
                ["rule", "case", "state", "what"],
                alerts.map { alert in
                    [
                        alert.rule, alert.caseID?.oneLine ?? "", change(alert.stateBefore, alert.stateAfter),
                        alert.summary.oneLine,
                    ]
                })
        }
        Terminal.out("nothing was changed")
    }

    private static func tell(_ what: String, _ changes: [String], _ more: String? = nil) {
        var parts = ["new", "changed", "gone"].compactMap { change in
            let count = changes.count { $0 == change }
            return count > 0 ? "\(Human.count(count)) \(change)" : nil
        }
        if let more, !changes.isEmpty { parts.append(more) }
        Terminal.out(
            "\(Human.plural(changes.count, what)) would change"
                + (parts.isEmpty ? "" : ": \(parts.joined(separator: ", "))")
        )
    }

    private static func show(_ titles: [String], _ rows: [[String]]) {
        guard !rows.isEmpty else { return }
        var table = TextTable(titles.map { TextTable.Column(title: $0, isNumber: false) })
        for row in rows.prefix(shown) { table.add(row) }
        Terminal.out(table.text)
        if rows.count > shown {
            Terminal.out("  and \(Human.count(rows.count - shown)) more; all are in --json")
        }
    }

    /// `2 → 3`, or one of them where they are equal.
    private static func change(_ before: String?, _ after: String?) -> String {
        before == after ? before ?? "·" : "\(before ?? "·") → \(after ?? "·")"
    }

    private static func yesNo(_ value: Bool) -> String { value ? "yes" : "no" }
}

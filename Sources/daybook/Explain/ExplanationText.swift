import Foundation

/// An explanation as people read it.
struct ExplanationText {
    let explanation: Explanation
    let zone: String

    var text: String {
        ([head] + [figures, cases, history].filter { !$0.isEmpty }).joined(separator: "\n\n")
    }

    /// A time without its offset, and without a fraction that is none.
    private func clock(_ time: String, _ length: Int = 23) -> String {
        let text = time.prefix(length).replacing("T", with: " ")
        return String(text.hasSuffix(".000") ? text.dropLast(4) : text[...])
    }

    // MARK: - What was judged, and by what

    private var head: String {
        let basis = HourBasis(rawValue: explanation.by) ?? .start
        var lines = [
            "\(Cell.line(explanation.sla)), hour \(clock(explanation.hourStart, 16)) (\(zone)): cases that \(basis.verb) in it"
        ]
        guard let definition = explanation.definition else {
            return (lines + ["  the SLA is no longer defined; what it said is not known"]).joined(
                separator: "\n")
        }
        if let description = definition.description { lines.append("  \(Cell.line(description))") }
        let target = definition.target.map { ", target \(Human.share($0))" } ?? ""
        let owner = definition.owner.map { ", owner \(Cell.line($0))" } ?? ""
        lines.append("  within \(Human.duration(definition.withinSeconds))\(target)\(owner)")
        let cancel = definition.cancelTypes.map { ", cancelled by \(Cell.line($0))" } ?? ""
        lines.append(
            "  from \(Cell.line(definition.startTypes ?? "?")) to \(Cell.line(definition.endTypes ?? "?"))\(cancel)"
                + "; occurrence \(definition.occurrence), by \(definition.orderBy)"
                + (definition.clockSkewSeconds > 0
                    ? ", clock skew \(Human.duration(definition.clockSkewSeconds))" : ""))
        lines.append("  \(versions(definition))")
        lines.append("  \(finality(definition))")
        return lines.joined(separator: "\n")
    }

    /// Which words of the definition judged the cases.
    private func versions(_ definition: Explanation.Definition) -> String {
        let versions = Set(explanation.cases.map(\.definitionVersion)).sorted()
        let older = versions.filter { $0 != definition.version }
        guard !older.isEmpty else {
            return "judged by version \(definition.version) of the definition, which is as above"
        }
        let list = older.map(String.init).joined(separator: ", ")
        if definition.judgedVersion != definition.version {
            return
                "judged by version \(list) of the definition; above is version \(definition.version), which no transform has judged by yet: daybook transform"
        }
        return
            "some are judged by version \(list) of the definition, before events that are no longer kept; above is version \(definition.version). Of older ones only the time allowed is known, by case"
    }

    private func finality(_ definition: Explanation.Definition) -> String {
        let until = definition.watermark.map { "up to \(clock($0))" } ?? "not from every source yet"
        let held = definition.heldBy.map { " (furthest behind: \(Cell.line($0)))" } ?? ""
        let asOf = definition.asOf.map { "; open cases judged as of \(clock($0))" } ?? ""
        return (explanation.isFinal ? "final: only late data can change it" : "provisional")
            + "; events are known \(until)\(held)\(asOf)"
    }

    // MARK: - How it adds up

    private var figures: String {
        var table = TextTable([
            .init(title: "figure", isNumber: false), .init(title: "row"), .init(title: "from the cases"),
            .init(title: "", isNumber: false),
        ])
        for figure in explanation.figures {
            table.add([
                figure.name, value(figure.name, figure.row), value(figure.name, figure.cases),
                figure.agrees ? "" : "differs",
            ])
        }
        let cases = Human.plural(explanation.casesInAll, "case")
        let verdict =
            explanation.addsUp
            ? "  The row is what its \(cases) add up to."
            : "  The row is not what its \(cases) add up to; mend it: daybook transform --full-refresh"
        return "\(table.text)\n\n\(verdict)"
    }

    private func value(_ name: String, _ value: Double?) -> String {
        guard let value else { return "·" }
        return name == "attainment"
            ? Human.share(value)
            : name.hasSuffix("_seconds") ? Human.duration(value) : Human.count(Int(value))
    }

    // MARK: - The cases

    private var cases: String {
        guard !explanation.cases.isEmpty else { return "" }
        var lines = explanation.cases.flatMap(lines(of:))
        let rest = explanation.casesInAll - explanation.cases.count
        if rest > 0 { lines.append("  and \(Human.plural(rest, "case")) more; --limit shows them") }
        return lines.joined(separator: "\n")
    }

    private func lines(of one: Explanation.Case) -> [String] {
        let cycle = one.cycle > 1 ? " (cycle \(one.cycle))" : ""
        var words = [one.outcome]
        if let elapsed = one.elapsedSeconds { words.append("took \(Human.duration(elapsed))") }
        if let due = one.breachAt { words.append("due \(clock(due))") }
        if let anomaly = one.anomaly { words.append(anomaly) }
        if let definition = explanation.definition, one.definitionVersion != definition.version {
            words.append(
                "judged by version \(one.definitionVersion), within \(Human.duration(one.withinSeconds))")
        }
        var lines = ["  \(Cell.line(one.caseId))\(cycle): \(words.joined(separator: ", "))"]
        let ends = [
            ("start", one.startedAt, one.start), ("end", one.completedAt, one.end),
            ("cancel", one.cancelledAt, one.cancel),
        ]
        for (role, at, place) in ends {
            guard let at else { continue }
            guard let place else {
                lines.append("    \(role.padding(to: 6))  \(clock(at))  its event is no longer kept")
                continue
            }
            let stamp =
                place.occurredAt == at ? clock(at) : "\(clock(at)), stamped \(clock(place.occurredAt))"
            lines.append(
                "    \(role.padding(to: 6))  \(stamp)  \(Cell.line(place.type)) of \(Cell.line(place.service)), event \(Cell.line(place.eventId))"
            )
            lines.append(
                "            \(location(place)), load \(place.loadId) of \(Cell.line(place.source)) at \(clock(place.loadedAt, 19))"
            )
        }
        return lines
    }

    private func location(_ place: Explanation.Place) -> String {
        let object = Cell.line(place.object)
        if object.contains("://") { return "\(object), position \(place.position)" }
        guard let line = place.line else {
            return "\(object), byte \(place.position) (lines \(place.firstLine) to \(place.endLine))"
        }
        return "\(object):\(line), byte \(place.position)"
    }

    // MARK: - What became of the row

    private var history: String {
        guard let history = explanation.history else {
            return
                "  Of hours by \(explanation.by) no versions are kept; the row changed last at \(clock(explanation.restatedAt, 19))."
        }
        guard !history.isEmpty else { return "" }
        var lines = ["  history of the row, \(Human.plural(history.count, "version"))"]
        for (index, version) in history.enumerated() {
            let loads =
                version.loadIds.isEmpty
                ? ""
                : " (\(version.loadIds.count == 1 ? "load" : "loads") \(list(version.loadIds))\(version.objects.map { ": \(Cell.line($0))" } ?? ""))"
            let kind = index == 0 ? "first" : version.isRestatement ? "restated" : "changed"
            let changes =
                index == 0 ? counts(version) : changes(from: history[index - 1], to: version)
            lines.append("  \(clock(version.validFrom, 19))  \(kind) by \(version.cause)\(loads)")
            lines.append("    \(changes)\(version.isFinal ? "; final" : "")")
        }
        if let last = history.last, let end = last.validTo {
            lines.append("  \(clock(end, 19))  the row was deleted")
        }
        return lines.joined(separator: "\n")
    }

    private func list(_ ids: [Int]) -> String {
        ids.count <= 6
            ? ids.map(String.init).joined(separator: ", ")
            : "\(ids.prefix(5).map(String.init).joined(separator: ", ")) and \(ids.count - 5) more"
    }

    private func counts(_ version: Explanation.Version) -> String {
        Explanation.names.prefix(9).compactMap { name in
            version.figures[name].flatMap { $0 == 0 ? nil : "\(name) \(Human.count(Int($0)))" }
        }.joined(separator: ", ")
    }

    private func changes(from before: Explanation.Version, to after: Explanation.Version) -> String {
        let changes = Explanation.names.compactMap { name -> String? in
            let (old, new) = (before.figures[name], after.figures[name])
            return old == new ? nil : "\(name) \(value(name, old)) → \(value(name, new))"
        }
        return changes.isEmpty ? "no figure changed" : changes.joined(separator: ", ")
    }
}

import Events
import Foundation

/// The text of a proposed definition, with a comment to each thing on what was seen.
struct GuessedDefinition {
    let name: String
    /// The member that says where the records are, over lines that begin in column 7.
    let input: String
    let mapping: GuessedMapping
    var pairs: GuessedPairs?

    private static let mostSteps = 6
    private static let mostWeak = 4
    /// Events that ended longer ago are of the past: what is open in them is not open now.
    private static let pastSeconds = 2.0 * 86_400

    var text: String {
        var lines = ["{", "  \"pipeline\": \(json(name)),"]
        if let entity = mapping.entity {
            lines.append(commented("  \"entity\": \(json(entity.name)),", entity.comment))
        }
        lines += ["  \"sources\": [", "    { \"name\": \(json(name)),"]
        lines += source
        lines.append("  ],")
        lines.append("  \"slas\": [")
        lines += slas
        if isPast {
            lines.append("  ],")
            lines.append(
                commented("  \"clock\": \"data\"", "the events are of the past: now is the latest of them"))
        } else {
            lines.append("  ]")
        }
        return (lines + ["}"]).joined(separator: "\n")
    }

    private var isPast: Bool {
        guard let latest = pairs?.latest else { return false }
        return Double(latest.microseconds) / 1e6 < Date().timeIntervalSince1970
            - GuessedDefinition.pastSeconds
    }

    // MARK: - The source

    private var source: [String] {
        if !mapping.events.isEmpty {
            var lines = ["      \(input),", "      \"events\": ["]
            for (index, event) in mapping.events.enumerated() {
                let isLast = index == mapping.events.count - 1
                let members = event.members.map { "\(json($0.key)): \($0.json)" }
                let half = min(2, members.count)
                lines.append("        \(comment(event.comment))")
                lines.append("        { \(members[..<half].joined(separator: ", ")),")
                lines.append("          \(members[half...].joined(separator: ", ")) }\(isLast ? "" : ",")")
            }
            return lines + ["      ] }"]
        }
        guard !mapping.event.isEmpty else { return ["      \(input) }"] }
        var lines = ["      \(input),", "      \"event\": {"]
        for (index, member) in mapping.event.enumerated() {
            let comma = index == mapping.event.count - 1 ? "" : ","
            lines.append(commented("        \(json(member.key)): \(member.json)\(comma)", member.comment))
        }
        return lines + ["      } }"]
    }

    // MARK: - SLAs

    private var slas: [String] {
        let all = ([pairs?.whole].compactMap { $0 } + (pairs?.steps ?? [])).filter {
            $0.cases >= 5 && $0.p90 > 0
        }
        let strong = all.filter(\.isSupported).prefix(GuessedDefinition.mostSteps)
        let weak = all.filter { !$0.isSupported }.prefix(GuessedDefinition.mostWeak)
        var names: Set<String> = []
        var lines: [String] = []
        for (index, pair) in strong.enumerated() {
            lines.append("    \(comment(pair.seen))")
            lines.append("    \(sla(pair, &names))\(index == strong.count - 1 ? "" : ",")")
        }
        for pair in weak {
            lines.append("    \(comment(pair.seen))")
            lines.append("    \(comment(sla(pair, &names)))")
        }
        guard lines.isEmpty else { return lines }
        let example =
            "{ \"name\": \(json("\(name)_done")), \"start\": \(json("\(name).created")), "
            + "\"end\": \(json("\(name).done")), \"within\": \"2h\" }"
        return ["    \(comment(example))"]
    }

    private func sla(_ pair: GuessedPairs.Pair, _ names: inout Set<String>) -> String {
        let isWhole = pair.start == pairs?.whole?.start && pair.end == pairs?.whole?.end
        let end = slug(pair.end)
        let base = isWhole ? "\(slug(name))_\(end)" : "\(slug(name))_\(slug(pair.start))_to_\(end)"
        var unique = base
        var number = 2
        while !names.insert(unique).inserted {
            unique = "\(base)_\(number)"
            number += 1
        }
        return
            "{ \"name\": \(json(unique)), \"start\": \(json(pair.start)), \"end\": \(json(pair.end)), "
            + "\"within\": \(json(pair.within)), \"target\": 0.9 }"
    }

    /// What can be a name; without the namespace that all types share.
    private func slug(_ text: String) -> String {
        let word =
            text.hasPrefix(namespace) && text.count > namespace.count
            ? String(text.dropFirst(namespace.count)) : text
        let parts = word.lowercased().split { !$0.isLetter && !$0.isNumber }
        let slug = String(parts.joined(separator: "_").prefix(60))
        return slug.isEmpty ? "event" : slug
    }

    private var namespace: String {
        let types =
            (pairs?.steps ?? []).flatMap { [$0.start, $0.end] }
            + [pairs?.whole?.start, pairs?.whole?.end].compactMap { $0 }
        guard let first = types.first, let dot = first.firstIndex(of: ".") else { return "\u{0}" }
        let space = String(first[...dot])
        return types.allSatisfy { $0.hasPrefix(space) } ? space : "\u{0}"
    }

    // MARK: - Text

    private func commented(_ line: String, _ text: String) -> String {
        text.isEmpty ? line : "\(line)  \(comment(text))"
    }

    /// A comment ends with its line, so nothing in it may.
    private func comment(_ text: String) -> String {
        "// " + String(text.map { $0.isNewline || ($0.asciiValue ?? 0x20) < 0x20 ? " " : $0 })
    }

    private func json(_ text: String) -> String { JSONValue(.string(text)).json }
}

import Events
import Foundation

/// A regular expression for lines of text that begin with a time.
struct GuessedPattern {
    /// With the groups `time`, `level` and `message`, and what else the lines share.
    let pattern: String
    let time: GuessedTime
    /// The first of them, as it is written.
    let firstTime: String
    let hasLevel: Bool
    /// Whether the message begins with a word like `order.paid`: the group `type`.
    let hasType: Bool
    /// The group that is taken from `order_id=17` in the message.
    let caseKey: String?
    /// Of the lines, those that match.
    let share: Double

    /// Before the time: nothing, a bracket, or syslog's priority and version (RFC 5424).
    private static let openings = ["", #"\["#, #"<\d+>(?:\d+ )?"#]
    private static let times = [
        #"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d{2}(?::?\d{2})?))?"#,
        #"\d{4}[/.]\d{2}[/.]\d{2}[ T]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?"#,
        #"\d{1,2}/[A-Za-z]{3}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}"#,
        #"[A-Za-z]{3},? \d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2}(?: (?:[+-]\d{4}|GMT|UTC))?"#,
        #"\d{1,2}[ -][A-Za-z]{3}[ -]\d{4} \d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?: [+-]\d{4})?"#,
        #"(?:[A-Za-z]{3} )?[A-Za-z]{3} [ \d]\d \d{2}:\d{2}:\d{2}(?:\.\d+)? \d{4}"#,
        #"\d{1,2}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: [AaPp][Mm])?"#,
        #"\d{8}[ T-]?\d{6}"#,
        #"\d{10}(?:\.\d+|\d{3})?"#,
    ]
    /// Behind the time.
    private static let closing = #"\]?[\s|:;,-]+"#
    private static let level = #"[\[(<]?(?<level>[A-Za-z]+)\b[\])>]?[\s|:;,-]*"#
    private static let levels: Set<String> = [
        "trace", "debug", "info", "information", "notice", "warn", "warning", "err", "error", "crit",
        "critical", "fatal", "severe", "alert", "emerg", "emergency", "panic",
    ]
    /// What syslog writes behind the time.
    private static let syslog =
        #"(?<host>\S+) (?<app>\S+) (?<process>\S+) (?<message_id>\S+) (?:-|\[.*?\])\s*"#
    /// What may stand between the time and the level: names of hosts, threads, loggers.
    private static let between = ["", #"(?<source>\[[^\]]*\]|\S+)[\s|:;,-]+"#]
    private static let type = #"(?<type>[A-Za-z][A-Za-z0-9]*(?:[._][A-Za-z0-9]+)+)(?![=:\w])"#
    private static let leastShare = 0.5

    /// Nil where fewer than half of the lines begin with a time of one notation.
    init?(_ lines: [String]) {
        var best: (opening: String, time: GuessedTime, texts: [String])?
        for opening in GuessedPattern.openings {
            for time in GuessedPattern.times {
                let prefix = "^\(opening)(?<time>\(time))"
                let texts = GuessedPattern.groups("time", of: prefix + GuessedPattern.closing, in: lines)
                guard texts.count > best?.texts.count ?? 0, let guessed = GuessedTime(texts) else { continue }
                best = (opening, guessed, texts)
            }
        }
        guard let best, Double(best.texts.count) >= GuessedPattern.leastShare * Double(lines.count) else {
            return nil
        }
        firstTime = best.texts.first ?? ""
        let count = best.texts.count
        func isInNearlyAll(_ texts: [String]) -> Bool { texts.count * 100 >= count * 98 }
        var prefix =
            "^\(best.opening)(?<time>\(GuessedPattern.shape(best.texts)))\(GuessedPattern.closing)"
        var time = best.time
        if !time.hasZone {
            let start = "^\(best.opening)(?<time>\(GuessedPattern.shape(best.texts))) "
            let ending = #"\b"# + GuessedPattern.closing
            let words = GuessedPattern.groups(
                "zone", of: start + "(?<zone>\(GuessedZone.word))" + ending, in: lines)
            if isInNearlyAll(words), let zone = GuessedZone(Set(words)) {
                time.zone = zone
                prefix = start + "(?<zone>[A-Za-z_/]+)" + ending
            }
        }
        self.time = time
        if best.opening.hasPrefix("<") {
            let extended = prefix + GuessedPattern.syslog
            if isInNearlyAll(GuessedPattern.groups("host", of: extended, in: lines)) { prefix = extended }
        }
        var hasLevel = false
        for between in GuessedPattern.between where !hasLevel {
            let extended = prefix + between + GuessedPattern.level
            let found = GuessedPattern.groups("level", of: extended, in: lines)
            if isInNearlyAll(found.filter { GuessedPattern.levels.contains($0.lowercased()) }) {
                prefix = extended
                hasLevel = true
            }
        }
        self.hasLevel = hasLevel
        let types = GuessedPattern.groups("type", of: prefix + GuessedPattern.type, in: lines)
        hasType = isInNearlyAll(types) && Set(types).count * 4 <= max(types.count, 4)
        if hasType { prefix += GuessedPattern.type + #"[\s|:;,-]*"# }
        caseKey = GuessedPattern.caseKey(lines)
        let inMessage = caseKey.map { #"(?:.*?\b\#($0)[=:]\s*"?(?<\#($0)>[^\s"',;)\]]+))?"# } ?? ""
        pattern = prefix + "(?<message>\(inMessage).*)$"
        share =
            Double(GuessedPattern.groups("message", of: pattern, in: lines).count) / Double(lines.count)
    }

    /// What all of the times are like: digits and words, of any length, and what stands between.
    private static func shape(_ texts: [String]) -> String {
        var shapes = Set<String>()
        for text in texts {
            shapes.insert(shape(text))
            // Of several kinds, the general form.
            if shapes.count > 1 { return general(texts) }
        }
        return shapes.first ?? #"\S+"#
    }

    private static func shape(_ text: String) -> String {
        var shape = ""
        var rest = text[...]
        while let first = rest.first {
            let run = rest.prefix { first.isNumber ? $0.isNumber : first.isLetter && $0.isLetter }
            if first.isNumber {
                shape += run.count == 4 ? #"\d{4}"# : #"\d+"#
            } else if run.count > 1 {
                shape += "[A-Za-z]+"
            } else {
                shape += ".[](){}*+?^$|\\".contains(first) ? "\\\(first)" : String(first)
            }
            rest = rest.dropFirst(max(run.count, 1))
        }
        return shape
    }

    private static func general(_ texts: [String]) -> String {
        times.first { time in groups("time", of: "^(?<time>\(time))$", in: texts).count == texts.count }
            ?? #"\S+"#
    }

    /// A key of an id that at least half of the lines have, as in `order_id=17`.
    private static func caseKey(_ lines: [String]) -> String? {
        guard
            let expression = try? NSRegularExpression(
                pattern: #"\b([A-Za-z][A-Za-z0-9]*_id|[A-Za-z][a-z0-9]*Id)[=:]\s*"?[^\s"',;)\]]+"#)
        else { return nil }
        var counts: [String: Int] = [:]
        for line in lines {
            var seen: Set<String> = []
            for match in expression.matches(in: line, range: NSRange(line.startIndex..., in: line)) {
                guard let range = Range(match.range(at: 1), in: line) else { continue }
                if seen.insert(String(line[range])).inserted { counts[String(line[range]), default: 0] += 1 }
            }
        }
        let passing = ["request_id", "trace_id", "span_id", "thread_id", "process_id", "user_id"]
        return counts.filter { $0.value * 2 >= lines.count && !passing.contains($0.key) }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// The texts of a group in the lines that match.
    private static func groups(_ name: String, of pattern: String, in lines: [String]) -> [String] {
        guard let translator = try? RegexTranslator(pattern), translator.groupNames.contains(name) else {
            return []
        }
        var reader = translator
        return lines.compactMap { line in
            var records = TranslatedRecords()
            var line = line
            line.withUTF8 { reader.translate($0, into: &records) }
            guard let record = records.records.first, record.problem == nil else { return nil }
            let json = Array(records.json.bytes(of: record.object))
            return (try? JSONDocument(json, isLenient: false).root)?[[name]].map { $0.text ?? "" } ?? ""
        }
    }
}

import Foundation

/// A notification in words, the same for all who show it to people. Whatever it names may hold anything; what comes from
/// here is of one line, and escaped for nothing.
extension Notification {
    /// All states, in the order in which they are told.
    static let states = ["firing", "resolved", "withdrawn"]

    /// `late_orders: order o-1 is overdue`, or of several alerts how many there are of each state.
    var headline: String {
        var news: String
        if alerts.count == 1, more == 0, let alert = alerts.first {
            news = alert.state == "firing" ? alert.summary : "\(alert.state): \(alert.summary)"
        } else {
            var counts = groups.map { "\($0.alerts.count) \($0.state)" }
            if more > 0 { counts.append("\(more) more") }
            news = counts.joined(separator: ", ")
        }
        if isRepeat { news += " (reminder)" }
        return "\(rule): \(news)".oneLine
    }

    /// The alerts by what became of them; no group is empty.
    var groups: [(state: String, alerts: [Alert])] {
        Notification.states.compactMap { state in
            let those = alerts.filter { $0.state == state }
            return those.isEmpty ? nil : (state, those)
        }
    }

    /// What holds for all of the alerts.
    var facts: [(name: String, value: String)] {
        var facts = [("Project", project), ("Rule", "\(rule) (\(type.replacing("_", with: " ")))")]
        if let sla { facts.append(("SLA", sla)) }
        facts.append(("Severity", severity))
        return facts.map { ($0, $1.oneLine) }
    }

    /// What holds for one of them.
    func facts(of alert: Alert) -> [(name: String, value: String)] {
        let watchesCases = ["overdue", "stuck"].contains(type) || alert.entity != nil
        let whose = alert.entity.map { " (\($0))" } ?? ""
        let times = alert.cycle > 1 ? ", cycle \(alert.cycle)" : ""
        let late = readableDuration(alert.detectedLateSeconds)
        var facts = [
            (watchesCases ? "Case" : "Of", "\(alert.caseID)\(whose)\(times)"),
            ("Since", alert.since.readableTime),
            ("Detected", "\(alert.detectedAt.readableTime), \(late) later"),
        ]
        if let value = alert.value { facts.append(("Value", readableNumber(value))) }
        let ending = [alert.endedAt?.readableTime, alert.reason].compactMap { $0 }.joined(separator: ": ")
        if alert.state != "firing", !ending.isEmpty {
            facts.append((alert.state == "withdrawn" ? "Withdrawn" : "Resolved", ending))
        }
        return facts.map { ($0, $1.oneLine) }
    }

    /// What stands for what is not shown; nil where all is.
    var moreWords: String? { more > 0 ? "… and \(more) more that this message does not list" : nil }
}

extension Notification.Alert {
    /// In a line, where there is no room for more.
    var brief: String {
        let ending = state == "firing" ? "" : ", \(state)" + (reason.map { ": \($0)" } ?? "")
        return "\(summary) (since \(since.readableTime)\(ending))".oneLine
    }
}

/// `0.985`, `120`, `1234567`: whole, or with six digits that count.
func readableNumber(_ number: Double) -> String {
    String(format: abs(number) < 1e6 || !number.isFinite ? "%.6g" : "%.0f", number)
}

/// The two greatest units: `3 d 4 h`, `12 min`, `0.2 s`.
func readableDuration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return "very long" }
    let tenths = max(0, (seconds * 10).rounded() / 10)
    if tenths < 10, tenths != tenths.rounded() { return String(format: "%.1f s", tenths) }
    let whole = Int(max(0, seconds).rounded())
    func pair(_ unit: Int, _ name: String, _ lesser: Int, _ lesserName: String) -> String {
        let rest = whole % unit / lesser
        return "\(whole / unit) \(name)" + (rest == 0 ? "" : " \(rest) \(lesserName)")
    }
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3_600: return pair(60, "min", 1, "s")
    case ..<86_400: return pair(3_600, "h", 60, "min")
    default: return pair(86_400, "d", 3_600, "h")
    }
}

extension String {
    /// `2026-01-05T10:00:03.25Z` as `2026-01-05 10:00:03 UTC`; anything else as it is.
    var readableTime: String {
        guard let match = wholeMatch(of: #/(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z/#) else {
            return self
        }
        return "\(match.1) \(match.2) UTC"
    }

    /// Without line ends and other controls, nor what turns the direction of writing: no value can pretend to be more
    /// than one.
    package var oneLine: String { replacing("\r\n", with: " ").without(kept: []) }

    /// As `oneLine`, and line ends and tabs stay.
    var someLines: String {
        replacing("\r\n", with: "\n").without(kept: ["\n", "\t"])
    }

    private func without(kept: Set<Unicode.Scalar>) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                result.append(kept.contains(scalar) ? scalar : " ")
            default:
                if !scalar.properties.isBidiControl { result.append(scalar) }
            }
        }
        return String(result)
    }

    /// At most so many characters.
    func cut(to count: Int) -> String { self.count > count ? prefix(count - 1) + "…" : self }
}

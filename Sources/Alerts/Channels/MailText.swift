/// A notification as plain text.
struct MailText {
    private let notification: Notification
    /// Of so many alerts all is told, of the others a line each.
    static let mostDetailed = 10

    init(_ notification: Notification) { self.notification = notification }

    var text: String {
        var lines = [notification.headline, ""] + table(notification.facts)
        if let description = notification.description?.someLines { lines += ["", description] }
        var detailed = 0
        for (state, alerts) in notification.groups {
            lines += ["", "\(state.uppercased()) (\(alerts.count))"]
            let whole = alerts.prefix(MailText.mostDetailed - detailed)
            detailed += whole.count
            for alert in whole { lines += [""] + self.lines(alert) }
            let rest = alerts.dropFirst(whole.count)
            if !rest.isEmpty { lines += [""] + rest.map { "- \($0.brief)" } }
        }
        if let more = notification.moreWords { lines += ["", more] }
        return lines.joined(separator: "\n") + "\n"
    }

    private func lines(_ alert: Notification.Alert) -> [String] {
        var lines = [alert.summary.oneLine] + table(notification.facts(of: alert)).map { "  \($0)" }
        if !alert.timeline.isEmpty {
            lines.append("  Timeline")
            lines += alert.timeline.map {
                "    \($0.occurredAt.readableTime)  \($0.type)  \($0.service)".oneLine
            }
        }
        if let sql = alert.sql {
            lines.append("  Look further")
            lines += sql.someLines.split(separator: "\n", omittingEmptySubsequences: false).map {
                "    \($0)"
            }
        }
        return lines
    }

    private func table(_ facts: [(name: String, value: String)]) -> [String] {
        let width = facts.map(\.name.count).max() ?? 0
        return facts.map { name, value in
            name + String(repeating: " ", count: width + 2 - name.count) + value
        }
    }
}

import Alerts
import Foundation

/// Alerts as text.
enum AlertText {
    /// What is read of `sql/report/alert.sql`.
    struct Document: Decodable {
        let alert_id: Int64
        let rule: String
        let type: String
        let severity: String
        let sla: String?
        let description: String?
        let case_id: String
        let cycle: Int
        let state: String
        let summary: String
        let since: String
        let detected_at: String
        let detected_late_seconds: Double
        let ended_at: String?
        let reason: String?
        let acknowledged_by: String?
        let timeline: [Event]
        let told: [Told]

        struct Event: Decodable {
            let occurred_at: String
            let type: String
            let service: String
        }

        struct Told: Decodable {
            let channel: String
            let state: String
            let at: String
            let sent_at: String?
            let error: String?
            let dropped_at: String?
        }
    }

    static func tell(_ alert: Document) {
        var lines = ["alert \(alert.alert_id): \(alert.summary)"]
        func add(_ name: String, _ value: String?) {
            if let value { lines.append("  \(name.padding(to: 12)) \(value)") }
        }
        add("state", alert.state + (alert.acknowledged_by.map { ", taken on by \($0)" } ?? ""))
        add("rule", "\(alert.rule) (\(alert.type), \(alert.severity))")
        add("SLA", alert.sla)
        add("case", "\(alert.case_id), cycle \(alert.cycle)")
        add("since", time(alert.since))
        add("detected", "\(time(alert.detected_at)), \(Human.duration(alert.detected_late_seconds)) late")
        add("ended", alert.ended_at.map { time($0) + (alert.reason.map { ": \($0)" } ?? "") })
        add("description", alert.description)
        Terminal.out(lines.joined(separator: "\n"))
        if !alert.timeline.isEmpty {
            var table = TextTable(
                ["time (UTC)", "type", "service"].map { TextTable.Column(title: $0, isNumber: false) })
            for event in alert.timeline { table.add([time(event.occurred_at), event.type, event.service]) }
            Terminal.out("\n" + table.text)
        }
        if !alert.told.isEmpty {
            var table = TextTable(
                ["told", "channel", "sent (UTC)", ""].map { TextTable.Column(title: $0, isNumber: false) })
            for told in alert.told {
                let note = told.error ?? (told.dropped_at == nil ? "" : "it was silenced until it was over")
                table.add([told.state, told.channel, told.sent_at.map(time) ?? "not yet", note])
            }
            Terminal.out("\n" + table.text)
        }
    }

    /// Which channels did not take their messages.
    static func tell(_ outcome: Outbox.Outcome) {
        for (channel, error) in outcome.failures.sorted(by: { $0.key < $1.key }) {
            Terminal.error("alerts: \(channel) did not take a message, which stays in the outbox: \(error)")
        }
    }

    private static func time(_ text: String) -> String {
        String(text.prefix(19)).replacingOccurrences(of: "T", with: " ")
    }
}

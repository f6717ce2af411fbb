import Alerts
import Foundation

/// Alerts as text.
enum AlertText {
    /// What is read of `sql/report/alert.sql`.
    private struct Document: Decodable {
        let alertId: Int64
        let rule: String
        let type: String
        let severity: String
        let sla: String?
        let description: String?
        let caseId: String
        let cycle: Int
        let state: String
        let summary: String
        let since: String
        let detectedAt: String
        let detectedLateSeconds: Double
        let endedAt: String?
        let reason: String?
        let acknowledgedBy: String?
        let timeline: [Event]
        let told: [Told]

        struct Event: Decodable {
            let occurredAt: String
            let type: String
            let service: String
        }

        struct Told: Decodable {
            let channel: String
            let state: String
            let at: String
            let sentAt: String?
            let error: String?
            let droppedAt: String?
        }
    }

    /// - Parameter document: what `sql/report/alert.sql` gives.
    static func tell(_ document: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let alert = try decoder.decode(Document.self, from: Data(document.utf8))
        var lines = ["alert \(alert.alertId): \(Cell.line(alert.summary))"]
        func add(_ name: String, _ value: String?) {
            if let value { lines.append("  \(name.padding(to: 12)) \(Cell.line(value))") }
        }
        add("state", alert.state + (alert.acknowledgedBy.map { ", taken on by \($0)" } ?? ""))
        add("rule", "\(alert.rule) (\(alert.type), \(alert.severity))")
        add("SLA", alert.sla)
        add("case", "\(alert.caseId), cycle \(alert.cycle)")
        add("since", time(alert.since))
        add("detected", "\(time(alert.detectedAt)), \(Human.duration(alert.detectedLateSeconds)) late")
        add("ended", alert.endedAt.map { time($0) + (alert.reason.map { ": \($0)" } ?? "") })
        add("description", alert.description)
        Terminal.out(lines.joined(separator: "\n"))
        if !alert.timeline.isEmpty {
            var table = TextTable(
                ["time (UTC)", "type", "service"].map { TextTable.Column(title: $0, isNumber: false) })
            for event in alert.timeline { table.add([time(event.occurredAt), event.type, event.service]) }
            Terminal.out("\n" + table.text)
        }
        if !alert.told.isEmpty {
            var table = TextTable(
                ["told", "channel", "sent (UTC)", ""].map { TextTable.Column(title: $0, isNumber: false) })
            for told in alert.told {
                let note = told.error ?? (told.droppedAt == nil ? "" : "it was silenced until it was over")
                table.add([told.state, told.channel, told.sentAt.map(time) ?? "not yet", note])
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

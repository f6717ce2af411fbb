import Alerts
import Extract
import Foundation
import TestSupport
import Testing

/// Not Foundation's.
typealias Notification = Alerts.Notification

extension Notification {
    /// Of the rule `late_orders` of the shop.
    static func late(_ alerts: [Alert], key: String = "k1", more: Int = 0) -> Notification {
        Notification(
            idempotencyKey: key, channel: "ops", project: "shop", rule: "late_orders", type: "overdue",
            severity: "critical", sla: "order_delivered", description: "Call the depot.", alerts: alerts,
            more: more)
    }
}

extension Notification.Alert {
    /// Of an order that was due at ten.
    static func order(
        _ caseID: String, _ state: String = "firing", id: Int64 = 1, summary: String? = nil
    ) -> Notification.Alert {
        let isOver = state != "firing"
        return Notification.Alert(
            alertID: id, state: state, caseID: caseID, cycle: 1, entity: "order",
            summary: summary ?? "order \(caseID) is overdue", since: "2026-01-05T10:00:00Z",
            detectedAt: "2026-01-05T10:02:05.125Z", detectedLateSeconds: 125.125,
            endedAt: isOver ? "2026-01-05T11:00:00Z" : nil,
            reason: isOver ? (state == "resolved" ? "delivered late" : "an event came late") : nil,
            timeline: [
                Notification.Event(
                    occurredAt: "2026-01-05T09:00:00Z", type: "order.created", service: "checkout"),
                Notification.Event(
                    occurredAt: "2026-01-05T09:30:00Z", type: "order.packed", service: "depot"),
            ],
            sql: "SELECT * FROM raw.events\nWHERE case_id = '\(caseID.replacing("'", with: "''"))';")
    }
}

/// What people and programs put into names to become more than a name.
let hostileTexts = [
    "o-1\r\nBcc: thief@example.com", "o\n\n.\nQUIT", "=?UTF-8?Q?x?= =20",
    "<b>&amp;\"'</b><script>alert(1)</script>",
    "\u{1B}[2J\u{7}\u{0}", "ein übergroßer Auftrag für 東京 😀👩‍👩‍👧", "From here\n.\nFrom there",
    "a\u{202E}b\u{2028}c\u{85}d",
    "<!channel> <@U1> & *x* `y` ```", String(repeating: "long", count: 300), "  \t ", "--=_daybook_", "",
    "e\u{301}" + String(repeating: "\u{301}", count: 200), "'; DROP TABLE x; --", "\\", "]]>",
    "trailing =\n space ",
]

/// Python, where it is there to judge.
enum Python {
    static let path: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/python3" }.first { access($0, X_OK) == 0 }
    }()

    /// Runs a program of the fixtures and gives what it wrote to stdout.
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(path))
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        process.arguments = ["\(folder)/Fixtures/\(program)"] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}

/// The words of the error that a channel throws.
func failure(of channel: some Channel, _ notification: Notification = .late([.order("o-1")])) -> String? {
    do {
        try channel.send(notification)
        return nil
    } catch {
        return "\(error)"
    }
}

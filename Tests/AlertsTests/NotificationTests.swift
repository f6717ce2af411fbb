import Alerts
import Foundation
import Testing

@Suite struct NotificationTests {
    /// What a program on a command channel reads: these names are a contract.
    @Test func jsonKeepsItsNames() throws {
        let notification = Notification(
            idempotencyKey: "k1", channel: "ops", project: "shop", rule: "late", type: "overdue",
            severity: "warning", sla: "order_delivered", description: "Call the depot.",
            alerts: [
                Notification.Alert(
                    alertID: 7, state: "resolved", caseID: "o-1", cycle: 1, entity: "order",
                    summary: "order o-1 is late", since: "2026-01-05T10:00:00Z",
                    detectedAt: "2026-01-05T10:00:03Z", detectedLateSeconds: 3,
                    endedAt: "2026-01-05T11:00:00Z", reason: "completed late", value: nil,
                    timeline: [
                        Notification.Event(
                            occurredAt: "2026-01-05T09:00:00Z", type: "order.created", service: "checkout")
                    ], sql: "SELECT 1")
            ], more: 2)
        let data = try JSONEncoder().encode(notification)
        #expect(try JSONDecoder().decode(Notification.self, from: data) == notification)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "alerts", "channel", "description", "idempotency_key", "is_repeat", "more", "project", "rule",
                "severity", "sla", "type",
            ])
        let alert = try #require((object["alerts"] as? [[String: Any]])?.first)
        #expect(
            alert.keys.sorted() == [
                "alert_id", "case_id", "cycle", "detected_at", "detected_late_seconds", "ended_at", "entity",
                "reason", "since", "sql", "state", "summary", "timeline",
            ])
        let event = try #require((alert["timeline"] as? [[String: Any]])?.first)
        #expect(event.keys.sorted() == ["occurred_at", "service", "type"])
    }
}

import Events

/// A notification as Alertmanager posts it to a webhook, version 4 (prometheus.io/docs/alerting/latest/configuration,
/// "webhook_config").
struct AlertmanagerMessage: Encodable {
    let version = "4"
    /// What messages are put together by: those of a rule.
    let groupKey: String
    let truncatedAlerts: Int
    let status: String
    let receiver: String
    let groupLabels: [String: String]
    let commonLabels: [String: String]
    let commonAnnotations: [String: String]
    let externalURL = ""
    let alerts: [Alert]

    struct Alert: Encodable {
        let status: String
        let labels: [String: String]
        let annotations: [String: String]
        let startsAt: String
        let endsAt: String
        let generatorURL = ""
        /// The same for as long as it is the same alert, whatever its labels become.
        let fingerprint: String
    }

    /// The end of what has none, the zero time of Go.
    private static let noTime = "0001-01-01T00:00:00Z"

    init(_ notification: Notification) {
        alerts = notification.alerts.map { Alert($0, of: notification, noTime: AlertmanagerMessage.noTime) }
        groupLabels = ["alertname": notification.rule, "project": notification.project]
        groupKey =
            "{}:{\(groupLabels.sorted { $0.key < $1.key }.map { "\($0)=\"\($1)\"" }.joined(separator: ", "))}"
        truncatedAlerts = notification.more
        status = alerts.contains { $0.status == "firing" } ? "firing" : "resolved"
        receiver = notification.channel
        commonLabels = AlertmanagerMessage.common(alerts.map(\.labels))
        commonAnnotations = AlertmanagerMessage.common(alerts.map(\.annotations))
    }

    private static func common(_ all: [[String: String]]) -> [String: String] {
        guard let first = all.first else { return [:] }
        return first.filter { name, value in all.allSatisfy { $0[name] == value } }
    }
}

extension AlertmanagerMessage.Alert {
    fileprivate init(_ alert: Notification.Alert, of notification: Notification, noTime: String) {
        // A webhook knows two states.
        status = alert.state == "firing" ? "firing" : "resolved"
        var labels = [
            "alertname": notification.rule, "project": notification.project, "type": notification.type,
            "severity": notification.severity, "case_id": alert.caseID, "cycle": "\(alert.cycle)",
        ]
        labels["sla"] = notification.sla
        labels["entity"] = alert.entity
        self.labels = labels
        var annotations = [
            "summary": alert.summary, "state": alert.state, "alert_id": "\(alert.alertID)",
            "detected_at": alert.detectedAt, "detected_late_seconds": "\(alert.detectedLateSeconds)",
        ]
        annotations["description"] = notification.description
        annotations["reason"] = alert.reason
        annotations["value"] = alert.value.map { "\($0)" }
        annotations["sql"] = alert.sql
        if !alert.timeline.isEmpty {
            annotations["timeline"] = alert.timeline.map { "\($0.occurredAt) \($0.type) \($0.service)" }
                .joined(separator: "\n")
        }
        self.annotations = annotations
        startsAt = alert.since
        endsAt = alert.state == "firing" ? noTime : alert.endedAt ?? alert.detectedAt
        let identity = [notification.project, notification.rule, alert.caseID, "\(alert.cycle)"]
        fingerprint = SHA256.hex(Array(identity.joined(separator: "\u{0}").utf8), prefix: 8)
    }
}

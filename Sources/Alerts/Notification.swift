import Foundation

/// A message of the outbox: what has happened to the alerts of one rule, for one channel. The JSON of a `command` channel
/// has this shape too; times are ISO 8601, UTC.
package struct Notification: Codable, Sendable, Equatable {
    /// The same on every attempt to send it.
    package var idempotencyKey: String
    package var channel: String
    package var project: String
    package var rule: String
    /// `overdue`, `attainment`, `burn_rate`, `stuck`, `freshness` or `event_count`.
    package var type: String
    /// `info`, `warning` or `critical`.
    package var severity: String
    package var sla: String?
    /// What who defined the rule wants its reader to know.
    package var description: String?
    /// Whether it tells again what was told before.
    package var isRepeat: Bool
    /// Those that it tells of; of very many the first.
    package var alerts: [Alert]
    /// How many more there are.
    package var more: Int

    package struct Alert: Codable, Sendable, Equatable {
        package var alertID: Int64
        /// `firing`, `resolved` or `withdrawn`.
        package var state: String
        /// The case; of rules that watch no cases the SLA, source, service or type.
        package var caseID: String
        package var cycle: Int
        package var entity: String?
        /// What is wrong, in a line.
        package var summary: String
        package var since: String
        package var detectedAt: String
        package var detectedLateSeconds: Double
        package var endedAt: String?
        /// Why it is over.
        package var reason: String?
        package var value: Double?
        /// The latest events of the case, in their order; empty where there is no case.
        package var timeline: [Event]
        /// A statement for psql that looks further.
        package var sql: String?

        package init(
            alertID: Int64, state: String, caseID: String, cycle: Int, entity: String? = nil, summary: String,
            since: String, detectedAt: String, detectedLateSeconds: Double, endedAt: String? = nil,
            reason: String? = nil, value: Double? = nil, timeline: [Event] = [], sql: String? = nil
        ) {
            self.alertID = alertID
            self.state = state
            self.caseID = caseID
            self.cycle = cycle
            self.entity = entity
            self.summary = summary
            self.since = since
            self.detectedAt = detectedAt
            self.detectedLateSeconds = detectedLateSeconds
            self.endedAt = endedAt
            self.reason = reason
            self.value = value
            self.timeline = timeline
            self.sql = sql
        }

        private enum CodingKeys: String, CodingKey {
            case alertID = "alert_id"
            case state, cycle, entity, summary, since, reason, value, timeline, sql
            case caseID = "case_id"
            case detectedAt = "detected_at"
            case detectedLateSeconds = "detected_late_seconds"
            case endedAt = "ended_at"
        }
    }

    package struct Event: Codable, Sendable, Equatable {
        package var occurredAt: String
        package var type: String
        package var service: String

        package init(occurredAt: String, type: String, service: String) {
            self.occurredAt = occurredAt
            self.type = type
            self.service = service
        }

        private enum CodingKeys: String, CodingKey {
            case occurredAt = "occurred_at"
            case type, service
        }
    }

    package init(
        idempotencyKey: String, channel: String, project: String, rule: String, type: String,
        severity: String, sla: String? = nil, description: String? = nil, isRepeat: Bool = false,
        alerts: [Alert], more: Int = 0
    ) {
        self.idempotencyKey = idempotencyKey
        self.channel = channel
        self.project = project
        self.rule = rule
        self.type = type
        self.severity = severity
        self.sla = sla
        self.description = description
        self.isRepeat = isRepeat
        self.alerts = alerts
        self.more = more
    }

    private enum CodingKeys: String, CodingKey {
        case idempotencyKey = "idempotency_key"
        case channel, project, rule, type, severity, sla, description, alerts, more
        case isRepeat = "is_repeat"
    }
}

import Foundation

/// What is to be told to whom, as a pipeline defines it.
package struct AlertRule: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A case that passes its deadline.
        case overdue
        /// The share of cases that were met, below what it should be.
        case attainment
        /// The error budget burns too fast.
        case burnRate = "burn_rate"
        /// A case after whose last event nothing came.
        case stuck
        /// A source or a service that tells of nothing.
        case freshness
        /// Too few or too many events.
        case eventCount = "event_count"

        /// Whether it watches an SLA.
        package var watchesSLA: Bool { [.overdue, .attainment, .burnRate].contains(self) }
    }

    package enum Severity: String, Sendable, CaseIterable { case info, warning, critical }

    /// Unique in the project.
    package var name: String
    package var pipeline: String
    package var kind: Kind
    /// Of kinds that watch one.
    package var sla: String?
    package var parameters: Parameters
    package var severity: Severity
    /// Names of channels; nil: all.
    package var channels: [String]?
    package var description: String?

    /// What a kind needs beside; what it does not need is nil.
    package struct Parameters: Sendable, Equatable, Encodable {
        package var windowSeconds: Double?
        /// A share of `attainment`, a number of `event_count`.
        package var below: Double?
        package var above: Double?
        package var minCases: Int?
        package var windows: [BurnWindow]?
        package var entity: String?
        package var types: [String]?
        package var namespaces: [String]?
        package var forSeconds: Double?
        package var source: String?
        package var service: String?
        package var event: String?
        package var isNamespace: Bool?
        /// `wall` or `data`.
        package var clock: String?

        package init() {}

        private enum CodingKeys: String, CodingKey {
            case windowSeconds = "window_seconds"
            case below, above
            case minCases = "min_cases"
            case windows, entity, types, namespaces
            case forSeconds = "for_seconds"
            case source, service, event
            case isNamespace = "is_namespace"
            case clock
        }
    }

    /// A long and a short window, and how many times as fast as it may the error budget burns in both.
    package struct BurnWindow: Sendable, Equatable, Encodable {
        package let longSeconds: Double
        package let shortSeconds: Double
        package let rate: Double

        package init(longSeconds: Double, shortSeconds: Double, rate: Double) {
            self.longSeconds = longSeconds
            self.shortSeconds = shortSeconds
            self.rate = rate
        }

        /// Those of "The Site Reliability Workbook", chapter 5: 2% of a month's budget in an hour, 5% in six, 10% in three days.
        package static let usual = [
            BurnWindow(longSeconds: 3_600, shortSeconds: 300, rate: 14.4),
            BurnWindow(longSeconds: 21_600, shortSeconds: 1_800, rate: 6),
            BurnWindow(longSeconds: 259_200, shortSeconds: 21_600, rate: 1),
        ]

        private enum CodingKeys: String, CodingKey {
            case longSeconds = "long_seconds"
            case shortSeconds = "short_seconds"
            case rate
        }
    }

    package init(
        name: String, pipeline: String, kind: Kind, sla: String? = nil, parameters: Parameters = Parameters(),
        severity: Severity = .warning, channels: [String]? = nil, description: String? = nil
    ) {
        self.name = name
        self.pipeline = pipeline
        self.kind = kind
        self.sla = sla
        self.parameters = parameters
        self.severity = severity
        self.channels = channels
        self.description = description
    }
}

extension AlertRule: Encodable {
    private enum CodingKeys: String, CodingKey {
        case name = "rule"
        case pipeline
        case kind = "type"
        case sla, parameters, severity, channels, description
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(pipeline, forKey: .pipeline)
        try values.encode(kind.rawValue, forKey: .kind)
        try values.encodeIfPresent(sla, forKey: .sla)
        try values.encode(parameters, forKey: .parameters)
        try values.encode(severity.rawValue, forKey: .severity)
        try values.encodeIfPresent(channels, forKey: .channels)
        try values.encodeIfPresent(description, forKey: .description)
    }
}

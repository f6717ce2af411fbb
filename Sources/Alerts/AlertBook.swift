import Foundation
import Postgres
import SQLFiles

/// The catalogue's alerts: what the rules find in what is stored, and what is to be said of it.
///
/// Everything is judged by what the tables hold, so that a run that was missed delays an alert and loses none; and each
/// change is in the transaction that puts it into the outbox.
package struct AlertBook {
    private let connection: Connection

    /// The advisory lock that lets one evaluation go on at a time.
    private static let lock: Int64 = 0x6461_7962_616c_7274

    package init(_ connection: Connection) { self.connection = connection }

    /// What an evaluation found.
    package struct Outcome: Sendable, Encodable, Equatable {
        package var fired: Int
        package var resolved: Int
        package var withdrawn: Int
        /// Kinds of rules that could not be judged, and why.
        package var failures: [String] = []

        package var ended: Int { resolved + withdrawn }
    }

    /// Takes the rules of some pipelines and the channels as they are defined now, judges, and writes what has changed and
    /// the messages that are due.
    ///
    /// - Parameter project: its name, for the reader of a message.
    package func evaluate(
        _ rules: [AlertRule], ofPipelines pipelines: [String], channels: [ChannelDefinition], project: String
    ) throws -> Outcome {
        try alone {
            try define(channels)
            let text = try json(rules)
            try run("redefined", [text])
            try run("define_rules", [pipelines, text])
            return try judge(project)
        }
    }

    /// The pipelines whose rules it knows.
    package func pipelines() throws -> [String] {
        try connection.query("SELECT DISTINCT pipeline FROM daybook.alert_rules").rows.map { try $0.get(0) }
    }

    /// Whether there is any rule that an evaluation would find.
    package func hasRules() throws -> Bool {
        try connection.query("SELECT EXISTS (SELECT FROM daybook.alert_rules WHERE retired_at IS NULL)")
            .first().get(0)
    }

    /// Writes the messages that are due by now, of what was found before.
    package func compose(channels: [ChannelDefinition], project: String) throws {
        try alone {
            try define(channels)
            try run("drop_silenced")
            try run("compose", [project])
        }
    }

    private func define(_ channels: [ChannelDefinition]) throws {
        try run("define_channels", [try json(channels.map(ChannelRow.init))])
    }

    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    private func judge(_ project: String) throws -> Outcome {
        let before = try connection.query(
            "SELECT clock_timestamp()::text"
        ).first()
        let began: String = try before.get(0)
        let kinds = Set(
            try connection.query("SELECT DISTINCT type FROM daybook.alert_rules WHERE retired_at IS NULL")
                .rows
                .map { try $0.get(0, as: String.self) })
        var failures: [String] = []
        try run("retired")
        try run("judged")
        for kind in AlertRule.Kind.allCases where kinds.contains(kind.rawValue) {
            do {
                // What fails of one kind leaves the others as they are.
                try connection.transaction { try judge(kind) }
            } catch let error as PostgresError where error.kind == .refused && !error.isCancelled {
                failures.append("\(kind.rawValue): \(error)")
            }
        }
        try run("told_from")
        try run("news", [began])
        try run("news_of_ends", [began])
        FailPoint.pass("alerts-judged")
        try run("drop_silenced")
        try run("compose", [project])
        let counts = try connection.query(
            """
            SELECT count(*) FILTER (WHERE detected_at >= $1::timestamptz),
                count(*) FILTER (WHERE state = 'resolved' AND ended_at >= $1::timestamptz),
                count(*) FILTER (WHERE state = 'withdrawn' AND ended_at >= $1::timestamptz)
            FROM daybook.alerts
            WHERE detected_at >= $1::timestamptz OR ended_at >= $1::timestamptz
            """, [began]
        ).first()
        return Outcome(
            fired: try counts.get(0), resolved: try counts.get(1), withdrawn: try counts.get(2),
            failures: failures)
    }

    private func judge(_ kind: AlertRule.Kind) throws {
        try run(kind.rawValue)
        switch kind {
        case .overdue: try run("overdue_ended")
        case .stuck:
            try run("stuck_ended")
            try run("found", [kind.rawValue])
        default:
            try run("found", [kind.rawValue])
            try run("ended", [kind.rawValue])
        }
    }

    /// When a message is to be composed, or tried again, in microseconds since 1970; nil where none waits.
    package func nextDue() throws -> Int64? {
        try connection.query(SQLFiles.builtin.text("alerts/next_due.sql")).first().getIfPresent(0)
    }

    private func alone<Value>(_ body: () throws -> Value) throws -> Value {
        let value = try connection.transaction {
            try connection.query("SELECT pg_advisory_xact_lock($1::bigint)", [AlertBook.lock])
            let value = try body()
            FailPoint.pass("alerts-written")
            return value
        }
        FailPoint.pass("alerts-committed")
        return value
    }

    private func run(_ name: String, _ parameters: [any PostgresParameter] = []) throws {
        try connection.query(
            SQLFiles.builtin.text("alerts/\(name).sql"), parameters, action: "sql/alerts/\(name).sql")
    }
}

/// A channel as `daybook.channels` keeps it: without its secrets.
private struct ChannelRow: Encodable {
    let channel: String
    let kind: String
    let groupWait: Int64
    let groupInterval: Int64
    let repeatInterval: Int64?
    let quietFrom: String?
    let quietTo: String?
    let quietZone: String?
    let quietDays: [Int]?

    private enum CodingKeys: String, CodingKey {
        case channel, kind
        case groupWait = "group_wait"
        case groupInterval = "group_interval"
        case repeatInterval = "repeat_interval"
        case quietFrom = "quiet_from"
        case quietTo = "quiet_to"
        case quietZone = "quiet_zone"
        case quietDays = "quiet_days"
    }

    init(_ definition: ChannelDefinition) {
        channel = definition.name
        kind = definition.kind
        groupWait = definition.groupWaitMicroseconds
        groupInterval = definition.groupIntervalMicroseconds
        repeatInterval = definition.repeatIntervalMicroseconds
        quietFrom = definition.quietHours?.from.description
        quietTo = definition.quietHours?.to.description
        quietZone = definition.quietHours?.timeZone
        quietDays = definition.quietHours?.days
    }
}

extension AlertBook.Outcome: CustomStringConvertible {
    package var description: String {
        [(fired, "firing"), (resolved, "resolved"), (withdrawn, "withdrawn")].filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}

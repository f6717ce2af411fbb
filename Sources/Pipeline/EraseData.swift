import Foundation
import Postgres
import SQLFiles
import Transform
import Warehouse

/// Removes a case, or a person's events, from raw, from rejects, alerts and reports, on request: in one transaction with
/// the transform that computes anew what they were part of. What is noted of it tells nothing of what was removed.
package struct EraseData {
    /// What is to go.
    package enum Subject: Sendable {
        /// A case with all that is told of it; of one entity, or of each that has a case of this name.
        case oneCase(String, entity: String?)
        /// The events of a user, in whatever case.
        case user(String)

        fileprivate var name: String {
            switch self {
            case .oneCase(let name, _), .user(let name): name
            }
        }

        fileprivate var kind: String { if case .user = self { "user" } else { "case" } }
    }

    package struct Outcome: Encodable {
        package var events = 0
        package var cases = 0
        package var rejects = 0
        package var alerts = 0
        /// Messages that told of these alerts.
        package var messages = 0
        /// The days (UTC) that lost events, as an array of PostgreSQL.
        fileprivate var days = "{}"
        /// What changed in the reports.
        package var models: [ModelResult] = []

        private enum CodingKeys: String, CodingKey { case events, cases, rejects, alerts, messages, models }

        package var isNothing: Bool {
            events == 0 && cases == 0 && rejects == 0 && alerts == 0 && messages == 0
        }
    }

    /// Days that an interrupted load has left unfinished hold events that nobody sees, and that would come back.
    package struct Unfinished: Error, CustomStringConvertible {
        package let description =
            "a load was ended before it finished its days, so that not all events can be seen: daybook load, and try again"
    }

    private let connection: Connection
    private let models: [Model]
    private let sql = SQLFiles.builtin

    /// - Parameter models: those of the project's files.
    package init(_ warehouse: Warehouse, models: [Model], interruption: Interruption) {
        connection = warehouse.connection
        interruption.watch(connection)
        self.models = models
    }

    /// - Parameters:
    ///   - by: who does it.
    ///   - isRehearsal: takes all back.
    package func run(
        _ subject: Subject, by: String, reason: String?, isRehearsal: Bool
    ) throws -> Outcome {
        do {
            if isRehearsal { return try connection.rehearsal { try erase(subject, by, reason) } }
            let outcome = try erase(subject, by, reason)
            try clean(outcome)
            return outcome
        } catch let error as PostgresError where error.isCancelled {
            throw Interrupted()
        }
    }

    private func erase(_ subject: Subject, _ by: String, _ reason: String?) throws -> Outcome {
        var outcome = Outcome()
        let results = try TransformRunner(
            models, connection, before: { outcome = try remove(subject, by, reason) },
            after: { try connection.query(sql.text("erase/forget.sql"), [subject.name]) }
        ).run {}
        outcome.models = results
        return outcome
    }

    private func remove(_ subject: Subject, _ by: String, _ reason: String?) throws -> Outcome {
        guard try !connection.query(sql.text("erase/unfinished.sql")).first().get(0) else {
            throw Unfinished()
        }
        try connection.execute(sql.text("erase/0_erased.sql"))
        var (oneCase, entity): (String?, String?) = (nil, nil)
        switch subject {
        case .oneCase(let name, let ofEntity):
            (oneCase, entity) = (name, ofEntity)
            try connection.query(
                sql.text("erase/1_events_of_case.sql"), [name, entity], action: "find the events of the case")
        case .user(let user):
            try connection.query(
                sql.text("erase/1_events_of_user.sql"), [user], action: "find the events of the user")
        }
        try connection.execute("ANALYZE pg_temp.erased")
        var outcome = Outcome()
        let days: String = try connection.query(sql.text("erase/days.sql")).first().get(0)
        outcome.days = days
        try connection.query(sql.text("erase/2_reopen.sql"), [days], action: "open compacted days")
        outcome.cases = try connection.query(
            sql.text("erase/3_touch.sql"), [oneCase, entity], action: "find what is told of them"
        ).affectedRows
        outcome.events = try connection.query(
            sql.text("erase/4_events.sql"), [days], action: "remove the events"
        ).first().get(0)
        try connection.execute(sql.text("erase/5_originals.sql"), action: "remove the records")
        try connection.execute(
            sql.text("erase/6_traces.sql"), action: "remove what else is kept of the events")
        outcome.rejects = try connection.query(
            sql.text("erase/7_rejects.sql"), [subject.name], action: "remove rejects"
        ).first().get(0)
        if let oneCase {
            let row = try connection.query(
                sql.text("erase/8_alerts.sql"), [oneCase, entity], action: "remove alerts"
            ).first()
            (outcome.alerts, outcome.messages) = (try row.get("alerts"), try row.get("messages"))
        }
        guard !outcome.isNothing else { return outcome }
        try connection.query(
            sql.text("erase/9_record.sql"),
            [
                subject.kind, by, reason, outcome.cases, outcome.rejects, outcome.events, outcome.alerts,
                outcome.messages,
            ])
        return outcome
    }

    /// What is deleted lies in the tables' files until they are vacuumed.
    private func clean(_ outcome: Outcome) throws {
        guard !outcome.isNothing else { return }
        let changed = outcome.models.filter { $0.rowsChanged > 0 }.map(\.model)
        let tables = try connection.query(sql.text("erase/changed_tables.sql"), [outcome.days, changed]).rows
        for table in tables {
            try connection.execute("VACUUM (TRUNCATE false) \(try table.get(0, as: String.self))")
        }
    }
}

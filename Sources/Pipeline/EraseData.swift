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
        /// The first of these, 20 at most.
        package var rejectIDs: [Int64] = []
        package var alerts = 0
        /// Messages that told of these alerts.
        package var messages = 0
        /// The days (UTC) that lost events, as an array of PostgreSQL.
        fileprivate var days = "{}"
        /// What changed in the reports.
        package var models: [ModelResult] = []
        /// Tables in whose files what was deleted still lies, because somebody held them, or the cleaning was stopped.
        package var unvacuumed: [String] = []

        private enum CodingKeys: String, CodingKey {
            case events, cases, rejects
            case rejectIDs = "reject_ids"
            case alerts, messages, models, unvacuumed
        }

        package var isNothing: Bool {
            events == 0 && cases == 0 && rejects == 0 && alerts == 0 && messages == 0
        }
    }

    /// Stopped before anything was done.
    package struct Stopped: Error, CustomStringConvertible {
        package let description = "interrupted; nothing was erased"
    }

    /// Days that an interrupted load has left unfinished hold events that nobody sees, and that would come back.
    package struct Unfinished: Error, CustomStringConvertible {
        package let description =
            "a load was ended before it finished its days, so that not all events can be seen: daybook load, and try again"
    }

    private let connection: Connection
    private let models: [Model]
    private let lockWaitSeconds: Double
    private let interruption: Interruption
    private let sql = SQLFiles.builtin

    /// How long a table that somebody holds is waited for, to be vacuumed.
    private static let vacuumWait = "3s"

    /// - Parameters:
    ///   - models: those of the project's files.
    ///   - lockWaitSeconds: how long to wait for a run of a pipeline.
    package init(
        _ warehouse: Warehouse, models: [Model], lockWaitSeconds: Double, interruption: Interruption
    ) {
        connection = warehouse.connection
        interruption.watch(connection)
        self.interruption = interruption
        self.lockWaitSeconds = lockWaitSeconds
        self.models = models
    }

    /// - Parameters:
    ///   - by: who does it.
    ///   - isRehearsal: takes all back.
    package func run(
        _ subject: Subject, by: String, reason: String?, isRehearsal: Bool
    ) throws -> Outcome {
        var outcome = Outcome()
        do {
            if isRehearsal { return try connection.rehearsal { try erase(subject, by, reason) } }
            outcome = try alone { try connection.retrying { try erase(subject, by, reason) } }
        } catch let error as PostgresError where error.isCancelled {
            throw Stopped()
        }
        // What is erased is erased, whatever becomes of this.
        outcome.unvacuumed = clean(outcome)
        return outcome
    }

    /// Does something while no pipeline runs: what a run has read before would come after.
    private func alone<Value>(_ body: () throws -> Value) throws -> Value {
        let pipelines = try connection.query("SELECT DISTINCT pipeline FROM daybook.sources ORDER BY 1").rows
            .map { try $0.get(0, as: String.self) }
        var held: [String] = []
        defer { for pipeline in held { try? PipelineLock.release(pipeline, connection) } }
        for pipeline in pipelines {
            try PipelineLock.acquire(pipeline, waitSeconds: lockWaitSeconds, connection) {
                if interruption.isRequested { throw Stopped() }
            }
            held.append(pipeline)
        }
        return try body()
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
        if case .user(let user) = subject {
            outcome.cases += try connection.query(
                sql.text("erase/4_user.sql"), [user], action: "remove what is told of the user"
            ).first().get(0)
        }
        outcome.events = try connection.query(
            sql.text("erase/4_events.sql"), [days], action: "remove the events"
        ).first().get(0)
        try connection.execute(sql.text("erase/5_originals.sql"), action: "remove the records")
        try connection.execute(
            sql.text("erase/6_traces.sql"), action: "remove what else is kept of the events")
        let rejects = try connection.query(
            sql.text("erase/7_rejects.sql"), [subject.name], action: "remove rejects"
        ).first()
        outcome.rejects = try rejects.get("rejects")
        outcome.rejectIDs = try rejects.get("first_ids", as: String.self).split { "{,}".contains($0) }
            .compactMap { Int64($0) }
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
    ///
    /// - Returns: those that could not be.
    private func clean(_ outcome: Outcome) -> [String] {
        guard !outcome.isNothing else { return [] }
        let changed = outcome.models.filter { $0.rowsChanged > 0 }.map(\.model)
        let tables =
            (try? connection.query(sql.text("erase/changed_tables.sql"), [outcome.days, changed]).rows
                .map { try $0.get(0, as: String.self) }) ?? changed
        defer { _ = try? connection.execute("RESET lock_timeout") }
        _ = try? connection.execute("SET lock_timeout = '\(EraseData.vacuumWait)'")
        return tables.filter { table in
            if interruption.isRequested { return true }
            do {
                try connection.execute("VACUUM (TRUNCATE false) \(table)")
                return false
            } catch {
                return true
            }
        }
    }
}

import Foundation
import Postgres
import SQLFiles

/// What a transform did to one model.
package struct ModelResult: Sendable, Encodable {
    package let model: String
    /// Keys that were computed.
    package let keys: Int
    /// Rows inserted, updated or deleted; unchanged rows are not written.
    package let rowsChanged: Int
    package let seconds: Double

    private enum CodingKeys: String, CodingKey {
        case model, keys
        case rowsChanged = "rows_changed"
        case seconds
    }
}

/// Brings the report tables up to date with what the models' SELECTs say, in one transaction: readers see the
/// state before or after, and a run that fails leaves no trace.
///
/// Of each model the keys are computed that a change of what it reads has touched: the cases of new events, the SLAs
/// that are defined anew, what the clock has passed, and the rows that models before it have changed. They are computed
/// whole, and what differs is written. A model whose file has changed, or of which too much has, is computed as a whole.
package struct TransformRunner {
    private let connection: Connection
    private let models: [Model]
    private let isFullRefresh: Bool
    private let rebuildShare: Double
    private let before: () throws -> Void
    private let after: () throws -> Void
    private let restated: RestatedDays?
    private let eventTables: EventTables?
    private let caseKeys: CaseKeys?
    private let calendar: ReportCalendar?
    private let showsChanges: Bool

    /// The advisory lock that lets one transform run at a time.
    private static let lock: Int64 = 0x6461_7962_7472_6e73

    /// - Parameters:
    ///   - models: those of files; the tables of declared fields and keys come before them.
    ///   - isFullRefresh: computes everything.
    ///   - restated: days whose cases are computed anew, and all that follows from them, changed or not.
    ///   - eventTables: what is declared now; nil: what was declared last.
    ///   - caseKeys: likewise.
    ///   - calendar: by whose clocks local time is told; nil: as it was last.
    ///   - showsChanges: in a rehearsal, whose temporary tables outlive this: keeps what changes of each model's table
    ///     in `pg_temp.old_<table>` and `pg_temp.new_<table>`, where anything does.
    ///   - rebuildShare: where new loads have brought a larger share of all events than this, everything is computed.
    ///   - before: what is to change what raw holds, in the same transaction; it tells of cases in `daybook.touched_cases`.
    ///   - after: what is to follow when the tables are as they should be, in the same transaction.
    package init(
        _ models: [Model], _ connection: Connection, isFullRefresh: Bool = false,
        restated: RestatedDays? = nil, eventTables: EventTables? = nil, caseKeys: CaseKeys? = nil,
        calendar: ReportCalendar? = nil, showsChanges: Bool = false, rebuildShare: Double = 0.2,
        before: @escaping () throws -> Void = {}, after: @escaping () throws -> Void = {}
    ) {
        self.models = models
        self.connection = connection
        self.isFullRefresh = isFullRefresh
        self.restated = restated
        self.eventTables = eventTables
        self.caseKeys = caseKeys
        self.calendar = calendar
        self.showsChanges = showsChanges
        self.rebuildShare = rebuildShare
        self.before = before
        self.after = after
    }

    /// Computes what has changed since the last transform.
    ///
    /// - Parameter prepare: what must change in the same transaction before: definitions and clocks.
    package func run(prepare: () throws -> Void) throws -> [ModelResult] {
        // Taken before the snapshot, so that it sees what the transform before has done.
        try TransformRunner.alone(connection) { try transform(prepare) }
    }

    /// Does something while no transform runs.
    ///
    /// - Parameter waitSeconds: how long to wait for one that does; nil: for as long as it takes.
    /// - Throws: `PostgresError` with `isLockTimeout` where it takes longer.
    package static func alone<Value>(
        _ connection: Connection, waitSeconds: Double? = nil, _ body: () throws -> Value
    ) throws -> Value {
        let timeout = waitSeconds.map { max(1, Int($0 * 1_000)) } ?? 0
        try connection.execute("SET lock_timeout = \(timeout)")
        do {
            try connection.query("SELECT pg_advisory_lock($1::bigint)", [lock])
        } catch {
            _ = try? connection.execute("RESET lock_timeout")
            throw error
        }
        defer { _ = try? connection.query("SELECT pg_advisory_unlock($1::bigint)", [lock]) }
        try connection.execute("RESET lock_timeout")
        return try body()
    }

    private func transform(_ prepare: () throws -> Void) throws -> [ModelResult] {
        try eventTables?.define(connection)
        let results = try connection.transaction("ISOLATION LEVEL REPEATABLE READ") {
            // The server takes each page for one that is read from a turning disk, and reads a whole table of facts, or
            // all of its index, to find a few of them. What a transform looks up is most often of the last days, in
            // memory, where the work on a row costs more than to get to it.
            try connection.execute(
                """
                SET LOCAL work_mem = '128MB';
                SET LOCAL seq_page_cost = 0.2;
                SET LOCAL random_page_cost = 0.2;
                SET LOCAL enable_mergejoin = off
                """)
            try caseKeys?.define(connection)
            try before()
            if let restated { try restated.touch(connection) }
            let changes = try Changes(
                connection, isFullRefresh: isFullRefresh, rebuildShare: rebuildShare)
            try prepare()
            try changes.findDefinitions()
            FailPoint.pass("touched")
            let scoped = ScopedRelations(changes, connection)
            let models = try EventTables.models(connection) + CaseKeys.models(connection) + models
            // A model that is gone is kept no longer: if it comes back, it is computed as a whole.
            try connection.query(
                "DELETE FROM daybook.models WHERE model <> ALL ($1::text[])", [models.map(\.name)])
            let summed = Set(models.filter { !$0.additive.isEmpty }.map(\.summed))
            let restatements = try models.map {
                try Restatement(
                    $0, changes, scoped, connection, isFullRefresh: isFullRefresh, tellsAll: restated != nil,
                    showsChanges: showsChanges || summed.contains($0.name))
            }
            // The clock is asked before anything is written: what it touches is what the tables show now.
            for restatement in restatements { try restatement.askClock() }
            let results = try restatements.map {
                let result = try $0.run()
                FailPoint.pass("model-written")
                return result
            }
            try calendar?.define(connection)
            try Dimensions(changes, connection).update(isWhole: isFullRefresh)
            FailPoint.pass("mark-seen")
            try changes.markSeen()
            try after()
            FailPoint.pass("commit-transform")
            return results
        }
        FailPoint.pass("transform-committed")
        return results
    }
}

extension FailPoint {
    /// The points of a transform, in the order in which it passes them; `model-written` once for each model.
    package static let ofTransform = [
        "touched", "model-written", "mark-seen", "commit-transform", "transform-committed",
    ]
}

/// Days to compute anew: of every case of some pipelines that had an event in them.
package struct RestatedDays: Sendable {
    let pipelines: [String]
    /// Both inclusive, as ISO 8601 has them.
    let from: String
    let to: String

    package init(pipelines: [String], from: String, to: String) {
        self.pipelines = pipelines
        (self.from, self.to) = (from, to)
    }

    func touch(_ connection: Connection) throws {
        try connection.query(
            SQLFiles.builtin.text("restatement/0_restated_days.sql"), [pipelines, from, to],
            action: "find the cases of the days")
    }
}

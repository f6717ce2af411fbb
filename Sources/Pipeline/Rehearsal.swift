import Postgres
import SQLFiles
import Transform

/// An alert that would be another.
package struct AlertChange: Sendable, Encodable {
    package let rule: String
    @OrNull package private(set) var caseID: String?
    @OrNull package private(set) var stateBefore: String?
    package let stateAfter: String
    package let summary: String

    private enum CodingKeys: String, CodingKey {
        case rule, summary
        case caseID = "case_id"
        case stateBefore = "state_before"
        case stateAfter = "state_after"
    }

    /// The states of all alerts, by their ids.
    static func states(_ connection: Connection) throws -> [Int64: String] {
        let rows = try connection.query("SELECT alert_id, state FROM daybook.alerts").rows
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.get(0), try $0.get(1)) })
    }

    static func changes(since before: [Int64: String], _ connection: Connection) throws -> [AlertChange] {
        try connection.query(
            "SELECT alert_id, rule, case_id, state, summary FROM daybook.alerts ORDER BY rule, alert_id"
        ).rows.compactMap { row in
            let state: String = try row.get("state")
            let old = before[try row.get("alert_id")]
            guard state != old else { return nil }
            return AlertChange(
                rule: try row.get("rule"), caseID: try row.getIfPresent("case_id"), stateBefore: old,
                stateAfter: state, summary: try row.get("summary"))
        }
    }
}

/// What a run would do, of a run that was taken back: what it would read and load, and which cases, facts and hours would
/// change, final ones among them.
package struct Rehearsal: Sendable, Encodable {
    package let reads: [PlannedRead]
    /// What would be loaded, by pipeline.
    package let runs: [RunReport]
    package let cases: [CaseChange]
    package let facts: [FactChange]
    /// Final hours first.
    package let hours: [HourChange]
    /// Hours among these that were final.
    package let finals: Int
    /// What would fire, and what would end; nil where that was not asked.
    @OrNull package internal(set) var alerts: [AlertChange]? = nil

    /// `new`, `changed` or `gone`, of a row.
    package typealias Change = String

    /// A case of `report.cases`.
    package struct CaseChange: Sendable, Encodable {
        package let entity: String
        package let caseID: String
        package let change: Change
        @OrNull package private(set) var eventsBefore: Int?
        @OrNull package private(set) var eventsAfter: Int?

        private enum CodingKeys: String, CodingKey {
            case entity, change
            case caseID = "case_id"
            case eventsBefore = "events_before"
            case eventsAfter = "events_after"
        }
    }

    /// A row of `report.fact_sla`.
    package struct FactChange: Sendable, Encodable {
        package let sla: String
        package let caseID: String
        package let cycle: Int
        package let change: Change
        @OrNull package private(set) var statusBefore: String?
        @OrNull package private(set) var statusAfter: String?
        @OrNull package private(set) var breachedBefore: Bool?
        @OrNull package private(set) var breachedAfter: Bool?

        private enum CodingKeys: String, CodingKey {
            case sla, cycle, change
            case caseID = "case_id"
            case statusBefore = "status_before"
            case statusAfter = "status_after"
            case breachedBefore = "breached_before"
            case breachedAfter = "breached_after"
        }
    }

    /// A row of `report.sla_hourly`.
    package struct HourChange: Sendable, Encodable {
        /// Some of its figures.
        package struct Figures: Sendable, Encodable {
            package let started: Int
            package let met: Int
            package let breached: Int
            package let cancelled: Int
            @OrNull package private(set) var attainment: Double?
        }

        package let sla: String
        package let hourStart: String
        package let change: Change
        package let wasFinal: Bool
        package let isFinal: Bool
        @OrNull package private(set) var before: Figures?
        @OrNull package private(set) var after: Figures?

        private enum CodingKeys: String, CodingKey {
            case sla, change, before, after
            case hourStart = "hour_start"
            case wasFinal = "was_final"
            case isFinal = "is_final"
        }
    }

    /// Reads what a transform that shows its changes has left on this connection.
    init(_ reads: [PlannedRead], _ runs: [RunReport], _ connection: Connection) throws {
        self.reads = reads
        self.runs = runs
        cases = try Rehearsal.rows("cases", of: "cases", connection).map { row in
            CaseChange(
                entity: try row.get("entity"), caseID: try row.get("case_id"), change: try row.get("change"),
                eventsBefore: try row.getIfPresent("events_before"),
                eventsAfter: try row.getIfPresent("events_after"))
        }
        facts = try Rehearsal.rows("facts", of: "fact_sla", connection).map { row in
            FactChange(
                sla: try row.get("sla"), caseID: try row.get("case_id"), cycle: try row.get("cycle"),
                change: try row.get("change"), statusBefore: try row.getIfPresent("status_before"),
                statusAfter: try row.getIfPresent("status_after"),
                breachedBefore: try row.getIfPresent("breached_before"),
                breachedAfter: try row.getIfPresent("breached_after"))
        }
        hours = try Rehearsal.rows("hours", of: "sla_hourly", connection).map { row in
            HourChange(
                sla: try row.get("sla"), hourStart: try row.get("hour_start"), change: try row.get("change"),
                wasFinal: try row.get("was_final"), isFinal: try row.get("is_final"),
                before: try Rehearsal.figures(row, "before"), after: try Rehearsal.figures(row, "after"))
        }
        finals = hours.count { $0.wasFinal }
    }

    /// What `sql/rehearsal/<file>.sql` tells of a table; nothing where the transform did not come to it.
    private static func rows(_ file: String, of table: String, _ connection: Connection) throws -> [Result
        .Row]
    {
        let isThere: Bool = try connection.query(
            "SELECT to_regclass($1) IS NOT NULL", ["pg_temp.new_\(table)"]
        ).first().get(0)
        guard isThere else { return [] }
        return try connection.query(SQLFiles.builtin.text("rehearsal/\(file).sql")).rows
    }

    private static func figures(_ row: Result.Row, _ side: String) throws -> HourChange.Figures? {
        guard let started = try row.getIfPresent("started_\(side)", as: Int.self) else { return nil }
        return HourChange.Figures(
            started: started, met: try row.get("met_\(side)"), breached: try row.get("breached_\(side)"),
            cancelled: try row.get("cancelled_\(side)"),
            attainment: try row.getIfPresent("attainment_\(side)"))
    }
}

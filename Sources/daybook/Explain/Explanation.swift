import Foundation
import Pipeline
import Postgres
import SQLFiles

/// The cases behind an hour's row, and what became of the row.
struct Explanation: Encodable {
    /// A figure of the row, and the same computed from the cases.
    struct Figure: Encodable {
        let name: String
        @OrNull var row: Double?
        @OrNull var cases: Double?

        /// Sums may differ in their last digits; counts never.
        var agrees: Bool {
            guard let row, let cases else { return row == nil && cases == nil }
            return abs(row - cases) <= max(abs(row), abs(cases)) * 1e-9
        }
    }

    struct Definition: Encodable {
        let pipeline: String
        let entity: String
        @OrNull var description: String?
        @OrNull var owner: String?
        @OrNull var target: Double?
        let occurrence: String
        let orderBy: String
        let clock: String
        let withinSeconds: Double
        let clockSkewSeconds: Double
        let version: Int
        /// Of the last transform.
        @OrNull var judgedVersion: Int?
        @OrNull var asOf: String?
        @OrNull var watermark: String?
        /// The source that is furthest behind.
        @OrNull var heldBy: String?
        @OrNull var startTypes: String?
        @OrNull var endTypes: String?
        @OrNull var cancelTypes: String?
    }

    struct Case: Encodable {
        let caseId: String
        let cycle: Int
        let status: String
        @OrNull var breached: Bool?
        @OrNull var anomaly: String?
        @OrNull var elapsedSeconds: Double?
        let withinSeconds: Double
        let definitionVersion: Int
        @OrNull var startedAt: String?
        @OrNull var breachAt: String?
        @OrNull var completedAt: String?
        @OrNull var cancelledAt: String?
        @OrNull var start: Place?
        @OrNull var end: Place?
        @OrNull var cancel: Place?

        /// What the row counts it as.
        var outcome: String {
            switch (status, breached) {
            case ("completed", false?): "met"
            case ("completed", true?): "late"
            case ("in_progress", true?): "overdue"
            case ("in_progress", _): "open"
            case ("cancelled", _): "cancelled"
            default: "not judged"
            }
        }
    }

    /// Where an event was read.
    struct Place: Codable {
        let eventId: String
        let type: String
        let service: String
        let occurredAt: String
        let source: String
        let object: String
        /// The byte, or the number of the item.
        let position: Int
        /// The physical line, from 1; nil where it is not known.
        @OrNull var line: Int?
        let loadId: Int
        let loadedAt: String
        let runId: Int
        let startPosition: Int
        let endPosition: Int
        let firstLine: Int
        let endLine: Int
    }

    struct Version: Encodable {
        let validFrom: String
        @OrNull var validTo: String?
        let cause: String
        let isFinal: Bool
        /// Whether it changed an hour that was final.
        let isRestatement: Bool
        let figures: [String: Double]
        let loadIds: [Int]
        @OrNull var objects: String?
    }

    let sla: String
    let hourStart: String
    let by: String
    let isFinal: Bool
    let restatedAt: String
    let figures: [Figure]
    let addsUp: Bool
    /// Nil where the SLA is no longer defined.
    @OrNull var definition: Definition?
    var cases: [Case]
    let casesInAll: Int
    /// Of hours of starts; nil of others, of which no versions are kept.
    @OrNull var history: [Version]?
}

// MARK: - Reading

extension Explanation {
    /// The figures that a row and its cases have in common.
    static let names = Figures.none.all.filter { $0.unit != .hours }.map(\.name)

    /// - Returns: nil where the hour has no row.
    init?(
        _ sla: String, hour: String, until: String, by: HourBasis, limit: Int, _ connection: Connection
    ) throws {
        func ask(_ name: String, _ parameters: [(any PostgresParameter)?]) throws -> [Result.Row] {
            try connection.query(by.sql("explain/\(name).sql"), parameters).rows
        }
        guard let row = try ask("row", [sla, hour]).first else { return nil }
        let found = try Figures.read(of: [sla], from: hour, to: until, by: by, connection)[sla] ?? .none
        let ofCases = Dictionary(uniqueKeysWithValues: found.all.map { ($0.name, $0.value) })
        figures = try Explanation.names.map { name in
            Figure(name: name, row: try row.getIfPresent(name), cases: ofCases[name] ?? nil)
        }
        addsUp = figures.allSatisfy(\.agrees)
        self.sla = sla
        hourStart = try row.get("hour_start")
        self.by = by.rawValue
        isFinal = try row.get("is_final")
        restatedAt = try row.get("restated_at")
        definition = try ask("definition", [sla]).first.map(Definition.init)
        cases = try ask("facts", [sla, hour, limit]).map(Case.init)
        casesInAll = try connection.query(
            by.sql("explain/count.sql"), [sla, hour]
        ).first().get(0)
        history = by == .start ? try ask("history", [sla, hour]).map(Version.init) : nil
    }
}

extension Explanation.Definition {
    init(_ row: Result.Row) throws {
        pipeline = try row.get("pipeline")
        entity = try row.get("entity")
        description = try row.getIfPresent("description")
        owner = try row.getIfPresent("owner")
        target = try row.getIfPresent("target")
        occurrence = try row.get("occurrence")
        orderBy = try row.get("order_by")
        clock = try row.get("clock")
        withinSeconds = try row.get("within_seconds")
        clockSkewSeconds = try row.get("clock_skew_seconds")
        version = try row.get("version")
        judgedVersion = try row.getIfPresent("judged_version")
        asOf = try row.getIfPresent("as_of")
        watermark = try row.getIfPresent("watermark")
        heldBy = try row.getIfPresent("held_by")
        startTypes = try row.getIfPresent("start_types")
        endTypes = try row.getIfPresent("end_types")
        cancelTypes = try row.getIfPresent("cancel_types")
    }
}

extension Explanation.Case {
    init(_ row: Result.Row) throws {
        func place(_ column: String) throws -> Explanation.Place? {
            guard let text = try row.getIfPresent(column, as: String.self) else { return nil }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Explanation.Place.self, from: Data(text.utf8))
        }
        caseId = try row.get("case_id")
        cycle = try row.get("cycle")
        status = try row.get("status")
        breached = try row.getIfPresent("breached")
        anomaly = try row.getIfPresent("anomaly")
        elapsedSeconds = try row.getIfPresent("elapsed_seconds")
        withinSeconds = try row.get("within_seconds")
        definitionVersion = try row.get("definition_version")
        startedAt = try row.getIfPresent("started_at")
        breachAt = try row.getIfPresent("breach_at")
        completedAt = try row.getIfPresent("completed_at")
        cancelledAt = try row.getIfPresent("cancelled_at")
        start = try place("start_place")
        end = try place("end_place")
        cancel = try place("cancel_place")
    }
}

extension Explanation.Version {
    init(_ row: Result.Row) throws {
        validFrom = try row.get("valid_from")
        validTo = try row.getIfPresent("valid_to")
        cause = try row.get("cause")
        isFinal = try row.get("is_final")
        isRestatement = try row.get("is_restatement")
        let values = try Explanation.names.compactMap { name in
            try row.getIfPresent(name, as: Double.self).map { (name, $0) }
        }
        figures = Dictionary(uniqueKeysWithValues: values)
        let ids = try row.getIfPresent("load_ids", as: String.self) ?? "{}"
        loadIds = ids.split { "{},".contains($0) }.compactMap { Int($0) }
        objects = try row.getIfPresent("objects")
    }
}

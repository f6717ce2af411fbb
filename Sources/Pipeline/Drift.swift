import Postgres
import SQLFiles

/// What has changed in what sources tell: types of events, members of their details and the values of these, and how
/// many events come in an hour; by comparing their latest events with those of the weeks before (`sql/drift`).
package struct Drift: Sendable {
    /// Pipelines whose sources are looked at; nil: all.
    package var pipelines: [String]?
    /// How long before the latest event of a source its window begins.
    package var windowMicroseconds: Int64
    /// With how many weeks before the window it is compared.
    package var weeks: Int

    package init(pipelines: [String]?, windowMicroseconds: Int64, weeks: Int) {
        (self.pipelines, self.windowMicroseconds, self.weeks) = (pipelines, windowMicroseconds, weeks)
    }

    /// With fewer weeks nothing can be said of what is usual.
    package static let minWeeks = 2

    /// A type that came fewer times in the same hours of a week may fail to come by chance.
    private static let minEventsOfType = 5
    /// Nine events that come by chance fail to come once in eight thousand times.
    private static let minEventsMissed = 10
    /// Details with more members are maps, whose names are data.
    private static let maxMembers = 200
    /// Of how many events of a type the details are looked at. Of a member that one event in a thousand has, ten are
    /// among them before the window; what was not met there is looked for in all events.
    private static let sampled = (inWindow: 50_000, before: 10_000)

    // MARK: - What was found

    package enum Kind: String, Sendable, Encodable {
        case silent
        case volumeLow = "volume low"
        case volumeHigh = "volume high"
        case newType = "new type"
        case vanishedType = "vanished type"
        case newField = "new field"
        case vanishedField = "vanished field"
        case valueTypeChanged = "value type changed"
    }

    /// Something that is not as before. Times are PostgreSQL's text of them, in UTC.
    package struct Finding: Sendable {
        package let source: String
        package let kind: Kind
        package var type: String?
        /// A member of `details`.
        package var field: String?
        /// Of the volume: the stretch of hours.
        package var hours: (from: String, to: String)?
        /// In the window, or in the hours: of the type, with the field, with the new types of value.
        package let events: Int
        /// Of a field: the events of its type, in the window and before it.
        package var total: Int?
        package var totalBefore: Int?
        /// In all the weeks before.
        package var eventsBefore: Int?
        /// In the same hours of each week before: the median, or the fewest and the most.
        package var usual: ClosedRange<Int>?
        /// Of what is new, the first event; of what has vanished, the last.
        package var firstAt: String?
        package var lastAt: String?
        package var valueTypes: String?
        package var valueTypesBefore: String?
        /// The weeks that it is compared with.
        package let weeks: Int
    }

    /// A source, and what of it was looked at.
    package struct Source: Sendable {
        package let name: String
        package let earliest: String
        package let from: String
        package let to: String
        /// Fewer than `minWeeks` are too few: then nothing was compared.
        package let weeks: Int
    }

    package struct Report: Sendable {
        package var findings: [Finding] = []
        package var sources: [Source] = []
        /// Whether of some type not all events were looked at.
        package var isSampled = false
    }

    // MARK: - Looking

    /// Looks at everything in one snapshot; leaves nothing behind.
    package func report(_ connection: Connection) throws -> Report {
        try connection.rehearsal {
            try connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            try connection.holdDays()
            return try look(connection)
        }
    }

    private func look(_ connection: Connection) throws -> Report {
        try fill("sources", [pipelines, "\(windowMicroseconds) microseconds"], connection)
        let days = try query("days", [weeks], connection).map { try $0.get("day", as: String.self) }
        try fill("hours", [days], connection)
        try fill("judged", [weeks], connection)
        var report = Report()
        report.sources = try connection.query("SELECT * FROM pg_temp.drift_judged ORDER BY source").rows.map {
            Source(
                name: try $0.get("source"), earliest: try $0.get("earliest"), from: try $0.get("from_hour"),
                to: try $0.get("until"), weeks: try $0.get("weeks"))
        }
        let volume = try query("volume", [Drift.minEventsMissed], connection).map(Drift.volumeFinding)
        let types = try query("types", [Drift.minEventsOfType], connection).map(Drift.typeFinding)
        let (fields, isSampled) = try fieldFindings(days, connection)
        report.isSampled = isSampled
        // By source, and of each source the silence first.
        report.findings = report.sources.flatMap { source in
            (volume + types + fields).filter { $0.source == source.name }
        }
        return report
    }

    /// Looks at a sample of the details, and of the types that show something in it at all.
    private func fieldFindings(_ days: [String], _ connection: Connection) throws -> ([Finding], Bool) {
        let bounds: [(any PostgresParameter)?] = [Drift.minEventsMissed, Drift.maxMembers]
        try fill("samples", [Drift.sampled.inWindow, Drift.sampled.before], connection)
        let isSampled: Bool = try connection.query(
            "SELECT EXISTS (SELECT FROM pg_temp.drift_samples WHERE one_in > 1)"
        ).first().get(0)
        try fill("fields", [days], connection)
        let found = try query("field_findings", bounds, connection)
        let doubtful = try found.filter { try $0.get("is_sampled", as: Bool.self) }
        guard !doubtful.isEmpty else { return (try found.map(Drift.fieldFinding), isSampled) }

        try query(
            "samples_to_check",
            [
                try doubtful.map { try $0.get("source_id", as: Int.self) },
                try doubtful.map { try $0.get("type", as: String.self) },
            ], connection)
        try connection.execute(
            """
            DELETE FROM pg_temp.drift_fields AS f USING pg_temp.drift_samples AS s
            WHERE f.source_id = s.source_id AND f.type = s.type
            """)
        try connection.query(
            "INSERT INTO pg_temp.drift_fields\n\(Drift.sql("fields"))", [days], action: "drift/fields.sql")
        return (try query("field_findings", bounds, connection).map(Drift.fieldFinding), isSampled)
    }

    private static func sql(_ name: String) -> String { SQLFiles.builtin.text("drift/\(name).sql") }

    @discardableResult
    private func query(
        _ name: String, _ parameters: [(any PostgresParameter)?], _ connection: Connection
    ) throws -> [Result.Row] {
        try connection.query(Drift.sql(name), parameters, action: "drift/\(name).sql").rows
    }

    /// Makes the temporary table that a file is named for.
    private func fill(
        _ name: String, _ parameters: [(any PostgresParameter)?], _ connection: Connection
    ) throws {
        let create = "CREATE TEMPORARY TABLE drift_\(name) ON COMMIT DROP AS\n"
        try connection.query(create + Drift.sql(name), parameters, action: "drift/\(name).sql")
        try connection.execute("ANALYZE pg_temp.drift_\(name)")
    }

    // MARK: - Rows

    private static func kind(_ row: Result.Row) throws -> Kind {
        let name: String = try row.get("kind")
        guard let kind = Kind(rawValue: name) else {
            throw PostgresError(
                kind: .decoding, action: "read what drifted", message: "\"\(name)\" is no kind")
        }
        return kind
    }

    private static func volumeFinding(_ row: Result.Row) throws -> Finding {
        let expected: Int = try row.get("expected")
        return Finding(
            source: try row.get("source"), kind: try kind(row),
            hours: (try row.get("from_hour"), try row.get("to_hour")), events: try row.get("events"),
            usual: expected...expected, lastAt: try row.get("latest"), weeks: try row.get("weeks"))
    }

    private static func typeFinding(_ row: Result.Row) throws -> Finding {
        let least = try row.getIfPresent("least", as: Int.self)
        let most = try row.getIfPresent("most", as: Int.self)
        return Finding(
            source: try row.get("source"), kind: try kind(row), type: try row.get("type"),
            events: try row.get("events"), eventsBefore: try row.get("events_before"),
            usual: least.flatMap { least in most.map { least...$0 } },
            firstAt: try row.getIfPresent("first_at"), lastAt: try row.getIfPresent("last_at"),
            weeks: try row.get("weeks"))
    }

    private static func fieldFinding(_ row: Result.Row) throws -> Finding {
        let kind = try kind(row)
        return Finding(
            source: try row.get("source"), kind: kind, type: try row.get("type"),
            field: try row.get("field"), events: try row.get("events"), total: try row.get("total"),
            totalBefore: try row.get("total_before"), eventsBefore: try row.get("events_before"),
            firstAt: try row.getIfPresent("first_at"),
            lastAt: kind == .vanishedField ? try row.getIfPresent("last_at") : nil,
            valueTypes: try row.getIfPresent("new_value_types"),
            valueTypesBefore: try row.getIfPresent("value_types_before"), weeks: try row.get("weeks"))
    }
}

import Events
import Postgres

/// A definition of an SLA as the catalogue keeps it.
package struct SLADefinition: Sendable, Equatable {
    package var name: String
    package var pipeline: String
    package var entity: String
    package var start: [TypePattern]
    package var end: [TypePattern]
    package var cancel: [TypePattern]
    package var withinMicroseconds: Int64
    /// A share, 0 to 1.
    package var target: Double?
    /// `first`, `last` or `each`.
    package var occurrence: String
    /// `time` or `sequence`.
    package var orderBy: String
    package var clockSkewMicroseconds: Int64
    /// `wall` or `data`.
    package var clock: String
    /// What it promises, in words for the reader of a report.
    package var description: String?
    /// Who answers for it.
    package var owner: String?

    package init(
        name: String, pipeline: String, entity: String, start: [TypePattern], end: [TypePattern],
        cancel: [TypePattern], withinMicroseconds: Int64, target: Double?, occurrence: String,
        orderBy: String = "time", clockSkewMicroseconds: Int64, clock: String, description: String? = nil,
        owner: String? = nil
    ) {
        self.name = name
        self.pipeline = pipeline
        self.entity = entity
        self.start = start
        self.end = end
        self.cancel = cancel
        self.withinMicroseconds = withinMicroseconds
        self.target = target
        self.occurrence = occurrence
        self.orderBy = orderBy
        self.clockSkewMicroseconds = clockSkewMicroseconds
        self.clock = clock
        self.description = description
        self.owner = owner
    }
}

/// An event type, or a namespace of them (`order.*`).
package struct TypePattern: Sendable, Hashable {
    /// Of a namespace the part before the star, dot included.
    package let text: String
    package let isNamespace: Bool

    package init(_ written: String) {
        isNamespace = written.hasSuffix(".*")
        text = isNamespace ? String(written.dropLast()) : written
    }

    package var written: String { isNamespace ? text + "*" : text }

    package func matches(_ type: String) -> Bool {
        isNamespace ? type.hasPrefix(text) : type == text
    }
}

/// What the events of a source are.
package enum SourceRole: String, Sendable, CaseIterable {
    /// Things that happened.
    case events
    /// Messages that a broker could not deliver: something did not happen.
    case deadLetter = "dead_letter"
}

/// How old the latest event of a source may be.
package struct FreshnessLimits: Sendable, Equatable {
    /// Older, it is worth a look; nil: however old it is.
    package var warnMicroseconds: Int64?
    /// Older, the source is stale; nil: it never is.
    package var errorMicroseconds: Int64?

    package init(warnMicroseconds: Int64? = nil, errorMicroseconds: Int64? = nil) {
        self.warnMicroseconds = warnMicroseconds
        self.errorMicroseconds = errorMicroseconds
    }
}

/// The sources, runs and SLAs that the database knows.
package struct Catalogue {
    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    // MARK: - Sources

    /// The source's id, given when it is first seen; what its definition says now is noted.
    @discardableResult
    package func sourceID(
        pipeline: String, name: String, entity: String, identity: EventIdentity = .source,
        onChange: OnChange = .keepFirst, latenessMicroseconds: Int64 = 0,
        freshness: FreshnessLimits = FreshnessLimits(), role: SourceRole = .events,
        keepsOriginals: Bool = false
    ) throws -> Int32 {
        let before: String? = try connection.query(
            "SELECT role FROM daybook.sources WHERE pipeline = $1 AND name = $2", [pipeline, name]
        ).rows.first?.get(0)
        return try connection.transaction {
            let sourceID: Int32 = try connection.query(
                """
                INSERT INTO daybook.sources (
                    pipeline, name, entity, identity, on_change, lateness, freshness_warn, freshness_error, role,
                    keeps_originals)
                VALUES ($1, $2, $3, $4, $5, $6::bigint * interval '1 microsecond',
                    $7::bigint * interval '1 microsecond', $8::bigint * interval '1 microsecond', $9, $10::boolean)
                ON CONFLICT (pipeline, name) DO UPDATE
                SET entity = excluded.entity, identity = excluded.identity, on_change = excluded.on_change,
                    lateness = excluded.lateness, freshness_warn = excluded.freshness_warn,
                    freshness_error = excluded.freshness_error, role = excluded.role,
                    keeps_originals = excluded.keeps_originals
                RETURNING source_id
                """,
                [
                    pipeline, name, entity, identity.rawValue, onChange.rawValue, latenessMicroseconds,
                    freshness.warnMicroseconds, freshness.errorMicroseconds, role.rawValue, keepsOriginals,
                ]
            ).first().get(0)
            // With another role its events mean something else; with the next transform in the reports, too.
            if let before, before != role.rawValue {
                try connection.query(
                    "SELECT daybook.touch_source($1::int)", [sourceID], action: "touch the cases of a source")
            }
            return sourceID
        }
    }

    /// Marks the sources of these pipelines that are no longer defined: no hour waits for what they may tell.
    ///
    /// - Parameter sources: the pipelines and names of those that are.
    package func retireSources(
        besides sources: [(pipeline: String, name: String)], ofPipelines pipelines: [String]
    ) throws {
        try connection.query(
            """
            UPDATE daybook.sources AS s
            SET retired_at = CASE WHEN s.retired_at IS NULL THEN now() END
            WHERE pipeline = ANY ($1::text[])
                AND (retired_at IS NULL) <> ((pipeline, name) IN (SELECT * FROM unnest($2::text[], $3::text[])))
            """, [pipelines, sources.map(\.pipeline), sources.map(\.name)], action: "retire sources")
    }

    /// The pipelines of which the catalogue holds anything.
    package func pipelines() throws -> [String] {
        try connection.query(
            """
            SELECT pipeline FROM daybook.sources
            UNION
            SELECT pipeline FROM daybook.slas
            UNION
            SELECT pipeline FROM daybook.event_fields
            ORDER BY pipeline
            """
        ).rows.map { try $0.get(0) }
    }

    /// The source's id, or nil where it has never run.
    package func findSourceID(pipeline: String, name: String) throws -> Int32? {
        try connection.query(
            "SELECT source_id FROM daybook.sources WHERE pipeline = $1 AND name = $2", [pipeline, name]
        ).rows.first?.get(0)
    }

    /// The types of the events in raw, by entity.
    package func types() throws -> [String: Set<String>] {
        let rows = try connection.query("SELECT DISTINCT entity, type FROM raw.events").rows
        return try Dictionary(grouping: rows) { try $0.get(0, as: String.self) }
            .mapValues { rows in Set(try rows.map { try $0.get(1, as: String.self) }) }
    }

    // MARK: - Runs

    /// Begins a run; earlier runs of the pipeline that never ended are marked failed. Call under its lock.
    ///
    /// The times of a schedule that it stands for are accounted for from here on, however it ends.
    ///
    /// - Returns: nil where somebody else has accounted for these times meanwhile.
    package func beginRun(
        pipeline: String, host: String, processID: Int32, version: String, origin: RunOrigin = RunOrigin()
    ) throws -> Int64? {
        try connection.query(
            """
            UPDATE daybook.runs
            SET status = 'failed', ended_at = clock_timestamp(), error = 'it was killed', may_pass = true
            WHERE pipeline = $1 AND status = 'running'
            """, [pipeline])
        return try connection.query(
            """
            WITH accounted AS (
                UPDATE daybook.schedules
                SET accounted_until = $7::timestamptz
                WHERE pipeline = $1 AND accounted_until < $7::timestamptz
                RETURNING pipeline
            )
            INSERT INTO daybook.runs (
                pipeline, status, host, process_id, version, started_by, nominal_from, nominal_at, nominal_times,
                attempt)
            SELECT $1, 'running', $2, $3::int, $4, $5, $6::timestamptz, $7::timestamptz, $8::int, $9::int
            WHERE $7::timestamptz IS NULL OR $9::int > 1 OR EXISTS (SELECT FROM accounted)
                OR NOT EXISTS (SELECT FROM daybook.schedules WHERE pipeline = $1)
            RETURNING run_id
            """,
            [
                pipeline, host, processID, version, origin.startedBy, origin.nominal?.first.description,
                origin.nominal?.last.description, origin.nominal?.count, origin.nominal?.attempt,
            ]
        ).rows.first?.get(0)
    }

    /// Notes how a run ended.
    ///
    /// - Parameters:
    ///   - hasLoaded: whether all of its sources were read to their ends.
    ///   - mayPass: whether it failed for a reason that may pass.
    package func endRun(
        _ runID: Int64, _ counts: LoadCounts, error: String?, hasLoaded: Bool = false, mayPass: Bool = false
    ) throws {
        try connection.query(
            """
            UPDATE daybook.runs
            SET status = CASE WHEN $2::text IS NULL THEN 'succeeded' ELSE 'failed' END, error = $2,
                ended_at = clock_timestamp(), read = $3::bigint, loaded = $4::bigint, duplicate = $5::bigint,
                conflicting = $6::bigint, rejected = $7::bigint, filtered = $8::bigint,
                has_loaded = $9::boolean, may_pass = $10::boolean
            WHERE run_id = $1::bigint
            """,
            [
                runID, error, counts.read, counts.loaded, counts.duplicate, counts.conflicting,
                counts.rejected, counts.filtered, hasLoaded, mayPass,
            ])
    }

    // MARK: - SLAs

    /// Makes the catalogue's SLAs of these pipelines equal to their definitions.
    ///
    /// What changes the meaning of an SLA raises its `definition_version`; a new target does not.
    package func define(_ slas: [SLADefinition], ofPipelines pipelines: [String]) throws {
        try connection.query(
            "DELETE FROM daybook.slas WHERE pipeline = ANY ($1::text[]) AND sla <> ALL ($2::text[])",
            [pipelines, slas.map(\.name)])
        for sla in slas {
            let types = [("start", sla.start), ("end", sla.end), ("cancel", sla.cancel)].flatMap {
                role, patterns in
                Set(patterns).map { (role: role, pattern: $0) }
            }
            try connection.query(
                """
                WITH types AS (
                    SELECT role, type, is_namespace
                    FROM unnest($10::text[], $11::text[], $12::boolean[]) AS t (role, type, is_namespace)
                ),
                before AS (
                    SELECT s.entity, s.within, s.occurrence, s.order_by, s.clock_skew,
                        (SELECT array_agg((role, type, is_namespace)::text ORDER BY role, type, is_namespace)
                        FROM daybook.sla_types AS t WHERE t.sla = s.sla) AS types
                    FROM daybook.slas AS s
                    WHERE s.sla = $1
                ),
                changed AS (
                    SELECT count(*) AS versions
                    FROM before
                    WHERE (entity, within, occurrence, order_by, clock_skew, types) IS DISTINCT FROM
                        ($3, make_interval(secs => $4::double precision), $6, $9,
                            make_interval(secs => $7::double precision),
                            (SELECT array_agg((role, type, is_namespace)::text ORDER BY role, type, is_namespace)
                            FROM types))
                )
                INSERT INTO daybook.slas AS s (
                    sla, pipeline, entity, within, target, occurrence, order_by, clock_skew, clock,
                    definition_version, description, owner)
                SELECT $1, $2, $3, make_interval(secs => $4::double precision), $5::double precision, $6, $9,
                    make_interval(secs => $7::double precision), $8, 1, $13, $14
                ON CONFLICT (sla) DO UPDATE
                SET pipeline = excluded.pipeline, entity = excluded.entity, within = excluded.within,
                    target = excluded.target, occurrence = excluded.occurrence,
                    order_by = excluded.order_by, clock_skew = excluded.clock_skew, clock = excluded.clock,
                    description = excluded.description, owner = excluded.owner,
                    definition_version = s.definition_version + (SELECT versions FROM changed)
                WHERE (s.pipeline, s.entity, s.within, s.target, s.occurrence, s.order_by, s.clock_skew, s.clock,
                        s.description, s.owner)
                    IS DISTINCT FROM (excluded.pipeline, excluded.entity, excluded.within, excluded.target,
                        excluded.occurrence, excluded.order_by, excluded.clock_skew, excluded.clock, excluded.description,
                        excluded.owner)
                    OR (SELECT versions FROM changed) > 0
                """,
                [
                    sla.name, sla.pipeline, sla.entity, Double(sla.withinMicroseconds) / 1e6, sla.target,
                    sla.occurrence, Double(sla.clockSkewMicroseconds) / 1e6, sla.clock, sla.orderBy,
                    types.map(\.role),
                    types.map(\.pattern.text), types.map(\.pattern.isNamespace), sla.description, sla.owner,
                ], action: "define the SLA \(sla.name)")
            try connection.query(
                """
                WITH types AS (
                    SELECT $1 AS sla, role, type, is_namespace
                    FROM unnest($2::text[], $3::text[], $4::boolean[]) AS t (role, type, is_namespace)
                ),
                gone AS (
                    DELETE FROM daybook.sla_types
                    WHERE sla = $1 AND (sla, role, type, is_namespace) NOT IN (TABLE types)
                )
                INSERT INTO daybook.sla_types (sla, role, type, is_namespace) TABLE types
                ON CONFLICT DO NOTHING
                """,
                [
                    sla.name, types.map(\.role), types.map(\.pattern.text), types.map(\.pattern.isNamespace),
                ])
        }
    }

    /// Sets the time at which open cases are judged: the wall clock or the latest event, never back.
    ///
    /// - Parameters:
    ///   - asOf: a time that takes the place of the clocks of the SLAs of `pipelines`.
    ///   - mayGoBack: a full refresh may set the time back.
    /// - Throws: `WarehouseError.asOfGoesBack`.
    package func setClocks(asOf: Timestamp?, ofPipelines pipelines: [String], mayGoBack: Bool) throws {
        if let asOf, !mayGoBack {
            let later = try connection.query(
                """
                SELECT max(as_of) FROM daybook.slas
                WHERE pipeline = ANY ($1::text[]) AND as_of > $2::timestamptz
                """, [pipelines, asOf.description])
            if let stored = try later.first().getIfPresent(0, as: String.self) {
                throw WarehouseError.asOfGoesBack(stored: stored)
            }
        }
        try connection.query(
            """
            WITH entities AS (
                -- What a pipeline's data clock looks at: its own entity and those of its SLAs.
                SELECT pipeline, entity FROM daybook.slas
                UNION
                SELECT pipeline, entity FROM daybook.sources
            ),
            clocks AS (
                SELECT s.sla,
                    CASE
                        WHEN s.pipeline = ANY ($1::text[]) AND $2::timestamptz IS NOT NULL THEN $2::timestamptz
                        WHEN s.clock = 'wall' THEN now()
                        ELSE (
                            SELECT max(l.latest) FROM entities AS e JOIN daybook.entities AS l USING (entity)
                            WHERE e.pipeline = s.pipeline
                        )
                    END AS at
                FROM daybook.slas AS s
            )
            UPDATE daybook.slas AS s
            SET as_of = c.at
            FROM (
                SELECT sla,
                    CASE WHEN $3::boolean AND o.pipeline = ANY ($1::text[]) THEN clocks.at
                        ELSE greatest(o.as_of, clocks.at) END AS at
                FROM clocks JOIN daybook.slas AS o USING (sla)
            ) AS c
            WHERE c.sla = s.sla AND s.as_of IS DISTINCT FROM c.at
            """, [pipelines, asOf?.description, mayGoBack], action: "set the clocks")
    }
}

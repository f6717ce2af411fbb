import Postgres
import SQLFiles

/// What has changed since the last transform: of each relation that models read, the rows by which their keys are
/// found. Lives in one transaction, and in its temporary tables.
final class Changes {
    enum Extent {
        case nothing
        /// A temporary table, or a SELECT in parentheses, of rows, or of the part of them by which the keys of models are
        /// found: of what a relation held before and of what it holds now. Beside them `touched_loads`, the loads that
        /// did it, and `touched_cause`: load, erase, definition or clock. Where they are most of what there is, it costs
        /// less to compute all than to look them up.
        case rows(table: String, areMost: Bool)
        /// Not known.
        case everything
    }

    private let connection: Connection
    private let sql = SQLFiles.builtin
    private var extents: [String: Extent] = [:]
    private var raw = Extent.nothing
    /// Whether all models are to be computed as a whole, whatever has changed.
    private let computesAll: Bool
    private var slas = Extent.nothing
    /// The rows that are to be as the SELECTs say.
    let kept: KeptRows
    /// How often events were fetched.
    private var fetchRounds = 0
    /// Of the loads that were not seen: their ids and days, as the server's texts of arrays.
    private var unseen = (ids: "{}", days: "{}")

    /// Finds the loads that were not seen, and the cases that they touched.
    ///
    /// - Parameters:
    ///   - isFullRefresh: takes everything for changed.
    ///   - rebuildShare: where the loads that were not seen have brought this share of all events, computing everything
    ///     costs less than looking for what they touched.
    init(_ connection: Connection, isFullRefresh: Bool, rebuildShare: Double) throws {
        self.connection = connection
        kept = try KeptRows(connection)
        try connection.execute(sql.text("restatement/1_unseen_loads.sql"), action: "find what is new")
        let news = try connection.query(
            """
            SELECT count(*) > 0 AS is_any, coalesce(sum(loaded), 0)::double precision AS loaded,
                coalesce(array_agg(load_id), '{}')::text AS ids,
                ARRAY(SELECT DISTINCT unnest(event_days) FROM pg_temp.unseen_loads)::text AS days
            FROM pg_temp.unseen_loads
            """
        ).first()
        unseen = (ids: try news.get("ids"), days: try news.get("days"))
        let isAny: Bool = try news.get("is_any")
        let isTouched: Bool = try connection.query("SELECT EXISTS (SELECT FROM daybook.touched_cases)")
            .first()
            .get(0)
        var areMost = false
        if isAny {
            let all: Double = try connection.query(
                "SELECT coalesce(sum(loaded), 0)::double precision FROM daybook.loads"
            ).first().get(0)
            areMost = try news.get("loaded", as: Double.self) > all * rebuildShare
        }
        computesAll = isFullRefresh || areMost
        if isAny || isTouched { raw = .rows(table: Changes.touchedCases, areMost: computesAll) }
        try connection.execute(
            """
            CREATE TEMPORARY TABLE touched_cases (
                case_id text COLLATE "C" PRIMARY KEY, first_day date, last_day date, touched_loads bigint[],
                touched_cause text
            ) ON COMMIT DROP
            """)
        if case .rows = raw {
            try run("2_touched_cases.sql")
            try connection.execute("ANALYZE \(Changes.touchedCases) (case_id)")
        }
        if computesAll {
            if isFullRefresh {
                // What dropped days told is known from here only.
                try connection.execute(
                    """
                    DELETE FROM daybook.entities WHERE (SELECT raw_from = '-infinity' FROM daybook.retention);
                    DELETE FROM daybook.source_entities WHERE (SELECT raw_from = '-infinity' FROM daybook.retention)
                    """)
            }
            try run("3_latest_events.sql", ofAll: true)
        } else if isAny {
            try run("3_latest_events.sql")
        }
    }

    private static let touchedCases = "pg_temp.touched_cases"

    /// Finds the SLAs that are defined in another way than the report tables were judged by.
    func findDefinitions() throws {
        try connection.execute(
            """
            CREATE TEMPORARY TABLE touched_slas ON COMMIT DROP AS
            SELECT sla, NULL::bigint[] AS touched_loads, 'definition' AS touched_cause
            FROM daybook.slas AS s FULL JOIN daybook.judged_slas AS j USING (sla)
            WHERE s.definition_version IS DISTINCT FROM j.definition_version
            """)
        let isAny: Bool = try connection.query("SELECT EXISTS (SELECT FROM pg_temp.touched_slas)").first()
            .get(0)
        slas = isAny ? .rows(table: "pg_temp.touched_slas", areMost: false) : .nothing
    }

    /// What has changed of a relation that a model reads. Models tell by `note`; of what is not ours nothing is known.
    func extent(of relation: String, for model: Model) -> Extent {
        if let extent = extents[relation] { return extent }
        if Changes.isOfEvents(relation) { return raw }
        // What the catalogue holds moves with the loads, the definitions and the clock; our own models know how.
        guard model.isBuiltin, relation.hasPrefix("daybook.") else { return .everything }
        return ["daybook.slas", "daybook.sla_types"].contains(relation) ? slas : .nothing
    }

    /// Whether a relation is raw.events or a view of it; the tables of declared fields are models.
    static func isOfEvents(_ relation: String) -> Bool {
        relation.hasPrefix("raw.") && !relation.hasPrefix("raw.event_")
    }

    /// The rows of a model's table that have changed, as they were and as they are; nil where none have.
    func changedRows(of relation: String) -> String? {
        if case .rows(let table, _) = extents[relation] { table } else { nil }
    }

    func note(_ extent: Extent, of relation: String) { extents[relation] = extent }

    /// Takes the cases that the clock has touched for changed, too.
    ///
    /// - Parameter table: has a column `case_id`.
    func touchCases(ofClock table: String) throws {
        try connection.execute(
            """
            INSERT INTO pg_temp.touched_cases (case_id, touched_cause)
            SELECT DISTINCT case_id, 'clock' FROM \(table) WHERE case_id IS NOT NULL
            ON CONFLICT DO NOTHING
            """)
        raw = .rows(table: Changes.touchedCases, areMost: computesAll)
    }

    /// Brings the events of the touched cases into `pg_temp.events`, and of others.
    ///
    /// - Parameter others: a SELECT of case ids.
    /// - Returns: whether any were brought.
    func fetchEvents(ofOthers others: String? = nil) throws -> Bool {
        if fetchRounds == 0 {
            try connection.execute(
                """
                CREATE TEMPORARY TABLE events (LIKE raw.events_by_day) ON COMMIT DROP;
                CREATE TEMPORARY TABLE case_spans (case_id text COLLATE "C", first_day date, last_day date, round int)
                ON COMMIT DROP;
                CREATE INDEX ON pg_temp.case_spans (case_id);
                CREATE TEMPORARY TABLE wanted_cases (case_id text COLLATE "C", first_day date, last_day date)
                ON COMMIT DROP;
                INSERT INTO pg_temp.wanted_cases SELECT case_id, first_day, last_day FROM pg_temp.touched_cases
                """)
        }
        if let others {
            try connection.execute("INSERT INTO pg_temp.wanted_cases (case_id) \(others)")
        }
        fetchRounds += 1
        try connection.execute("ANALYZE pg_temp.wanted_cases (case_id)")
        let spans = try connection.query(
            sql.text("restatement/4_case_spans.sql"), [fetchRounds],
            action: "find the events of changed cases")
        try connection.execute("TRUNCATE pg_temp.wanted_cases")
        guard spans.affectedRows > 0 else { return false }
        let days = try connection.query(
            """
            SELECT ARRAY(
                SELECT DISTINCT generate_series(first_day::timestamp, last_day::timestamp, interval '1 day')::date
                FROM (SELECT DISTINCT first_day, last_day FROM pg_temp.case_spans WHERE round = $1::int) AS spans
            )::text
            """, [fetchRounds]
        ).first().get(0, as: String.self)
        for file in ["5_case_events.sql", "6_case_segments.sql"] {
            try connection.query(
                sql.text("restatement/\(file)"), [fetchRounds, days],
                action: "read the events of changed cases")
        }
        try connection.execute("ANALYZE pg_temp.events (case_id)")
        return true
    }

    /// Marks everything as seen; the last thing in a transform.
    func markSeen() throws {
        if computesAll {
            try connection.execute("DELETE FROM daybook.wide_cases")
            try connection.execute(sql.text("restatement/7_wide_cases.sql"))
        } else if case .rows = raw {
            if fetchRounds == 0 { _ = try fetchEvents() }
            let text = RelationNames(in: sql.text("restatement/7_wide_cases.sql"))
            try connection.execute(text.replacing(["raw.events": "pg_temp.events"]))
        }
        try connection.execute(sql.text("restatement/8_mark_seen.sql"), action: "mark the loads as seen")
        try connection.execute("DELETE FROM daybook.touched_cases")
        try connection.execute(sql.text("restatement/9_mark_judged.sql"), action: "mark the SLAs as judged")
    }

    private func run(_ file: String, ofAll: Bool = false) throws {
        try connection.query(
            sql.text("restatement/\(file)"), ofAll ? [nil, nil] : [unseen.ids, unseen.days],
            action: "find what is new")
    }
}

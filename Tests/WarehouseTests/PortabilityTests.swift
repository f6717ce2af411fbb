import SQLFiles
import Testing

/// Our SQL runs on Citus, too; and what tells so can say no.
@Suite
struct PortabilityTests {
    /// What breaks a rule and may, each for a reason.
    private static let exceptions: [(origin: String, rule: SQLPortability.Rule)] = [
        // finish_day tells the rows of one day apart by their place, before it has a key. The day's table is a child of
        // raw.building then, which is not distributed; it becomes a leaf after that.
        ("sql/schema/004_loading.sql", .join),
        // raw.event_segments is how a server without Citus keeps old days. With Citus days are compacted by its own
        // columnar tables, and this one is empty.
        ("sql/schema/019_segments.sql", .identity),
    ]

    @Test("No file of sql/ breaks a rule of distributed tables, but for what is known")
    func builtin() {
        var known = PortabilityTests.exceptions
        for finding in SQLPortability.findings(in: SQLFiles.builtin.files) {
            let place = known.firstIndex { $0.origin == finding.origin && $0.rule == finding.rule }
            #expect(place != nil, "\(finding)")
            if let place { known.remove(at: place) }
        }
        #expect(known.isEmpty, "these exceptions are needed no more")
    }

    private func findings(_ text: String, path: String = "restatement/own.sql") -> [SQLPortability.Finding] {
        let views = SQLFiles.builtin.folder("schema").filter { $0.name == "002_raw" }
        let own = SQLFiles.File(path: path, text: text, origin: "own")
        return SQLPortability.findings(in: views + [own]).filter { $0.origin == "own" }
    }

    private static let faults: [(rule: SQLPortability.Rule, text: String)] = [
        (.uniqueKey, "CREATE TABLE report.fact_sla (sla text, case_id text, PRIMARY KEY (sla, cycle))"),
        (.uniqueKey, "CREATE TABLE report.fact_sla (fact_id bigint PRIMARY KEY, case_id text)"),
        (.uniqueKey, "ALTER TABLE raw.events_by_day ADD CONSTRAINT one UNIQUE (event_id, event_day)"),
        (.uniqueKey, "ALTER TABLE report.cases DROP CONSTRAINT cases_pkey, ADD PRIMARY KEY (entity)"),
        (.uniqueKey, "CREATE UNIQUE INDEX CONCURRENTLY one ON raw.events_20260105 (event_id)"),
        (.uniqueKey, "CREATE UNIQUE INDEX ON report.fact_sla USING btree (sla) WHERE case_id = 'a'"),
        (
            .uniqueKey,
            """
            CREATE FUNCTION daybook.index_leaf(day date) RETURNS void LANGUAGE plpgsql AS $function$
            BEGIN
                EXECUTE format('ALTER TABLE %s ADD UNIQUE (event_id)', daybook.leaf(day)); -- here
                EXECUTE 'CREATE INDEX ON raw.events_20260105 (event_id)';
            END
            $function$
            """
        ),
        (.join, "SELECT FROM raw.events AS e JOIN report.fact_sla AS f ON f.start_event_id = e.event_id"),
        (.join, "SELECT FROM report.fact_sla JOIN report.fact_sla AS other USING (sla, cycle)"),
        (
            .join,
            "SELECT FROM report.fact_sla AS f, raw.current_events AS e WHERE e.event_id = f.start_event_id"
        ),
        (
            .join,
            "SELECT FROM raw.events_by_day CROSS JOIN LATERAL (SELECT FROM report.fact_sla LIMIT 1) AS f"
        ),
        (
            .join,
            """
            WITH late (case_id, at) AS (SELECT case_id, breach_at FROM report.fact_sla WHERE breached)
            SELECT count(*)
            FROM daybook.loads AS l
            JOIN raw.events AS e USING (load_id)
            LEFT JOIN late ON late.at = e.occurred_at -- here
            """
        ),
        (.join, "DELETE FROM report.fact_sla AS f USING report.cases AS c WHERE c.first_at = f.started_at"),
        (
            .join,
            """
            DO $do$
            BEGIN
                EXECUTE format($sql$
                    UPDATE %1$s AS old SET type = new.type
                    FROM raw.current_events AS new -- here
                    WHERE new.event_id = old.event_id
                    $sql$, leaf);
            END
            $do$
            """
        ),
        (
            .volatileUpdate,
            """
            INSERT INTO report.fact_sla AS f (sla, case_id) SELECT sla, case_id FROM pg_temp.fresh
            ON CONFLICT (case_id, sla, cycle) DO UPDATE
            SET status = excluded.status,
                started_at = least(f.started_at, now()) -- here
            """
        ),
        (
            .volatileUpdate,
            """
            EXECUTE format('INSERT INTO %s SELECT * FROM pg_temp.staging
                ON CONFLICT (case_id) DO UPDATE SET event_id = gen_random_uuid()', leaf) -- here
            """
        ),
        (
            .volatileUpdate,
            "INSERT INTO report.cases VALUES ('a') ON CONFLICT (case_id) DO UPDATE SET at = CURRENT_TIMESTAMP"
        ),
        (.rawRows, "DELETE FROM raw.events_by_day WHERE load_id = 5"),
        (.rawRows, "UPDATE ONLY raw.events_by_day AS e SET details = NULL WHERE case_id = 'event_day'"),
        (
            .rawRows,
            """
            WITH gone AS (
                DELETE FROM raw.events -- here
                RETURNING event_day
            )
            SELECT count(*) FROM gone WHERE event_day < '2026-01-05'
            """
        ),
        (
            .trigger,
            "CREATE OR REPLACE TRIGGER seen AFTER INSERT ON daybook.loads EXECUTE FUNCTION daybook.see()"
        ),
        (
            .trigger,
            "CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON daybook.loads EXECUTE FUNCTION daybook.see()"
        ),
        (.serial, "CREATE TABLE daybook.notes (note_id BIGSERIAL PRIMARY KEY, note text)"),
        (.serial, "ALTER TABLE daybook.runs ADD COLUMN number serial"),
        (.identity, "ALTER TABLE report.fact_sla ADD COLUMN fact_id bigint GENERATED ALWAYS AS IDENTITY"),
        (.identity, "CREATE TABLE report.notes (note_id bigint GENERATED BY DEFAULT AS IDENTITY)"),
        (.groupingSets, "SELECT sla, count(*) FROM report.fact_sla GROUP BY GROUPING SETS ((sla), ())"),
        (
            .groupingSets,
            "SELECT entity, type FROM raw.events AS e JOIN daybook.loads USING (load_id) GROUP BY ROLLUP (entity, type)"
        ),
        (
            .groupingSets,
            "SELECT FROM (SELECT * FROM report.fact_sla) AS f GROUP BY sla, CUBE (status, breached)"
        ),
        (.parentIndex, "CREATE INDEX IF NOT EXISTS words ON raw.events_by_day USING gin (details)"),
        (.parentIndex, "CREATE INDEX ON ONLY raw.events_by_day USING BRIN (load_id)"),
        (
            .temporaryFacts,
            """
            -- As they are to be.
            INSERT INTO report.fact_sla (sla, case_id) -- here
            SELECT n.sla, n.case_id FROM pg_temp.new_rows AS n LEFT JOIN report.fact_sla AS f USING (sla, case_id)
            WHERE f.sla IS NULL
            """
        ),
        (
            .temporaryFacts,
            """
            WITH fresh AS (SELECT * FROM pg_temp.fresh)
            INSERT INTO report.fact_sla SELECT * FROM fresh AS n -- here
            WHERE NOT EXISTS (SELECT FROM report.fact_sla AS o WHERE o.case_id = n.case_id)
            """
        ),
    ]

    @Test("Whatever breaks a rule is named, with its line", arguments: faults)
    func fault(_ rule: SQLPortability.Rule, _ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = lines.firstIndex { $0.hasSuffix("-- here") } ?? 0
        #expect(findings(text) == [.init(origin: "own", line: line + 1, rule: rule)])
    }

    @Test("Each rule is broken once at least")
    func everyRule() {
        #expect(Set(PortabilityTests.faults.map(\.rule)) == Set(SQLPortability.Rule.allCases))
    }

    @Test(
        "What only looks so is let pass",
        arguments: [
            // Comments, strings and names.
            "-- CREATE TRIGGER t\n/* and /* DELETE FROM raw.events_by_day */ serial */ SELECT 'GROUP BY ROLLUP (sla)'",
            "SELECT 'it''s', E'\\'', $1, \"serial\" FROM report.fact_sla AS \"UPDATE\" WHERE $2 = 'CREATE TRIGGER'",
            "COMMENT ON TABLE raw.events_by_day IS 'UPDATE raw.events_by_day SET a = 1'",
            "CREATE TABLE daybook.notes (serial integer, serial_number text, key text, PRIMARY KEY (serial, key))",
            "RAISE 'DELETE FROM raw.events_by_day'",
            "CREATE FUNCTION daybook.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            "DROP TRIGGER seen ON daybook.loads",
            // Keys.
            "ALTER TABLE raw.events_by_day ADD UNIQUE (case_id, event_id), ADD COLUMN key text, DROP COLUMN serial",
            "CREATE TABLE report.cases (case_id text PRIMARY KEY, entity text)",
            "CREATE UNIQUE INDEX ON report.fact_sla (sla, case_id); CREATE UNIQUE INDEX ON report.sla_hourly (sla)",
            "CREATE TABLE daybook.notes (note_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, UNIQUE (text))",
            "CREATE INDEX ON raw.events_by_day (load_id); CREATE INDEX ON raw.events_20260105 USING brin (load_id)",
            "EXECUTE format('CREATE INDEX ON %s USING brin (load_id)', leaf)",
            // Joins.
            "SELECT FROM raw.events AS e JOIN report.fact_sla AS f ON f.case_id = e.case_id AND f.sla = 'sent'",
            "SELECT FROM raw.events AS e, report.fact_sla AS f WHERE (e.case_id, 1) = (f.case_id, f.cycle)",
            "SELECT FROM report.cases AS c CROSS JOIN LATERAL (SELECT FROM raw.events WHERE case_id = c.case_id) AS e",
            "SELECT FROM raw.events JOIN daybook.loads USING (load_id) JOIN pg_temp.wanted USING (entity)",
            "SELECT FROM report.fact_sla AS f JOIN (SELECT DISTINCT entity, type FROM raw.events) AS t ON t.entity = f.sla",
            """
            WITH total AS (SELECT sla, count(*) FROM report.fact_sla GROUP BY sla)
            SELECT FROM report.fact_sla JOIN total USING (sla)
            """,
            "SELECT FROM report.fact_sla UNION ALL SELECT FROM raw.events",
            "SELECT extract(epoch FROM until) IS DISTINCT FROM raw.events FROM report.fact_sla",
            "SELECT raw.events_between(from_time, until_time) FROM report.fact_sla",
            // Changes.
            "DELETE FROM raw.events_by_day AS e WHERE (e.event_day, e.case_id) = ('2026-01-05', 'a')",
            "UPDATE raw.events_by_day SET type = 'a' WHERE event_day = ANY ($1::date[]) RETURNING load_id",
            "DELETE FROM raw.events_20260105; EXECUTE format('DELETE FROM %s', daybook.leaf(day))",
            "DELETE FROM ONLY raw.building; DELETE FROM daybook.loads; DELETE FROM report.fact_sla",
            "SELECT FROM raw.events_by_day FOR UPDATE OF events_by_day",
            "CREATE TEMPORARY TABLE met (case_id text) ON COMMIT DELETE ROWS",
            "INSERT INTO report.fact_sla SELECT now() ON CONFLICT (case_id) DO UPDATE SET status = excluded.now",
            "INSERT INTO daybook.loads VALUES (1) ON CONFLICT (load_id) DO UPDATE SET loaded_at = now()",
            "INSERT INTO report.cases VALUES (1) ON CONFLICT (case_id) DO UPDATE SET events = 1 RETURNING now()",
            "INSERT INTO report.fact_sla SELECT * FROM pg_temp.new_rows",
            "INSERT INTO pg_temp.old_rows SELECT * FROM report.fact_sla JOIN pg_temp.touched USING (case_id)",
            // Groups.
            "SELECT FROM report.sla_hourly GROUP BY ROLLUP (sla, hour_start)",
            "SELECT cube(1, 2), rollup FROM report.fact_sla GROUP BY rollup, sla",
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY elapsed_seconds) FROM report.fact_sla GROUP BY sla",
        ])
    func harmless(_ text: String) {
        #expect(findings(text) == [])
    }
}

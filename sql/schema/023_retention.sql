-- What is dropped when it is past its retention. Events go by whole days; what the reports tell of them stays, frozen, for
-- as long as reports are kept.

CREATE TABLE daybook.retention (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    raw_from    date NOT NULL DEFAULT '-infinity',
    report_from date NOT NULL DEFAULT '-infinity'
);
INSERT INTO daybook.retention DEFAULT VALUES;
-- A table that nobody has counted is taken for one of ten pages.
ANALYZE daybook.retention;
COMMENT ON TABLE daybook.retention IS 'One row: from which day on events and reports are kept';
COMMENT ON COLUMN daybook.retention.is_only IS 'Keeps it to one row';
COMMENT ON COLUMN daybook.retention.raw_from IS 'Days before (UTC) were dropped from raw.events; what came for them later is there until it is dropped, too';
COMMENT ON COLUMN daybook.retention.report_from IS 'Hours and cases before (UTC) were dropped from report';

-- A dropped row stays in the ledger, so that the counts add up.
ALTER TABLE daybook.loads
    ADD COLUMN dropped bigint NOT NULL DEFAULT 0,
    ADD COLUMN rejects_dropped bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN daybook.loads.dropped IS 'Of the rows that were loaded, those that are past their retention, and gone';
COMMENT ON COLUMN daybook.loads.rejects_dropped IS 'Of the rejects, those that are past their retention, and gone';

-- The ledger outlives the runs: it knows what was read.
ALTER TABLE daybook.loads DROP CONSTRAINT loads_run_id_fkey;
COMMENT ON COLUMN daybook.loads.run_id IS 'The run that loaded it; daybook.runs keeps runs as long as their retention says';

CREATE INDEX ON daybook.replacements (event_day);

-- The cases of report.cases that lost events are those that began before the days that are kept; not those of which all
-- came later than these days were dropped.
CREATE TABLE daybook.late_cases (
    case_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE daybook.late_cases IS 'Cases that began before retention.raw_from, and lost nothing: their events came when those days were gone already';
COMMENT ON COLUMN daybook.late_cases.case_id IS 'The case';

-- A frozen case is known by what report.cases tells of it. That stays as long as raw.events holds anything of the case, so
-- that it is not taken for a new one.
CREATE TABLE daybook.frozen_news (
    case_id  text COLLATE "C" PRIMARY KEY,
    last_day date NOT NULL
);
COMMENT ON TABLE daybook.frozen_news IS 'Frozen cases for which events came since';
COMMENT ON COLUMN daybook.frozen_news.case_id IS 'The case';
COMMENT ON COLUMN daybook.frozen_news.last_day IS 'The latest day of them (UTC)';

CREATE VIEW daybook.frozen_cases AS
SELECT c.case_id, c.entity
FROM report.cases AS c
CROSS JOIN daybook.retention AS r
WHERE c.first_at < r.raw_from::timestamp AT TIME ZONE 'UTC'
    AND NOT EXISTS (SELECT FROM daybook.late_cases AS l WHERE l.case_id = c.case_id);
COMMENT ON VIEW daybook.frozen_cases IS 'Cases of which raw.events lacks events that were dropped: what the reports tell of them stays as it is';
COMMENT ON COLUMN daybook.frozen_cases.case_id IS 'The case';
COMMENT ON COLUMN daybook.frozen_cases.entity IS 'What kind of thing it is';

CREATE VIEW daybook.unseen_loads AS
SELECT l.load_id, l.loaded,
    coalesce(
        l.event_days,
        ARRAY(
            SELECT day::date
            FROM generate_series(
                (l.min_occurred_at AT TIME ZONE 'UTC')::date::timestamp,
                (l.max_occurred_at AT TIME ZONE 'UTC')::date::timestamp, interval '1 day') AS day
        )
    ) AS event_days
FROM daybook.transforms AS t
-- Looked up in the gaps of what was seen.
CROSS JOIN LATERAL unnest(int8multirange(int8range(0, NULL)) - t.seen) AS gap
JOIN daybook.loads AS l
    ON l.load_id >= lower(gap) AND (upper_inf(gap) OR l.load_id < upper(gap));
COMMENT ON VIEW daybook.unseen_loads IS 'The loads that the report tables have not seen';
COMMENT ON COLUMN daybook.unseen_loads.load_id IS 'The load';
COMMENT ON COLUMN daybook.unseen_loads.loaded IS 'How many events it brought';
COMMENT ON COLUMN daybook.unseen_loads.event_days IS 'The UTC days of its events';

-- Who waits for a lock that readers hold makes all who come later wait, so that each attempt is short, and takes all or
-- nothing, in the order in which readers come to the tables. ONLY: readers hold the parent, whichever leaves they read.
CREATE FUNCTION daybook.lock_out_readers(tables text[], patience interval) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    deadline CONSTANT timestamptz := clock_timestamp() + patience;
BEGIN
    IF tables = '{}' THEN
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '50ms', true);
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', array_to_string(tables, ', ONLY '));
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > deadline THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.1 + 0.2 * random());
        END;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION daybook.lock_out_readers IS 'Locks tables for the rest of the transaction, waiting a moment at a time; fails with lock_not_available where readers do not let go of them for so long';

CREATE OR REPLACE FUNCTION daybook.drop_empty_leaf(day date) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    IF NOT daybook.is_leaf(day) OR NOT daybook.has_segments(day)
        OR EXISTS (SELECT FROM daybook.building WHERE event_day = day)
    THEN
        RETURN false;
    END IF;
    -- Pages that VACUUM has given back held nothing that anybody sees, and what comes takes pages.
    IF pg_relation_size(daybook.find_leaf(day)) > 0 THEN
        RETURN false;
    END IF;
    PERFORM daybook.lock_out_readers(ARRAY['raw.events_by_day', daybook.leaf(day)], interval '5 seconds');
    IF pg_relation_size(daybook.find_leaf(day)) > 0 THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %s', daybook.leaf(day));
    RETURN true;
END
$function$;

-- Drops the events of a day, in whatever form, in the transaction of the caller, which is to be READ COMMITTED and to hold
-- off transforms. Whoever writes to the day is waited for, as lock_timeout says; readers are for as long as patience lasts, and wait
-- for a moment themselves.
CREATE FUNCTION daybook.drop_day(day date, patience interval) RETURNS bigint
LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
    dropped_day CONSTANT date := day;
    columnar_leaf CONSTANT text := daybook.columnar_leaf(day);
    stored text := $sql$SELECT load_id, case_id FROM daybook.segment_events WHERE event_day = $1$sql$;
    leaves text[] := '{}';
    tables text[] := '{}';
    leaf text;
    events bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1684109683, dropped_day - date '1970-01-01');
    IF daybook.is_leaf(dropped_day) THEN
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', daybook.leaf(dropped_day));
        stored := format('SELECT load_id, case_id FROM %s UNION ALL %s', daybook.leaf(dropped_day), stored);
    END IF;
    -- From here on nothing comes for the day; something may have, since the caller looked.
    IF EXISTS (SELECT FROM daybook.building WHERE event_day = dropped_day)
        OR EXISTS (SELECT FROM daybook.unseen_loads WHERE dropped_day = ANY (event_days))
    THEN
        RETURN NULL;
    END IF;
    EXECUTE format($sql$
        WITH counted AS (
            UPDATE daybook.loads AS l
            SET dropped = l.dropped + d.rows
            FROM (SELECT load_id, count(*) AS rows FROM (%s) AS stored GROUP BY load_id) AS d
            WHERE l.load_id = d.load_id
            RETURNING d.rows
        )
        SELECT coalesce(sum(rows), 0) FROM counted
        $sql$, stored)
    INTO events USING dropped_day;
    IF EXISTS (SELECT FROM daybook.late_cases) THEN
        EXECUTE format('DELETE FROM daybook.late_cases WHERE case_id IN (SELECT case_id FROM (%s) AS stored)', stored)
        USING dropped_day;
    END IF;
    DELETE FROM daybook.replacements WHERE event_day = dropped_day;
    DELETE FROM raw.event_segments WHERE event_day = dropped_day;
    UPDATE daybook.retention SET raw_from = dropped_day + 1 WHERE raw_from <= dropped_day;
    IF daybook.is_leaf(dropped_day) THEN
        leaves := ARRAY[daybook.leaf(dropped_day)];
        tables := ARRAY['raw.events_by_day', daybook.leaf(dropped_day)];
    END IF;
    IF to_regclass(columnar_leaf) IS NOT NULL THEN
        leaves := array_append(leaves, columnar_leaf);
        tables := tables || ARRAY['raw.columnar_by_day', columnar_leaf];
    END IF;
    PERFORM daybook.lock_out_readers(tables, patience);
    FOREACH leaf IN ARRAY leaves LOOP
        EXECUTE format('DROP TABLE %s', leaf);
    END LOOP;
    RETURN events;
END
$function$;
COMMENT ON FUNCTION daybook.drop_day IS 'Drops the events of a day and tells how many; null where it must stay, because some were not yet transformed';

-- What the tables of event_fields hold of events that are gone.
CREATE FUNCTION daybook.drop_event_fields() RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
    before CONSTANT date := (SELECT raw_from FROM daybook.retention);
    -- What came late for days that were dropped.
    kept CONSTANT date[] := ARRAY(SELECT DISTINCT event_day FROM daybook.stored_days WHERE event_day < before);
    event_table regclass;
    removed bigint;
    total bigint := 0;
BEGIN
    FOR event_table IN
        SELECT oid FROM pg_catalog.pg_class
        WHERE relnamespace = 'raw'::regnamespace AND relkind = 'r' AND relname ~ '^event_' AND relname <> 'event_segments'
    LOOP
        EXECUTE format('DELETE FROM %s WHERE event_day < $1 AND event_day <> ALL ($2)', event_table) USING before, kept;
        GET DIAGNOSTICS removed = ROW_COUNT;
        total := total + removed;
    END LOOP;
    DELETE FROM daybook.conversions
    WHERE occurred_at < before::timestamp AT TIME ZONE 'UTC' AND (occurred_at AT TIME ZONE 'UTC')::date <> ALL (kept);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN total + removed;
END
$function$;
COMMENT ON FUNCTION daybook.drop_event_fields IS 'Removes the typed fields of events that were dropped, and tells how many rows that were';

-- A value that is not of its declared type is told as long as its event is there.
CREATE FUNCTION daybook.drop_rejects(before timestamptz) RETURNS bigint
LANGUAGE sql
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM daybook.rejects WHERE rejected_at < before AND reason_code <> 'conversion' RETURNING load_id
    ),
    counted AS (
        UPDATE daybook.loads AS l
        SET rejects_dropped = l.rejects_dropped + g.rejects
        FROM (SELECT load_id, count(*) AS rejects FROM gone GROUP BY load_id) AS g
        WHERE l.load_id = g.load_id
    )
    SELECT count(*) FROM gone;
END;
COMMENT ON FUNCTION daybook.drop_rejects IS 'Removes the rejects of before a time, and tells how many';

-- The last run of a pipeline, and the last that succeeded, tell how it is.
CREATE FUNCTION daybook.drop_runs(before timestamptz) RETURNS bigint
LANGUAGE sql
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM daybook.runs
        WHERE ended_at < before
            AND run_id NOT IN (
                SELECT max(run_id) FROM daybook.runs GROUP BY pipeline
                UNION ALL
                SELECT max(run_id) FROM daybook.runs WHERE status = 'succeeded' GROUP BY pipeline
            )
        RETURNING run_id
    )
    SELECT count(*) FROM gone;
END;
COMMENT ON FUNCTION daybook.drop_runs IS 'Removes the runs that ended before a time, and tells how many';

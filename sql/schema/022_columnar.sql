-- Where the server has an access method named columnar (Citus, Hydra), the events of compacted days lie in tables of it. A
-- segment's row then has no lists: it tells how many events of which hour and cases there are, its number is negative, and
-- the events carry that number. Such tables know no DELETE: events whose segment's row is gone are seen by nobody.

CREATE FUNCTION daybook.has_columnar() RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM pg_catalog.pg_am WHERE amname = 'columnar' AND amtype = 't');
COMMENT ON FUNCTION daybook.has_columnar IS 'Whether the server has the access method columnar';

CREATE TABLE raw.columnar_by_day (
    LIKE raw.events_by_day INCLUDING COMMENTS,
    segment_id bigint NOT NULL
) PARTITION BY RANGE (event_day);
COMMENT ON TABLE raw.columnar_by_day IS 'Events of compacted days, on a server with columnar tables: one leaf a day, sorted by hour and case; raw.events shows them';
COMMENT ON COLUMN raw.columnar_by_day.segment_id IS 'The row of raw.event_segments to which it belongs; without one the event was moved, and is shown from elsewhere';
COMMENT ON COLUMN raw.event_segments.segment_id IS 'The segment; negative where its events lie in raw.columnar_by_day, and the lists are empty';

CREATE FUNCTION daybook.columnar_leaf(day date) RETURNS text
LANGUAGE sql STABLE STRICT
RETURN 'raw.columns_' || to_char(day, 'YYYYMMDD');
COMMENT ON FUNCTION daybook.columnar_leaf IS 'The columnar table of a day''s events; of digits only, so it needs no quoting';

CREATE FUNCTION daybook.shows_columnar() RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM pg_catalog.pg_rewrite AS r
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = 'daybook.segment_events'::regclass AND d.refobjid = 'raw.columnar_by_day'::regclass
);
COMMENT ON FUNCTION daybook.shows_columnar IS 'Whether daybook.segment_events shows the events of columnar tables';

-- Other servers keep the simpler view.
CREATE FUNCTION daybook.show_columnar() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF daybook.shows_columnar() THEN
        RETURN;
    END IF;
    EXECUTE format($sql$
        CREATE OR REPLACE VIEW daybook.segment_events AS
        %s
        WHERE s.segment_id > 0
        UNION ALL
        SELECT c.occurred_at, c.load_id, c.position, c.sequence, c.event_day, c.source_id, c.entity, c.case_id, c.event_id,
            c.type, c.service, c.user_id, c.correlation_id, c.details,
            c.segment_id, s.hour_start, s.min_occurred_at, s.max_occurred_at, s.min_case_id, s.max_case_id,
            s.load_ids AS segment_load_ids
        FROM raw.columnar_by_day AS c
        JOIN raw.event_segments AS s ON s.segment_id = c.segment_id AND s.event_day = c.event_day
        WHERE s.segment_id < 0
        $sql$, rtrim(pg_get_viewdef('daybook.segment_events'::regclass), ';'));
END
$function$;
COMMENT ON FUNCTION daybook.show_columnar IS 'Makes daybook.segment_events show the events of columnar tables';

-- As daybook.compact_day, into a columnar table.
CREATE FUNCTION daybook.compact_day_columnar(day date) RETURNS bigint
LANGUAGE plpgsql
SET work_mem = '256MB' AS $function$
DECLARE
    leaf CONSTANT text := daybook.leaf(day);
    columnar_leaf CONSTANT text := daybook.columnar_leaf(day);
    late bigint[];
    moved bigint;
BEGIN
    IF NOT daybook.shows_segments() OR NOT daybook.shows_columnar() THEN
        RAISE 'raw.events does not show columnar tables';
    END IF;
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    IF NOT daybook.is_leaf(day) THEN
        RETURN 0;
    END IF;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', leaf);
    IF daybook.has_segments(day) THEN
        EXECUTE format($sql$
            SELECT array_agg(segment_id)
            FROM raw.event_segments
            WHERE event_day = $1 AND hour_start IN (SELECT report.hour(occurred_at) FROM %s)
            $sql$, leaf)
        INTO late USING day;
        PERFORM daybook.reopen_segments(day, late);
    END IF;
    IF to_regclass(columnar_leaf) IS NULL THEN
        EXECUTE format($sql$
            CREATE TABLE %s (
                LIKE raw.columnar_by_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS,
                CHECK (occurred_at >= '%s 00:00:00+00' AND occurred_at < '%s 00:00:00+00')
            ) USING columnar
            $sql$, columnar_leaf, day, day + 1);
        EXECUTE format('COMMENT ON TABLE %s IS %L', columnar_leaf, format('Events of %s (UTC), compacted', day));
        EXECUTE format('ALTER TABLE raw.columnar_by_day ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
            columnar_leaf, day, day + 1);
    END IF;
    EXECUTE format($sql$
        WITH placed AS MATERIALIZED (
            SELECT *, report.hour(occurred_at) AS hour_start,
                (row_number() OVER (
                    PARTITION BY report.hour(occurred_at) ORDER BY case_id, occurred_at, event_id, source_id
                ) - 1) / 2000 AS segment
            FROM %s
        ),
        numbered AS MATERIALIZED (
            SELECT hour_start, segment, -nextval(pg_get_serial_sequence('raw.event_segments', 'segment_id')) AS segment_id
            FROM (SELECT DISTINCT hour_start, segment FROM placed ORDER BY hour_start, segment) AS segments
        ),
        moved AS (
            INSERT INTO %s
            SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
                service, user_id, correlation_id, details, segment_id
            FROM placed
            JOIN numbered USING (hour_start, segment)
            ORDER BY hour_start, segment, case_id, occurred_at, event_id, source_id
        )
        INSERT INTO raw.event_segments (
            segment_id, event_day, hour_start, events, min_occurred_at, max_occurred_at, min_case_id, max_case_id,
            load_ids, occurred_offsets, load_codes, positions, source_ids, source_codes, entities, entity_codes, types,
            type_codes, services, service_codes)
        OVERRIDING SYSTEM VALUE
        SELECT segment_id, $1, hour_start, count(*), min(occurred_at), max(occurred_at), min(case_id), max(case_id),
            array_agg(DISTINCT load_id), '{}', '{}', '{}', '{}', '{}', '[]', '{}', '[]',
            '{}', '[]', '{}'
        FROM placed
        JOIN numbered USING (hour_start, segment)
        GROUP BY segment_id, hour_start
        $sql$, leaf, columnar_leaf)
    USING day;
    -- Not TRUNCATE: a reader who began before would find neither these rows nor those.
    EXECUTE format('DELETE FROM %s', leaf);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$function$;
COMMENT ON FUNCTION daybook.compact_day_columnar IS 'Moves the events of a day from its leaf into a columnar table, and tells how many';

-- The cases of a columnar segment stand in the segment's events only.
CREATE OR REPLACE FUNCTION daybook.holds_any_case(case_ids jsonb, case_uuids uuid[], cases text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN case_uuids IS NOT NULL THEN case_uuids && ARRAY(
            SELECT one::uuid FROM unnest(cases) AS one WHERE one ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        )
        WHEN case_ids IS NOT NULL THEN case_ids ?| cases
        ELSE true
    END
$function$;
COMMENT ON FUNCTION daybook.holds_any_case IS 'Whether a segment with these lists of cases may hold one of some cases';

-- From here on: by the day too, so that no columnar table of another is opened.

CREATE OR REPLACE FUNCTION daybook.reopen_segments(day date, segments bigint[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF daybook.find_leaf(day) IS NULL THEN
        PERFORM daybook.make_leaf(day, false);
    END IF;
    -- Two may want the same: the second finds it done.
    PERFORM FROM raw.event_segments
    WHERE segment_id = ANY (segments)
    ORDER BY segment_id
    FOR UPDATE;
    EXECUTE format($sql$
        INSERT INTO %s
        SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
            service, user_id, correlation_id, details
        FROM daybook.segment_events
        WHERE event_day = $1 AND segment_id = ANY ($2)
        $sql$, daybook.leaf(day))
    USING day, segments;
    DELETE FROM raw.event_segments WHERE segment_id = ANY (segments);
END
$function$;

CREATE OR REPLACE FUNCTION daybook.merge_with_segments(day date, on_change text, has_rivals boolean) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    candidates CONSTANT bigint[] := daybook.segments_of_staging(day);
    disputed bigint[];
BEGIN
    IF candidates = '{}' THEN
        RETURN;
    END IF;
    CREATE TEMPORARY TABLE IF NOT EXISTS met (place tid, segment_id bigint, is_disputed boolean) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.met;
    EXECUTE format($sql$
        INSERT INTO pg_temp.met
        SELECT new.ctid, old.segment_id, differs OR wins AND $4
        %s
        $sql$, daybook.meeting('(SELECT * FROM daybook.segment_events WHERE event_day = $1 AND segment_id = ANY ($3))'))
    USING day, on_change, candidates, has_rivals;
    SELECT array_agg(DISTINCT segment_id) INTO disputed FROM pg_temp.met WHERE is_disputed;
    IF disputed IS NOT NULL THEN
        PERFORM daybook.reopen_segments(day, disputed);
    END IF;
    DELETE FROM pg_temp.staging AS new
    USING pg_temp.met
    WHERE new.ctid = met.place AND met.segment_id <> ALL (coalesce(disputed, '{}'));
END
$function$;

CREATE OR REPLACE FUNCTION raw.events_of_case(case_id text, first_day date DEFAULT NULL, last_day date DEFAULT NULL)
RETURNS SETOF raw.events
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    known_first date;
    known_last date;
BEGIN
    IF first_day IS NULL OR last_day IS NULL THEN
        SELECT min(s.first_day), max(s.last_day) INTO known_first, known_last
        FROM (
            SELECT (c.first_at AT TIME ZONE 'UTC')::date AS first_day, (c.last_at AT TIME ZONE 'UTC')::date AS last_day
            FROM report.cases AS c
            WHERE c.case_id = events_of_case.case_id
            UNION ALL
            SELECT w.first_day, w.last_day FROM daybook.wide_cases AS w WHERE w.case_id = events_of_case.case_id
        ) AS s;
    END IF;
    -- Days as literals, so that the planner opens no other leaf.
    RETURN QUERY EXECUTE format($sql$
        SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
            service, user_id, correlation_id, details
        FROM raw.events_by_day
        WHERE case_id = $1 AND event_day BETWEEN %1$L AND %2$L
        UNION ALL
        SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
            service, user_id, correlation_id, details
        FROM daybook.segment_events
        WHERE case_id = $1 AND event_day BETWEEN %1$L AND %2$L
            AND segment_id = ANY (ARRAY(
                SELECT segment_id
                FROM raw.event_segments
                WHERE event_day BETWEEN %1$L AND %2$L AND $1 BETWEEN min_case_id AND max_case_id
                    AND daybook.holds_any_case(case_ids, case_uuids, ARRAY[$1])
            ))
        $sql$, coalesce(first_day, known_first, '-infinity'), coalesce(last_day, known_last, 'infinity'))
    USING case_id;
END
$function$;

CREATE OR REPLACE VIEW daybook.stored_days AS
SELECT to_date(substr(c.relname, length('events_') + 1), 'YYYYMMDD') AS event_day,
    'heap' AS form,
    -- One that is dropped at this moment has none.
    coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
    greatest(c.reltuples, 0)::bigint AS events
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('raw.events_by_day'::regclass, 'raw.building'::regclass) AND c.relname ~ '^events_[0-9]{8}$'
UNION ALL
SELECT event_day, 'segments', sum(bytes)::bigint, sum(events)
FROM daybook.segment_sizes
WHERE segment_id > 0
GROUP BY event_day
UNION ALL
SELECT event_day, 'columnar',
    sum(bytes)::bigint + coalesce(pg_total_relation_size(to_regclass(daybook.columnar_leaf(event_day))), 0), sum(events)
FROM daybook.segment_sizes
WHERE segment_id < 0
GROUP BY event_day;
COMMENT ON COLUMN daybook.stored_days.form IS 'heap: a leaf with its indexes; segments: compacted, lists; columnar: compacted, a columnar table';

-- What comes late for a compacted day goes into the day's leaf, unless it is in a segment already. An event that is to
-- change what a segment shows takes that segment apart first: its events move back into the leaf, where all is as ever.

-- Readers see segments from the first compaction on; a database without them keeps the simpler view. On a server that
-- keeps old days in another way there are none, and the view stays as it is.
CREATE FUNCTION daybook.shows_segments() RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM pg_catalog.pg_rewrite AS r
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = 'raw.events'::regclass AND d.refobjid = 'daybook.segment_events'::regclass
);
COMMENT ON FUNCTION daybook.shows_segments IS 'Whether raw.events shows the events of segments';

CREATE FUNCTION daybook.show_segments() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF daybook.shows_segments() THEN
        RETURN;
    END IF;
    CREATE OR REPLACE VIEW raw.events AS
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
        service, user_id, correlation_id, details
    FROM raw.events_by_day
    UNION ALL
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
        service, user_id, correlation_id, details
    FROM daybook.segment_events;
END
$function$;
COMMENT ON FUNCTION daybook.show_segments IS 'Makes raw.events show the events of segments';

-- A day that has segments is never filled without an index: what comes is compared with what is there.
CREATE OR REPLACE FUNCTION daybook.make_leaf(day date, building boolean) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    leaf CONSTANT text := daybook.leaf(day);
BEGIN
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    IF daybook.find_leaf(day) IS NOT NULL THEN
        RETURN;
    END IF;
    building := building AND NOT daybook.has_segments(day);
    EXECUTE format($sql$
        CREATE TABLE %1$s (
            LIKE raw.events_by_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS,
            CHECK (occurred_at >= '%2$s 00:00:00+00' AND occurred_at < '%3$s 00:00:00+00')
        ) %4$s
        $sql$, leaf, day, day + 1, CASE WHEN building THEN 'INHERITS (raw.building)' END);
    EXECUTE format('COMMENT ON TABLE %s IS %L', leaf, format('Events of %s (UTC)', day));
    IF NOT building THEN
        PERFORM daybook.index_leaf(day);
        PERFORM daybook.attach_leaf(day);
    END IF;
END
$function$;

CREATE FUNCTION daybook.segments_of_staging(day date) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT AS $function$
BEGIN
    RETURN ARRAY(
        SELECT segment_id
        FROM raw.event_segments AS s
        WHERE event_day = day
            AND EXISTS (
                SELECT FROM pg_temp.staging AS new
                WHERE new.event_day = day AND report.hour(new.occurred_at) = s.hour_start
                    AND new.case_id BETWEEN s.min_case_id AND s.max_case_id
            )
    );
END
$function$;
COMMENT ON FUNCTION daybook.segments_of_staging IS 'The segments of a day that may hold events of pg_temp.staging';

-- The staged rows of a day and what each meets in a relation: whether it shows something else (differs), and whether it is
-- to be shown instead of the coming that is (wins). Parameters of the statement: $1 the day, $2 on_change.
CREATE FUNCTION daybook.meeting(relation text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
RETURN format($sql$
    FROM pg_temp.staging AS new
    JOIN %s AS old USING (case_id, event_id, source_id, occurred_at)
    LEFT JOIN daybook.replacements AS shown USING (case_id, event_id, source_id, occurred_at)
    JOIN (
        SELECT staged.load_id, coalesce($2, source.on_change) = 'keep_last' AS keeps_last
        FROM (SELECT DISTINCT load_id FROM pg_temp.staging) AS staged
        LEFT JOIN daybook.loads AS load ON $2 IS NULL AND load.load_id = staged.load_id
        LEFT JOIN daybook.sources AS source USING (source_id)
    ) AS rule ON rule.load_id = new.load_id
    CROSS JOIN LATERAL (
        SELECT coalesce(shown.load_id, old.load_id) AS load_id, coalesce(shown.position, old.position) AS position
    ) AS current
    CROSS JOIN LATERAL (
        SELECT
            (new.sequence, new.entity, new.type, new.service, new.user_id, new.correlation_id, new.details)
            IS DISTINCT FROM
            (old.sequence, old.entity, old.type, old.service, old.user_id, old.correlation_id, old.details)
                AS differs,
            CASE
                WHEN keeps_last THEN (new.load_id, new.position) > (current.load_id, current.position)
                ELSE (new.load_id, new.position) < (current.load_id, current.position)
            END AS wins
    ) AS verdict
    WHERE new.event_day = $1 AND (new.load_id, new.position) <> (old.load_id, old.position)
    $sql$, relation);
COMMENT ON FUNCTION daybook.meeting IS 'The part of a statement, from FROM on, that joins staged rows with those of the same events in a relation';

-- The caller has locked the leaf against compaction.
CREATE FUNCTION daybook.merge_with_segments(day date, on_change text, has_rivals boolean) RETURNS void
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
        $sql$, daybook.meeting('(SELECT * FROM daybook.segment_events WHERE segment_id = ANY ($3))'))
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
COMMENT ON FUNCTION daybook.merge_with_segments IS 'Takes out of pg_temp.staging what the segments of a day show already, and takes apart segments that are to show something else';

-- Moves the rows of pg_temp.staging that are of this day into its leaf, dropping those that are there.
--
-- Where the content differs from what is there, on_change decides which stays: that of the first or of the last
-- coming, in the order of load and position, in whatever order parallel batches are committed. Null: each row goes
-- by the rule of its own source.
CREATE OR REPLACE FUNCTION daybook.merge_staging(day date, on_change text)
RETURNS TABLE (load_id bigint, loaded bigint, duplicate bigint, conflicting bigint)
LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
    arrived jsonb;
    inserted jsonb;
    differing jsonb := '{}';
    disputed bigint;
    -- While other batches are under way, one of them may come between: then it matters also that a coming shows what
    -- is stored. Asked before the rows are looked at, for a batch that begins later has a higher id than all of these.
    has_rivals CONSTANT boolean := EXISTS (
        SELECT FROM daybook.claims WHERE load_id NOT IN (SELECT load_id FROM pg_temp.staging));
BEGIN
    SELECT jsonb_object_agg(load_id, rows) INTO arrived
    FROM (SELECT load_id, count(*) AS rows FROM pg_temp.staging WHERE event_day = day GROUP BY load_id) AS by_load;
    IF daybook.find_leaf(day) IS NULL THEN
        -- It was compacted since somebody looked.
        PERFORM daybook.make_leaf(day, false);
    END IF;
    -- From here on the day is not compacted.
    EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', daybook.leaf(day));
    IF daybook.has_segments(day) THEN
        PERFORM daybook.merge_with_segments(day, on_change, has_rivals);
    END IF;

    EXECUTE format($sql$
        WITH inserted AS (
            INSERT INTO %s AS leaf
            SELECT * FROM pg_temp.staging
            WHERE event_day = $1
            ORDER BY case_id, event_id, source_id, occurred_at, load_id, position
            ON CONFLICT DO NOTHING
            RETURNING load_id
        )
        SELECT jsonb_object_agg(load_id, rows)
        FROM (SELECT load_id, count(*) AS rows FROM inserted GROUP BY load_id) AS by_load
        $sql$, daybook.leaf(day))
    INTO inserted USING day;

    -- Rows in dispute are locked first, in the order of their keys, and only then judged: by what those who held
    -- them have left.
    EXECUTE format($sql$
        SELECT %s AND (differs OR wins AND $3)
        ORDER BY case_id, event_id, source_id, occurred_at
        FOR UPDATE OF old
        $sql$, daybook.meeting(daybook.leaf(day)))
    USING day, on_change, has_rivals;
    GET DIAGNOSTICS disputed = ROW_COUNT;

    IF disputed > 0 THEN
        EXECUTE format($sql$
            WITH met AS MATERIALIZED (SELECT new.*, keeps_last, differs, wins %2$s),
            -- Of several comings of an event the one that may stay.
            staying AS (
                SELECT * FROM (
                    SELECT DISTINCT ON (case_id, event_id, source_id, occurred_at) *
                    FROM met
                    ORDER BY case_id, event_id, source_id, occurred_at,
                        CASE WHEN keeps_last THEN load_id END DESC NULLS LAST,
                        CASE WHEN keeps_last THEN position END DESC NULLS LAST,
                        load_id, position
                ) AS candidate
                WHERE wins AND (differs OR $3)
            ),
            replaced AS (
                UPDATE %1$s AS old
                SET sequence = new.sequence, entity = new.entity, type = new.type, service = new.service,
                    user_id = new.user_id, correlation_id = new.correlation_id, details = new.details
                FROM staying AS new
                WHERE new.differs
                    AND old.event_day = $1 AND old.case_id = new.case_id AND old.event_id = new.event_id
                    AND old.source_id = new.source_id AND old.occurred_at = new.occurred_at
            ),
            noted AS (
                INSERT INTO daybook.replacements AS noted
                    (case_id, event_id, source_id, occurred_at, event_day, load_id, position)
                SELECT case_id, event_id, source_id, occurred_at, event_day, load_id, position FROM staying
                ON CONFLICT (case_id, event_id, source_id, occurred_at)
                DO UPDATE SET load_id = excluded.load_id, position = excluded.position
            )
            SELECT coalesce(jsonb_object_agg(load_id, rows), '{}')
            FROM (SELECT load_id, count(*) AS rows FROM met WHERE differs GROUP BY load_id) AS by_load
            $sql$, daybook.leaf(day), daybook.meeting(daybook.leaf(day)))
        INTO differing USING day, on_change, has_rivals;
    END IF;

    RETURN QUERY
    SELECT id::bigint, coalesce((inserted ->> id)::bigint, 0),
        rows::bigint - coalesce((inserted ->> id)::bigint, 0), coalesce((differing ->> id)::bigint, 0)
    FROM jsonb_each_text(coalesce(arrived, '{}')) AS staged (id, rows)
    ORDER BY id::bigint;
END
$function$;

-- Compares the rows of pg_temp.staging that are of this day, read again from their source, with what is stored.
CREATE OR REPLACE FUNCTION daybook.compare_staging(day date)
RETURNS TABLE (load_id bigint, case_id text, event_id text, "position" bigint, difference text)
LANGUAGE plpgsql AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT source.load_id, source.case_id, source.event_id, source.position,
            CASE WHEN stored.load_id IS NULL THEN 'is missing from raw.events' ELSE 'has another content in raw.events' END
        FROM pg_temp.staging AS source
        LEFT JOIN (
            SELECT * FROM %s WHERE event_day = $1
            UNION ALL
            SELECT * FROM ONLY raw.building WHERE event_day = $1
            UNION ALL
            SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
                service, user_id, correlation_id, details
            FROM daybook.segment_events
            WHERE segment_id = ANY ($2)
        ) AS stored USING (case_id, event_id, source_id, occurred_at)
        WHERE source.event_day = $1
            AND (
                stored.load_id IS NULL
                OR (stored.load_id, stored.position) = (source.load_id, source.position)
                AND (stored.sequence, stored.entity, stored.type, stored.service, stored.user_id,
                    stored.correlation_id, stored.details)
                IS DISTINCT FROM
                (source.sequence, source.entity, source.type, source.service, source.user_id,
                    source.correlation_id, source.details)
                AND NOT EXISTS (
                    SELECT FROM daybook.replacements AS shown
                    WHERE shown.case_id = source.case_id AND shown.event_id = source.event_id
                        AND shown.source_id = source.source_id AND shown.occurred_at = source.occurred_at
                )
            )
        $sql$, CASE WHEN daybook.find_leaf(day) IS NULL THEN 'raw.events_by_day' ELSE daybook.leaf(day) END)
    USING day, daybook.segments_of_staging(day);
END
$function$;

-- Readers of raw.events wait for whoever waits for them: the caller sets a short lock_timeout, and tries again.
CREATE FUNCTION daybook.drop_empty_leaf(day date) RETURNS boolean
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
    LOCK TABLE raw.events_by_day IN ACCESS EXCLUSIVE MODE;
    IF pg_relation_size(daybook.find_leaf(day)) > 0 THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %s', daybook.leaf(day));
    RETURN true;
END
$function$;
COMMENT ON FUNCTION daybook.drop_empty_leaf IS 'Drops the leaf of a compacted day, unless it holds anything; false where it stays';

CREATE FUNCTION daybook.holds_any_case(case_ids jsonb, case_uuids uuid[], cases text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN case_uuids IS NULL THEN case_ids ?| cases
        ELSE case_uuids && ARRAY(
            SELECT one::uuid FROM unnest(cases) AS one WHERE one ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        )
    END
$function$;
COMMENT ON FUNCTION daybook.holds_any_case IS 'Whether a segment with these lists of cases holds one of some cases';

-- Few segments of a day may hold a case, and few days may: those that report.cases tells, and superseded versions.
CREATE FUNCTION raw.events_of_case(case_id text, first_day date DEFAULT NULL, last_day date DEFAULT NULL)
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
        WHERE case_id = $1
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
COMMENT ON FUNCTION raw.events_of_case IS 'The events of a case, of whatever entity; opens only the days and segments that may hold any: of days that are not given, those that the last transform knew';

-- Not dynamic: it is put into the statement that calls it, and prunes leaves by times that stand there.
CREATE FUNCTION raw.events_between(from_time timestamptz, until_time timestamptz)
RETURNS SETOF raw.events
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
        service, user_id, correlation_id, details
    FROM raw.events_by_day
    WHERE occurred_at >= from_time AND occurred_at < until_time
        AND event_day BETWEEN (from_time AT TIME ZONE 'UTC')::date AND (until_time AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
        service, user_id, correlation_id, details
    FROM daybook.segment_events
    WHERE occurred_at >= from_time AND occurred_at < until_time
        AND event_day BETWEEN (from_time AT TIME ZONE 'UTC')::date AND (until_time AT TIME ZONE 'UTC')::date
        AND hour_start > from_time - interval '1 hour' AND hour_start < until_time
        AND max_occurred_at >= from_time AND min_occurred_at < until_time;
END;
COMMENT ON FUNCTION raw.events_between IS 'The events of a span of time, its end excluded; opens only the days and segments that may hold any';

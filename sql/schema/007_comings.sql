-- Which content stays, of an event that comes several times, is a matter of all its comings: also of one that shows
-- again what is stored, and of those that other sessions are merging at this moment.

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
    inserted jsonb;
    disputed bigint;
    -- While other batches are under way, one of them may come between: then it matters also that a coming shows what
    -- is stored. Asked before the rows are looked at, for a batch that begins later has a higher id than all of these.
    has_rivals CONSTANT boolean := EXISTS (
        SELECT FROM daybook.claims WHERE load_id NOT IN (SELECT load_id FROM pg_temp.staging));
    -- The staged rows and what each meets: whether it shows something else, and whether it is to be shown instead of
    -- the coming that is.
    met CONSTANT text := format($sql$
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
        $sql$, daybook.leaf(day));
BEGIN
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
        $sql$, met)
    USING day, on_change, has_rivals;
    GET DIAGNOSTICS disputed = ROW_COUNT;

    IF disputed = 0 THEN
        RETURN QUERY
        SELECT staged.load_id, staged.loaded, staged.rows - staged.loaded, 0::bigint
        FROM (
            SELECT load_id, count(*) AS rows, coalesce((inserted ->> load_id::text)::bigint, 0) AS loaded
            FROM pg_temp.staging WHERE event_day = day GROUP BY load_id
        ) AS staged
        ORDER BY load_id;
        RETURN;
    END IF;

    RETURN QUERY EXECUTE format($sql$
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
            WHERE wins AND (differs OR $4)
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
        SELECT staged.load_id, staged.loaded, staged.rows - staged.loaded, coalesce(differ.rows, 0)
        FROM (
            SELECT load_id, count(*) AS rows, coalesce(($3 ->> load_id::text)::bigint, 0) AS loaded
            FROM pg_temp.staging WHERE event_day = $1 GROUP BY load_id
        ) AS staged
        LEFT JOIN (
            SELECT load_id, count(*) AS rows FROM met WHERE differs GROUP BY load_id
        ) AS differ USING (load_id)
        ORDER BY load_id
        $sql$, daybook.leaf(day), met)
    USING day, on_change, inserted, has_rivals;
END
$function$;
COMMENT ON TABLE daybook.replacements IS 'Events of which not the load that brought the row, but another coming decides what raw.events shows (on_change)';
COMMENT ON COLUMN daybook.replacements.load_id IS 'The coming whose content the row shows';

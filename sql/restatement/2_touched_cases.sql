-- The cases whose events the unseen loads ($1: their ids, $2: their days) brought or replaced, and those that lost some.
WITH touched AS (
    INSERT INTO pg_temp.touched_cases (case_id, first_day, last_day, touched_loads, touched_cause)
    SELECT case_id, min(event_day), max(event_day), array_agg(DISTINCT load_id) FILTER (WHERE load_id IS NOT NULL),
        max(cause)
    FROM (
        SELECT case_id, event_day, load_id, 'load' AS cause
        FROM raw.events_by_day
        WHERE event_day = ANY ($2::date[]) AND load_id = ANY ($1::bigint[])
        UNION ALL
        -- A day may be compacted before this has seen its events.
        SELECT case_id, event_day, load_id, 'load'
        FROM daybook.segment_events
        WHERE event_day = ANY ($2::date[]) AND segment_load_ids && $1::bigint[] AND load_id = ANY ($1::bigint[])
        UNION ALL
        SELECT case_id, event_day, load_id, 'load' FROM daybook.replacements WHERE load_id = ANY ($1::bigint[])
        UNION ALL
        SELECT case_id, day, NULL, t.cause
        FROM daybook.touched_cases AS t CROSS JOIN LATERAL (VALUES (first_day), (last_day)) AS d (day)
    ) AS touched
    GROUP BY case_id
    RETURNING case_id, first_day, last_day
),
news AS (
    INSERT INTO daybook.frozen_news AS n (case_id, last_day)
    SELECT case_id, last_day
    FROM touched AS t
    WHERE last_day IS NOT NULL AND EXISTS (SELECT FROM daybook.frozen_cases AS f WHERE f.case_id = t.case_id)
    ON CONFLICT (case_id) DO UPDATE SET last_day = greatest(n.last_day, excluded.last_day)
)
-- What comes for days that were dropped, of a case that lost nothing.
INSERT INTO daybook.late_cases (case_id)
SELECT case_id
FROM touched AS t
WHERE first_day < (SELECT raw_from FROM daybook.retention)
    AND NOT EXISTS (SELECT FROM daybook.frozen_cases AS f WHERE f.case_id = t.case_id)
ON CONFLICT DO NOTHING

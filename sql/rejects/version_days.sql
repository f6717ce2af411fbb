-- Where other versions of events of some cases ($1) and sources ($2) may lie: the days by which the reports know the cases;
-- and the loads that no report knows, with their days: those that no transform has seen and, of sources of dead letters,
-- which are events of no case, all.
WITH spans AS (
    SELECT (c.first_at AT TIME ZONE 'UTC')::date AS first_day, (c.last_at AT TIME ZONE 'UTC')::date AS last_day
    FROM report.cases AS c
    -- Each entity by itself: the key begins with it.
    WHERE c.entity = ANY (ARRAY(SELECT entity FROM daybook.entities)) AND c.case_id = ANY ($1::text[])
    UNION ALL
    SELECT w.first_day, w.last_day FROM daybook.wide_cases AS w WHERE w.case_id = ANY ($1::text[])
    UNION ALL
    SELECT t.first_day, t.last_day FROM daybook.touched_cases AS t WHERE t.case_id = ANY ($1::text[])
),
loads AS MATERIALIZED (
    SELECT u.load_id, u.event_days FROM daybook.unseen_loads AS u WHERE u.loaded > 0
    UNION
    SELECT l.load_id, coalesce(
        l.event_days,
        ARRAY(
            SELECT generate_series(
                (l.min_occurred_at AT TIME ZONE 'UTC')::date::timestamp,
                (l.max_occurred_at AT TIME ZONE 'UTC')::date::timestamp, interval '1 day')::date
        )
    )
    FROM daybook.sources AS o
    JOIN daybook.loads AS l USING (source_id)
    WHERE o.source_id = ANY ($2::int[]) AND o.role = 'dead_letter' AND l.loaded > 0
)
SELECT
    ARRAY(
        SELECT generate_series(lower(span)::timestamp, (upper(span) - 1)::timestamp, interval '1 day')::date
        FROM (
            SELECT unnest(range_agg(daterange(first_day, last_day, '[]'))) AS span FROM spans WHERE first_day <= last_day
        ) AS s
    ) AS days,
    ARRAY(SELECT load_id FROM loads) AS loads,
    ARRAY(SELECT DISTINCT unnest(event_days) FROM loads) AS load_days

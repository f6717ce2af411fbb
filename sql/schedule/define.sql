-- Takes the schedules that are defined now ($1: pipelines, $2: schedules), and tells up to when each is accounted for, and of
-- the last run for it, where that did not succeed, which times it stood for. A schedule that is new, or another than
-- before, is accounted for from now on.
WITH gone AS (
    DELETE FROM daybook.schedules WHERE pipeline <> ALL ($1::text[])
),
defined AS (
    SELECT pipeline, schedule FROM unnest($1::text[], $2::text[]) AS d (pipeline, schedule)
),
changed AS (
    INSERT INTO daybook.schedules AS s (pipeline, schedule, accounted_until)
    SELECT pipeline, schedule, now() FROM defined
    ON CONFLICT (pipeline) DO UPDATE
    SET schedule = excluded.schedule, accounted_until = greatest(s.accounted_until, excluded.accounted_until),
        defined_at = excluded.accounted_until
    WHERE s.schedule <> excluded.schedule
    RETURNING pipeline, accounted_until
),
accounted AS (
    TABLE changed
    UNION ALL
    SELECT pipeline, s.accounted_until
    FROM daybook.schedules AS s
    JOIN defined USING (pipeline)
    WHERE pipeline NOT IN (SELECT pipeline FROM changed)
)
SELECT a.pipeline, (extract(epoch FROM a.accounted_until) * 1000000)::bigint AS accounted_until,
    CASE WHEN l.status IN ('failed', 'running') THEN l.attempt END AS failed_attempt,
    (extract(epoch FROM l.nominal_from) * 1000000)::bigint AS nominal_from, l.nominal_times
FROM accounted AS a
LEFT JOIN LATERAL (
    SELECT r.status, r.attempt, r.nominal_from, r.nominal_times
    FROM daybook.runs AS r
    WHERE r.pipeline = a.pipeline AND r.nominal_at = a.accounted_until
    ORDER BY r.run_id DESC
    LIMIT 1
) AS l ON true

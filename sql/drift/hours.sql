-- How many events of each type came from each source, by hour. Fills pg_temp.drift_hours.
-- $1: the days, so that the planner opens no other leaf
--
-- Counted by load first: several processes can do that, and few rows are left to look their source up for.
WITH by_load AS MATERIALIZED (
    SELECT load_id, type, report.hour(occurred_at) AS hour_start, count(*) AS events, min(occurred_at) AS first_at,
        max(occurred_at) AS last_at
    FROM raw.events
    WHERE event_day = ANY ($1::date[])
    GROUP BY load_id, type, report.hour(occurred_at)
)
SELECT s.source_id, e.type, e.hour_start, sum(e.events)::bigint AS events, min(e.first_at) AS first_at,
    max(e.last_at) AS last_at
FROM by_load AS e
JOIN daybook.loads AS l USING (load_id)
JOIN pg_temp.drift_sources AS s ON s.source_id = l.source_id
GROUP BY s.source_id, e.type, e.hour_start

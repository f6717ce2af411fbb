-- Types of events that came in the window and in no week before, and those that came in the same hours of each week
-- before and not in the window.
-- $1: how many there must have been in each week, for their absence to tell something
WITH counts AS (
    SELECT source_id, h.type,
        sum(h.events) FILTER (WHERE h.hour_start >= s.from_hour) AS events,
        sum(h.events) FILTER (WHERE h.hour_start < s.from_hour) AS events_before,
        min(h.first_at) FILTER (WHERE h.hour_start >= s.from_hour) AS first_at,
        max(h.last_at) FILTER (WHERE h.hour_start < s.from_hour) AS last_at
    FROM pg_temp.drift_judged AS s
    JOIN pg_temp.drift_hours AS h USING (source_id)
    WHERE s.weeks >= 2 AND h.hour_start >= s.from_hour - s.weeks * interval '168 hours'
    GROUP BY source_id, h.type
),
-- A type that comes on Mondays only has not vanished on a Tuesday.
same_hours AS (
    SELECT s.source_id, h.type, week, sum(h.events) AS events
    FROM pg_temp.drift_judged AS s
    CROSS JOIN LATERAL generate_series(1, s.weeks) AS week
    JOIN pg_temp.drift_hours AS h
        ON h.source_id = s.source_id
        AND h.hour_start BETWEEN s.from_hour - week * interval '168 hours'
            AND report.hour(s.latest) - week * interval '168 hours'
    WHERE s.weeks >= 2
    GROUP BY s.source_id, h.type, week
),
usual AS (
    SELECT source_id, type, count(*) AS weeks, min(events) AS least, max(events) AS most
    FROM same_hours
    GROUP BY source_id, type
)
SELECT s.source, CASE WHEN c.events IS NULL THEN 'vanished type' ELSE 'new type' END AS kind, c.type, s.weeks,
    coalesce(c.events, 0) AS events, coalesce(c.events_before, 0) AS events_before, c.first_at, c.last_at,
    u.least, u.most
FROM counts AS c
JOIN pg_temp.drift_judged AS s USING (source_id)
LEFT JOIN usual AS u USING (source_id, type)
WHERE c.events_before IS NULL OR c.events IS NULL AND u.weeks = s.weeks AND u.least >= $1::bigint
ORDER BY s.source, kind, c.type

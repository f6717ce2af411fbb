-- The sources with the number of weeks before the window that they can be compared with: those that a source has told
-- of from their beginning to their end, and with at least one event in each. Fills pg_temp.drift_judged.
-- $1: how many weeks at most
SELECT s.*, coalesce(w.weeks, 0)::int AS weeks
FROM pg_temp.drift_sources AS s
LEFT JOIN LATERAL (
    SELECT max(week) AS weeks
    FROM (
        SELECT week, row_number() OVER (ORDER BY week) AS known
        FROM generate_series(1, $1::int) AS week
        WHERE s.earliest <= s.from_hour - (week * 168 - 1) * interval '1 hour'
            AND EXISTS (
                SELECT FROM pg_temp.drift_hours AS h
                WHERE h.source_id = s.source_id
                    AND h.hour_start >= s.from_hour - week * interval '168 hours'
                    AND h.hour_start < s.from_hour - (week - 1) * interval '168 hours'
            )
    ) AS weeks
    WHERE week = known
) AS w ON true

-- The UTC days whose events are looked at: those of the windows, and of as many weeks before.
-- $1: how many weeks
SELECT DISTINCT day::date AS day
FROM pg_temp.drift_sources
CROSS JOIN LATERAL generate_series(
    date_trunc('day', from_hour - $1::int * interval '168 hours', 'UTC'), latest, interval '24 hours') AS day
ORDER BY day

-- How many cases an hour has.
-- $1: the SLA   $2: the hour
-- The hour is that of the start; of the end or the missed deadline where report.hour(started_at) is replaced by theirs.
SELECT count(*) AS cases
FROM report.fact_sla
WHERE sla = $1 AND report.hour(started_at) = $2::timestamptz

-- The row of an hour, as its table has it.
-- $1: the SLA   $2: the hour
SELECT sla, to_char(hour_start, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached, attainment,
    avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds, is_final,
    to_char(restated_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS restated_at
FROM report.sla_hourly
WHERE sla = $1 AND hour_start = $2::timestamptz

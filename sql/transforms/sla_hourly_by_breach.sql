-- model: report.sla_hourly_by_breach
-- key: sla, hour_start
-- from: report.fact_sla on hour_start = CASE WHEN breached THEN report.hour(breach_at) END
-- from: daybook.watermarks
-- time: hour_start
-- description: The SLA figures of each UTC hour in which deadlines were missed.
WITH hours AS (
    SELECT sla, report.hour(breach_at) AS hour_start,
        count(*) AS breached,
        count(*) FILTER (WHERE status = 'completed') AS late,
        count(*) FILTER (WHERE status = 'in_progress') AS overdue,
        count(*) FILTER (WHERE anomaly IS NOT NULL) AS anomalous,
        sum(round(elapsed_seconds * 1e6)::bigint) / nullif(count(elapsed_seconds), 0) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed_seconds) AS percentiles,
        max(elapsed_seconds) AS max_seconds,
        min(started_at) FILTER (WHERE status = 'in_progress') AS oldest_open_started_at
    FROM report.fact_sla
    WHERE breached
    GROUP BY sla, report.hour(breach_at)
)
SELECT sla, hour_start, breached AS started, late AS completed, 0::bigint AS met, late, overdue AS open, overdue,
    0::bigint AS cancelled, anomalous, breached,
    0::double precision AS attainment,
    avg_seconds::double precision AS avg_seconds,
    percentiles[1] AS p50_seconds,
    percentiles[2] AS p90_seconds,
    percentiles[3] AS p95_seconds,
    percentiles[4] AS p99_seconds,
    max_seconds, oldest_open_started_at,
    coalesce(hour_start + interval '1 hour' <= watermark, false) AS is_final
FROM hours
LEFT JOIN daybook.watermarks USING (sla)

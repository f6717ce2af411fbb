-- model: report.sla_hourly
-- key: sla, hour_start
-- from: report.fact_sla on hour_start = report.hour(started_at)
-- from: daybook.watermarks
-- history: report.sla_hourly_history
-- time: hour_start
-- description: The SLA figures of each UTC hour in which cases started.
WITH hours AS (
    SELECT sla, report.hour(started_at) AS hour_start,
        count(*) AS started,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'completed' AND NOT breached) AS met,
        count(*) FILTER (WHERE status = 'completed' AND breached) AS late,
        count(*) FILTER (WHERE status = 'in_progress') AS open,
        count(*) FILTER (WHERE status = 'in_progress' AND breached) AS overdue,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE anomaly IS NOT NULL) AS anomalous,
        count(*) FILTER (WHERE breached) AS breached,
        -- Summed as whole microseconds, so that the order of rows never shows.
        sum(round(elapsed_seconds * 1e6)::bigint) / count(elapsed_seconds) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed_seconds) AS percentiles,
        max(elapsed_seconds) AS max_seconds,
        min(started_at) FILTER (WHERE status = 'in_progress') AS oldest_open_started_at,
        max(breach_at) AS last_breach_at
    FROM report.fact_sla
    WHERE started_at IS NOT NULL
    GROUP BY sla, report.hour(started_at)
)
SELECT sla, hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached,
    met::double precision / nullif(met + breached, 0) AS attainment,
    avg_seconds::double precision AS avg_seconds,
    percentiles[1] AS p50_seconds,
    percentiles[2] AS p90_seconds,
    percentiles[3] AS p95_seconds,
    percentiles[4] AS p99_seconds,
    max_seconds, oldest_open_started_at,
    coalesce(last_breach_at < watermark AND hour_start + interval '1 hour' <= watermark, false) AS is_final
FROM hours
LEFT JOIN daybook.watermarks USING (sla)

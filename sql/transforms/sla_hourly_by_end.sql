-- model: report.sla_hourly_by_end
-- key: sla, hour_start
-- from: report.fact_sla on hour_start = report.hour(completed_at)
-- from: daybook.watermarks
-- time: hour_start
-- description: The SLA figures of each UTC hour in which cases were completed.
WITH hours AS (
    SELECT sla, report.hour(completed_at) AS hour_start,
        -- An end without a start is no case that was judged: it counts as an anomaly only.
        count(started_at) AS completed,
        count(*) FILTER (WHERE NOT breached) AS met,
        count(*) FILTER (WHERE breached) AS late,
        count(*) FILTER (WHERE anomaly IS NOT NULL) AS anomalous,
        sum(round(elapsed_seconds * 1e6)::bigint) / nullif(count(elapsed_seconds), 0) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed_seconds) AS percentiles,
        max(elapsed_seconds) AS max_seconds
    FROM report.fact_sla
    WHERE completed_at IS NOT NULL
    GROUP BY sla, report.hour(completed_at)
)
SELECT sla, hour_start, completed AS started, completed, met, late, 0::bigint AS open, 0::bigint AS overdue,
    0::bigint AS cancelled, anomalous, late AS breached,
    met::double precision / nullif(completed, 0) AS attainment,
    avg_seconds::double precision AS avg_seconds,
    percentiles[1] AS p50_seconds,
    percentiles[2] AS p90_seconds,
    percentiles[3] AS p95_seconds,
    percentiles[4] AS p99_seconds,
    max_seconds, NULL::timestamptz AS oldest_open_started_at,
    coalesce(hour_start + interval '1 hour' <= watermark, false) AS is_final
FROM hours
LEFT JOIN daybook.watermarks USING (sla)

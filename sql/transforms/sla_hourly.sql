-- model: report.sla_hourly
-- key: sla, hour_start
-- from: report.fact_sla, daybook.slas, daybook.sources, daybook.loads
-- description: The SLA figures of each UTC hour in which cases started.
WITH watermarks AS (
    -- Up to when every source of the SLA's entity has reported and open cases are judged; null while one has
    -- not reported at all.
    SELECT s.sla,
        CASE WHEN bool_and(l.latest IS NOT NULL) THEN least(min(l.latest), s.as_of) END AS watermark
    FROM daybook.slas AS s
    JOIN daybook.sources AS o ON o.entity = s.entity
    LEFT JOIN (
        SELECT source_id, max(max_occurred_at) AS latest FROM daybook.loads GROUP BY source_id
    ) AS l USING (source_id)
    GROUP BY s.sla
),
hours AS (
    SELECT sla, date_trunc('hour', started_at, 'UTC') AS hour_start,
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
    GROUP BY sla, date_trunc('hour', started_at, 'UTC')
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
LEFT JOIN watermarks USING (sla)

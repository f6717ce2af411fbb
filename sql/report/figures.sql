-- Each SLA as a whole over a span of hours, from its facts: percentiles of hours cannot be averaged.
-- $1: the SLAs, null for all   $2: from this hour   $3: up to before this hour   (null: no bound)
-- The hour is that of the start; of the end or the missed deadline where report.hour(started_at) is replaced by theirs.
WITH facts AS (
    SELECT *, report.hour(started_at) AS hour_start
    FROM report.fact_sla
    WHERE report.hour(started_at) IS NOT NULL
        AND ($1::text[] IS NULL OR sla = ANY ($1::text[]))
        AND ($2::timestamptz IS NULL OR report.hour(started_at) >= $2::timestamptz)
        AND ($3::timestamptz IS NULL OR report.hour(started_at) < $3::timestamptz)
),
counted AS (
    SELECT sla,
        count(started_at) AS started,
        count(started_at) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'completed' AND NOT breached) AS met,
        count(*) FILTER (WHERE status = 'completed' AND breached) AS late,
        count(*) FILTER (WHERE status = 'in_progress') AS open,
        count(*) FILTER (WHERE status = 'in_progress' AND breached) AS overdue,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE anomaly IS NOT NULL) AS anomalous,
        count(*) FILTER (WHERE breached) AS breached,
        sum(round(elapsed_seconds * 1e6)::bigint) / nullif(count(elapsed_seconds), 0) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed_seconds) AS percentiles,
        max(elapsed_seconds) AS max_seconds
    FROM facts
    GROUP BY sla
)
SELECT c.sla, c.started, c.completed, c.met, c.late, c.open, c.overdue, c.cancelled, c.anomalous, c.breached,
    c.met::double precision / nullif(c.met + c.breached, 0) AS attainment,
    c.avg_seconds::double precision AS avg_seconds,
    c.percentiles[1] AS p50_seconds,
    c.percentiles[2] AS p90_seconds,
    c.percentiles[3] AS p95_seconds,
    c.percentiles[4] AS p99_seconds,
    c.max_seconds, h.hours, h.provisional_hours
FROM counted AS c
CROSS JOIN LATERAL (
    SELECT count(*) AS hours, count(*) FILTER (WHERE NOT is_final) AS provisional_hours
    FROM report.sla_hourly
    WHERE sla = c.sla
        AND ($2::timestamptz IS NULL OR hour_start >= $2::timestamptz)
        AND ($3::timestamptz IS NULL OR hour_start < $3::timestamptz)
) AS h
ORDER BY c.sla

-- The hours of some SLAs, or of all, between two times.
-- $1: the SLAs, null for all   $2: from this hour   $3: up to before this hour   (null: no bound)
-- $4: only the latest so many hours of each SLA that hold a case, null for all
SELECT sla, hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached, attainment,
    avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds, oldest_open_started_at,
    is_final, restated_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY sla ORDER BY hour_start DESC) AS recency
    FROM report.sla_hourly
    WHERE ($1::text[] IS NULL OR sla = ANY ($1::text[]))
        AND ($2::timestamptz IS NULL OR hour_start >= $2)
        AND ($3::timestamptz IS NULL OR hour_start < $3)
) AS hours
WHERE $4::bigint IS NULL OR recency <= $4
ORDER BY sla, hour_start

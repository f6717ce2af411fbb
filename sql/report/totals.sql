-- Each SLA as a whole, from its facts: percentiles of hours cannot be averaged.
-- $1: the SLAs, null for all   $2: from this hour   $3: up to before this hour   (null: no bound)
-- $4: which of a case's hours is meant: start, end or breach
SELECT f.sla, count(f.started_at) AS started,
    count(*) FILTER (WHERE f.status = 'completed' AND NOT f.breached) AS met,
    count(*) FILTER (WHERE f.status = 'completed' AND f.breached) AS late,
    count(*) FILTER (WHERE f.status = 'in_progress') AS open,
    count(*) FILTER (WHERE f.status = 'in_progress' AND f.breached) AS overdue,
    count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
    count(DISTINCT report.hour(f.at)) AS hours,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS p50_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS p95_seconds,
    max(f.within_seconds) AS within_seconds,
    max(s.target) AS target,
    max(s.as_of) AS as_of
FROM (
    SELECT *,
        CASE $4
            WHEN 'end' THEN completed_at
            WHEN 'breach' THEN CASE WHEN breached THEN breach_at END
            ELSE started_at
        END AS at
    FROM report.fact_sla
) AS f
LEFT JOIN daybook.slas AS s USING (sla)
WHERE f.at IS NOT NULL
    AND ($1::text[] IS NULL OR f.sla = ANY ($1::text[]))
    AND ($2::timestamptz IS NULL OR report.hour(f.at) >= $2)
    AND ($3::timestamptz IS NULL OR report.hour(f.at) < $3)
GROUP BY f.sla
ORDER BY f.sla

-- The figures of one SLA by hour, day or week of the session's zone, from its facts: percentiles cannot be averaged.
-- $1: the SLA   $2: from this hour   $3: up to before this hour   $4: hour, day or week
-- The hour is that of the start; of the end or the missed deadline where report.hour(started_at) is replaced by theirs.
WITH facts AS (
    SELECT *, date_trunc($4, report.hour(started_at), current_setting('timezone')) AS period
    FROM report.fact_sla
    WHERE sla = $1
        AND report.hour(started_at) >= $2::timestamptz
        AND report.hour(started_at) < $3::timestamptz
),
counted AS (
    SELECT period,
        count(started_at) AS started,
        count(*) FILTER (WHERE status = 'completed' AND NOT breached) AS met,
        count(*) FILTER (WHERE status = 'completed' AND breached) AS late,
        count(*) FILTER (WHERE status = 'in_progress' AND breached IS NULL) AS waiting,
        count(*) FILTER (WHERE status = 'in_progress' AND breached) AS overdue,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed_seconds) AS percentiles
    FROM facts
    GROUP BY period
),
finality AS (
    SELECT date_trunc($4, hour_start, current_setting('timezone')) AS period, bool_and(is_final) AS is_final
    FROM report.sla_hourly
    WHERE sla = $1 AND hour_start >= $2::timestamptz AND hour_start < $3::timestamptz
    GROUP BY 1
)
SELECT extract(epoch FROM c.period)::double precision AS begins_at,
    extract(epoch FROM c.period + ('1 ' || $4)::interval)::double precision AS ends_at,
    CASE $4
        WHEN 'hour' THEN to_char(c.period, 'Dy DD Mon YYYY, HH24:MI')
        WHEN 'day' THEN to_char(c.period, 'Dy DD Mon YYYY')
        ELSE to_char(c.period, '"week of" DD Mon YYYY')
    END AS label,
    c.started, c.met, c.late, c.waiting, c.overdue, c.cancelled,
    c.met::double precision / nullif(c.met + c.late + c.overdue, 0) AS attainment,
    c.percentiles[1] AS p50_seconds,
    c.percentiles[2] AS p95_seconds,
    c.percentiles[3] AS p99_seconds,
    coalesce(f.is_final, false) AS is_final
FROM counted AS c
LEFT JOIN finality AS f USING (period)
ORDER BY c.period

-- How each SLA stands at its as_of. Attainment is of the cases whose deadline was in the 24 hours before: those that
-- started in whole hours are told by report.sla_hourly, those at both ends of the time are looked up.
WITH slas AS (
    SELECT sla, target, as_of, as_of - interval '24 hours' - within AS from_time, as_of - within AS until_time
    FROM daybook.slas
)
SELECT s.sla, s.target, extract(epoch FROM w.watermark)::double precision AS watermark_seconds,
    (SELECT count(*) FROM report.fact_sla AS f WHERE f.sla = s.sla AND f.status = 'in_progress') AS open,
    (SELECT count(*) FROM report.fact_sla AS f WHERE f.sla = s.sla AND f.status = 'in_progress' AND f.breached)
        AS overdue,
    (h.met + e.met)::double precision / nullif(h.met + h.breached + e.met + e.breached, 0) AS attainment
FROM slas AS s
LEFT JOIN daybook.watermarks AS w USING (sla)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(met), 0) AS met, coalesce(sum(breached), 0) AS breached
    FROM report.sla_hourly
    WHERE sla = s.sla AND hour_start >= s.from_time AND hour_start <= s.until_time - interval '1 hour'
) AS h
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT breached) AS met, count(*) FILTER (WHERE breached) AS breached
    FROM report.fact_sla
    WHERE sla = s.sla AND status <> 'cancelled'
        AND report.hour(started_at) IN (report.hour(s.from_time), report.hour(s.until_time))
        AND started_at >= s.from_time AND started_at < s.until_time
        -- Of whole hours, both ends of which are in the time, the others tell.
        AND NOT (
            report.hour(started_at) >= s.from_time
            AND report.hour(started_at) <= s.until_time - interval '1 hour'
        )
) AS e
ORDER BY s.sla

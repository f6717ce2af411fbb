-- The cases of an SLA that are open longest.
-- $1: the SLA   $2: how many
SELECT f.case_id, f.cycle, coalesce(f.breached, false) AS is_overdue,
    to_char(f.started_at, 'DD Mon YYYY, HH24:MI') AS started_text,
    to_char(f.breach_at, 'DD Mon YYYY, HH24:MI') AS deadline_text,
    greatest(extract(epoch FROM s.as_of - f.started_at), 0)::double precision AS age_seconds,
    c.last_type, c.last_service,
    extract(epoch FROM s.as_of - c.last_at)::double precision AS silent_seconds
FROM report.fact_sla AS f
JOIN daybook.slas AS s USING (sla)
LEFT JOIN report.cases AS c ON c.case_id = f.case_id AND c.entity = s.entity
WHERE f.sla = $1 AND f.status = 'in_progress'
ORDER BY f.started_at, f.case_id, f.cycle
LIMIT $2::bigint

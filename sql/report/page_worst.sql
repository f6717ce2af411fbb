-- The cases that missed the deadline by most, of a span of hours.
-- $1: the SLA   $2: from this hour   $3: up to before this hour   $4: how many
-- The hour is that of the start; of the end or the missed deadline where report.hour(started_at) is replaced by theirs.
SELECT f.case_id, f.cycle, f.status, s.entity,
    extract(epoch FROM f.started_at)::double precision AS started,
    extract(epoch FROM f.breach_at)::double precision AS deadline,
    extract(epoch FROM coalesce(f.completed_at, s.as_of))::double precision AS until,
    to_char(f.started_at, 'DD Mon YYYY, HH24:MI:SS') AS started_text,
    to_char(f.breach_at, 'DD Mon YYYY, HH24:MI:SS') AS deadline_text,
    to_char(f.completed_at, 'DD Mon YYYY, HH24:MI:SS') AS completed_text,
    extract(epoch FROM coalesce(f.completed_at, s.as_of) - f.breach_at)::double precision AS over_seconds
FROM report.fact_sla AS f
JOIN daybook.slas AS s USING (sla)
WHERE f.sla = $1 AND f.breached
    AND report.hour(started_at) >= $2::timestamptz
    AND report.hour(started_at) < $3::timestamptz
ORDER BY coalesce(f.completed_at, s.as_of) - f.breach_at DESC, f.case_id, f.cycle
LIMIT $4::bigint

-- What the SLAs say of some cases. $1: their entities   $2: the cases themselves, in the same order
SELECT s.entity, s.case_id, s.sla, s.cycle, s.state, s.status, s.started_at, s.breach_at, s.completed_at, s.cancelled_at,
    s.elapsed_seconds, s.within_seconds, s.overdue_seconds, s.anomaly
FROM unnest($1::text[], $2::text[]) AS c (entity, case_id)
JOIN daybook.slas AS d ON d.entity = c.entity
JOIN daybook.sla_states AS s ON s.sla = d.sla AND s.case_id = c.case_id
ORDER BY s.started_at, s.sla, s.cycle

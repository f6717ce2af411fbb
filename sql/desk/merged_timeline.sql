-- The events of some cases in one order. $1: their entities   $2: the cases themselves, in the same order
SELECT row_number() OVER (ORDER BY t.occurred_at, t.entity, t.case_id, t.nth) AS nth, t.occurred_at, t.sequence, t.entity,
    t.case_id, t.type, t.service, t.event_id, t.user_id, t.correlation_id, t.pipeline, t.source, t.object,
    t.start_position, t.load_id, t.gap_seconds, t.usual_p50_seconds, t.usual_p95_seconds, t.is_dead_letter,
    t.is_out_of_order, t.details
FROM unnest($1::text[], $2::text[]) AS c (entity, case_id)
CROSS JOIN LATERAL report.case_timeline(c.case_id, c.entity) AS t
ORDER BY 1

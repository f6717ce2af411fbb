-- What an SLA says now, which of its words judged the tables last, and up to when its sources have told.
-- $1: the SLA
SELECT s.pipeline, s.entity, s.description, s.owner, s.target, s.occurrence, s.order_by, s.clock,
    extract(epoch FROM s.within)::double precision AS within_seconds,
    extract(epoch FROM s.clock_skew)::double precision AS clock_skew_seconds,
    s.definition_version AS version, j.definition_version AS judged_version,
    to_char(s.as_of, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS as_of,
    to_char(w.watermark, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS watermark,
    o.pipeline || '.' || o.name AS held_by,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = s.sla AND t.role = 'start') AS start_types,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = s.sla AND t.role = 'end') AS end_types,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = s.sla AND t.role = 'cancel') AS cancel_types
FROM daybook.slas AS s
LEFT JOIN daybook.judged_slas AS j USING (sla)
LEFT JOIN daybook.watermarks AS w USING (sla)
LEFT JOIN daybook.sources AS o ON o.source_id = w.held_by
WHERE s.sla = $1

-- What each SLA promises, and up to when it is judged.
-- $1: the SLAs, null for all
SELECT n.sla, s.description, s.owner, s.pipeline, s.entity, s.target, s.occurrence,
    extract(epoch FROM s.within)::double precision AS within_seconds,
    to_char(s.as_of, 'DD Mon YYYY, HH24:MI') AS as_of,
    to_char(w.watermark, 'DD Mon YYYY, HH24:MI') AS watermark,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = n.sla AND t.role = 'start') AS start_types,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = n.sla AND t.role = 'end') AS end_types,
    (SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ', ' ORDER BY t.type)
    FROM daybook.sla_types AS t WHERE t.sla = n.sla AND t.role = 'cancel') AS cancel_types
FROM (SELECT sla FROM daybook.slas UNION SELECT sla FROM report.sla_hourly) AS n
LEFT JOIN daybook.slas AS s USING (sla)
LEFT JOIN daybook.watermarks AS w USING (sla)
WHERE $1::text[] IS NULL OR n.sla = ANY ($1::text[])
ORDER BY n.sla

-- How each SLA stands: its time, up to where its sources have told, and the source that is furthest behind.
SELECT s.sla, s.pipeline, s.as_of, w.watermark, o.pipeline || '.' || o.name AS held_by,
    (SELECT count(*) FROM report.fact_sla AS f WHERE f.sla = s.sla AND f.status = 'in_progress') AS open,
    (SELECT count(*) FROM report.fact_sla AS f WHERE f.sla = s.sla AND f.status = 'in_progress' AND f.breached)
        AS overdue,
    extract(epoch FROM s.as_of - w.watermark)::double precision AS behind_seconds
FROM daybook.slas AS s
LEFT JOIN daybook.watermarks AS w USING (sla)
LEFT JOIN daybook.sources AS o ON o.source_id = w.held_by
ORDER BY s.sla

-- How many cases of an SLA are open now, by age.
-- $1: the SLA   $2: where the classes of age begin, in seconds, ascending; the first begins at 0
SELECT width_bucket(greatest(extract(epoch FROM s.as_of - f.started_at), 0)::double precision, $2::double precision[])
        AS class,
    count(*) AS cases,
    count(*) FILTER (WHERE f.breached) AS overdue
FROM report.fact_sla AS f
JOIN daybook.slas AS s USING (sla)
WHERE f.sla = $1 AND f.status = 'in_progress'
GROUP BY class
ORDER BY class

-- The facts of report.fact_sla that would change, in a rehearsed transform, as rows of pg_temp.old_fact_sla and
-- pg_temp.new_fact_sla.
SELECT sla, case_id, cycle,
    CASE WHEN o.sla IS NULL THEN 'new' WHEN n.sla IS NULL THEN 'gone' ELSE 'changed' END AS change,
    o.status AS status_before, n.status AS status_after, o.breached AS breached_before, n.breached AS breached_after
FROM pg_temp.old_fact_sla AS o
FULL JOIN pg_temp.new_fact_sla AS n USING (sla, case_id, cycle)
ORDER BY sla, case_id, cycle

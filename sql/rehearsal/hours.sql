-- The hours of report.sla_hourly that would change, in a rehearsed transform, as rows of pg_temp.old_sla_hourly and
-- pg_temp.new_sla_hourly; final ones first.
SELECT sla, to_char(hour_start, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM') AS hour_start,
    CASE WHEN o.sla IS NULL THEN 'new' WHEN n.sla IS NULL THEN 'gone' ELSE 'changed' END AS change,
    coalesce(o.is_final, false) AS was_final, coalesce(n.is_final, false) AS is_final,
    o.started AS started_before, n.started AS started_after,
    o.met AS met_before, n.met AS met_after,
    o.breached AS breached_before, n.breached AS breached_after,
    o.cancelled AS cancelled_before, n.cancelled AS cancelled_after,
    o.attainment AS attainment_before, n.attainment AS attainment_after
FROM pg_temp.old_sla_hourly AS o
FULL JOIN pg_temp.new_sla_hourly AS n USING (sla, hour_start)
ORDER BY coalesce(o.is_final, false) DESC, sla, hour_start

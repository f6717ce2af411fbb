-- severity: error
-- description: Each fact is counted in one hour by its start, in one by its end, and in one by its breach.
SELECT sla, f.started AS facts_started, h.started AS hours_started, f.completed AS facts_completed,
    e.completed AS hours_completed, f.breached AS facts_breached, b.breached AS hours_breached
FROM (
    SELECT sla, count(started_at) AS started,
        count(*) FILTER (WHERE completed_at IS NOT NULL AND started_at IS NOT NULL) AS completed,
        count(*) FILTER (WHERE breached) AS breached
    FROM report.fact_sla
    GROUP BY sla
) AS f
FULL JOIN (SELECT sla, sum(started) AS started FROM report.sla_hourly GROUP BY sla) AS h USING (sla)
FULL JOIN (SELECT sla, sum(completed) AS completed FROM report.sla_hourly_by_end GROUP BY sla) AS e USING (sla)
FULL JOIN (SELECT sla, sum(breached) AS breached FROM report.sla_hourly_by_breach GROUP BY sla) AS b USING (sla)
WHERE (coalesce(f.started, 0), coalesce(f.completed, 0), coalesce(f.breached, 0))
    IS DISTINCT FROM (coalesce(h.started, 0), coalesce(e.completed, 0), coalesce(b.breached, 0))
ORDER BY sla

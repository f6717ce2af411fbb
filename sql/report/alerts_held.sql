-- Cases that have passed their deadline, and of which that is not told yet, because a source was not asked since, or is stale.
SELECT r.rule, r.sla, h.cases,
    CASE
        WHEN e.sla IS NULL THEN 'no source tells of its cases any more'
        WHEN e.stale_sources IS NOT NULL THEN 'stale: ' || array_to_string(e.stale_sources, ', ')
        WHEN e.is_unknown THEN 'a source was never asked'
        ELSE 'its sources were last asked at ' || to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
    END AS reason
FROM daybook.alert_rules AS r
LEFT JOIN daybook.sla_evidence AS e USING (sla)
CROSS JOIN LATERAL (
    SELECT count(*) AS cases
    FROM report.fact_sla AS f
    WHERE f.sla = r.sla AND f.status = 'in_progress' AND f.breached
        AND (e.sla IS NULL OR e.stale_sources IS NOT NULL OR e.is_unknown OR f.breach_at >= e.at)
        AND NOT EXISTS (
            SELECT FROM daybook.alerts AS a WHERE a.rule = r.rule AND a.case_id = f.case_id AND a.cycle = f.cycle
                AND a.state <> 'withdrawn'
        )
) AS h
WHERE r.type = 'overdue' AND r.retired_at IS NULL AND h.cases > 0
ORDER BY r.rule

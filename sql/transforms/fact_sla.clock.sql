-- Open cases whose deadline lies between the time at which they were judged and the time that it is now: they have passed
-- it since; or have not yet, where the clock was set back. OFFSET keeps the planner to looking into the deadlines of each
-- SLA; of a join it may think that it costs less to read all open cases.
SELECT f.case_id
FROM daybook.slas AS s
JOIN daybook.judged_slas AS j USING (sla)
CROSS JOIN LATERAL (
    SELECT case_id
    FROM report.fact_sla
    WHERE sla = s.sla AND status = 'in_progress' AND breached IS NULL
        AND breach_at >= coalesce(j.as_of, '-infinity') AND breach_at < s.as_of
    UNION ALL
    SELECT case_id
    FROM report.fact_sla
    WHERE sla = s.sla AND status = 'in_progress' AND breached
        AND breach_at >= s.as_of AND breach_at < coalesce(j.as_of, 'infinity')
    OFFSET 0
) AS f

-- Open cases whose deadline lies between the time at which they were judged and the time that it is now: they have passed
-- it since; or have not yet, where the clock was set back.
SELECT f.case_id
FROM daybook.slas AS s
JOIN daybook.judged_slas AS j USING (sla)
JOIN report.fact_sla AS f USING (sla)
WHERE f.status = 'in_progress' AND f.breached IS NULL
    AND f.breach_at >= coalesce(j.as_of, '-infinity') AND f.breach_at < s.as_of
UNION
SELECT f.case_id
FROM daybook.slas AS s
JOIN daybook.judged_slas AS j USING (sla)
JOIN report.fact_sla AS f USING (sla)
WHERE f.status = 'in_progress' AND f.breached
    AND f.breach_at >= s.as_of AND f.breach_at < coalesce(j.as_of, 'infinity')

-- Open cases that have passed their deadline since they were judged; or have not yet, where the clock was set back.
SELECT f.case_id
FROM daybook.slas AS s
JOIN report.fact_sla AS f USING (sla)
WHERE f.status = 'in_progress' AND f.breached IS NULL AND f.breach_at < s.as_of
UNION
SELECT f.case_id
FROM daybook.slas AS s
JOIN report.fact_sla AS f USING (sla)
WHERE f.status = 'in_progress' AND f.breached AND f.breach_at >= s.as_of

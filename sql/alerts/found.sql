-- What is judged to be so, of a type of rule ($1), and of which no alert fires: a row for each time that it comes to this.
INSERT INTO daybook.alerts (rule, case_id, cycle, state, since, detected_late_seconds, value, summary, details)
SELECT j.rule, j.case_id, 1 + coalesce(max(a.cycle), 0), 'firing', j.since,
    greatest(0, extract(epoch FROM clock_timestamp() - j.since)), j.value, j.summary, j.details
FROM pg_temp.judged AS j
JOIN daybook.alert_rules AS r ON r.rule = j.rule AND r.type = $1
LEFT JOIN daybook.alerts AS a ON a.rule = j.rule AND a.case_id = j.case_id
WHERE j.is_breached
GROUP BY j.rule, j.case_id, j.since, j.value, j.summary, j.details
HAVING count(*) FILTER (WHERE a.state = 'firing') = 0
ON CONFLICT (rule, case_id, cycle) DO NOTHING

-- Alerts, the latest first: those that fire, or all ($1); of one rule ($2), of one case ($3); so many ($4).
SELECT a.alert_id, a.rule, r.type, r.severity, r.sla, a.case_id, a.cycle, a.state, a.since, a.detected_at,
    a.detected_late_seconds, a.ended_at, a.reason, a.value, a.summary, a.acknowledged_at, a.acknowledged_by,
    (
        SELECT max(s.until)
        FROM daybook.silences AS s
        WHERE s.until > now() AND (s.rule IS NULL OR s.rule = a.rule) AND (s.case_id IS NULL OR s.case_id = a.case_id)
    ) AS silenced_until
FROM daybook.alerts AS a
JOIN daybook.alert_rules AS r USING (rule)
WHERE ($1::boolean OR a.state = 'firing') AND ($2::text IS NULL OR a.rule = $2)
    AND ($3::text IS NULL OR a.case_id = $3)
ORDER BY a.alert_id DESC
LIMIT $4::bigint

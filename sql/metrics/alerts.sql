-- How many alerts of each rule fire.
SELECT r.rule, r.severity, count(a.alert_id) AS firing
FROM daybook.alert_rules AS r
LEFT JOIN daybook.alerts AS a ON a.rule = r.rule AND a.state = 'firing'
WHERE r.retired_at IS NULL
GROUP BY r.rule, r.severity
ORDER BY r.rule

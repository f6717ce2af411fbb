-- Alerts of rules that are no longer defined fire no more.
UPDATE daybook.alerts AS a
SET state = 'withdrawn', reason = 'the rule is no longer defined', ended_at = clock_timestamp()
FROM daybook.alert_rules AS r
WHERE r.rule = a.rule AND r.retired_at IS NOT NULL AND a.state = 'firing'

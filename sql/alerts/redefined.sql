-- Alerts of rules that now are of another type, or watch something else ($1: an array of objects, as in define_rules.sql),
-- say nothing any more; what is so by the new definition is told anew.
UPDATE daybook.alerts AS a
SET state = 'withdrawn', reason = 'the rule was defined anew', ended_at = clock_timestamp()
FROM daybook.alert_rules AS r
JOIN jsonb_to_recordset($1::jsonb) AS d (rule text, type text, sla text, parameters jsonb) USING (rule)
WHERE a.rule = r.rule AND a.state = 'firing' AND r.retired_at IS NULL
    AND (
        (r.type, r.sla) IS DISTINCT FROM (d.type, d.sla)
        OR r.type IN ('stuck', 'freshness', 'event_count') AND r.parameters <> d.parameters
    )

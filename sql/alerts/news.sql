-- Puts alerts that are new into the outbox ($1: the last before), for each channel that is to hear of them.
INSERT INTO daybook.alert_news (alert_id, channel, state)
SELECT a.alert_id, c.channel, 'firing'
FROM daybook.alerts AS a
JOIN daybook.alert_rules AS r USING (rule)
JOIN daybook.channels AS c ON r.channels IS NULL OR c.channel = ANY (r.channels)
WHERE a.alert_id > $1::bigint

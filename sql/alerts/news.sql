-- Puts what has become of alerts into the outbox, for each channel that is to hear of it: that one fires; and that it is
-- over, where the channel was to hear that it fires.
INSERT INTO daybook.alert_news (alert_id, channel, state)
SELECT a.alert_id, c.channel, 'firing'
FROM daybook.alerts AS a
JOIN daybook.alert_rules AS r USING (rule)
JOIN daybook.channels AS c ON r.channels IS NULL OR c.channel = ANY (r.channels)
WHERE a.alert_id > $1::bigint
UNION ALL
SELECT n.alert_id, n.channel, a.state
FROM daybook.alert_news AS n
JOIN daybook.alerts AS a USING (alert_id)
WHERE n.state = 'firing' AND n.dropped_at IS NULL AND a.state <> 'firing' AND a.ended_at >= $2::timestamptz
ON CONFLICT (alert_id, channel, state) DO NOTHING

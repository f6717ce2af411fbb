-- Puts alerts that are over since ($1) into the outbox, for each channel that was to hear of their beginning.
INSERT INTO daybook.alert_news (alert_id, fired, channel, state)
SELECT n.alert_id, n.fired, n.channel, a.state
FROM daybook.alert_news AS n
JOIN daybook.alerts AS a USING (alert_id, fired)
WHERE n.state = 'firing' AND n.dropped_at IS NULL AND a.state <> 'firing' AND a.ended_at >= $1::timestamptz
ON CONFLICT (alert_id, fired, channel, state) DO NOTHING

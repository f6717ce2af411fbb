-- Puts what fires into the outbox, for each channel that is to hear of it and has not; and what has fired since ($1) and is
-- over already. A channel that is new hears of all that fires.
INSERT INTO daybook.alert_news (alert_id, fired, channel, state)
SELECT a.alert_id, a.fired, c.channel, 'firing'
FROM daybook.alerts AS a
JOIN daybook.alert_rules AS r USING (rule)
JOIN daybook.channels AS c ON r.channels IS NULL OR c.channel = ANY (r.channels)
WHERE (a.state = 'firing' OR a.detected_at >= $1::timestamptz)
    AND NOT EXISTS (
        SELECT FROM daybook.alert_news AS n
        WHERE n.alert_id = a.alert_id AND n.fired = a.fired AND n.channel = c.channel AND n.state = 'firing'
    )

-- What came and went while it was silenced is not told.
UPDATE daybook.alert_news AS n
SET dropped_at = now()
FROM daybook.alerts AS a
WHERE a.alert_id = n.alert_id AND n.notification_id IS NULL AND n.dropped_at IS NULL AND a.state <> 'firing'
    AND EXISTS (
        SELECT FROM daybook.alert_news AS f
        WHERE f.alert_id = n.alert_id AND f.fired = n.fired AND f.channel = n.channel AND f.state = 'firing' AND f.notification_id IS NULL
    )
    AND EXISTS (
        SELECT FROM daybook.silences AS s
        WHERE s.until > now() AND (s.rule IS NULL OR s.rule = a.rule) AND (s.case_id IS NULL OR s.case_id = a.case_id)
    )

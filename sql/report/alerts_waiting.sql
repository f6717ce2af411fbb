-- Messages that wait for their channel, and why.
SELECT n.channel, count(*) AS messages, min(n.made_at) AS since, max(n.attempts) AS attempts,
    (array_agg(n.error ORDER BY n.notification_id) FILTER (WHERE n.error IS NOT NULL))[1] AS error,
    CASE WHEN c.channel IS NULL THEN 'the project has no such channel any more' END AS note
FROM daybook.notifications AS n
LEFT JOIN daybook.channels AS c USING (channel)
WHERE n.sent_at IS NULL
GROUP BY n.channel, c.channel
ORDER BY n.channel

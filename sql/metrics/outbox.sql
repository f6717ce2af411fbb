-- How many messages wait for each channel; one that is no longer defined counts while any wait for it.
SELECT channel, count(n.notification_id) AS waiting
FROM daybook.channels AS c
FULL JOIN (
    SELECT channel, notification_id FROM daybook.notifications WHERE sent_at IS NULL
) AS n USING (channel)
GROUP BY channel
ORDER BY channel

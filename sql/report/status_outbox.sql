-- The messages that a channel did not take when they were sent, and that wait for another attempt.
SELECT channel, count(*) AS waiting, min(made_at) AS since, max(attempts) AS attempts,
    (array_agg(error ORDER BY notification_id DESC))[1] AS error
FROM daybook.notifications
WHERE sent_at IS NULL AND error IS NOT NULL
GROUP BY channel
ORDER BY channel

-- When the outbox is to be looked into: for a message that is to be composed, or to be tried again.
SELECT (extract(epoch FROM min(at)) * 1000000)::bigint
FROM (
    SELECT due_at AS at FROM daybook.due_messages
    UNION ALL
    -- Those behind the first of a channel wait for it.
    SELECT next_attempt_at
    FROM (
        SELECT DISTINCT ON (channel) channel, next_attempt_at
        FROM daybook.notifications
        WHERE sent_at IS NULL
        ORDER BY channel, notification_id
    ) AS first
    JOIN daybook.channels USING (channel)
) AS times

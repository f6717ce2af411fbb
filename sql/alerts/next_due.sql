-- When the outbox is to be looked into: for a message that is to be composed, or to be tried again; or because a silence ends.
SELECT (extract(epoch FROM min(at)) * 1000000)::bigint
FROM (
    SELECT due_at AS at FROM daybook.due_messages
    UNION ALL
    SELECT until FROM daybook.silences WHERE until > now()
    UNION ALL
    -- Those behind the first of a channel wait for it, unless it was refused often.
    SELECT next_attempt_at
    FROM (
        SELECT DISTINCT ON (channel) channel, next_attempt_at
        FROM daybook.notifications
        WHERE sent_at IS NULL
        ORDER BY channel, attempts >= 5, CASE WHEN attempts >= 5 THEN next_attempt_at END, notification_id
    ) AS first
    JOIN daybook.channels USING (channel)
) AS times

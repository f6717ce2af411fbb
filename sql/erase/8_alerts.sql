-- The alerts of a case ($1, of entity $2, null: any), and what messages tell of them; one that has nothing left to tell
-- is not sent any more.
WITH erased AS MATERIALIZED (
    SELECT a.alert_id
    FROM daybook.alerts AS a
    JOIN daybook.alert_rules AS r USING (rule)
    WHERE a.case_id = $1 AND r.type IN ('overdue', 'stuck') AND ($2::text IS NULL OR a.details ->> 'entity' = $2)
),
news AS (
    DELETE FROM daybook.alert_news WHERE alert_id IN (SELECT alert_id FROM erased) RETURNING notification_id
),
alerts AS (
    DELETE FROM daybook.alerts WHERE alert_id IN (SELECT alert_id FROM erased) RETURNING alert_id
),
stripped AS (
    SELECT n.notification_id, n.sent_at,
        (
            SELECT coalesce(jsonb_agg(told ORDER BY place), '[]')
            FROM jsonb_array_elements(n.body -> 'alerts') WITH ORDINALITY AS a (told, place)
            WHERE (told ->> 'alert_id')::bigint NOT IN (SELECT alert_id FROM erased)
        ) AS alerts,
        coalesce((n.body ->> 'more')::bigint, 0) AS more
    FROM daybook.notifications AS n
    WHERE EXISTS (
        SELECT FROM jsonb_array_elements(n.body -> 'alerts') AS told
        WHERE (told ->> 'alert_id')::bigint IN (SELECT alert_id FROM erased)
    )
),
changed AS (
    UPDATE daybook.notifications AS n
    SET body = jsonb_set(n.body, '{alerts}', s.alerts),
        -- Nobody is to be told of nothing.
        sent_at = CASE WHEN s.alerts = '[]' AND s.more = 0 THEN coalesce(n.sent_at, now()) ELSE n.sent_at END
    FROM stripped AS s
    WHERE n.notification_id = s.notification_id
    RETURNING n.notification_id
)
SELECT (SELECT count(*) FROM alerts) AS alerts, (SELECT count(*) FROM changed) AS messages

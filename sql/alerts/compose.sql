-- Writes the messages that are due into the outbox. $1: the project's name. A message tells the news of one rule, or what
-- still fires once more; of very many the first hundred, and of the first twenty the case's timeline.
WITH due AS (
    SELECT channel, rule, is_repeat FROM daybook.due_messages WHERE due_at <= clock_timestamp()
),
told AS (
    SELECT d.channel, d.rule, d.is_repeat, n.state, n.at, n.fired, a.alert_id
    FROM due AS d
    JOIN daybook.alert_news AS n USING (channel)
    JOIN daybook.alerts AS a ON a.alert_id = n.alert_id AND a.rule = d.rule
    WHERE n.dropped_at IS NULL
        AND CASE
            WHEN d.is_repeat
                THEN n.state = 'firing' AND n.fired = a.fired AND n.notification_id IS NOT NULL
                AND a.state = 'firing' AND a.acknowledged_at IS NULL
            ELSE n.notification_id IS NULL
        END
        AND NOT EXISTS (
            SELECT FROM daybook.silences AS s
            WHERE s.until > now() AND (s.rule IS NULL OR s.rule = a.rule)
                AND (s.case_id IS NULL OR s.case_id = a.case_id)
        )
),
numbered AS (
    SELECT *, count(*) OVER (PARTITION BY channel, rule) AS news,
        row_number() OVER (PARTITION BY channel, rule ORDER BY state = 'firing' DESC, at, alert_id, state) AS place
    FROM told
),
bodies AS (
    SELECT t.channel, t.rule, t.is_repeat, t.news,
        jsonb_agg(
            jsonb_build_object(
                'alert_id', a.alert_id, 'state', t.state, 'case_id', a.case_id, 'cycle', a.cycle,
                'entity', a.details -> 'entity', 'summary', a.summary, 'since', daybook.iso_time(a.since),
                'detected_at', daybook.iso_time(a.detected_at), 'detected_late_seconds', a.detected_late_seconds,
                'ended_at', CASE WHEN t.state <> 'firing' THEN daybook.iso_time(a.ended_at) END,
                'reason', CASE WHEN t.state <> 'firing' THEN a.reason END, 'value', a.value,
                'timeline', coalesce(l.events, '[]'),
                'sql', CASE r.type
                    WHEN 'freshness' THEN 'SELECT * FROM daybook.source_freshness ORDER BY age_seconds DESC;'
                    WHEN 'event_count' THEN
                        'SELECT report.hour(occurred_at), type, count(*) FROM raw.events '
                        || 'WHERE event_day >= current_date - 1 GROUP BY 1, 2 ORDER BY 1, 2;'
                    WHEN 'overdue' THEN format(
                        'SELECT occurred_at, type, service, details FROM raw.events_of_case(%L) ORDER BY occurred_at;',
                        a.case_id)
                    WHEN 'stuck' THEN format(
                        'SELECT occurred_at, type, service, details FROM raw.events_of_case(%L) ORDER BY occurred_at;',
                        a.case_id)
                    ELSE format(
                        'SELECT * FROM report.fact_sla WHERE sla = %L AND breached ORDER BY breach_at DESC LIMIT 100;', r.sla)
                END
            )
            ORDER BY t.place
        ) AS alerts
    FROM numbered AS t
    JOIN daybook.alerts AS a USING (alert_id)
    JOIN daybook.alert_rules AS r ON r.rule = t.rule
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
                jsonb_build_object('occurred_at', daybook.iso_time(e.occurred_at), 'type', e.type, 'service', e.service)
                ORDER BY e.occurred_at, e.sequence, e.event_id
            ) AS events
        FROM (
            SELECT *
            FROM raw.events_of_case(a.case_id) AS e
            WHERE t.place <= 20 AND r.type IN ('overdue', 'stuck') AND e.entity = a.details ->> 'entity'
            ORDER BY e.occurred_at DESC
            LIMIT 50
        ) AS e
    ) AS l ON true
    WHERE t.place <= 100
    GROUP BY t.channel, t.rule, t.is_repeat, t.news
),
keyed AS MATERIALIZED (
    SELECT *, 'daybook-' || gen_random_uuid() AS key FROM bodies
),
written AS (
    INSERT INTO daybook.notifications (channel, rule, idempotency_key, is_repeat, body)
    SELECT b.channel, b.rule, b.key, b.is_repeat,
        jsonb_build_object(
            'idempotency_key', b.key, 'channel', b.channel, 'project', $1::text, 'rule', b.rule, 'type', r.type,
            'severity', r.severity, 'sla', r.sla, 'description', r.description, 'is_repeat', b.is_repeat,
            'alerts', b.alerts, 'more', greatest(0, b.news - 100)
        )
    FROM keyed AS b
    JOIN daybook.alert_rules AS r USING (rule)
    RETURNING notification_id, channel, rule, is_repeat
)
UPDATE daybook.alert_news AS n
SET notification_id = w.notification_id
FROM written AS w
JOIN told AS t ON t.channel = w.channel AND t.rule = w.rule
WHERE n.alert_id = t.alert_id AND n.fired = t.fired AND n.channel = t.channel AND n.state = t.state AND NOT w.is_repeat

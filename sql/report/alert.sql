-- One alert ($1) as a whole, as JSON: what is known of it, the events of its case, and what was told to whom.
SELECT to_jsonb(a)
    || jsonb_build_object(
        'type', r.type, 'severity', r.severity, 'sla', r.sla, 'description', r.description,
        'timeline', coalesce(
            (
                SELECT jsonb_agg(
                        jsonb_build_object('occurred_at', e.occurred_at, 'type', e.type, 'service', e.service)
                        ORDER BY e.occurred_at, e.sequence, e.event_id
                    )
                FROM raw.events_of_case(a.case_id) AS e
                WHERE r.type IN ('overdue', 'stuck') AND e.entity = a.details ->> 'entity'
            ), '[]'),
        'told', coalesce(
            (
                SELECT jsonb_agg(
                        jsonb_build_object(
                            'channel', n.channel, 'state', n.state, 'at', n.at, 'sent_at', m.sent_at,
                            'attempts', m.attempts, 'error', m.error, 'dropped_at', n.dropped_at
                        )
                        ORDER BY n.at, n.channel
                    )
                FROM daybook.alert_news AS n
                LEFT JOIN daybook.notifications AS m USING (notification_id)
                WHERE n.alert_id = a.alert_id
            ), '[]')
    )
FROM daybook.alerts AS a
JOIN daybook.alert_rules AS r USING (rule)
WHERE a.alert_id = $1::bigint

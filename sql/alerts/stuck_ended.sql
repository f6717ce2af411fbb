-- Cases that an alert said to be stuck, and that have moved; where they had before it was time, it was never so.
WITH ended AS (
    SELECT a.alert_id, c.last_type, c.last_at,
        (
            SELECT min(e.occurred_at)
            FROM raw.events_of_case(a.case_id) AS e
            WHERE e.entity = a.details ->> 'entity' AND e.occurred_at > (a.details ->> 'last_at')::timestamptz
        ) AS moved_at,
        a.since, c.case_id IS NULL AS is_gone
    FROM daybook.alerts AS a
    JOIN daybook.alert_rules AS r USING (rule)
    LEFT JOIN report.cases AS c ON c.entity = a.details ->> 'entity' AND c.case_id = a.case_id
    WHERE r.type = 'stuck' AND r.retired_at IS NULL AND a.state = 'firing'
        -- Where the sources were not asked, nothing is known that would end it either.
        AND (c.last_at, c.last_type) IS DISTINCT FROM ((a.details ->> 'last_at')::timestamptz, a.details ->> 'last_type')
)
UPDATE daybook.alerts AS a
SET state = CASE WHEN e.moved_at <= e.since OR e.is_gone THEN 'withdrawn' ELSE 'resolved' END,
    reason = CASE
        WHEN e.is_gone THEN 'its events tell of no such case any more'
        ELSE format('its next event was at %s UTC; its last is %s', to_char(coalesce(e.moved_at, e.last_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), e.last_type)
    END,
    ended_at = clock_timestamp()
FROM ended AS e
WHERE a.alert_id = e.alert_id

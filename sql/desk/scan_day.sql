-- The cases of one day that have events which meet conditions, the latest first. $1: so many at most   $2: the segments of
-- the day that may hold any
SELECT e.case_id::text AS case_id, max(e.occurred_at) AS last_at
FROM (
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type, service,
        user_id, correlation_id, details
    FROM raw.events_by_day
    UNION ALL
    SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type, service,
        user_id, correlation_id, details
    FROM daybook.segment_events
    WHERE segment_id = ANY ($2::bigint[])
) AS e
WHERE e.event_day = current_date -- the day
    AND true /* conditions */
GROUP BY e.case_id
ORDER BY 2 DESC
LIMIT $1::bigint

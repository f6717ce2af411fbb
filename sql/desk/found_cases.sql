-- Of each case ($1: their ids) the current events that meet conditions, from one UTC day to another ($2, $3; null: any).
-- $4: so many cases at most
SELECT f.entity, f.case_id, f.events, f.first_at, f.last_at, f.type, f.service, f.event_id,
    c.last_at AS case_last_at, c.last_type AS case_last_type, c.last_service AS case_last_service
FROM (
    SELECT e.entity, e.case_id::text AS case_id, count(*) AS events, min(e.occurred_at) AS first_at,
        max(e.occurred_at) AS last_at,
        (array_agg(e.type ORDER BY e.occurred_at DESC, e.event_id DESC))[1] AS type,
        (array_agg(e.service ORDER BY e.occurred_at DESC, e.event_id DESC))[1] AS service,
        (array_agg(e.event_id::text ORDER BY e.occurred_at DESC, e.event_id DESC))[1] AS event_id
    FROM (
        -- So many together that a segment's list is asked for few.
        SELECT array_agg(case_id) AS case_ids
        FROM unnest($1::text[]) WITH ORDINALITY AS w (case_id, nth)
        GROUP BY (nth - 1) / 100
    ) AS part
    CROSS JOIN LATERAL daybook.current_events_of_cases(part.case_ids) AS e
    WHERE ($2::date IS NULL OR e.event_day >= $2::date) AND ($3::date IS NULL OR e.event_day <= $3::date)
        AND true /* conditions */
    GROUP BY e.entity, e.case_id
) AS f
LEFT JOIN report.cases AS c ON c.entity = f.entity AND c.case_id = f.case_id COLLATE "C"
ORDER BY f.last_at DESC, f.entity, f.case_id
LIMIT $4::bigint

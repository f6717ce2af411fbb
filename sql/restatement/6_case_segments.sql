-- The events of the cases of one round ($1), on the days of their spans ($2), that lie in segments.
WITH candidates AS MATERIALIZED (
    -- The segments that may hold any of these cases; where few may be in one, its list is asked.
    SELECT g.segment_id
    FROM raw.event_segments AS g
    CROSS JOIN LATERAL (
        SELECT array_agg(case_id) AS cases
        FROM (
            SELECT s.case_id
            FROM pg_temp.case_spans AS s
            WHERE s.case_id BETWEEN g.min_case_id AND g.max_case_id AND s.round = $1::int
                AND g.event_day BETWEEN s.first_day AND s.last_day
            LIMIT 33
        ) AS few
    ) AS wanted
    WHERE g.event_day = ANY ($2::date[])
        AND CASE
            WHEN cases IS NULL THEN false
            WHEN cardinality(cases) > 32 THEN true
            ELSE daybook.holds_any_case(g.case_ids, g.case_uuids, cases)
        END
)
INSERT INTO pg_temp.events
SELECT e.occurred_at, e.load_id, e.position, e.sequence, e.event_day, e.source_id, e.entity, e.case_id, e.event_id,
    e.type, e.service, e.user_id, e.correlation_id, e.details
FROM daybook.segment_events AS e
JOIN pg_temp.case_spans AS s ON s.case_id = e.case_id AND e.event_day BETWEEN s.first_day AND s.last_day
WHERE s.round = $1::int AND e.event_day = ANY ($2::date[]) AND e.segment_id = ANY (ARRAY(SELECT segment_id FROM candidates))

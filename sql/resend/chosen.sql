-- The versions of events that may be sent on, in the order of their time, and what was sent of each to a target before; a
-- later version may be elsewhere. $1: of this case; $2: of this type, or of this namespace where $3; $4 and $5: from a time,
-- to another, exclusive; $6: of sources of this name; $7: dead letters, or else what happened, unless the source says which;
-- $8: the target; $9: whether the record as it came is wanted; $10: of sources or dead letters the days of their loads
-- (resend/days.sql), else null.
WITH loads AS MATERIALIZED (
    -- Together for each day, which is read once.
    SELECT day, array_agg(l.load_id) AS load_ids
    FROM daybook.sources AS o
    JOIN daybook.loads AS l USING (source_id)
    CROSS JOIN LATERAL unnest(
        coalesce(
            l.event_days,
            ARRAY(
                SELECT generate_series(
                    (l.min_occurred_at AT TIME ZONE 'UTC')::date::timestamp,
                    (l.max_occurred_at AT TIME ZONE 'UTC')::date::timestamp, interval '1 day')::date
            )
        )
    ) AS day
    WHERE $10::date[] IS NOT NULL AND day = ANY ($10::date[]) AND l.loaded > 0
        AND ($6::text IS NULL OR o.name = $6::text)
        AND (NOT $7::boolean OR o.role = 'dead_letter')
    GROUP BY day
),
events AS (
    SELECT * FROM daybook.current_events_of_case($1::text) WHERE $1::text IS NOT NULL AND $10::date[] IS NULL
    UNION ALL
    -- OFFSET keeps the planner to looking the loads up in their days, and the list to opening no other leaf; for an
    -- empty one it would open all.
    SELECT e.*
    FROM loads AS d
    CROSS JOIN LATERAL (
        SELECT * FROM raw.events_by_day
        WHERE event_day = d.day AND event_day = ANY ($10::date[] || date '-infinity') AND load_id = ANY (d.load_ids)
            AND ($1::text IS NULL OR case_id = $1::text)
        OFFSET 0
    ) AS e
    UNION ALL
    SELECT e.occurred_at, e.load_id, e.position, e.sequence, e.event_day, e.source_id, e.entity, e.case_id, e.event_id,
        e.type, e.service, e.user_id, e.correlation_id, e.details
    FROM loads AS d
    CROSS JOIN LATERAL (
        SELECT * FROM daybook.segment_events
        WHERE event_day = d.day AND event_day = ANY ($10::date[] || date '-infinity')
            AND segment_load_ids && d.load_ids AND load_id = ANY (d.load_ids)
            AND ($1::text IS NULL OR case_id = $1::text AND $1::text BETWEEN min_case_id AND max_case_id)
        OFFSET 0
    ) AS e
    UNION ALL
    SELECT * FROM raw.events
    WHERE $1::text IS NULL AND $10::date[] IS NULL
        AND ($4::timestamptz IS NULL
            OR event_day >= ($4::timestamptz AT TIME ZONE 'UTC')::date AND occurred_at >= $4::timestamptz)
        AND ($5::timestamptz IS NULL
            OR event_day <= ($5::timestamptz AT TIME ZONE 'UTC')::date AND occurred_at < $5::timestamptz)
)
SELECT c.case_id, c.event_id, c.source_id, c.occurred_at::text AS occurred_at, c.event_day::text AS event_day, c.type,
    c.service, o.pipeline, o.name AS source, c.load_id, c.position, o.keeps_originals, before.state,
    (extract(epoch FROM before.begun_at) * 1000000)::bigint AS begun_at_us, coalesce(before.nth, 0) AS nth,
    CASE
        WHEN $9::boolean THEN EXISTS (
            SELECT FROM raw.original_packs AS p
            WHERE p.load_id = c.load_id AND p.first_position <= c.position AND p.last_position >= c.position
                AND c.position = ANY (p.positions)
        )
        ELSE true
    END AS is_there
FROM events AS c
JOIN daybook.loads AS l USING (load_id)
JOIN daybook.sources AS o ON o.source_id = l.source_id
LEFT JOIN LATERAL (
    SELECT r.state, r.begun_at, r.nth
    FROM daybook.resent AS r
    WHERE r.case_id = c.case_id AND r.event_id = c.event_id AND r.source_id = c.source_id
        AND r.occurred_at = c.occurred_at AND md5(r.target) = md5($8) AND r.target = $8
    ORDER BY r.nth DESC
    LIMIT 1
) AS before ON true
WHERE ($2::text IS NULL OR CASE WHEN $3::boolean THEN starts_with(c.type, $2::text) ELSE c.type = $2::text END)
    AND ($4::timestamptz IS NULL OR c.occurred_at >= $4::timestamptz)
    AND ($5::timestamptz IS NULL OR c.occurred_at < $5::timestamptz)
    AND ($6::text IS NULL OR o.name = $6::text)
    AND CASE WHEN $7::boolean THEN o.role = 'dead_letter' ELSE o.role = 'events' OR $6::text IS NOT NULL END
ORDER BY c.occurred_at, c.load_id, c.position, c.event_id

-- The events that are to be sent on, in the order of their time, and what was sent of each to a target before. $1: of this
-- case; $2: of this type, or of this namespace where $3; $4 and $5: from a time, to another, exclusive; $6: of sources of
-- this name; $7: dead letters, or else what happened, unless the source says which; $8: the target; $9: whether the record
-- as it came is wanted.
WITH events AS (
    SELECT * FROM raw.events_of_case($1::text) WHERE $1::text IS NOT NULL
    UNION ALL
    SELECT * FROM raw.events
    WHERE $1::text IS NULL
        AND ($4::timestamptz IS NULL
            OR event_day >= ($4::timestamptz AT TIME ZONE 'UTC')::date AND occurred_at >= $4::timestamptz)
        AND ($5::timestamptz IS NULL
            OR event_day <= ($5::timestamptz AT TIME ZONE 'UTC')::date AND occurred_at < $5::timestamptz)
),
chosen AS (
    SELECT DISTINCT ON (e.case_id, e.source_id, e.event_id) e.*, o.pipeline, o.name AS source, o.keeps_originals
    FROM events AS e
    JOIN daybook.loads AS l USING (load_id)
    JOIN daybook.sources AS o ON o.source_id = l.source_id
    WHERE ($2::text IS NULL OR CASE WHEN $3::boolean THEN starts_with(e.type, $2::text) ELSE e.type = $2::text END)
        AND ($6::text IS NULL OR o.name = $6::text)
        AND CASE WHEN $7::boolean THEN o.role = 'dead_letter' ELSE o.role = 'events' OR $6::text IS NOT NULL END
    ORDER BY e.case_id, e.source_id, e.event_id, e.load_id DESC, e.position DESC
)
SELECT c.case_id, c.event_id, c.source_id, c.occurred_at::text AS occurred_at, c.event_day::text AS event_day, c.type,
    c.service, c.pipeline, c.source, c.load_id, c.position, c.keeps_originals, before.state,
    coalesce(before.nth, 0) AS nth,
    CASE
        WHEN $9::boolean THEN EXISTS (
            SELECT FROM raw.original_packs AS p
            WHERE p.load_id = c.load_id AND p.first_position <= c.position AND p.last_position >= c.position
                AND c.position = ANY (p.positions)
        )
        ELSE true
    END AS is_there
FROM chosen AS c
LEFT JOIN LATERAL (
    SELECT r.state, r.nth
    FROM daybook.resent AS r
    WHERE r.case_id = c.case_id AND r.event_id = c.event_id AND r.source_id = c.source_id
        AND r.occurred_at = c.occurred_at AND md5(r.target) = md5($8) AND r.target = $8
    ORDER BY r.nth DESC
    LIMIT 1
) AS before ON true
WHERE ($4::timestamptz IS NULL OR c.occurred_at >= $4::timestamptz)
    AND ($5::timestamptz IS NULL OR c.occurred_at < $5::timestamptz)
ORDER BY c.occurred_at, c.load_id, c.position, c.event_id

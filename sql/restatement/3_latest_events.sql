-- The latest event of each entity, and the sources that tell of it, but for dead letters: among the events of the unseen
-- loads ($1: their ids, $2: their days), or of all where these are null.
WITH by_load AS MATERIALIZED (
    -- Counted together before anything is joined: of what came just now the planner knows nothing, takes it for a row
    -- or two, and would read it once for each load that there is.
    SELECT load_id, entity, max(occurred_at) AS latest
    FROM (
        SELECT load_id, entity, occurred_at
        FROM raw.events_by_day
        WHERE $1::bigint[] IS NULL OR event_day = ANY ($2::date[]) AND load_id = ANY ($1::bigint[])
        UNION ALL
        SELECT load_id, entity, occurred_at
        FROM daybook.segment_events
        WHERE $1::bigint[] IS NULL
            OR event_day = ANY ($2::date[]) AND segment_load_ids && $1::bigint[] AND load_id = ANY ($1::bigint[])
    ) AS e
    GROUP BY load_id, entity
),
latest AS (
    SELECT l.source_id, e.entity, max(e.latest) AS latest
    FROM by_load AS e
    JOIN daybook.loads AS l USING (load_id)
    JOIN daybook.sources AS o ON o.source_id = l.source_id AND o.role = 'events'
    GROUP BY l.source_id, e.entity
),
told AS (
    INSERT INTO daybook.source_entities (source_id, entity) SELECT source_id, entity FROM latest
    ON CONFLICT DO NOTHING
)
INSERT INTO daybook.entities AS e (entity, latest)
SELECT entity, max(latest) FROM latest GROUP BY entity
ON CONFLICT (entity) DO UPDATE SET latest = excluded.latest
WHERE e.latest < excluded.latest

-- Members of details that are new, have vanished, or have values of another type than before.
-- $1: in how many events of the window a field must be missed, for its absence to tell something
-- $2: how many members the details of a type may have: of more, their names are data
WITH totals AS (
    SELECT source_id, type, sum(events) FILTER (WHERE is_now) AS total,
        sum(events) FILTER (WHERE NOT is_now) AS total_before
    FROM pg_temp.drift_fields
    WHERE field IS NULL
    GROUP BY source_id, type
),
value_types AS (
    SELECT source_id, type, field, value_type, sum(events) FILTER (WHERE is_now) AS events,
        sum(events) FILTER (WHERE NOT is_now) AS events_before,
        min(first_at) FILTER (WHERE is_now) AS first_at, max(last_at) FILTER (WHERE NOT is_now) AS last_at
    FROM pg_temp.drift_fields
    WHERE field IS NOT NULL
    GROUP BY source_id, type, field, value_type
),
fields AS (
    SELECT source_id, type, field, sum(events) AS events, sum(events_before) AS events_before,
        min(first_at) FILTER (WHERE events_before IS NULL) AS first_at, max(last_at) AS last_at,
        string_agg(value_type, ', ' ORDER BY events DESC) FILTER (WHERE events_before IS NULL) AS new_value_types,
        sum(events) FILTER (WHERE events_before IS NULL) AS events_of_new,
        string_agg(value_type, ', ' ORDER BY events_before DESC) FILTER (WHERE events_before IS NOT NULL)
            AS value_types_before,
        count(*) OVER (PARTITION BY source_id, type) AS members
    FROM value_types
    GROUP BY source_id, type, field
),
findings AS (
    SELECT *,
        CASE
            WHEN f.events_before IS NULL THEN 'new field'
            WHEN f.events IS NULL AND f.events_before * t.total >= $1::bigint * t.total_before THEN 'vanished field'
            WHEN f.events IS NOT NULL AND f.new_value_types IS NOT NULL THEN 'value type changed'
        END AS kind
    FROM fields AS f
    JOIN totals AS t USING (source_id, type)
    WHERE f.members <= $2::bigint AND t.total > 0 AND t.total_before > 0
)
SELECT f.source_id, s.source, f.kind, f.type, f.field, s.weeks,
    coalesce(CASE WHEN f.kind = 'value type changed' THEN f.events_of_new ELSE f.events END, 0) AS events, f.total,
    coalesce(f.events_before, 0) AS events_before, f.total_before, f.first_at, f.last_at, f.new_value_types,
    f.value_types_before,
    EXISTS (
        SELECT FROM pg_temp.drift_samples AS p WHERE p.source_id = f.source_id AND p.type = f.type AND p.one_in > 1
    ) AS is_sampled
FROM findings AS f
JOIN pg_temp.drift_judged AS s USING (source_id)
WHERE f.kind IS NOT NULL
ORDER BY s.source, f.kind, f.type, f.field

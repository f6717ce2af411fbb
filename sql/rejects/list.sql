-- Rejects by pipeline, source and reason ($1 pipeline, $2 source, $3 reason, $4 since; null: all), those that wait for
-- another attempt first, with the latest of each as an example. Values that did not convert are told of events that were
-- loaded: they wait for nothing.
WITH chosen AS (
    SELECT r.*, s.name AS source,
        r.replayed_at IS NULL AND r.discarded_at IS NULL AND r.reason_code <> 'conversion' AS is_waiting
    FROM daybook.rejects AS r
    JOIN daybook.sources AS s USING (source_id)
    WHERE ($1::text IS NULL OR r.pipeline = $1)
        AND ($2::text IS NULL OR s.name = $2)
        AND ($3::text IS NULL OR r.reason_code = $3)
        AND ($4::timestamptz IS NULL OR r.rejected_at >= $4::timestamptz)
),
grouped AS (
    SELECT pipeline, source, reason_code,
        count(*) FILTER (WHERE is_waiting) AS waiting,
        count(*) FILTER (WHERE replayed_at IS NOT NULL) AS replayed,
        count(*) FILTER (WHERE replayed_at IS NULL AND discarded_at IS NOT NULL) AS discarded,
        count(*) FILTER (WHERE reason_code = 'conversion') AS "values",
        min(rejected_at) AS first_at, max(rejected_at) AS last_at,
        coalesce(max(reject_id) FILTER (WHERE is_waiting), max(reject_id)) AS example_id
    FROM chosen
    GROUP BY pipeline, source, reason_code
)
SELECT g.pipeline, g.source, g.reason_code, g.waiting, g.replayed, g.discarded, g."values",
    to_char(g.first_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS first_at,
    to_char(g.last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_at,
    g.example_id, r.object, r.line, r.byte_offset, r.reason
FROM grouped AS g
JOIN daybook.rejects AS r ON r.reject_id = g.example_id
ORDER BY g.waiting DESC, g.pipeline, g.source, g.reason_code

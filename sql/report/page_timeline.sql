-- The events of a case in their order, each in its latest version.
-- $1: the case   $2: the entity   $3: at most so many
SELECT extract(epoch FROM occurred_at)::double precision AS at,
    to_char(occurred_at, 'DD Mon YYYY, HH24:MI:SS') AS at_text,
    type, service
FROM (
    SELECT DISTINCT ON (source_id, event_id) occurred_at, sequence, event_id, type, service
    FROM raw.events_of_case($1)
    WHERE entity = $2
    ORDER BY source_id, event_id, load_id DESC, position DESC
) AS e
ORDER BY occurred_at, sequence, event_id
LIMIT $3::bigint

-- The days that have events, latest first. $1: the first day, $2: the last (null: any)   $3: so many of them (null: all)
SELECT day::text AS day
FROM (
    SELECT to_date(substr(c.relname, length('events_') + 1), 'YYYYMMDD') AS day
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'raw.events_by_day'::regclass AND c.relname ~ '^events_[0-9]{8}$' AND pg_relation_size(c.oid) > 0
    UNION
    SELECT event_day FROM raw.event_segments
) AS stored
WHERE ($1::date IS NULL OR day >= $1::date) AND ($2::date IS NULL OR day <= $2::date)
ORDER BY day DESC
LIMIT $3::bigint

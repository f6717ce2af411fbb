-- The days before $1 whose leaves hold rows, and those whose leaves were emptied and are still there, oldest first.
WITH leaves AS MATERIALIZED (
    SELECT to_date(substr(c.relname, length('events_') + 1), 'YYYYMMDD') AS day,
        pg_relation_size(c.oid) AS row_bytes, pg_total_relation_size(c.oid) AS bytes
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'raw.events_by_day'::regclass AND c.relname ~ '^events_[0-9]{8}$'
)
SELECT day, bytes
FROM leaves
WHERE day < $1::date
    AND (row_bytes > 0 OR daybook.has_segments(day))
    -- One that is dropped at this moment has no size.
    AND bytes IS NOT NULL
    -- What waits for a day to be finished is compared with its leaf.
    AND NOT EXISTS (SELECT FROM daybook.building AS b WHERE b.event_day = leaves.day)
ORDER BY day

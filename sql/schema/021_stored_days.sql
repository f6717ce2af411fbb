-- What each day takes on the disk, and in which form.
CREATE VIEW daybook.stored_days AS
SELECT to_date(substr(c.relname, length('events_') + 1), 'YYYYMMDD') AS event_day,
    'heap' AS form,
    -- One that is dropped at this moment has none.
    coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
    greatest(c.reltuples, 0)::bigint AS events
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('raw.events_by_day'::regclass, 'raw.building'::regclass) AND c.relname ~ '^events_[0-9]{8}$'
UNION ALL
SELECT event_day, 'segments', sum(bytes)::bigint, sum(events)
FROM daybook.segment_sizes
GROUP BY event_day;
COMMENT ON VIEW daybook.stored_days IS 'What each day takes on the disk; a compacted day for which events came late has a row of each form';
COMMENT ON COLUMN daybook.stored_days.event_day IS 'UTC day of the events';
COMMENT ON COLUMN daybook.stored_days.form IS 'heap: a leaf with its indexes; segments: columns, compacted';
COMMENT ON COLUMN daybook.stored_days.bytes IS 'Bytes on the disk';
COMMENT ON COLUMN daybook.stored_days.events IS 'Events; of a leaf as many as the server last counted';

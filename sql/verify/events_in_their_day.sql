-- Every event lies in the leaf of its own UTC day, or in a segment, and was brought by a load of its own source (or of the project).
WITH stored AS (
    SELECT tableoid, load_id, source_id, event_day, occurred_at FROM raw.events_by_day
    UNION ALL
    SELECT tableoid, load_id, source_id, event_day, occurred_at FROM raw.building
    UNION ALL
    SELECT 'raw.event_segments'::regclass, load_id, source_id, event_day, occurred_at FROM daybook.segment_events
)
SELECT format('%s event(s) of load %s lie in %s, whose day is %s, but happened on %s',
    count(*), load_id, tableoid::regclass, event_day, (occurred_at AT TIME ZONE 'UTC')::date) AS problem
FROM stored
GROUP BY load_id, tableoid, event_day, (occurred_at AT TIME ZONE 'UTC')::date
HAVING event_day <> (occurred_at AT TIME ZONE 'UTC')::date
    OR tableoid NOT IN ('raw.building'::regclass, 'raw.event_segments'::regclass)
        AND daybook.find_leaf(event_day) IS DISTINCT FROM tableoid
UNION ALL
SELECT format('%s event(s) of load %s carry source %s; the load is of source %s',
    count(*), e.load_id, e.source_id, l.source_id)
FROM stored AS e
JOIN daybook.loads AS l USING (load_id)
WHERE e.source_id NOT IN (l.source_id, 0)
GROUP BY e.load_id, e.source_id, l.source_id
ORDER BY problem

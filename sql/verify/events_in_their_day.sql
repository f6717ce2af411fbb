-- Every event lies in the leaf of its own UTC day, and was brought by a load of its own source (or of the project).
SELECT format('%s event(s) of load %s lie in %s, whose day is %s, but happened on %s',
    count(*), load_id, tableoid::regclass, event_day, (occurred_at AT TIME ZONE 'UTC')::date) AS problem
FROM raw.events_by_day
WHERE event_day <> (occurred_at AT TIME ZONE 'UTC')::date
GROUP BY load_id, tableoid, event_day, (occurred_at AT TIME ZONE 'UTC')::date
UNION ALL
SELECT format('%s event(s) of load %s carry source %s; the load is of source %s',
    count(*), e.load_id, e.source_id, l.source_id)
FROM raw.events_by_day AS e
JOIN daybook.loads AS l USING (load_id)
WHERE e.source_id NOT IN (l.source_id, 0)
GROUP BY e.load_id, e.source_id, l.source_id
ORDER BY problem

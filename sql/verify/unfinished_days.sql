-- No day waits to be finished once a run has succeeded: its events are counted as loaded, and no reader sees them.
-- That a killed run left one is no problem before; the next run finishes it.
SELECT format('%s event(s) of %s wait in raw.building, where nobody reads them; the next daybook run finishes the day',
    count(*), e.event_day) AS problem
FROM raw.building AS e
JOIN daybook.loads AS l USING (load_id)
WHERE EXISTS (
    SELECT FROM daybook.runs AS r
    WHERE r.pipeline = l.pipeline AND r.run_id >= l.run_id AND r.status = 'succeeded'
)
GROUP BY e.event_day
ORDER BY problem

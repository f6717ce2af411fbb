-- The days before $1 of which anything is stored, and what they take, oldest first; not those that wait to be finished.
SELECT event_day AS day, sum(bytes)::bigint AS bytes
FROM daybook.stored_days AS d
WHERE event_day < $1::date
    AND NOT EXISTS (SELECT FROM daybook.building AS b WHERE b.event_day = d.event_day)
GROUP BY event_day
ORDER BY event_day

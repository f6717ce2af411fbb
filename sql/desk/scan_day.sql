-- The cases of one day that have events which meet conditions, the latest first. $1: so many at most
SELECT e.case_id::text AS case_id, max(e.occurred_at) AS last_at
FROM raw.events AS e
WHERE e.event_day = current_date -- the day
    AND true -- conditions
GROUP BY e.case_id
ORDER BY 2 DESC
LIMIT $1::bigint

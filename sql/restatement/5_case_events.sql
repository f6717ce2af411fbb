-- The events of the touched cases that are not here yet. $1: every day of their spans, so that the planner opens no
-- other leaf. OFFSET keeps it to looking each case up in the leaves' keys; runs prune the days beyond a case's own.
INSERT INTO pg_temp.events
SELECT e.*
FROM pg_temp.touched_cases AS t
CROSS JOIN LATERAL (
    SELECT * FROM raw.events
    WHERE case_id = t.case_id AND event_day BETWEEN t.first_day AND t.last_day AND event_day = ANY ($1::date[])
    OFFSET 0
) AS e
WHERE NOT t.is_fetched

-- The events of the cases of one round ($1). $2: every day of their spans, so that the planner opens no other leaf.
-- OFFSET keeps it to looking each case up in the leaves' keys; the days beyond a case's own are pruned as it runs.
INSERT INTO pg_temp.events
SELECT e.*
FROM pg_temp.case_spans AS s
CROSS JOIN LATERAL (
    SELECT * FROM raw.events_by_day
    WHERE case_id = s.case_id AND event_day BETWEEN s.first_day AND s.last_day AND event_day = ANY ($2::date[])
    OFFSET 0
) AS e
WHERE s.round = $1::int

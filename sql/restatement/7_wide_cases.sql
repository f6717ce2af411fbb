-- The cases of raw.events with versions of events on days beyond those that report.cases tells; and those of which only
-- dead letters tell, which are no cases there.
INSERT INTO daybook.wide_cases AS w (case_id, first_day, last_day)
SELECT e.case_id, e.first_day, e.last_day
FROM (
    SELECT case_id, min(event_day) AS first_day, max(event_day) AS last_day FROM raw.events GROUP BY case_id
) AS e
LEFT JOIN report.cases AS c USING (case_id)
GROUP BY e.case_id, e.first_day, e.last_day
HAVING count(c.case_id) = 0
    OR e.first_day < min(c.first_at AT TIME ZONE 'UTC')::date
    OR e.last_day > max(c.last_at AT TIME ZONE 'UTC')::date
ON CONFLICT (case_id) DO UPDATE
SET first_day = least(w.first_day, excluded.first_day), last_day = greatest(w.last_day, excluded.last_day)

-- The cases of raw.events with versions of events on days beyond those that report.cases tells.
INSERT INTO daybook.wide_cases AS w (case_id, first_day, last_day)
SELECT e.case_id, min(e.event_day), max(e.event_day)
FROM raw.events AS e
JOIN (
    SELECT case_id, min(first_at AT TIME ZONE 'UTC')::date AS first_day,
        max(last_at AT TIME ZONE 'UTC')::date AS last_day
    FROM report.cases
    GROUP BY case_id
) AS c USING (case_id)
WHERE e.event_day < c.first_day OR e.event_day > c.last_day
GROUP BY e.case_id
ON CONFLICT (case_id) DO UPDATE
SET first_day = least(w.first_day, excluded.first_day), last_day = greatest(w.last_day, excluded.last_day)

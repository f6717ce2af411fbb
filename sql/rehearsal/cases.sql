-- The cases of which report.cases would change, in a rehearsed transform: pg_temp.old_cases and pg_temp.new_cases are
-- its rows as they are and as they would be.
SELECT entity, case_id,
    CASE WHEN o.case_id IS NULL THEN 'new' WHEN n.case_id IS NULL THEN 'gone' ELSE 'changed' END AS change,
    o.events AS events_before, n.events AS events_after
FROM pg_temp.old_cases AS o
FULL JOIN pg_temp.new_cases AS n USING (entity, case_id)
ORDER BY entity, case_id

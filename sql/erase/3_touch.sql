-- Their cases are to be computed anew, and a case ($1, of entity $2, null: any) that is to go as a whole, too, where only
-- reports tell of it: it counts as one that began after the days that were dropped, so that nothing of it is frozen.
WITH cases AS (
    SELECT case_id, min(event_day) AS first_day, max(event_day) AS last_day FROM pg_temp.erased GROUP BY case_id
    UNION ALL
    SELECT DISTINCT case_id, NULL::date, NULL::date
    FROM report.cases
    WHERE case_id = $1 AND ($2::text IS NULL OR entity = $2) AND case_id NOT IN (SELECT case_id FROM pg_temp.erased)
),
late AS (
    INSERT INTO daybook.late_cases (case_id) SELECT case_id FROM cases WHERE case_id = $1
    ON CONFLICT DO NOTHING
)
INSERT INTO daybook.touched_cases AS t (case_id, first_day, last_day)
SELECT case_id, first_day, last_day FROM cases
ON CONFLICT (case_id) DO UPDATE
SET first_day = least(t.first_day, excluded.first_day), last_day = greatest(t.last_day, excluded.last_day)

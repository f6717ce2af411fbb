-- Their cases are to be computed anew; and a case ($1, of entity $2, null: any) that is to go as a whole, too, where only
-- reports tell of it, however old it is.
WITH told AS (
    SELECT entity, case_id FROM pg_temp.erased WHERE case_id = $1
    UNION
    SELECT entity, case_id FROM report.cases WHERE case_id = $1
    UNION
    SELECT entity, case_id FROM daybook.case_paths WHERE case_id = $1
    UNION
    SELECT entity, case_id FROM report.case_keys WHERE case_id = $1
),
forgotten AS (
    INSERT INTO daybook.forgotten_cases (entity, case_id)
    SELECT entity, case_id FROM told WHERE $2::text IS NULL OR entity = $2
    RETURNING case_id
),
cases AS (
    SELECT case_id, min(event_day) AS first_day, max(event_day) AS last_day FROM pg_temp.erased GROUP BY case_id
    UNION ALL
    SELECT DISTINCT case_id, NULL::date, NULL::date
    FROM forgotten
    WHERE case_id NOT IN (SELECT case_id FROM pg_temp.erased)
)
INSERT INTO daybook.touched_cases AS t (case_id, first_day, last_day)
SELECT case_id, first_day, last_day FROM cases
ON CONFLICT (case_id) DO UPDATE
SET first_day = least(t.first_day, excluded.first_day), last_day = greatest(t.last_day, excluded.last_day)

-- What the transform needed to know of a case ($1) that is gone.
WITH late AS (
    DELETE FROM daybook.late_cases AS l
    WHERE case_id = $1 AND NOT EXISTS (SELECT FROM report.cases AS c WHERE c.case_id = l.case_id)
),
wide AS (
    DELETE FROM daybook.wide_cases AS w
    WHERE case_id = $1 AND NOT EXISTS (SELECT FROM report.cases AS c WHERE c.case_id = w.case_id)
),
forgotten AS (
    DELETE FROM daybook.forgotten_cases
)
DELETE FROM daybook.frozen_news AS n
WHERE case_id = $1 AND NOT EXISTS (SELECT FROM report.cases AS c WHERE c.case_id = n.case_id)

-- What the transform needed to know of a case ($1) that is gone.
DELETE FROM daybook.late_cases AS l
WHERE case_id = $1 AND NOT EXISTS (SELECT FROM report.cases AS c WHERE c.case_id = l.case_id)

-- The events of a case in order. $1: the case   $2: its entity, null for all
SELECT * FROM report.case_timeline($1::text, $2::text)

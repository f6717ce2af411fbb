-- Where a case is, of each entity that has it. $1: the case
SELECT * FROM report.locate($1::text)

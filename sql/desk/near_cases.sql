-- Cases whose ids stand beside one that is not there, or are written as it but for case. $1: that one
SELECT near.case_id
FROM daybook.entities AS e
CROSS JOIN LATERAL (
    (
        SELECT case_id FROM report.cases
        WHERE entity = e.entity AND case_id > $1::text COLLATE "C"
        ORDER BY case_id LIMIT 5
    )
    UNION
    (
        SELECT case_id FROM report.cases
        WHERE entity = e.entity AND case_id < $1::text COLLATE "C"
        ORDER BY case_id DESC LIMIT 5
    )
    UNION
    SELECT case_id FROM report.cases WHERE entity = e.entity AND case_id IN (lower($1::text), upper($1::text))
) AS near

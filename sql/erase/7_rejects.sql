-- The rejects whose bytes name the case or the user ($1); those of values that did not convert go with their events.
WITH gone AS (
    DELETE FROM daybook.rejects
    WHERE reason_code <> 'conversion' AND position(convert_to($1, 'UTF8') IN raw) > 0 AND daybook.names(raw, $1)
    RETURNING load_id
),
counted AS (
    UPDATE daybook.loads AS l
    SET rejects_dropped = l.rejects_dropped + g.rejects
    FROM (SELECT load_id, count(*) AS rejects FROM gone GROUP BY load_id) AS g
    WHERE l.load_id = g.load_id
)
SELECT count(*) AS rejects FROM gone

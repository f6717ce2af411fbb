-- The rejects whose bytes hold the name of the case or the user ($1) as a value; those of values that did not convert go
-- with their events.
WITH gone AS (
    DELETE FROM daybook.rejects
    WHERE reason_code <> 'conversion' AND encode(raw, 'escape') ~ (SELECT daybook.value_pattern($1))
    RETURNING reject_id, load_id
),
counted AS (
    UPDATE daybook.loads AS l
    SET rejects_dropped = l.rejects_dropped + g.rejects
    FROM (SELECT load_id, count(*) AS rejects FROM gone GROUP BY load_id) AS g
    WHERE l.load_id = g.load_id
)
SELECT count(*) AS rejects, coalesce((array_agg(reject_id ORDER BY reject_id))[:20], '{}')::text AS first_ids FROM gone

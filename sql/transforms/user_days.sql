-- model: daybook.user_days
-- key: day, entity, user_id
-- from: daybook.case_paths
-- additive: events
-- time: day
-- description: One row for each UTC day, entity and user of whom there are events.
SELECT e.day, e.entity, e.user_id, count(*) AS events
FROM (
    SELECT (t.occurred_at AT TIME ZONE 'UTC')::date AS day, p.entity,
        p.user_ids[CASE WHEN cardinality(p.user_ids) = 1 THEN 1 ELSE t.nth END] AS user_id
    FROM daybook.case_paths AS p
    CROSS JOIN LATERAL unnest(p.times) WITH ORDINALITY AS t (occurred_at, nth)
    WHERE p.user_ids IS NOT NULL
) AS e
WHERE e.user_id IS NOT NULL
GROUP BY e.day, e.entity, e.user_id

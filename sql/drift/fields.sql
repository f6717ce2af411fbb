-- In how many of the sampled events each member of their details is, by type of value; and the number of them all, as
-- that of the field null. JSON null is no value. Fills pg_temp.drift_fields.
-- $1: the days, so that the planner opens no other leaf
SELECT s.source_id, s.type, s.is_now, member.field, member.value_type, count(*) AS events,
    min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at
FROM raw.events AS e
JOIN daybook.loads AS l USING (load_id)
JOIN pg_temp.drift_samples AS s
    ON s.source_id = l.source_id AND s.type = e.type AND e.occurred_at >= s.from_at AND e.occurred_at < s.to_at
CROSS JOIN LATERAL (
    SELECT NULL AS field, NULL AS value_type
    UNION ALL
    SELECT key, jsonb_typeof(value)
    FROM jsonb_each(CASE WHEN jsonb_typeof(e.details) = 'object' THEN e.details END)
    WHERE jsonb_typeof(value) <> 'null'
) AS member
WHERE e.event_day = ANY ($1::date[])
    AND (s.one_in = 1 OR hashint8extended(e.position, e.load_id) % s.one_in = 0)
GROUP BY s.source_id, s.type, s.is_now, member.field, member.value_type

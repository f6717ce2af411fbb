-- The cases of which keys have certain values, the latest first. $1: of each condition the names of its keys, as an array in
-- JSON   $2: its value, in the same order   $3: so many cases at most   $4, $5: from this UTC day to this one (null: any)
WITH conditions AS MATERIALIZED (
    SELECT c.nth, n.key, report.key_value(c.value) AS value
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS c (names, value, nth)
    CROSS JOIN LATERAL jsonb_array_elements_text(c.names::jsonb) AS n (key)
),
found AS (
    SELECT k.entity, k.case_id, sum(k.events)::bigint AS events, min(k.first_at) AS first_at, max(k.last_at) AS last_at
    FROM conditions AS c
    JOIN report.case_keys AS k ON k.key = c.key AND k.value = c.value
    GROUP BY k.entity, k.case_id
    HAVING count(DISTINCT c.nth) = cardinality($2::text[])
)
SELECT f.entity, f.case_id, f.events, f.first_at, f.last_at, NULL::text AS type, NULL::text AS service, NULL::text AS event_id,
    c.last_at AS case_last_at, c.last_type AS case_last_type, c.last_service AS case_last_service
FROM found AS f
LEFT JOIN report.cases AS c USING (entity, case_id)
WHERE ($4::date IS NULL OR f.last_at >= $4::date::timestamp AT TIME ZONE 'UTC')
    AND ($5::date IS NULL OR f.first_at < ($5::date + 1)::timestamp AT TIME ZONE 'UTC')
ORDER BY f.last_at DESC, f.entity, f.case_id
LIMIT $3::bigint

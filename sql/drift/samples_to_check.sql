-- Of the types that show something in the sample, all events are to be looked at, and of no other type any.
-- $1: their sources   $2: the types
WITH checked AS (
    SELECT DISTINCT source_id, type FROM unnest($1::int[], $2::text[]) AS c (source_id, type)
),
dropped AS (
    DELETE FROM pg_temp.drift_samples AS s
    WHERE NOT EXISTS (SELECT FROM checked AS c WHERE c.source_id = s.source_id AND c.type = s.type)
)
UPDATE pg_temp.drift_samples AS s
SET one_in = 1
FROM checked AS c
WHERE c.source_id = s.source_id AND c.type = s.type

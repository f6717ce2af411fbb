-- What the ledger tells of each source, and how fresh it is.
WITH counts AS (
    SELECT source_id, sum(read)::bigint AS read, sum(loaded)::bigint AS loaded, sum(duplicate)::bigint AS duplicate,
        sum(rejected)::bigint AS rejected, sum(filtered)::bigint AS filtered
    FROM daybook.loads
    GROUP BY source_id
)
SELECT f.pipeline, f.name AS source, f.age_seconds, f.freshness,
    coalesce(c.read, 0) AS read, coalesce(c.loaded, 0) AS loaded, coalesce(c.duplicate, 0) AS duplicate,
    coalesce(c.rejected, 0) AS rejected, coalesce(c.filtered, 0) AS filtered
FROM daybook.source_freshness AS f
LEFT JOIN counts AS c USING (source_id)
ORDER BY f.pipeline, f.name

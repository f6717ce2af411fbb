-- How long the last run of each pipeline took that has ended.
SELECT p.pipeline, r.seconds
FROM (SELECT DISTINCT pipeline FROM daybook.sources) AS p
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM ended_at - started_at)::double precision AS seconds
    FROM daybook.runs
    WHERE pipeline = p.pipeline AND status IN ('succeeded', 'failed')
    ORDER BY run_id DESC
    LIMIT 1
) AS r
ORDER BY p.pipeline

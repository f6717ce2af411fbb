-- Of each pipeline, how many of the runs that are kept ended how, and when the last of them did.
SELECT r.pipeline, s.status, s.runs, extract(epoch FROM s.last_at)::double precision AS last_seconds
FROM (
    SELECT pipeline,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded, count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'skipped') AS skipped,
        max(ended_at) FILTER (WHERE status = 'succeeded') AS succeeded_at,
        max(ended_at) FILTER (WHERE status = 'failed') AS failed_at
    FROM daybook.runs
    GROUP BY pipeline
) AS r
CROSS JOIN LATERAL (
    VALUES ('succeeded', r.succeeded, r.succeeded_at), ('failed', r.failed, r.failed_at), ('skipped', r.skipped, NULL)
) AS s (status, runs, last_at)
ORDER BY r.pipeline, s.status

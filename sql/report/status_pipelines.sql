-- How each pipeline stands. $1: the pipelines; null: all that the database knows   $2: the class of the locks of runs
--
-- Whether a run goes on is told by its lock: one that was killed has lost it, and is still said to be running.
WITH wanted AS (
    SELECT unnest($1::text[]) AS pipeline
    UNION
    SELECT pipeline FROM daybook.sources WHERE $1::text[] IS NULL AND retired_at IS NULL
    UNION
    SELECT pipeline FROM daybook.schedules WHERE $1::text[] IS NULL
)
SELECT w.pipeline, r.run_id, r.status, r.started_by, r.started_at, r.ended_at, r.error, r.host, r.process_id,
    s.ended_at AS last_success_at, p.accounted_until,
    EXISTS (
        SELECT
        FROM pg_locks AS l
        JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
        WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
            AND l.classid = $2::int::oid AND l.objid::bigint = hashtext(w.pipeline)::bigint & 4294967295
    ) AS is_locked
FROM wanted AS w
LEFT JOIN LATERAL (
    SELECT * FROM daybook.runs
    -- Who waits for a case looks for files that may not be there yet; that they are not is no failure of the pipeline.
    WHERE pipeline = w.pipeline AND status <> 'skipped' AND NOT (started_by = 'expect' AND status = 'failed')
    ORDER BY run_id DESC
    LIMIT 1
) AS r ON true
LEFT JOIN LATERAL (
    SELECT ended_at FROM daybook.runs
    WHERE pipeline = w.pipeline AND status = 'succeeded'
    ORDER BY run_id DESC
    LIMIT 1
) AS s ON true
LEFT JOIN daybook.schedules AS p ON p.pipeline = w.pipeline
ORDER BY w.pipeline

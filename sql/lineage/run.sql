-- What the events of a run tell of it, and the run of its pipeline before it, if that was killed and could not tell its
-- own end. $1: the run
SELECT r.pipeline, r.started_at, r.ended_at, r.nominal_at, r.error, k.run_id AS killed_id, k.ended_at AS killed_at,
    k.error AS killed_error
FROM daybook.runs AS r
LEFT JOIN LATERAL (
    SELECT * FROM daybook.runs
    WHERE pipeline = r.pipeline AND run_id < r.run_id AND status <> 'skipped'
    ORDER BY run_id DESC
    LIMIT 1
) AS k ON k.error = 'it was killed'
WHERE r.run_id = $1::bigint

-- The runs, newest first. $1: the pipelines; null: all   $2: how many   $3: whether only those that failed
SELECT run_id, pipeline, status, started_by, attempt, nominal_at, nominal_from, nominal_times, started_at, ended_at,
    extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at)::double precision AS seconds,
    read, loaded, duplicate, conflicting, rejected, filtered, error, version
FROM daybook.runs
WHERE ($1::text[] IS NULL OR pipeline = ANY ($1::text[])) AND (status = 'failed' OR NOT $3::boolean)
ORDER BY run_id DESC
LIMIT $2::int

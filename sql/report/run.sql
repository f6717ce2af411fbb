-- One run, whole. $1: the run
SELECT *, extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at)::double precision AS seconds
FROM daybook.runs
WHERE run_id = $1::bigint

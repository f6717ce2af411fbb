-- Writes down that times of a schedule were skipped, or that their run failed before it could begin, unless any of them is
-- accounted for.
-- $1: pipeline   $2, $3: the first and the last of them   $4: how many   $5: why   $6: host   $7: process   $8: version   $9: skipped or failed
WITH accounted AS (
    UPDATE daybook.schedules
    SET accounted_until = $3::timestamptz
    WHERE pipeline = $1 AND accounted_until < $2::timestamptz
    RETURNING pipeline
)
INSERT INTO daybook.runs (
    pipeline, status, started_at, ended_at, error, started_by, nominal_from, nominal_at, nominal_times, host, process_id, version)
SELECT pipeline, $9, now(), now(), $5, 'schedule', $2::timestamptz, $3::timestamptz, $4::int, $6, $7::int, $8
FROM accounted

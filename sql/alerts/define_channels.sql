-- Makes the channels equal to those of the project ($1: an array of objects; durations in microseconds).
WITH defined AS (
    SELECT channel, kind, group_wait * interval '1 microsecond' AS group_wait,
        group_interval * interval '1 microsecond' AS group_interval,
        repeat_interval * interval '1 microsecond' AS repeat_interval, quiet_from, quiet_to, quiet_zone, quiet_days
    FROM jsonb_to_recordset($1::jsonb) AS d (
        channel text, kind text, group_wait bigint, group_interval bigint, repeat_interval bigint, quiet_from time,
        quiet_to time, quiet_zone text, quiet_days integer[])
),
gone AS (
    DELETE FROM daybook.channels WHERE channel NOT IN (SELECT channel FROM defined)
)
INSERT INTO daybook.channels AS c (
    channel, kind, group_wait, group_interval, repeat_interval, quiet_from, quiet_to, quiet_zone, quiet_days)
TABLE defined
ON CONFLICT (channel) DO UPDATE
SET kind = excluded.kind, group_wait = excluded.group_wait, group_interval = excluded.group_interval,
    repeat_interval = excluded.repeat_interval, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
    quiet_zone = excluded.quiet_zone, quiet_days = excluded.quiet_days
WHERE c IS DISTINCT FROM excluded

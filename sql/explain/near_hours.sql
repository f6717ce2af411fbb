-- The hours of an SLA that are nearest to one that has no row.
-- $1: the SLA   $2: the hour
SELECT to_char(hour_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI') AS hour
FROM (
    (
        SELECT hour_start
        FROM report.sla_hourly
        WHERE sla = $1 AND hour_start < $2::timestamptz
        ORDER BY hour_start DESC
        LIMIT 2
    )
    UNION ALL
    (
        SELECT hour_start
        FROM report.sla_hourly
        WHERE sla = $1 AND hour_start > $2::timestamptz
        ORDER BY hour_start
        LIMIT 2
    )
) AS near
ORDER BY hour_start

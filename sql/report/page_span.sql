-- What is shown where no bounds are given: up to the latest hour of the SLAs; with the time of the database.
-- $1: the SLAs, null for all   $2: from this hour   $3: up to before this hour   $4: else so long, null for all there is
-- The hour is that of the start; of the end or the missed deadline where the table is replaced by theirs.
WITH latest AS (
    SELECT coalesce($3::timestamptz, max(hour_start) + interval '1 hour') AS until_hour, min(hour_start) AS first_hour
    FROM report.sla_hourly
    WHERE ($1::text[] IS NULL OR sla = ANY ($1::text[]))
        AND ($2::timestamptz IS NULL OR hour_start >= $2::timestamptz)
        AND ($3::timestamptz IS NULL OR hour_start < $3::timestamptz)
),
span AS (
    SELECT until_hour, coalesce($2::timestamptz, until_hour - $4::interval, first_hour) AS from_hour
    FROM latest
)
SELECT from_hour, until_hour,
    extract(epoch FROM from_hour)::double precision AS from_epoch,
    extract(epoch FROM until_hour)::double precision AS until_epoch,
    to_char(from_hour, 'DD Mon YYYY, HH24:MI') AS from_text,
    to_char(until_hour, 'DD Mon YYYY, HH24:MI') AS until_text
FROM span
WHERE from_hour < until_hour

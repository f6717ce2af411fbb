-- What raw.events takes on the disk, by form, and what the next 30 days will add. $1: after how many days a day is
-- compacted, $2: after how many it is dropped; null: never. The days to come are taken to be as the last seven that are
-- over; a day that is compacted keeps the share of its bytes that others kept, or a sixth where none was yet.
WITH days AS (
    SELECT * FROM daybook.stored_days
),
kept AS (
    SELECT coalesce(
        sum(bytes) FILTER (WHERE form <> 'heap')::numeric / nullif(sum(events) FILTER (WHERE form <> 'heap'), 0)
        / nullif(
            sum(bytes) FILTER (WHERE form = 'heap')::numeric / nullif(sum(events) FILTER (WHERE form = 'heap'), 0), 0),
        1.0 / 6) AS share
    FROM days
    -- Small leaves are mostly empty pages.
    WHERE form <> 'heap' OR events >= 10000
),
recent AS (
    SELECT avg(bytes) AS bytes
    FROM (
        -- As leaves, compacted or not.
        SELECT event_day, sum(CASE form WHEN 'heap' THEN bytes ELSE bytes / (SELECT share FROM kept) END) AS bytes
        FROM days
        WHERE event_day < (now() AT TIME ZONE 'UTC')::date
        GROUP BY event_day
        ORDER BY event_day DESC
        LIMIT 7
    ) AS last_days
),
given_back AS (
    SELECT
        -- By days that will be past their retention.
        coalesce(sum(bytes) FILTER (WHERE event_day < first_kept), 0)
        -- By those of today's leaves that will be compacted, and by those of the days to come.
        + CASE WHEN $1::int IS NULL THEN 0 ELSE 1 - least(1, (SELECT share FROM kept)) END * (
            coalesce(sum(bytes) FILTER (
                WHERE form = 'heap' AND event_day >= first_kept
                    AND event_day < (now() AT TIME ZONE 'UTC')::date + 30 - $1::int
            ), 0)
            + greatest(0, least(30, coalesce($2::int, 30)) - $1::int) * coalesce((SELECT bytes FROM recent), 0)
        ) AS bytes
    FROM days
    CROSS JOIN (
        SELECT coalesce((now() AT TIME ZONE 'UTC')::date + 30 - $2::int, '-infinity') AS first_kept
    ) AS retention
)
SELECT
    coalesce(sum(bytes) FILTER (WHERE form = 'heap'), 0)::bigint AS heap_bytes,
    count(*) FILTER (WHERE form = 'heap') AS heap_days,
    coalesce(sum(bytes) FILTER (WHERE form <> 'heap'), 0)::bigint AS segment_bytes,
    count(*) FILTER (WHERE form <> 'heap') AS segment_days,
    -- An empty table has pages, too.
    CASE WHEN EXISTS (SELECT FROM raw.original_packs) THEN pg_total_relation_size('raw.original_packs') ELSE 0 END
        AS original_bytes,
    (SELECT round(least(30, coalesce($2::int, 30)) * coalesce(r.bytes, 0) - g.bytes)::bigint
    FROM recent AS r, given_back AS g) AS next_30_days_bytes
FROM days

-- How many of the latest rejects a search looks into. $1: so many at most   $2: so many bytes at most
SELECT count(*) AS searched, min(rejected_at) AS since,
    NOT EXISTS (SELECT FROM daybook.rejects AS r WHERE r.reject_id < coalesce(min(recent.reject_id), 0)) AS are_all
FROM (
    SELECT reject_id, rejected_at, sum(octet_length(raw)) OVER (ORDER BY reject_id DESC) AS bytes
    FROM (SELECT reject_id, rejected_at, raw FROM daybook.rejects ORDER BY reject_id DESC LIMIT $1::bigint) AS latest
) AS recent
WHERE bytes <= $2::bigint

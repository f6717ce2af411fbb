-- When a page is made, and since when it tells of restatements: since the one whose place it takes, or for 7 days.
-- $1: when that was made   $2: up to when it knew of restatements   (null: there is none)
-- What it knows of is told by the changes themselves: one that is under way now is stamped earlier than it is seen.
SELECT to_char(now(), 'DD Mon YYYY, HH24:MI') AS made_text,
    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS made_at,
    to_char(coalesce(h.latest, now()) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS seen_until,
    coalesce($2::timestamptz, now() - interval '7 days') AS since,
    to_char($1::timestamptz, 'DD Mon YYYY, HH24:MI') AS since_text
FROM (SELECT greatest(max(valid_from), max(valid_to)) AS latest FROM report.sla_hourly_history) AS h

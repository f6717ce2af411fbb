-- The changes of final hours of an SLA since a time, the latest first.
-- $1: the SLA   $2: since   $3: how many
SELECT to_char(r.hour_start, 'DD Mon YYYY, HH24:MI') AS hour_text,
    to_char(r.restated_at, 'DD Mon YYYY, HH24:MI') AS restated_text,
    coalesce(r.cause, 'gone') AS cause,
    r.started_before, r.started_after, r.met_before, r.met_after, r.breached_before, r.breached_after,
    r.attainment_before, r.attainment_after,
    cardinality(r.load_ids) AS loads,
    (SELECT string_agg(DISTINCT l.object, ', ' ORDER BY l.object)
    FROM daybook.loads AS l WHERE l.load_id = ANY (r.load_ids[1:3])) AS objects,
    count(*) OVER () AS all_changes
FROM report.sla_restatements AS r
WHERE r.sla = $1 AND r.restated_at > $2::timestamptz
ORDER BY r.restated_at DESC, r.hour_start
LIMIT $3::bigint

-- Up to when each schedule is accounted for; and of the last run for it, where that may go well another time, which times
-- it stood for.
SELECT s.pipeline, (extract(epoch FROM s.accounted_until) * 1000000)::bigint AS accounted_until,
    CASE WHEN l.status = 'running' OR l.status = 'failed' AND l.may_pass THEN l.attempt END AS failed_attempt,
    (extract(epoch FROM l.nominal_from) * 1000000)::bigint AS nominal_from, l.nominal_times,
    (extract(epoch FROM coalesce(l.ended_at, l.started_at)) * 1000000)::bigint AS ended_at
FROM daybook.schedules AS s
LEFT JOIN LATERAL (
    SELECT r.status, r.may_pass, r.attempt, r.nominal_from, r.nominal_times, r.started_at, r.ended_at
    FROM daybook.runs AS r
    WHERE r.pipeline = s.pipeline AND r.nominal_at = s.accounted_until
    ORDER BY r.run_id DESC
    LIMIT 1
) AS l ON true

-- model: report.event_hourly
-- key: hour_start, entity, service, type
-- from: daybook.case_paths, daybook.event_kinds
-- additive: events, errors
-- time: hour_start
-- description: How many events of each type each service told of in each UTC hour, and how many were errors.
SELECT e.hour_start, e.entity, k.service, k.type,
    sum(e.events)::bigint AS events,
    coalesce(sum(e.events) FILTER (WHERE e.kind < 0), 0)::bigint AS errors
FROM (
    SELECT report.hour(t.occurred_at) AS hour_start, p.entity, t.kind, count(*) AS events
    FROM daybook.case_paths AS p
    CROSS JOIN LATERAL unnest(p.times, p.kinds) AS t (occurred_at, kind)
    GROUP BY report.hour(t.occurred_at), p.entity, t.kind
) AS e
JOIN daybook.event_kinds AS k ON k.kind_id = abs(e.kind)
GROUP BY e.hour_start, e.entity, k.service, k.type

-- model: report.step_hourly
-- key: hour_start, entity, from_type, to_type
-- from: daybook.case_paths, daybook.event_kinds
-- additive: steps, total_seconds
-- time: hour_start
-- description: How often, and in how many seconds, cases came from one event to the next, by the UTC hour of arrival.
SELECT s.hour_start, s.entity, f.type AS from_type, t.type AS to_type,
    sum(s.steps)::bigint AS steps,
    -- Summed as whole microseconds, so that the order of rows never shows.
    round(sum(s.total_microseconds) / 1000000, 6) AS total_seconds
FROM (
    SELECT report.hour(e.arrived_at) AS hour_start, p.entity, abs(e.from_kind) AS from_kind, abs(e.to_kind) AS to_kind,
        count(*) AS steps, sum(round(date_part('epoch', e.arrived_at - e.left_at) * 1e6)::bigint) AS total_microseconds
    FROM daybook.case_paths AS p
    CROSS JOIN LATERAL unnest(p.times, p.times[2:], p.kinds, p.kinds[2:]) AS e (left_at, arrived_at, from_kind, to_kind)
    WHERE e.arrived_at IS NOT NULL
    GROUP BY report.hour(e.arrived_at), p.entity, abs(e.from_kind), abs(e.to_kind)
) AS s
JOIN daybook.event_kinds AS f ON f.kind_id = s.from_kind
JOIN daybook.event_kinds AS t ON t.kind_id = s.to_kind
GROUP BY s.hour_start, s.entity, f.type, t.type

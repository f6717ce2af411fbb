-- model: report.step_durations
-- key: entity, from_type, day, to_type, bucket
-- from: daybook.case_paths, daybook.event_kinds
-- additive: steps
-- time: day
-- description: How often cases came from one event to the next in how long, by the UTC day of arrival.
SELECT s.entity, f.type AS from_type, s.day, t.type AS to_type, s.bucket, sum(s.steps)::bigint AS steps
FROM (
    SELECT p.entity, abs(e.from_kind) AS from_kind, (e.arrived_at AT TIME ZONE 'UTC')::date AS day,
        abs(e.to_kind) AS to_kind, daybook.duration_bucket(date_part('epoch', e.arrived_at - e.left_at)) AS bucket,
        count(*) AS steps
    FROM daybook.case_paths AS p
    CROSS JOIN LATERAL unnest(p.times, p.times[2:], p.kinds, p.kinds[2:]) AS e (left_at, arrived_at, from_kind, to_kind)
    WHERE e.arrived_at IS NOT NULL
    GROUP BY p.entity, abs(e.from_kind), (e.arrived_at AT TIME ZONE 'UTC')::date, abs(e.to_kind),
        daybook.duration_bucket(date_part('epoch', e.arrived_at - e.left_at))
) AS s
JOIN daybook.event_kinds AS f ON f.kind_id = s.from_kind
JOIN daybook.event_kinds AS t ON t.kind_id = s.to_kind
GROUP BY s.entity, f.type, s.day, t.type, s.bucket

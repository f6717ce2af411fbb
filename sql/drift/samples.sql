-- Of which types of events the details are looked at, in the window and before it, and of how many events one. Fills
-- pg_temp.drift_samples.
-- $1: about how many events of a type are looked at in the window   $2: and before it
--
-- Types that came in one of the two only are told of as types.
SELECT source_id, type, period.is_now, period.from_at, period.to_at,
    greatest(1, period.events / period.enough)::bigint AS one_in
FROM (
    SELECT source_id, h.type, s.from_hour, s.weeks,
        sum(h.events) FILTER (WHERE h.hour_start >= s.from_hour) AS events,
        sum(h.events) FILTER (WHERE h.hour_start < s.from_hour) AS events_before
    FROM pg_temp.drift_judged AS s
    JOIN pg_temp.drift_hours AS h USING (source_id)
    WHERE s.weeks >= 2 AND h.hour_start >= s.from_hour - s.weeks * interval '168 hours'
    GROUP BY source_id, h.type, s.from_hour, s.weeks
) AS counts
CROSS JOIN LATERAL (
    VALUES (true, from_hour, timestamptz 'infinity', events, $1::bigint),
        (false, from_hour - weeks * interval '168 hours', from_hour, events_before, $2::bigint)
) AS period (is_now, from_at, to_at, events, enough)
WHERE counts.events > 0 AND counts.events_before > 0

-- The loads that the report tables have not seen; looked up in the gaps of what was seen.
CREATE TEMPORARY TABLE unseen_loads ON COMMIT DROP AS
SELECT l.load_id, l.loaded,
    coalesce(
        l.event_days,
        ARRAY(
            SELECT day::date
            FROM generate_series(
                (l.min_occurred_at AT TIME ZONE 'UTC')::date::timestamp,
                (l.max_occurred_at AT TIME ZONE 'UTC')::date::timestamp, interval '1 day') AS day
        )
    ) AS event_days
FROM daybook.transforms AS t
CROSS JOIN LATERAL unnest(int8multirange(int8range(0, NULL)) - t.seen) AS gap
JOIN daybook.loads AS l
    ON l.load_id >= lower(gap) AND (upper_inf(gap) OR l.load_id < upper(gap))

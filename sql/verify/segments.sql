-- Every segment holds what it says: as many events, of its day and hour, between its times and its cases.
WITH held AS (
    SELECT segment_id, count(*) AS events, min(occurred_at) AS min_occurred_at, max(occurred_at) AS max_occurred_at,
        min(case_id) AS min_case_id, max(case_id) AS max_case_id
    FROM daybook.segment_events
    GROUP BY segment_id
)
SELECT format('segment %s of %s holds other events than it says', segment_id, s.event_day) AS problem
FROM raw.event_segments AS s
LEFT JOIN held AS h USING (segment_id)
WHERE (s.events, s.min_occurred_at, s.max_occurred_at, s.min_case_id, s.max_case_id)
        IS DISTINCT FROM (h.events, h.min_occurred_at, h.max_occurred_at, h.min_case_id, h.max_case_id)
    OR s.hour_start <> report.hour(s.min_occurred_at) OR s.hour_start <> report.hour(s.max_occurred_at)
    OR s.event_day <> (s.hour_start AT TIME ZONE 'UTC')::date
ORDER BY problem

-- Segments that hold any of them become rows of their day again; the next compaction folds in what stays.
WITH cases AS (
    SELECT DISTINCT event_day, case_id FROM pg_temp.erased
)
SELECT daybook.reopen_segments(g.event_day, array_agg(DISTINCT g.segment_id))
FROM raw.event_segments AS g
JOIN cases AS c
    ON c.event_day = g.event_day AND c.case_id BETWEEN g.min_case_id AND g.max_case_id
    AND daybook.holds_any_case(g.case_ids, g.case_uuids, ARRAY[c.case_id])
WHERE g.event_day = ANY ($1::date[])
GROUP BY g.event_day

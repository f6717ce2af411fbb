-- The segments of one day that may hold events which meet conditions: by their lists, without taking them apart.
SELECT s.segment_id
FROM raw.event_segments AS s
WHERE s.event_day = current_date -- the day
    -- Of a columnar table there are no lists.
    AND (s.segment_id < 0 OR true /* conditions */)

-- What the segments of a day ($1) take, as they are compressed.
SELECT coalesce(sum(bytes), 0)::bigint FROM daybook.segment_sizes WHERE event_day = $1::date

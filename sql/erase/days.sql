-- The days that they lie on.
SELECT coalesce(array_agg(DISTINCT event_day), '{}')::text FROM pg_temp.erased

-- What a day ($1) takes that is compacted.
SELECT coalesce(sum(bytes), 0)::bigint FROM daybook.stored_days WHERE event_day = $1::date AND form <> 'heap'

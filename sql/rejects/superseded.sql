-- Of some events that rejects yield (by place), those of which a version is there that came later than the reject did: to
-- load the older one now would make it the one that counts. $1 to $6: place, case, event, time, and load and position of the
-- reject; $7: the scope of the event ids. What a replay brought came when its reject did.
SELECT n.place
FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[])
    AS n (place, case_id, event_id, occurred_at, load_id, position)
WHERE EXISTS (
    SELECT FROM raw.events_of_case(n.case_id) AS e
    LEFT JOIN daybook.rejects AS r ON r.replay_load_id = e.load_id AND r.byte_offset = e.position
    WHERE e.event_id = n.event_id AND e.source_id = $7::int AND e.occurred_at <> n.occurred_at
        AND (coalesce(r.load_id, e.load_id), e.position) > (n.load_id, n.position)
)
ORDER BY n.place

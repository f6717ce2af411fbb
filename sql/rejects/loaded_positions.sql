-- The positions at which a load ($1), whose transaction this is, has brought rows of some days ($2).
SELECT position
FROM raw.events_by_day
WHERE load_id = $1::bigint AND event_day = ANY ($2::date[])
UNION
SELECT position
FROM raw.building
WHERE load_id = $1::bigint AND event_day = ANY ($2::date[])

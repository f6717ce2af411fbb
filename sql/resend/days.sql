-- The days of the loads of some sources that may hold what is to be sent on: $1 the name of the sources; $2 dead letters, or
-- else whichever; $3 and $4 from a time, to another, exclusive.
SELECT ARRAY(
    SELECT DISTINCT day
    FROM daybook.sources AS o
    JOIN daybook.loads AS l USING (source_id)
    CROSS JOIN LATERAL unnest(
        coalesce(
            l.event_days,
            ARRAY(
                SELECT generate_series(
                    (l.min_occurred_at AT TIME ZONE 'UTC')::date::timestamp,
                    (l.max_occurred_at AT TIME ZONE 'UTC')::date::timestamp, interval '1 day')::date
            )
        )
    ) AS day
    WHERE l.loaded > 0
        AND ($1::text IS NULL OR o.name = $1::text)
        AND (NOT $2::boolean OR o.role = 'dead_letter')
        AND ($3::timestamptz IS NULL OR day >= ($3::timestamptz AT TIME ZONE 'UTC')::date)
        AND ($4::timestamptz IS NULL OR day <= ($4::timestamptz AT TIME ZONE 'UTC')::date)
) AS days

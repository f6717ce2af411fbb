-- Of some versions of events (by place), those of which a later version is there. $1 to $7: place, case, event, source,
-- time, load and position of each; $8: whether what shows in place of a version of the same time (on_change) is one, too;
-- $9: whether what a replay brought came when its reject did; $10 to $12: where to look, by rejects/version_days.sql, so
-- that the planner opens no other leaf. For an empty list it would open all: none is.
WITH new AS MATERIALIZED (
    SELECT *
    FROM unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::bigint[], $7::bigint[])
        AS n (place, case_id, event_id, source_id, occurred_at, load_id, position)
),
spans AS MATERIALIZED (
    SELECT case_id, min(first_day) AS first_day, max(last_day) AS last_day
    FROM (
        SELECT c.case_id, (c.first_at AT TIME ZONE 'UTC')::date AS first_day,
            (c.last_at AT TIME ZONE 'UTC')::date AS last_day
        FROM report.cases AS c
        WHERE c.entity = ANY (ARRAY(SELECT entity FROM daybook.entities)) AND c.case_id = ANY ($2::text[])
        UNION ALL
        SELECT w.case_id, w.first_day, w.last_day FROM daybook.wide_cases AS w WHERE w.case_id = ANY ($2::text[])
        UNION ALL
        SELECT t.case_id, t.first_day, t.last_day FROM daybook.touched_cases AS t WHERE t.case_id = ANY ($2::text[])
    ) AS known
    GROUP BY case_id
),
segments AS MATERIALIZED (
    -- Those that may hold any of these cases; where few may be in one, its list is asked.
    SELECT g.segment_id
    FROM raw.event_segments AS g
    CROSS JOIN LATERAL (
        SELECT array_agg(case_id) AS cases
        FROM (
            SELECT s.case_id
            FROM spans AS s
            WHERE s.case_id BETWEEN g.min_case_id AND g.max_case_id AND g.event_day BETWEEN s.first_day AND s.last_day
            LIMIT 33
        ) AS few
    ) AS wanted
    WHERE g.event_day = ANY ($10::date[])
        AND CASE
            WHEN cases IS NULL THEN false
            WHEN cardinality(cases) > 32 THEN true
            ELSE daybook.holds_any_case(g.case_ids, g.case_uuids, cases)
        END
    UNION
    -- A day may be compacted before a transform has seen its events.
    SELECT g.segment_id
    FROM raw.event_segments AS g
    WHERE g.event_day = ANY ($12::date[]) AND g.load_ids && $11::bigint[]
),
found AS (
    -- OFFSET keeps the planner to looking each event up in the leaves' keys; the days beyond a case's own are pruned as it
    -- runs.
    SELECT n.place, e.occurred_at, e.load_id, e.position
    FROM new AS n
    JOIN spans AS s ON s.case_id = n.case_id
    CROSS JOIN LATERAL (
        SELECT * FROM raw.events_by_day
        WHERE case_id = n.case_id AND event_id = n.event_id AND source_id = n.source_id
            AND event_day BETWEEN s.first_day AND s.last_day
            AND event_day = ANY ($10::date[] || date '-infinity')
        OFFSET 0
    ) AS e
    UNION ALL
    SELECT n.place, e.occurred_at, e.load_id, e.position
    FROM raw.events_by_day AS e
    JOIN new AS n ON n.case_id = e.case_id AND n.event_id = e.event_id AND n.source_id = e.source_id
    WHERE e.event_day = ANY ($12::date[] || date '-infinity') AND e.load_id = ANY ($11::bigint[])
        AND e.case_id = ANY ($2::text[])
    UNION ALL
    SELECT n.place, e.occurred_at, e.load_id, e.position
    FROM daybook.segment_events AS e
    JOIN new AS n ON n.case_id = e.case_id AND n.event_id = e.event_id AND n.source_id = e.source_id
    WHERE e.event_day = ANY ($10::date[] || $12::date[]) AND e.segment_id = ANY (ARRAY(SELECT segment_id FROM segments))
)
SELECT DISTINCT n.place
FROM found AS e
JOIN new AS n USING (place)
-- The row stays that of the load that brought it: of other times that is what counts.
LEFT JOIN daybook.replacements AS shown
    ON $8::boolean AND e.occurred_at = n.occurred_at AND shown.case_id = n.case_id AND shown.event_id = n.event_id
    AND shown.source_id = n.source_id AND shown.occurred_at = n.occurred_at
CROSS JOIN LATERAL (
    SELECT coalesce(shown.load_id, e.load_id) AS load_id, coalesce(shown.position, e.position) AS position
) AS came
LEFT JOIN daybook.rejects AS r
    ON $9::boolean AND r.replay_load_id = came.load_id AND r.byte_offset = came.position
WHERE ($8::boolean OR e.occurred_at <> n.occurred_at)
    AND (coalesce(r.load_id, came.load_id), came.position) > (n.load_id, n.position)
ORDER BY n.place

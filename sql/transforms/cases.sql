-- model: report.cases
-- key: entity, case_id
-- from: raw.current_events
-- description: One row for each entity and case: when it was seen first and last, and by whom.
WITH sequenced AS (
    -- The sequence decides a tie only where all of it have one.
    SELECT entity, case_id, type, service, occurred_at, event_id, source_id,
        CASE WHEN bool_and(sequence IS NOT NULL) OVER tie THEN sequence END AS sequence
    FROM raw.current_events
    WINDOW tie AS (PARTITION BY entity, case_id, occurred_at)
),
ranked AS (
    SELECT entity, case_id, type, service,
        row_number() OVER latest AS recency,
        min(occurred_at) OVER whole AS first_at,
        max(occurred_at) OVER whole AS last_at,
        count(*) OVER whole AS events
    FROM sequenced
    WINDOW
        whole AS (PARTITION BY entity, case_id),
        latest AS (
            PARTITION BY entity, case_id
            ORDER BY occurred_at DESC, sequence DESC, event_id DESC, source_id DESC
        )
)
SELECT entity, case_id, first_at, last_at, events, type AS last_type, service AS last_service
FROM ranked
WHERE recency = 1

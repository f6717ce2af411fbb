-- model: report.cases
-- key: entity, case_id
-- from: raw.current_events
-- time: last_at
-- description: One row for each entity and case: when it was seen first and last, and by whom.
WITH spanned AS (
    -- By case first: raw.current_events comes in that order.
    SELECT entity, case_id, type, service, occurred_at, event_id, source_id, sequence,
        min(occurred_at) OVER whole AS first_at,
        max(occurred_at) OVER whole AS last_at,
        count(*) OVER whole AS events
    FROM raw.current_events
    WINDOW whole AS (PARTITION BY case_id, entity)
),
latest AS (
    -- Among the last events of a case the sequence decides only where all of them have one.
    SELECT *, CASE WHEN bool_and(sequence IS NOT NULL) OVER whole THEN sequence END AS tie_sequence
    FROM spanned
    WHERE occurred_at = last_at
    WINDOW whole AS (PARTITION BY case_id, entity)
)
SELECT DISTINCT ON (case_id, entity)
    entity, case_id, first_at, last_at, events, daybook.label(type) AS last_type,
    daybook.label(service) AS last_service
FROM latest
ORDER BY case_id, entity, tie_sequence DESC, event_id DESC, source_id DESC

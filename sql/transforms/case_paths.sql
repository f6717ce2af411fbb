-- model: daybook.case_paths
-- key: case_id, entity
-- from: raw.events, daybook.event_kinds
-- time: times[cardinality(times)]
-- description: One row for each entity and case: its events in order, as lists.
WITH current_events AS (
    -- As raw.current_events; of the details only what is told of them is sorted.
    SELECT DISTINCT ON (case_id, source_id, event_id)
        case_id, source_id, event_id, entity, occurred_at, sequence, daybook.label(service) AS service,
        daybook.label(type) AS type, daybook.label(nullif(user_id, '')) COLLATE "C" AS user_id,
        daybook.tells_error(details) AS tells_error
    FROM raw.events
    WHERE source_id <> ALL (ARRAY(SELECT source_id FROM daybook.sources WHERE role = 'dead_letter'))
    ORDER BY case_id, source_id, event_id, load_id DESC, position DESC
),
told AS (
    SELECT e.case_id, e.entity, e.occurred_at, e.event_id, e.source_id, e.user_id,
        CASE WHEN k.is_error OR e.tells_error THEN -k.kind_id ELSE k.kind_id END AS kind,
        -- The sequence decides among events of one time where all of them have one.
        CASE WHEN bool_and(e.sequence IS NOT NULL) OVER tie THEN e.sequence END AS tie_sequence
    FROM current_events AS e
    JOIN daybook.event_kinds AS k USING (service, type)
    WINDOW tie AS (PARTITION BY e.case_id, e.entity, e.occurred_at)
),
ordered AS (
    -- Sorted once for all lists, which then come in the order of their rows.
    SELECT * FROM told ORDER BY case_id, entity, occurred_at, tie_sequence, event_id, source_id
)
SELECT case_id, entity,
    array_agg(occurred_at) AS times,
    array_agg(kind) AS kinds,
    CASE
        WHEN count(user_id) = count(*) AND min(user_id) = max(user_id) THEN ARRAY[min(user_id)]
        WHEN count(user_id) > 0 THEN array_agg(user_id)
    END AS user_ids
FROM ordered
GROUP BY case_id, entity

-- The events of a case ($1), of one entity ($2) or of any: every version, on whatever day.
INSERT INTO pg_temp.erased (event_day, case_id, event_id, source_id, occurred_at, entity, load_id, position)
SELECT event_day, case_id, event_id, source_id, occurred_at, entity, load_id, position
FROM raw.events_of_case($1, '-infinity', 'infinity')
WHERE $2::text IS NULL OR entity = $2

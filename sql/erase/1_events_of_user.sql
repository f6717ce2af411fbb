-- The events of a user ($1); nothing tells where they may lie.
INSERT INTO pg_temp.erased (event_day, case_id, event_id, source_id, occurred_at, entity, load_id, position)
SELECT event_day, case_id, event_id, source_id, occurred_at, entity, load_id, position
FROM raw.events
WHERE user_id = $1

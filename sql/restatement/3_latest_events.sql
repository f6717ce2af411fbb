-- The latest event of each entity, among those of the unseen loads ($1: their ids, $2: their days).
INSERT INTO daybook.entities AS e (entity, latest)
SELECT entity, max(occurred_at)
FROM raw.events
WHERE event_day = ANY ($2::date[]) AND load_id = ANY ($1::bigint[])
GROUP BY entity
ON CONFLICT (entity) DO UPDATE SET latest = excluded.latest
WHERE e.latest < excluded.latest

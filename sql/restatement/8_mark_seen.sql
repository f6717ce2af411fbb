-- Marks the unseen loads as seen; not those whose events wait for a day to be finished.
UPDATE daybook.transforms
SET seen = seen + coalesce(
    (
        SELECT range_agg(int8range(load_id, load_id, '[]'))
        FROM pg_temp.unseen_loads
        WHERE load_id NOT IN (SELECT load_id FROM daybook.building)
    ), '{}')
WHERE EXISTS (SELECT FROM pg_temp.unseen_loads)

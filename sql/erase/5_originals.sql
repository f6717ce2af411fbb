-- The bytes that they came from. A pack is written anew with what stays of it.
WITH gone AS (
    DELETE FROM raw.original_packs AS p
    WHERE EXISTS (SELECT FROM pg_temp.erased AS e WHERE e.load_id = p.load_id AND e.position = ANY (p.positions))
    RETURNING p.load_id, p.event_day, p.positions, p.ends, p.bytes, gen_random_uuid() AS pack
),
kept AS (
    SELECT g.pack, g.load_id, g.event_day, i, g.positions[i] AS position,
        substr(g.bytes, coalesce(g.ends[i - 1], 0) + 1, g.ends[i] - coalesce(g.ends[i - 1], 0)) AS bytes
    FROM gone AS g
    CROSS JOIN LATERAL generate_series(1, cardinality(g.positions)) AS i
    WHERE NOT EXISTS (SELECT FROM pg_temp.erased AS e WHERE e.load_id = g.load_id AND e.position = g.positions[i])
),
measured AS (
    SELECT *, sum(length(bytes)) OVER (PARTITION BY pack ORDER BY i) AS end_at FROM kept
)
INSERT INTO raw.original_packs (load_id, event_day, first_position, last_position, positions, ends, bytes)
SELECT load_id, event_day, min(position), max(position), array_agg(position ORDER BY i),
    array_agg(end_at::integer ORDER BY i), string_agg(bytes, ''::bytea ORDER BY i)
FROM measured
GROUP BY pack, load_id, event_day

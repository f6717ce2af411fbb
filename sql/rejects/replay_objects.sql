-- Where the chosen rejects of a pipeline came from ($1 to $5: as of daybook.chosen_rejects), in the order of their loads.
SELECT s.source_id, s.name AS source, l.object_identity, count(*) AS rejects
FROM daybook.chosen_rejects($1, $2::bigint[], $3, $4, $5::timestamptz) AS c
JOIN daybook.sources AS s USING (source_id)
JOIN daybook.loads AS l ON l.load_id = c.load_id
GROUP BY s.source_id, s.name, l.object_identity
ORDER BY min(c.load_id), l.object_identity

-- The pipelines of the chosen rejects ($1 to $5: as of daybook.chosen_rejects), and how many each has.
SELECT c.pipeline, count(*) AS rejects
FROM daybook.chosen_rejects($1, $2::bigint[], $3, $4, $5::timestamptz) AS c
GROUP BY c.pipeline
ORDER BY c.pipeline

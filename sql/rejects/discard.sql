-- Marks chosen rejects ($1 to $5: as of daybook.chosen_rejects) as not to be read again; $6: by whom, $7: why.
WITH discarded AS (
    UPDATE daybook.rejects AS r
    SET discarded_at = now(), discarded_by = $6, discarded_why = $7
    -- Who discarded one first has said why.
    WHERE r.replayed_at IS NULL AND r.discarded_at IS NULL
        AND r.reject_id IN (
            SELECT c.reject_id FROM daybook.chosen_rejects($1, $2::bigint[], $3, $4, $5::timestamptz) AS c
        )
    RETURNING r.pipeline, r.source_id, r.reason_code
)
SELECT d.pipeline, s.name AS source, d.reason_code, count(*) AS rejects
FROM discarded AS d
JOIN daybook.sources AS s USING (source_id)
GROUP BY d.pipeline, s.name, d.reason_code
ORDER BY d.pipeline, s.name, d.reason_code

-- What a run has rejected, by reason, each with its first record. $1: the run
SELECT r.reason_code, g.rejects, r.object, r.line, r.reason
FROM (
    SELECT reason_code, count(*) AS rejects, min(reject_id) AS reject_id
    FROM daybook.rejects
    WHERE load_id IN (SELECT load_id FROM daybook.loads WHERE run_id = $1::bigint)
    GROUP BY reason_code
) AS g
JOIN daybook.rejects AS r USING (reject_id)
ORDER BY g.rejects DESC, r.reason_code

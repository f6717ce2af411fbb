-- All about one reject ($1).
SELECT r.reject_id, r.pipeline, s.name AS source, r.load_id, l.run_id, r.object, r.line, r.byte_offset, r.reason_code,
    r.reason, encode(r.raw, 'hex') AS hex, octet_length(r.raw) AS bytes, r.is_redacted, r.attempts,
    to_char(r.rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS rejected_at,
    to_char(r.last_tried_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_tried_at,
    to_char(r.replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS replayed_at,
    r.replay_load_id, r.outcome,
    to_char(r.discarded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS discarded_at,
    r.discarded_by, r.discarded_why, r.case_id, r.event_id, r.field,
    CASE
        WHEN r.reason_code = 'conversion' THEN 'value'
        WHEN r.replayed_at IS NOT NULL THEN 'replayed'
        WHEN r.discarded_at IS NOT NULL THEN 'discarded'
        ELSE 'waiting'
    END AS state
FROM daybook.rejects AS r
JOIN daybook.sources AS s USING (source_id)
LEFT JOIN daybook.loads AS l USING (load_id)
WHERE r.reject_id = $1::bigint

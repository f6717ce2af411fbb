-- The next records of an object ($6: its source, $7: its identity) behind a byte ($8) that left chosen rejects ($1 to $5: as
-- of daybook.chosen_rejects), with all rejects that each of them left: a record is read again as a whole. As many as fit in
-- 16 MiB.
WITH chosen AS (
    SELECT DISTINCT c.load_id, c.byte_offset
    FROM daybook.chosen_rejects($1, $2::bigint[], $3, $4, $5::timestamptz) AS c
    JOIN daybook.loads AS l ON l.load_id = c.load_id
    WHERE c.source_id = $6::int AND l.object_identity = $7 AND c.byte_offset > $8::bigint
    ORDER BY c.byte_offset
    LIMIT 2000
),
waiting AS (
    SELECT r.reject_id, r.load_id, r.object, coalesce(r.line, 0) AS line, r.byte_offset, r.reason_code, r.raw,
        r.event_index, r.is_redacted, l.start_position, l.end_position, l.first_line, l.end_line, l.columns,
        -- Those of one record stay together.
        sum(octet_length(r.raw)) OVER (ORDER BY r.byte_offset) AS bytes_so_far
    FROM daybook.rejects AS r
    JOIN chosen USING (load_id, byte_offset)
    JOIN daybook.loads AS l USING (load_id)
    WHERE r.replayed_at IS NULL AND r.reason_code <> 'conversion'
        AND (r.discarded_at IS NULL OR r.reject_id = ANY ($2::bigint[]))
)
SELECT reject_id, load_id, object, line, byte_offset, reason_code, event_index, encode(raw, 'hex') AS raw, is_redacted,
    start_position, end_position, first_line, end_line, to_json(columns)::text AS columns
FROM waiting
WHERE bytes_so_far - octet_length(raw) < 16777216
    OR byte_offset = (SELECT min(byte_offset) FROM chosen)
ORDER BY byte_offset, reject_id

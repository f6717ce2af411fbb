-- The latest rejects ($4: so many at most) that mention one of some ids ($3), as a word of its own: of the latest ($1: so
-- many, $2: so many bytes at most), and of values that did not convert all. How long a record is costs nothing to ask; to read it does.
WITH recent AS MATERIALIZED (
    SELECT min(reject_id) AS first_id
    FROM (
        SELECT reject_id, sum(octet_length(raw)) OVER (ORDER BY reject_id DESC) AS bytes
        FROM (SELECT reject_id, raw FROM daybook.rejects ORDER BY reject_id DESC LIMIT $1::bigint) AS latest
    ) AS sized
    WHERE bytes <= $2::bigint
),
words AS MATERIALIZED (
    -- As it is, and as JSON writes it.
    SELECT DISTINCT convert_to(form, 'UTF8') AS bytes,
        '(?<![[:alnum:]_-])' || regexp_replace(encode(convert_to(form, 'UTF8'), 'escape'), '([^[:alnum:]])', '\\\1', 'g')
            || '(?![[:alnum:]_-])' AS pattern
    FROM unnest($3::text[]) AS id
    CROSS JOIN LATERAL (VALUES (id), (substr(to_json(id)::text, 2, length(to_json(id)::text) - 2))) AS f (form)
),
mentioned AS (
    SELECT r.reject_id
    FROM daybook.rejects AS r
    WHERE r.reject_id >= (SELECT first_id FROM recent)
        AND EXISTS (
            SELECT FROM words AS w
            WHERE CASE WHEN position(w.bytes IN r.raw) > 0 THEN encode(r.raw, 'escape') ~ w.pattern END
        )
    UNION
    SELECT r.reject_id FROM daybook.rejects AS r WHERE r.case_id = ANY ($3::text[])
)
SELECT r.reject_id, r.pipeline, s.name AS source, r.object, r.line, r.byte_offset, r.reason_code, r.reason, r.rejected_at,
    r.replayed_at, r.attempts
FROM mentioned
JOIN daybook.rejects AS r USING (reject_id)
LEFT JOIN daybook.sources AS s USING (source_id)
ORDER BY r.reject_id DESC
LIMIT $4::bigint

-- What is erased as a whole is not kept for being old: neither what of a case is frozen, nor what is older than reports are
-- kept.
CREATE TABLE daybook.forgotten_cases (
    case_id text COLLATE "C" NOT NULL,
    entity  text NOT NULL,
    PRIMARY KEY (case_id, entity)
);
COMMENT ON TABLE daybook.forgotten_cases IS 'The cases that an erasure is about to remove; empty but within its transaction';
COMMENT ON COLUMN daybook.forgotten_cases.case_id IS 'The case';
COMMENT ON COLUMN daybook.forgotten_cases.entity IS 'What kind of thing it is; another of the same name stays';

-- Rejects are found by what they hold, whatever was wrong with them. A word is not enough: order 12 is not meant by a time
-- of day, nor by order 12-B.
DROP FUNCTION daybook.names(bytea, text), daybook.is_word_byte(integer);

CREATE FUNCTION daybook.value_pattern(value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH letters AS (
        SELECT n, ascii(c) AS code,
            -- As encode(bytes, 'escape') writes it, for a regular expression.
            regexp_replace(encode(convert_to(c, 'UTF8'), 'escape'), '([^[:alnum:]])', '\\\1', 'g') AS plain,
            c IN ('"', '\', '/') AS may_be_escaped,
            c = '"' AS may_be_doubled
        -- A longer value is known by its beginning.
        FROM regexp_split_to_table(left(value, 200), '') WITH ORDINALITY AS l (c, n)
    ),
    units AS (
        -- UTF-16, as JSON's \uXXXX.
        SELECT n, string_agg('\\\\u(?:' || hex || '|' || upper(hex) || ')', '' ORDER BY place) AS escaped
        FROM letters
        CROSS JOIN LATERAL (
            VALUES (1, CASE WHEN code < 65536 THEN code ELSE 55296 + ((code - 65536) >> 10) END),
                (2, CASE WHEN code >= 65536 THEN 56320 + ((code - 65536) & 1023) END)
        ) AS u (place, unit)
        CROSS JOIN LATERAL (SELECT lpad(to_hex(unit), 4, '0') AS hex) AS h
        WHERE unit IS NOT NULL
        GROUP BY n
    ),
    body AS (
        SELECT string_agg(
            '(?:' || plain || CASE WHEN may_be_escaped THEN '|\\\\' || plain ELSE '' END
                || CASE WHEN may_be_doubled THEN '|' || plain || plain ELSE '' END || '|' || escaped || ')',
            '' ORDER BY n) || CASE WHEN length(value) > 200 THEN '.*' ELSE '' END AS text
        FROM letters JOIN units USING (n)
    )
    SELECT '"' || b.text || '(?:\\\\)?"|''' || b.text || '''|":\s*' || b.text || '\s*(?:[,}\]]|$)'
        || '|(?:^|[\s,;|=&>\[(])' || b.text || '(?:$|[\s,;|&<\])}#?])'
        || '|[A-Za-z][^/\s"]*/' || b.text || '(?:[/?#\s"&]|$)'
    FROM body AS b;
END;
COMMENT ON FUNCTION daybook.value_pattern IS 'A regular expression over encode(bytes, ''escape''): whether they hold a value as a whole, as JSON (escaped or not), CSV, XML, key=value, a query or a path writes it';

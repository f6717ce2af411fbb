-- What was removed on request: that it was, and nothing of what.
CREATE TABLE daybook.erasures (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('case', 'user')),
    erased_at  timestamptz NOT NULL DEFAULT now(),
    erased_by  text NOT NULL,
    reason     text,
    cases      bigint NOT NULL,
    events     bigint NOT NULL,
    rejects    bigint NOT NULL,
    alerts     bigint NOT NULL,
    messages   bigint NOT NULL
);
COMMENT ON TABLE daybook.erasures IS 'Removals of a case or of a person on request: that they were made, and nothing of what was removed';
COMMENT ON COLUMN daybook.erasures.erasure_id IS 'The removal';
COMMENT ON COLUMN daybook.erasures.kind IS 'What was named: a case, or a user';
COMMENT ON COLUMN daybook.erasures.erased_at IS 'When';
COMMENT ON COLUMN daybook.erasures.erased_by IS 'Who did it';
COMMENT ON COLUMN daybook.erasures.reason IS 'Why, in the words of who did it; the number of a request, say';
COMMENT ON COLUMN daybook.erasures.cases IS 'How many cases lost events, or all that was told of them';
COMMENT ON COLUMN daybook.erasures.events IS 'How many events were removed, superseded versions among them';
COMMENT ON COLUMN daybook.erasures.rejects IS 'How many rejected records were removed, in which the case or the user is named';
COMMENT ON COLUMN daybook.erasures.alerts IS 'How many alerts of the case were removed';
COMMENT ON COLUMN daybook.erasures.messages IS 'How many messages about them lost their text';

-- A source may still hold what was erased here. verify --deep is to know that it is not lost: by a digest, which tells
-- nobody what it was made of.
CREATE TABLE daybook.erased_events (
    digest bytea PRIMARY KEY
);
COMMENT ON TABLE daybook.erased_events IS 'Digests of the keys of erased events: one that a source still tells of is known to be gone on request';
COMMENT ON COLUMN daybook.erased_events.digest IS 'SHA-256 of a salt and the key';

CREATE TABLE daybook.erasure_salt (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    salt    bytea NOT NULL
);
INSERT INTO daybook.erasure_salt (salt) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
-- A table that nobody has counted is taken for one of ten pages.
ANALYZE daybook.erasure_salt;
COMMENT ON TABLE daybook.erasure_salt IS 'One row: what no other database''s digests are made with';
COMMENT ON COLUMN daybook.erasure_salt.is_only IS 'Keeps it to one row';
COMMENT ON COLUMN daybook.erasure_salt.salt IS '32 random bytes';

CREATE FUNCTION daybook.erasure_digest(source_id integer, case_id text, event_id text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(
    (SELECT s.salt FROM daybook.erasure_salt AS s)
    || convert_to(jsonb_build_array(source_id, case_id, event_id)::text, 'UTF8'));
COMMENT ON FUNCTION daybook.erasure_digest IS 'The digest of an event''s key in daybook.erased_events';

COMMENT ON COLUMN daybook.loads.dropped IS 'Of the rows that were loaded, those that are gone: past their retention, or erased on request';
COMMENT ON COLUMN daybook.loads.rejects_dropped IS 'Of the rejects, those that are gone: past their retention, or erased on request';

CREATE FUNCTION daybook.is_word_byte(byte integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN byte BETWEEN 48 AND 57 OR byte BETWEEN 65 AND 90 OR byte BETWEEN 97 AND 122 OR byte = 95 OR byte > 127;
COMMENT ON FUNCTION daybook.is_word_byte IS 'Whether a byte of UTF-8 belongs to a word: a digit, a letter, an underscore, or what is not ASCII';

-- Whether bytes name a word: not as a part of another one. What is not ASCII counts as a part of words, as letters do.
CREATE FUNCTION daybook.names(bytes bytea, word text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $function$
DECLARE
    sought CONSTANT bytea := convert_to(word, 'UTF8');
    rest bytea := bytes;
    place integer;
    before integer;
    after integer;
BEGIN
    IF sought = '' THEN
        RETURN false;
    END IF;
    LOOP
        place := position(sought IN rest);
        IF place = 0 THEN
            RETURN false;
        END IF;
        before := CASE WHEN place > 1 THEN get_byte(rest, place - 2) ELSE 32 END;
        after := CASE WHEN place + length(sought) <= length(rest) THEN get_byte(rest, place + length(sought) - 1) ELSE 32 END;
        IF NOT daybook.is_word_byte(before) AND NOT daybook.is_word_byte(after) THEN
            RETURN true;
        END IF;
        rest := substr(rest, place + 1);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION daybook.names IS 'Whether bytes hold a word that is no part of a longer one';

-- Second chances: rejects that are read again, messages that a broker could not deliver, records as they came, and events
-- that were sent on.

-- Rejects -------------------------------------------------------------------------------------------------------------

-- A reject stays with the load that it came with, which counts it as rejected for ever: that is what became of it then.
-- What becomes of it later is a part of another load, which reads the stored bytes and nothing else. So each load counts
-- what it did, and no record is counted twice.
ALTER TABLE daybook.rejects
ADD COLUMN outcome text CHECK (outcome IN ('loaded', 'duplicate', 'superseded', 'filtered')),
ADD COLUMN last_tried_at timestamptz,
ADD COLUMN event_index integer,
ADD COLUMN is_redacted boolean NOT NULL DEFAULT false,
ADD COLUMN discarded_at timestamptz,
ADD COLUMN discarded_by text,
ADD COLUMN discarded_why text,
ADD CONSTRAINT rejects_have_one_outcome CHECK ((replayed_at IS NULL) = (outcome IS NULL));
COMMENT ON COLUMN daybook.rejects.reason_code IS 'The kind of reason, from the list in the README; of the last attempt';
COMMENT ON COLUMN daybook.rejects.reason IS 'The reason in words; of the last attempt';
COMMENT ON COLUMN daybook.rejects.replayed_at IS 'When it was read again and was good; null where it was not';
COMMENT ON COLUMN daybook.rejects.replay_load_id IS 'The batch that read it again';
COMMENT ON COLUMN daybook.rejects.attempts IS 'How often it was read';
COMMENT ON COLUMN daybook.rejects.outcome IS 'What became of it when it was read again: loaded; duplicate, for its event was there; superseded, for a later version of its event was there; filtered; null while it waits';
COMMENT ON COLUMN daybook.rejects.last_tried_at IS 'When it was last read again, with whatever outcome; null where it never was';
COMMENT ON COLUMN daybook.rejects.event_index IS 'Of a record that yields a list of events: which of these it is, from 0; null: the record as a whole';
COMMENT ON COLUMN daybook.rejects.is_redacted IS 'Whether the bytes lack what the source must not store, so that they cannot be read again';
COMMENT ON COLUMN daybook.rejects.discarded_at IS 'When somebody decided that it is not to be read again; null where nobody did';
COMMENT ON COLUMN daybook.rejects.discarded_by IS 'Who decided so';
COMMENT ON COLUMN daybook.rejects.discarded_why IS 'Why';
CREATE INDEX rejects_waiting ON daybook.rejects (source_id, reason_code)
WHERE replayed_at IS NULL AND discarded_at IS NULL AND reason_code <> 'conversion';
CREATE INDEX ON daybook.rejects (replay_load_id) WHERE replay_load_id IS NOT NULL;

-- A value that did not convert is told of an event that was loaded: it waits for nothing. Who names a reject by its number
-- means it, although it was discarded. Null: whichever.
CREATE FUNCTION daybook.chosen_rejects(
    of_pipeline text, ids bigint[], with_reason text, of_source text, since timestamptz
) RETURNS SETOF daybook.rejects
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT r.*
    FROM daybook.rejects AS r
    JOIN daybook.sources AS s USING (source_id)
    WHERE r.replayed_at IS NULL AND r.reason_code <> 'conversion'
        AND (r.discarded_at IS NULL OR r.reject_id = ANY (ids))
        AND (ids IS NULL OR r.reject_id = ANY (ids))
        AND (of_pipeline IS NULL OR r.pipeline = of_pipeline)
        AND (with_reason IS NULL OR r.reason_code = with_reason)
        AND (of_source IS NULL OR s.name = of_source)
        AND (since IS NULL OR r.rejected_at >= since);
END;
COMMENT ON FUNCTION daybook.chosen_rejects IS 'The rejects that wait for another attempt, by pipeline, number, reason, source and time';

ALTER TABLE daybook.loads
ADD COLUMN is_replay boolean NOT NULL DEFAULT false,
ADD COLUMN columns text[];
COMMENT ON COLUMN daybook.loads.is_replay IS 'Whether it read rejects again: then object is where these came from, and the positions count the records that were read again from it';
COMMENT ON COLUMN daybook.loads.columns IS 'Of CSV with rejects: the names of the columns, without which a record means nothing; null elsewhere';

-- Dead letters --------------------------------------------------------------------------------------------------------

-- A case that a changed definition touches has lost nothing.
ALTER TABLE daybook.touched_cases ADD COLUMN cause text NOT NULL DEFAULT 'erase' CHECK (cause IN ('erase', 'definition'));
COMMENT ON COLUMN daybook.touched_cases.cause IS 'Why it is to be computed anew, as report.sla_hourly_history is to tell';

-- An event that came again with another time is a new version; the latest to arrive is the one that counts. A dead letter
-- is no event of its case: it tells that something did not happen. Which sources tell of these is asked once a statement.
CREATE OR REPLACE VIEW raw.current_events AS
SELECT DISTINCT ON (case_id, source_id, event_id)
    occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
    service, user_id, correlation_id, details
FROM raw.events
WHERE source_id <> ALL (ARRAY(SELECT o.source_id FROM daybook.sources AS o WHERE o.role = 'dead_letter'))
ORDER BY case_id, source_id, event_id, load_id DESC, position DESC;
COMMENT ON VIEW raw.current_events IS 'raw.events without superseded versions and without dead letters: one row for each thing that happened';

CREATE OR REPLACE VIEW daybook.watermarks AS
SELECT s.sla,
    CASE WHEN bool_and(l.latest IS NOT NULL) THEN least(min(l.latest - o.lateness), s.as_of) END AS watermark,
    (array_agg(o.source_id ORDER BY l.latest - o.lateness NULLS FIRST, o.source_id))[1] AS held_by
FROM daybook.slas AS s
JOIN daybook.sources AS o
    ON o.retired_at IS NULL
    -- A queue of dead letters is empty while all is well.
    AND o.role = 'events'
    AND (
        o.entity = s.entity
        OR EXISTS (
            SELECT FROM daybook.source_entities AS t WHERE t.source_id = o.source_id AND t.entity = s.entity
        )
    )
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest FROM daybook.loads WHERE source_id = o.source_id
) AS l
GROUP BY s.sla;

CREATE FUNCTION daybook.touch_source(source integer) RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
    touched bigint;
BEGIN
    INSERT INTO daybook.touched_cases AS t (case_id, first_day, last_day, cause)
    SELECT case_id, min(event_day), max(event_day), 'definition'
    FROM raw.events
    WHERE source_id = source
    GROUP BY case_id
    ON CONFLICT (case_id) DO UPDATE
    SET first_day = least(t.first_day, excluded.first_day), last_day = greatest(t.last_day, excluded.last_day);
    GET DIAGNOSTICS touched = ROW_COUNT;
    INSERT INTO daybook.entities AS e (entity, latest)
    SELECT entity, max(occurred_at)
    FROM raw.events
    WHERE source_id = source AND (SELECT role FROM daybook.sources WHERE source_id = source) = 'events'
    GROUP BY entity
    ON CONFLICT (entity) DO UPDATE SET latest = greatest(e.latest, excluded.latest);
    RETURN touched;
END
$function$;
COMMENT ON FUNCTION daybook.touch_source IS 'Has every case of a source computed anew by the next transform, since its events count in another way; tells how many';

-- Originals -----------------------------------------------------------------------------------------------------------

-- Records are short, and the server compresses what is long: they are kept in packs.
CREATE TABLE raw.original_packs (
    load_id        bigint NOT NULL,
    event_day      date NOT NULL,
    first_position bigint NOT NULL,
    last_position  bigint NOT NULL,
    positions      bigint[] NOT NULL,
    ends           integer[] NOT NULL,
    bytes          bytea NOT NULL
);
CREATE INDEX ON raw.original_packs (load_id, first_position);
CREATE INDEX ON raw.original_packs (event_day);
COMMENT ON TABLE raw.original_packs IS 'Records as they came, of sources that keep them (keep_original), many in a row; see raw.originals';
COMMENT ON COLUMN raw.original_packs.load_id IS 'The batch that brought them; see daybook.loads';
COMMENT ON COLUMN raw.original_packs.event_day IS 'UTC day of their events, with which they are dropped';
COMMENT ON COLUMN raw.original_packs.first_position IS 'Where the first of them stood in the object';
COMMENT ON COLUMN raw.original_packs.last_position IS 'Where the last of them stood in the object';
COMMENT ON COLUMN raw.original_packs.positions IS 'Where each stood in the object, in order';
COMMENT ON COLUMN raw.original_packs.ends IS 'Where each ends in bytes; it begins where the one before ends';
COMMENT ON COLUMN raw.original_packs.bytes IS 'The records, one behind the other';
DO $do$
BEGIN
    IF EXISTS (
        SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
    ) THEN
        ALTER TABLE raw.original_packs ALTER COLUMN bytes SET COMPRESSION lz4;
    END IF;
END
$do$;
-- An empty table that nobody has counted is taken for one of ten pages.
ANALYZE raw.original_packs;

-- The set-returning function keeps the planner from fetching a pack once for each of its records.
CREATE VIEW raw.originals AS
SELECT p.load_id, p.positions[i] AS position, p.event_day,
    substr(p.bytes, coalesce(p.ends[i - 1], 0) + 1, p.ends[i] - coalesce(p.ends[i - 1], 0)) AS bytes
FROM (
    SELECT load_id, event_day, positions || '{}'::bigint[] AS positions, ends || '{}'::integer[] AS ends,
        bytes || '\x'::bytea AS bytes, generate_series(1, 1)
    FROM raw.original_packs
) AS p
CROSS JOIN LATERAL generate_series(1, cardinality(p.positions)) AS i;
COMMENT ON VIEW raw.originals IS 'Records as they came, of sources that keep them (keep_original): one row for each record and day of its events; raw.original finds one of them fast';
COMMENT ON COLUMN raw.originals.load_id IS 'The batch that brought it, as in raw.events';
COMMENT ON COLUMN raw.originals.position IS 'Where it stood in the object, as in raw.events';
COMMENT ON COLUMN raw.originals.event_day IS 'UTC day of its events, with which it is dropped';
COMMENT ON COLUMN raw.originals.bytes IS 'Its bytes, without the line end; where the source redacts, what it may store of them';

CREATE FUNCTION raw.original(load_id bigint, "position" bigint) RETURNS bytea
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT substr(p.bytes, coalesce(p.ends[i - 1], 0) + 1, p.ends[i] - coalesce(p.ends[i - 1], 0))
    FROM raw.original_packs AS p
    CROSS JOIN LATERAL (SELECT array_position(p.positions, original."position") AS i) AS found
    WHERE p.load_id = original.load_id AND p.first_position <= original."position"
        AND p.last_position >= original."position" AND i IS NOT NULL
    LIMIT 1;
END;
COMMENT ON FUNCTION raw.original IS 'The record that an event was made of (by its load_id and position), as it came; null where its source does not keep them';

-- Sending on ----------------------------------------------------------------------------------------------------------

CREATE TABLE daybook.resent (
    resend_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target      text NOT NULL,
    format      text NOT NULL CHECK (format IN ('cloudevents', 'original')),
    case_id     text COLLATE "C" NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    source_id   integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    type        text NOT NULL,
    nth         integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('sending', 'sent', 'failed', 'unknown')),
    sent_by     text NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    attempts    integer NOT NULL DEFAULT 0,
    answer      text
);
-- Of two who send the same to the same at once, one finds that it is taken.
CREATE UNIQUE INDEX ON daybook.resent (case_id, event_id, source_id, occurred_at, md5(target), nth);
COMMENT ON TABLE daybook.resent IS 'Events that were sent on by daybook resend: who sent what, when, to whom, and the answer; written before an event is sent, and after';
COMMENT ON COLUMN daybook.resent.resend_id IS 'The sending';
COMMENT ON COLUMN daybook.resent.target IS 'The address or the command, without secrets';
COMMENT ON COLUMN daybook.resent.format IS 'What was sent: a CloudEvent, or the record as it came';
COMMENT ON COLUMN daybook.resent.case_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.resent.event_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.resent.source_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.resent.occurred_at IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.resent.type IS 'The event''s type';
COMMENT ON COLUMN daybook.resent.nth IS 'Which time it is that the event is sent there, from 1';
COMMENT ON COLUMN daybook.resent.state IS 'sending: it is under way, or whoever sent it was killed, and nobody knows; sent: the target took it; failed: it did not; unknown: it may have, but did not answer';
COMMENT ON COLUMN daybook.resent.sent_by IS 'Who sent it: user@host';
COMMENT ON COLUMN daybook.resent.begun_at IS 'When it was first tried';
COMMENT ON COLUMN daybook.resent.ended_at IS 'When that was over';
COMMENT ON COLUMN daybook.resent.attempts IS 'How often it was tried';
COMMENT ON COLUMN daybook.resent.answer IS 'What the target said, without secrets';

-- The source of a CloudEvent is a reference to it: what no URI may hold is encoded (RFC 3986, section 2).
CREATE FUNCTION daybook.uri_reference(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT string_agg(
        CASE
            WHEN part ~ '^[A-Za-z0-9._~:/?@!$&''()*+,;=-]$' THEN part
            ELSE upper(regexp_replace(encode(convert_to(part, 'UTF8'), 'hex'), '(..)', '%\1', 'g'))
        END, '' ORDER BY place)
    FROM regexp_split_to_table(name, '') WITH ORDINALITY AS parts (part, place);
END;
COMMENT ON FUNCTION daybook.uri_reference IS 'A name as a relative URI reference';

-- Found by the loads of their sources: nothing else is looked at, and nothing at all where there is no such source.
CREATE VIEW report.dead_letters AS
SELECT e.entity, e.case_id, e.occurred_at,
    e.details ->> 'queue' AS queue, e.details ->> 'error' AS error,
    e.service, e.type, o.pipeline, o.name AS source, e.load_id, e.position AS start_position,
    (
        SELECT max(r.ended_at)
        FROM daybook.resent AS r
        WHERE r.case_id = e.case_id AND r.event_id = e.event_id AND r.source_id = e.source_id
            AND r.occurred_at = e.occurred_at AND r.state = 'sent'
    ) AS resent_at,
    e.source_id, e.event_id, e.correlation_id, e.details
FROM daybook.sources AS o
JOIN daybook.loads AS l ON l.source_id = o.source_id AND l.loaded > 0
CROSS JOIN LATERAL unnest(l.event_days) AS day
-- OFFSET keeps the planner to looking each load up in its days.
CROSS JOIN LATERAL (SELECT * FROM raw.events WHERE event_day = day AND load_id = l.load_id OFFSET 0) AS e
WHERE o.role = 'dead_letter';
COMMENT ON VIEW report.dead_letters IS 'Messages that a broker could not deliver: events of sources with the role dead_letter, one row each';
COMMENT ON COLUMN report.dead_letters.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.dead_letters.case_id IS 'The case that the message was about';
COMMENT ON COLUMN report.dead_letters.occurred_at IS 'When it was put aside, or whatever time the source gives';
COMMENT ON COLUMN report.dead_letters.queue IS 'The queue that it could not be delivered from; null where the source does not tell (details.queue)';
COMMENT ON COLUMN report.dead_letters.error IS 'Why it could not be delivered; null where the source does not tell (details.error)';
COMMENT ON COLUMN report.dead_letters.service IS 'The service that it was for, or from, as the source tells';
COMMENT ON COLUMN report.dead_letters.type IS 'Its type: dead_letter, where the source maps no other';
COMMENT ON COLUMN report.dead_letters.pipeline IS 'The pipeline that read it';
COMMENT ON COLUMN report.dead_letters.source IS 'The source that it came from';
COMMENT ON COLUMN report.dead_letters.load_id IS 'The batch that brought it; see daybook.loads';
COMMENT ON COLUMN report.dead_letters.start_position IS 'Where it stood in the object of that batch';
COMMENT ON COLUMN report.dead_letters.resent_at IS 'When it was last sent on by daybook resend; null where it never was';
COMMENT ON COLUMN report.dead_letters.source_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN report.dead_letters.event_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN report.dead_letters.correlation_id IS 'Request or trace id, where the source tells';
COMMENT ON COLUMN report.dead_letters.details IS 'Everything else that came';

-- Old days in columns: a row for each few thousand events of an hour, each column a list. Readers see them in raw.events
-- like all others; what comes late for such a day lies in the day's leaf, beside them, until it is compacted again.

CREATE TABLE raw.event_segments (
    segment_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_day        date NOT NULL,
    hour_start       timestamptz NOT NULL,
    events           integer NOT NULL CHECK (events > 0),
    min_occurred_at  timestamptz NOT NULL,
    max_occurred_at  timestamptz NOT NULL,
    min_case_id      text COLLATE "C" NOT NULL,
    max_case_id      text COLLATE "C" NOT NULL,
    occurred_offsets integer[] NOT NULL,
    load_ids         bigint[] NOT NULL,
    load_codes       smallint[] NOT NULL,
    positions        bigint[] NOT NULL,
    sequences        jsonb,
    source_ids       integer[] NOT NULL,
    source_codes     smallint[] NOT NULL,
    entities         jsonb NOT NULL,
    entity_codes     smallint[] NOT NULL,
    case_ids         jsonb,
    case_uuids       uuid[],
    event_ids        jsonb,
    event_uuids      uuid[],
    types            jsonb NOT NULL,
    type_codes       smallint[] NOT NULL,
    services         jsonb NOT NULL,
    service_codes    smallint[] NOT NULL,
    user_ids         jsonb,
    user_uuids       uuid[],
    correlation_ids  jsonb,
    correlation_uuids uuid[],
    details          jsonb
) WITH (parallel_workers = 2);
-- ^ Few rows, each worth thousands: by its size the planner would take the table for one that one process reads.
CREATE INDEX ON raw.event_segments (event_day, hour_start);
COMMENT ON TABLE raw.event_segments IS 'Events of compacted days: of one hour each row, sorted by case, each column a list; raw.events shows them as rows';
COMMENT ON COLUMN raw.event_segments.segment_id IS 'The segment';
COMMENT ON COLUMN raw.event_segments.event_day IS 'UTC day of its events';
COMMENT ON COLUMN raw.event_segments.hour_start IS 'The UTC hour in which its events happened';
COMMENT ON COLUMN raw.event_segments.events IS 'How many events it holds';
COMMENT ON COLUMN raw.event_segments.min_occurred_at IS 'The time of its earliest event';
COMMENT ON COLUMN raw.event_segments.max_occurred_at IS 'The time of its latest event';
COMMENT ON COLUMN raw.event_segments.min_case_id IS 'The first of its cases';
COMMENT ON COLUMN raw.event_segments.max_case_id IS 'The last of its cases';
COMMENT ON COLUMN raw.event_segments.occurred_offsets IS 'When each happened: microseconds from the middle of the hour';
COMMENT ON COLUMN raw.event_segments.load_ids IS 'The loads that brought them';
COMMENT ON COLUMN raw.event_segments.load_codes IS 'Of each event the place of its load in load_ids, from 1';
COMMENT ON COLUMN raw.event_segments.positions IS 'Where in its object each stood';
COMMENT ON COLUMN raw.event_segments.sequences IS 'The emitter''s order of each; null where none has one';
COMMENT ON COLUMN raw.event_segments.source_ids IS 'The scopes of their ids';
COMMENT ON COLUMN raw.event_segments.source_codes IS 'Of each event the place of its scope in source_ids, from 1';
COMMENT ON COLUMN raw.event_segments.entities IS 'The kinds of their cases';
COMMENT ON COLUMN raw.event_segments.entity_codes IS 'Of each event the place of its entity in entities, from 0';
COMMENT ON COLUMN raw.event_segments.case_ids IS 'The case of each; null where case_uuids has them';
COMMENT ON COLUMN raw.event_segments.case_uuids IS 'The case of each, where all are UUIDs as PostgreSQL writes them';
COMMENT ON COLUMN raw.event_segments.event_ids IS 'The id of each; null where event_uuids has them';
COMMENT ON COLUMN raw.event_segments.event_uuids IS 'The id of each, where all are UUIDs as PostgreSQL writes them';
COMMENT ON COLUMN raw.event_segments.types IS 'Their types';
COMMENT ON COLUMN raw.event_segments.type_codes IS 'Of each event the place of its type in types, from 0';
COMMENT ON COLUMN raw.event_segments.services IS 'Their services';
COMMENT ON COLUMN raw.event_segments.service_codes IS 'Of each event the place of its service in services, from 0';
COMMENT ON COLUMN raw.event_segments.user_ids IS 'The user of each; null where none has one, or user_uuids has them';
COMMENT ON COLUMN raw.event_segments.user_uuids IS 'The user of each, where all are UUIDs as PostgreSQL writes them, or absent: the UUID of zeros';
COMMENT ON COLUMN raw.event_segments.correlation_ids IS 'The request or trace of each; null where none has one, or correlation_uuids has them';
COMMENT ON COLUMN raw.event_segments.correlation_uuids IS 'The request or trace of each, where all are UUIDs as PostgreSQL writes them, or absent: the UUID of zeros';
COMMENT ON COLUMN raw.event_segments.details IS 'Everything else that came, of each; null where nothing did';

-- lz4 is faster to read than the server's own way of compressing, and takes hardly more room. What stands in the lists
-- no plan depends on, and it would take long to count.
DO $do$
DECLARE
    has_lz4 CONSTANT boolean := EXISTS (
        SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals));
    list text;
BEGIN
    FOR list IN
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'raw.event_segments'::regclass AND attnum > 0 AND attstorage = 'x' AND atttypid <> 'text'::regtype
    LOOP
        EXECUTE format('ALTER TABLE raw.event_segments ALTER COLUMN %I SET STATISTICS 0', list);
        IF has_lz4 THEN
            EXECUTE format('ALTER TABLE raw.event_segments ALTER COLUMN %I SET COMPRESSION lz4', list);
        END IF;
    END LOOP;
END
$do$;
-- An empty table that nobody has counted is taken for one of ten pages.
ANALYZE raw.event_segments;

-- Lists are of two kinds: arrays of values of one length, of which the server finds the nth at once, and JSON arrays, of
-- which it finds it nearly at once. They are fetched and decompressed once for each segment, because of the set-returning
-- function beside them, which keeps the planner from putting the expression where each event is made; and only those are
-- that a query asks for. Beside an event's columns stand those by which segments are found.
CREATE VIEW daybook.segment_events AS
SELECT
    s.hour_start + interval '30 minutes' + interval '1 microsecond' * s.occurred_offsets[i] AS occurred_at,
    s.load_ids[s.load_codes[i]] AS load_id,
    s.positions[i] AS position,
    (s.sequences ->> i - 1)::bigint AS sequence,
    s.event_day,
    s.source_ids[s.source_codes[i]] AS source_id,
    s.entities ->> s.entity_codes[i] AS entity,
    coalesce(s.case_uuids[i]::text, s.case_ids ->> i - 1) COLLATE "C" AS case_id,
    coalesce(s.event_uuids[i]::text, s.event_ids ->> i - 1) COLLATE "C" AS event_id,
    s.types ->> s.type_codes[i] AS type,
    s.services ->> s.service_codes[i] AS service,
    coalesce(nullif(s.user_uuids[i], '00000000-0000-0000-0000-000000000000')::text, s.user_ids ->> i - 1) AS user_id,
    coalesce(
        nullif(s.correlation_uuids[i], '00000000-0000-0000-0000-000000000000')::text, s.correlation_ids ->> i - 1
    ) AS correlation_id,
    nullif(s.details -> i - 1, 'null') AS details,
    s.segment_id, s.hour_start, s.min_occurred_at, s.max_occurred_at, s.min_case_id, s.max_case_id,
    s.load_ids AS segment_load_ids
FROM (
    SELECT segment_id, event_day, hour_start, events, min_occurred_at, max_occurred_at, min_case_id, max_case_id,
        occurred_offsets || '{}'::integer[] AS occurred_offsets,
        load_ids || '{}'::bigint[] AS load_ids,
        load_codes || '{}'::smallint[] AS load_codes,
        positions || '{}'::bigint[] AS positions,
        sequences #> '{}' AS sequences,
        source_ids || '{}'::integer[] AS source_ids,
        source_codes || '{}'::smallint[] AS source_codes,
        entities #> '{}' AS entities,
        entity_codes || '{}'::smallint[] AS entity_codes,
        case_ids #> '{}' AS case_ids,
        case_uuids || '{}'::uuid[] AS case_uuids,
        event_ids #> '{}' AS event_ids,
        event_uuids || '{}'::uuid[] AS event_uuids,
        types #> '{}' AS types,
        type_codes || '{}'::smallint[] AS type_codes,
        services #> '{}' AS services,
        service_codes || '{}'::smallint[] AS service_codes,
        user_ids #> '{}' AS user_ids,
        user_uuids || '{}'::uuid[] AS user_uuids,
        correlation_ids #> '{}' AS correlation_ids,
        correlation_uuids || '{}'::uuid[] AS correlation_uuids,
        details #> '{}' AS details,
        generate_series(1, 1)
    FROM raw.event_segments
) AS s
CROSS JOIN LATERAL generate_series(1, s.events) AS i;
COMMENT ON VIEW daybook.segment_events IS 'The events of raw.event_segments as rows, with what tells which segments to open';
COMMENT ON COLUMN daybook.segment_events.segment_id IS 'The segment that holds it';
COMMENT ON COLUMN daybook.segment_events.hour_start IS 'The UTC hour of the segment';
COMMENT ON COLUMN daybook.segment_events.min_occurred_at IS 'The time of the segment''s earliest event';
COMMENT ON COLUMN daybook.segment_events.max_occurred_at IS 'The time of the segment''s latest event';
COMMENT ON COLUMN daybook.segment_events.min_case_id IS 'The first of the segment''s cases';
COMMENT ON COLUMN daybook.segment_events.max_case_id IS 'The last of the segment''s cases';
COMMENT ON COLUMN daybook.segment_events.segment_load_ids IS 'The loads that brought the segment''s events';
DO $do$
DECLARE
    same record;
BEGIN
    FOR same IN
        SELECT attname, col_description(attrelid, attnum) AS description
        FROM pg_attribute
        WHERE attrelid = 'raw.events'::regclass AND attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN daybook.segment_events.%I IS %L', same.attname, same.description);
    END LOOP;
END
$do$;

CREATE VIEW daybook.segment_sizes AS
SELECT segment_id, event_day, events,
    -- With the row's head and what stands before the lists.
    100
        + coalesce(pg_column_size(occurred_offsets), 0)
        + coalesce(pg_column_size(load_ids), 0)
        + coalesce(pg_column_size(load_codes), 0)
        + coalesce(pg_column_size(positions), 0)
        + coalesce(pg_column_size(sequences), 0)
        + coalesce(pg_column_size(source_ids), 0)
        + coalesce(pg_column_size(source_codes), 0)
        + coalesce(pg_column_size(entities), 0)
        + coalesce(pg_column_size(entity_codes), 0)
        + coalesce(pg_column_size(case_ids), 0)
        + coalesce(pg_column_size(case_uuids), 0)
        + coalesce(pg_column_size(event_ids), 0)
        + coalesce(pg_column_size(event_uuids), 0)
        + coalesce(pg_column_size(types), 0)
        + coalesce(pg_column_size(type_codes), 0)
        + coalesce(pg_column_size(services), 0)
        + coalesce(pg_column_size(service_codes), 0)
        + coalesce(pg_column_size(user_ids), 0)
        + coalesce(pg_column_size(user_uuids), 0)
        + coalesce(pg_column_size(correlation_ids), 0)
        + coalesce(pg_column_size(correlation_uuids), 0)
        + coalesce(pg_column_size(details), 0) AS bytes
FROM raw.event_segments;
COMMENT ON VIEW daybook.segment_sizes IS 'What each segment takes on the disk, about';
COMMENT ON COLUMN daybook.segment_sizes.segment_id IS 'The segment';
COMMENT ON COLUMN daybook.segment_sizes.event_day IS 'UTC day of its events';
COMMENT ON COLUMN daybook.segment_sizes.events IS 'How many events it holds';
COMMENT ON COLUMN daybook.segment_sizes.bytes IS 'Its size in bytes, as it is compressed';

-- Packing -------------------------------------------------------------------------------------------------------------

-- The values of a list, each once; the list itself where there are so many that finding one among them costs more than it
-- saves.
CREATE FUNCTION daybook.dictionary(list anyarray) RETURNS anyarray
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $function$
    SELECT CASE WHEN count(*) > 256 THEN list ELSE array_agg(value ORDER BY occurrences DESC, value) END
    FROM (SELECT value, count(*) AS occurrences FROM unnest(list) AS value GROUP BY value) AS counted
$function$;
COMMENT ON FUNCTION daybook.dictionary IS 'The values of a list, the frequent ones first; or the list as it is, where it has too many';

CREATE FUNCTION daybook.codes(list anyarray, dictionary anyarray, first integer) RETURNS smallint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN cardinality(dictionary) = 1 THEN array_fill(first::smallint, ARRAY[cardinality(list)])
        WHEN dictionary = list THEN ARRAY(SELECT generate_series(first, first + cardinality(list) - 1)::smallint)
        ELSE ARRAY(SELECT (array_position(dictionary, value) - 1 + first)::smallint FROM unnest(list) AS value)
    END
$function$;
COMMENT ON FUNCTION daybook.codes IS 'Of each value of a list its place in a dictionary, the first of which is counted as said';

CREATE FUNCTION daybook.as_uuids(list text[]) RETURNS uuid[]
-- Not safe in parallel: to catch what is no UUID takes a subtransaction.
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
DECLARE
    nothing CONSTANT text := '00000000-0000-0000-0000-000000000000';
    filled text[];
    uuids uuid[];
BEGIN
    IF EXISTS (SELECT FROM unnest(list) AS value WHERE length(value) <> 36 OR value = nothing) THEN
        RETURN NULL;
    END IF;
    filled := array_replace(list, NULL, nothing);
    uuids := filled::uuid[];
    RETURN CASE WHEN uuids::text[] = filled THEN uuids END;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.as_uuids IS 'A list of UUIDs as such, nulls as the UUID of zeros; null where one is written in another way than PostgreSQL writes it';

CREATE FUNCTION daybook.as_list(list anyarray) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $function$
    SELECT CASE WHEN array_remove(list, NULL) <> '{}' THEN to_jsonb(list) END
$function$;
COMMENT ON FUNCTION daybook.as_list IS 'A list as a JSON array; null where it holds nothing';

CREATE FUNCTION daybook.has_segments(day date) RETURNS boolean
LANGUAGE sql STABLE STRICT
RETURN EXISTS (SELECT FROM raw.event_segments WHERE event_day = day);
COMMENT ON FUNCTION daybook.has_segments IS 'Whether a day is compacted, or was before late events came';

CREATE FUNCTION daybook.is_leaf(day date) RETURNS boolean
LANGUAGE sql STABLE STRICT
RETURN EXISTS (
    SELECT FROM pg_catalog.pg_inherits
    WHERE inhrelid = daybook.find_leaf(day) AND inhparent = 'raw.events_by_day'::regclass
);
COMMENT ON FUNCTION daybook.is_leaf IS 'Whether a day has a leaf below raw.events_by_day';

-- Turns the rows of a day's leaf into segments, with those of the segments that lie in the same hours, in the transaction
-- of the caller, which is to be READ COMMITTED. Readers are not blocked, and see each event once, before and after;
-- whoever writes to the day is waited for, and waits.
CREATE FUNCTION daybook.compact_day(day date) RETURNS bigint
LANGUAGE plpgsql
-- The rows of a day are sorted once; with less they go to disk, which costs little, but they do.
SET work_mem = '256MB' AS $function$
DECLARE
    leaf CONSTANT text := daybook.leaf(day);
    late bigint[];
    moved bigint;
BEGIN
    IF NOT daybook.shows_segments() THEN
        RAISE 'raw.events does not show segments';
    END IF;
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    IF NOT daybook.is_leaf(day) THEN
        RETURN 0;
    END IF;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', leaf);
    IF daybook.has_segments(day) THEN
        EXECUTE format($sql$
            SELECT array_agg(segment_id)
            FROM raw.event_segments
            WHERE event_day = $1 AND hour_start IN (SELECT report.hour(occurred_at) FROM %s)
            $sql$, leaf)
        INTO late USING day;
        PERFORM daybook.reopen_segments(day, late);
    END IF;
    EXECUTE format($sql$
        INSERT INTO raw.event_segments (
            event_day, hour_start, events, min_occurred_at, max_occurred_at, min_case_id, max_case_id, occurred_offsets,
            load_ids, load_codes, positions, sequences, source_ids, source_codes, entities, entity_codes,
            case_ids, case_uuids, event_ids, event_uuids, types, type_codes, services, service_codes,
            user_ids, user_uuids, correlation_ids, correlation_uuids, details)
        WITH sized AS (
            SELECT *, report.hour(occurred_at) AS hour_start,
                -- A segment is full with 2,000 events, or a megabyte of what they bring.
                greatest(500, coalesce(pg_column_size(details), 0) + octet_length(event_id) + octet_length(case_id)) AS size
            FROM %s
        ),
        placed AS (
            SELECT *, sum(size) OVER (
                PARTITION BY hour_start ORDER BY case_id, occurred_at, event_id, source_id
                ROWS UNBOUNDED PRECEDING
            ) / 1000000 AS segment
            FROM sized
        ),
        gathered AS (
            SELECT hour_start, count(*) AS events,
                min(occurred_at) AS min_occurred_at, max(occurred_at) AS max_occurred_at,
                min(case_id) AS min_case_id, max(case_id) AS max_case_id,
                -- A double holds the microseconds of an hour exactly, and is faster than a numeric.
                array_agg(((date_part('epoch', occurred_at - hour_start) - 1800) * 1000000)::integer)
                    AS occurred_offsets,
                array_agg(load_id) AS load_ids, array_agg(position) AS positions, array_agg(sequence) AS sequences,
                array_agg(source_id) AS source_ids, array_agg(entity) AS entities,
                array_agg(case_id::text COLLATE "default") AS case_ids,
                array_agg(event_id::text COLLATE "default") AS event_ids,
                array_agg(type) AS types, array_agg(service) AS services, array_agg(user_id) AS user_ids,
                array_agg(correlation_id) AS correlation_ids,
                CASE WHEN count(details) > 0 THEN to_jsonb(array_agg(details)) END AS details
            FROM (TABLE placed ORDER BY hour_start, segment, case_id, occurred_at, event_id, source_id) AS sorted
            GROUP BY hour_start, segment
        )
        SELECT $1, hour_start, events, min_occurred_at, max_occurred_at, min_case_id, max_case_id, occurred_offsets,
            d.loads, daybook.codes(load_ids, d.loads, 1), positions, daybook.as_list(sequences),
            d.sources, daybook.codes(source_ids, d.sources, 1),
            to_jsonb(d.entities), daybook.codes(g.entities, d.entities, 0),
            CASE WHEN u.case_ids IS NULL THEN to_jsonb(g.case_ids) END, u.case_ids,
            CASE WHEN u.event_ids IS NULL THEN to_jsonb(g.event_ids) END, u.event_ids,
            to_jsonb(d.types), daybook.codes(g.types, d.types, 0),
            to_jsonb(d.services), daybook.codes(g.services, d.services, 0),
            CASE WHEN u.user_ids IS NULL THEN daybook.as_list(g.user_ids) END, u.user_ids,
            CASE WHEN u.correlation_ids IS NULL THEN daybook.as_list(g.correlation_ids) END, u.correlation_ids,
            details
        FROM gathered AS g
        CROSS JOIN LATERAL (
            SELECT daybook.dictionary(g.load_ids) AS loads, daybook.dictionary(g.source_ids) AS sources,
                daybook.dictionary(g.entities) AS entities, daybook.dictionary(g.types) AS types,
                daybook.dictionary(g.services) AS services
            OFFSET 0
        ) AS d
        CROSS JOIN LATERAL (
            SELECT daybook.as_uuids(g.case_ids) AS case_ids, daybook.as_uuids(g.event_ids) AS event_ids,
                daybook.as_uuids(g.user_ids) AS user_ids, daybook.as_uuids(g.correlation_ids) AS correlation_ids
            OFFSET 0
        ) AS u
        $sql$, leaf)
    USING day;
    -- Not TRUNCATE: a reader who began before would find neither the rows nor the segments.
    EXECUTE format('DELETE FROM %s', leaf);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$function$;
COMMENT ON FUNCTION daybook.compact_day IS 'Moves the events of a day from its leaf into segments, and tells how many';

CREATE FUNCTION daybook.reopen_segments(day date, segments bigint[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF daybook.find_leaf(day) IS NULL THEN
        PERFORM daybook.make_leaf(day, false);
    END IF;
    -- Two may want the same: the second finds it done.
    PERFORM FROM raw.event_segments
    WHERE segment_id = ANY (segments)
    ORDER BY segment_id
    FOR UPDATE;
    EXECUTE format($sql$
        INSERT INTO %s
        SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
            service, user_id, correlation_id, details
        FROM daybook.segment_events
        WHERE segment_id = ANY ($1)
        $sql$, daybook.leaf(day))
    USING segments;
    DELETE FROM raw.event_segments WHERE segment_id = ANY (segments);
END
$function$;
COMMENT ON FUNCTION daybook.reopen_segments IS 'Moves the events of some segments of a day back into its leaf';

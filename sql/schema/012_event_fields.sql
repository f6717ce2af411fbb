-- Typed fields of events (event_fields in a pipeline): the tables raw.event_<namespace>, and the values that are not of
-- their declared type.

CREATE TABLE daybook.event_fields (
    namespace   text NOT NULL,
    field       text NOT NULL,
    pipeline    text NOT NULL,
    paths       jsonb NOT NULL,
    type        text NOT NULL,
    map         jsonb,
    description text,
    PRIMARY KEY (namespace, field)
);
COMMENT ON TABLE daybook.event_fields IS 'The typed fields of events as they are defined now; written from the pipeline files before each transform';
COMMENT ON COLUMN daybook.event_fields.namespace IS 'The first level of the types of the events: order of order.created';
COMMENT ON COLUMN daybook.event_fields.field IS 'The column of raw.event_<namespace>';
COMMENT ON COLUMN daybook.event_fields.pipeline IS 'The pipeline that defines it; it holds for the events of all';
COMMENT ON COLUMN daybook.event_fields.paths IS 'Where the value stands: paths of names, of which the first that is present counts';
COMMENT ON COLUMN daybook.event_fields.type IS 'The column''s type';
COMMENT ON COLUMN daybook.event_fields.map IS 'What is stored in place of which value; null: the value itself';
COMMENT ON COLUMN daybook.event_fields.description IS 'The column''s comment, where the definition gives one';

-- Conversions are declared, never guessed: a value has one of the forms below, or it is not of the type. The handlers
-- are for what a pattern cannot tell, such as the 30th of February.

CREATE FUNCTION daybook.to_text(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) NOT IN ('object', 'array') THEN value #>> '{}' END;
COMMENT ON FUNCTION daybook.to_text IS 'A string, number or boolean as text; null of an object or array';

CREATE FUNCTION daybook.to_jsonb(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN value;
COMMENT ON FUNCTION daybook.to_jsonb IS 'Any value as it is';

CREATE FUNCTION daybook.to_numeric(value jsonb) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
BEGIN
    RETURN CASE
        WHEN value #>> '{}' ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$' THEN (value #>> '{}')::numeric
    END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_numeric IS 'A decimal number; null of anything else';

CREATE FUNCTION daybook.to_bigint(value jsonb) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
DECLARE
    number CONSTANT numeric := daybook.to_numeric(value);
BEGIN
    RETURN CASE WHEN number = trunc(number) THEN number::bigint END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_bigint IS 'A whole number, also written as 12.0; null of anything else';

CREATE FUNCTION daybook.to_integer(value jsonb) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
DECLARE
    number CONSTANT numeric := daybook.to_numeric(value);
BEGIN
    RETURN CASE WHEN number = trunc(number) THEN number::integer END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_integer IS 'A whole number, also written as 12.0; null of anything else';

CREATE FUNCTION daybook.to_double(value jsonb) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
BEGIN
    RETURN daybook.to_numeric(value)::double precision;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_double IS 'A decimal number; null of anything else';

CREATE FUNCTION daybook.to_boolean(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN lower(value #>> '{}') IN ('true', 't', 'yes', 'y', '1') THEN true
    WHEN lower(value #>> '{}') IN ('false', 'f', 'no', 'n', '0') THEN false
END;
COMMENT ON FUNCTION daybook.to_boolean IS 'true, yes, 1, false, no or 0; null of anything else';

CREATE FUNCTION daybook.to_date(value jsonb) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
BEGIN
    RETURN CASE WHEN value #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN (value #>> '{}')::date END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_date IS 'A day as in 2026-01-31; null of anything else';

-- The forms of occurred_at: ISO 8601, without a zone UTC, or an epoch, whose unit its size tells; truncated to
-- microseconds.
CREATE FUNCTION daybook.to_timestamptz(value jsonb) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
DECLARE
    given CONSTANT text := value #>> '{}';
    parts text[];
    number numeric;
BEGIN
    IF given ~ '^[0-9]+([.][0-9]+)?$' THEN
        number := given::numeric;
        RETURN 'epoch'::timestamptz + interval '1 microsecond' * trunc(number * CASE
            WHEN number < 1e11 THEN 1e6
            WHEN number < 1e14 THEN 1e3
            WHEN number < 1e17 THEN 1
            ELSE 1e-3
        END)::double precision;
    END IF;
    parts := regexp_match(given,
        '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]{1,6})[0-9]*)? ?'
        '([Zz]|[-+][0-9]{2}(?::?[0-9]{2})?)?)?$');
    RETURN (parts[1] || ' ' || coalesce(parts[2], '00:00') || coalesce('.' || parts[3], '')
        || coalesce(parts[4], 'Z'))::timestamptz;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_timestamptz IS 'A time in ISO 8601, or an epoch number; null of anything else';

CREATE FUNCTION daybook.to_uuid(value jsonb) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
BEGIN
    RETURN (value #>> '{}')::uuid;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION daybook.to_uuid IS 'A UUID; null of anything else';

CREATE FUNCTION daybook.make_event_table(namespace text) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    name CONSTANT text := format('raw.%I', 'event_' || namespace);
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format($sql$
        CREATE TABLE %s (
            case_id     text COLLATE "C" NOT NULL,
            event_id    text COLLATE "C" NOT NULL,
            source_id   integer NOT NULL,
            occurred_at timestamptz NOT NULL,
            event_day   date NOT NULL,
            type        text NOT NULL,
            PRIMARY KEY (case_id, event_id, source_id, occurred_at)
        )
        $sql$, name);
    EXECUTE format('COMMENT ON TABLE %s IS %L', name, format(
        'Typed fields of the events of %s and %1$s.*; one row for each of their rows in raw.events', namespace));
    EXECUTE format('COMMENT ON COLUMN %s.case_id IS %L', name, 'The event''s key, as in raw.events');
    EXECUTE format('COMMENT ON COLUMN %s.event_id IS %L', name, 'The event''s key, as in raw.events');
    EXECUTE format('COMMENT ON COLUMN %s.source_id IS %L', name, 'The event''s key, as in raw.events');
    EXECUTE format('COMMENT ON COLUMN %s.occurred_at IS %L', name, 'The event''s key, as in raw.events');
    EXECUTE format('COMMENT ON COLUMN %s.event_day IS %L', name,
        'UTC day of occurred_at; joined by it too, raw.events reads one leaf');
    EXECUTE format('COMMENT ON COLUMN %s.type IS %L', name, 'What happened, namespaced by dots');
END
$function$;
COMMENT ON FUNCTION daybook.make_event_table IS 'Makes raw.event_<namespace> where it is missing';

CREATE FUNCTION daybook.set_event_field(namespace text, field text, type text, description text) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    name CONSTANT text := format('raw.%I', 'event_' || namespace);
    -- In format, so that no other text than a type's name is taken for one.
    wanted CONSTANT text := format_type(type::regtype, NULL);
    number CONSTANT smallint := (
        SELECT attnum FROM pg_attribute WHERE attrelid = name::regclass AND attname = field AND NOT attisdropped);
BEGIN
    IF number IS NULL THEN
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', name, field, wanted);
    END IF;
    IF number IS NULL OR col_description(name::regclass, number) IS DISTINCT FROM description THEN
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, field, description);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.set_event_field IS 'Adds a column to raw.event_<namespace> where it is missing, and sets its comment';

-- A value that does not convert is kept with the other rejects. It is told of a stored event, so that its line is not
-- known, and it is no record less: the ledger does not count it.
ALTER TABLE daybook.rejects
    ALTER COLUMN line DROP NOT NULL,
    ADD COLUMN case_id text COLLATE "C",
    ADD COLUMN event_id text COLLATE "C",
    ADD COLUMN occurred_at timestamptz,
    ADD COLUMN field text;
CREATE UNIQUE INDEX ON daybook.rejects (case_id, load_id, byte_offset, event_id, occurred_at, field);
-- Every transform asks whether there are any, however many records were rejected for other reasons.
CREATE INDEX ON daybook.rejects (load_id) WHERE reason_code = 'conversion';
COMMENT ON COLUMN daybook.rejects.line IS 'Its first physical line, from 1; null of a value that did not convert (reason_code conversion)';
COMMENT ON COLUMN daybook.rejects.raw IS 'The record as it came; of a value that did not convert, its first 1,024 characters';
COMMENT ON COLUMN daybook.rejects.case_id IS 'Of a value that did not convert: the event that has it';
COMMENT ON COLUMN daybook.rejects.event_id IS 'Of a value that did not convert: the event that has it';
COMMENT ON COLUMN daybook.rejects.occurred_at IS 'Of a value that did not convert: the event that has it';
COMMENT ON COLUMN daybook.rejects.field IS 'Of a value that did not convert: the column of raw.event_<namespace> that is null for it';

CREATE VIEW daybook.conversions AS
SELECT load_id, pipeline, source_id, object, byte_offset, reason_code, reason, raw, case_id, event_id, occurred_at, field
FROM daybook.rejects
WHERE reason_code = 'conversion';
COMMENT ON VIEW daybook.conversions IS 'The values that were not of their declared type (event_fields): a part of daybook.rejects, kept by each transform';
COMMENT ON COLUMN daybook.conversions.load_id IS 'The batch that brought the event';
COMMENT ON COLUMN daybook.conversions.pipeline IS 'The pipeline that loaded it';
COMMENT ON COLUMN daybook.conversions.source_id IS 'The source it came from';
COMMENT ON COLUMN daybook.conversions.object IS 'The file or URL it came from';
COMMENT ON COLUMN daybook.conversions.byte_offset IS 'Where in that object the event stands';
COMMENT ON COLUMN daybook.conversions.reason_code IS 'Always conversion';
COMMENT ON COLUMN daybook.conversions.reason IS 'The reason in words';
COMMENT ON COLUMN daybook.conversions.raw IS 'The value''s first 1,024 characters';
COMMENT ON COLUMN daybook.conversions.case_id IS 'The event''s case';
COMMENT ON COLUMN daybook.conversions.event_id IS 'The event''s id';
COMMENT ON COLUMN daybook.conversions.occurred_at IS 'The event''s time';
COMMENT ON COLUMN daybook.conversions.field IS 'The column of raw.event_<namespace> that is null for it';

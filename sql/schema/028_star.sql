-- The star: what analysts join the SLA figures with, and what all events tell beside them: how many came, how many were
-- errors, how long a case takes from one step to the next, and who was there. sql/transforms fills the tables, and
-- sql/dimensions the dimensions.

-- The path of a case ---------------------------------------------------------------------------------------------------

CREATE TABLE daybook.event_kinds (
    kind_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service  text NOT NULL,
    type     text NOT NULL,
    is_error boolean NOT NULL,
    UNIQUE (type, service)
);
COMMENT ON TABLE daybook.event_kinds IS 'Every type that a service has ever told of, by a number; rows stay, for what is stored names them';
COMMENT ON COLUMN daybook.event_kinds.kind_id IS 'The number';
COMMENT ON COLUMN daybook.event_kinds.service IS 'Who emits it';
COMMENT ON COLUMN daybook.event_kinds.type IS 'What happens';
COMMENT ON COLUMN daybook.event_kinds.is_error IS 'Whether that is an error, whatever the details tell';

-- What a case has added to sums over all cases is known from its row as it was, and what it adds now from its row as it
-- is: so that the sums can be kept without reading any other case.
CREATE TABLE daybook.case_paths (
    case_id  text COLLATE "C" NOT NULL,
    entity   text NOT NULL,
    times    timestamptz[] NOT NULL,
    kinds    integer[] NOT NULL,
    user_ids text[] COLLATE "C",
    PRIMARY KEY (case_id, entity)
);
COMMENT ON TABLE daybook.case_paths IS 'One row for each entity and case: its events in order, as lists';
COMMENT ON COLUMN daybook.case_paths.case_id IS 'The case';
COMMENT ON COLUMN daybook.case_paths.entity IS 'What kind of thing it is';
COMMENT ON COLUMN daybook.case_paths.times IS 'When each event happened, in order; those of one time by their sequence, where all have one';
COMMENT ON COLUMN daybook.case_paths.kinds IS 'Of each event its number in daybook.event_kinds, negative where the event is an error';
COMMENT ON COLUMN daybook.case_paths.user_ids IS 'Of each event its user; one alone where it is the same for all; null where no event has one';

-- Events ---------------------------------------------------------------------------------------------------------------

-- What a type tells is the same for all events of it, and asked once.
CREATE FUNCTION daybook.is_error_type(type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN type ~ '(^|[._:/ -])([Ff]ailed|[Ff]ailure|[Ee]rror|[Ee]rrored|[Ee]xception|[Cc]rashed|[Ff]atal|[Pp]anic|[Aa]borted|[Tt]imed_?out|[Tt]imeout)$'
    OR type ~ '[a-z](Failed|Failure|Error|Errored|Exception|Crashed|Fatal|Panic|Aborted|TimedOut|Timeout)$';
COMMENT ON FUNCTION daybook.is_error_type IS 'Whether every event of a type tells of an error, by the last word of the type';

-- One look at the details tells of most events that they have none of these fields.
CREATE FUNCTION daybook.tells_error(details jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN details IS NULL OR NOT details ?| ARRAY['level', 'severity', 'log', 'log.level', 'severityText', 'severityNumber', 'status', 'http']
        THEN false
    ELSE coalesce(
        lower(coalesce(
            details ->> 'level', details ->> 'severity', details ->> 'severityText', details ->> 'log.level',
            details #>> '{log,level}'
        )) IN ('error', 'err', 'severe', 'critical', 'crit', 'fatal', 'alert', 'emergency', 'emerg', 'panic'), false)
        -- Among JSON values, only numbers lie between two numbers.
        OR coalesce(details -> 'severityNumber' BETWEEN '17' AND '24', false)
        OR coalesce(coalesce(details ->> 'status', details #>> '{http,response,status_code}') ~ '^5[0-9][0-9]$', false)
END;
COMMENT ON FUNCTION daybook.tells_error IS 'Whether the details of an event tell of an error: by level, severity or status';

CREATE FUNCTION report.is_error(type text, details jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(daybook.is_error_type(type), false) OR daybook.tells_error(details);
COMMENT ON FUNCTION report.is_error IS 'Whether an event tells of an error: the last word of its type is failed, failure, error, errored, exception, crashed, fatal, panic, aborted, timed_out or timeout; or its details have a level or severity (level, severity, severityText, log.level) of error or worse, a severityNumber of 17 or more (OpenTelemetry), or an HTTP status of 5xx (status, http.response.status_code)';

CREATE TABLE report.event_hourly (
    hour_start        timestamptz NOT NULL,
    entity            text NOT NULL,
    service           text NOT NULL,
    type              text NOT NULL,
    events            bigint NOT NULL,
    errors            bigint NOT NULL,
    error_ratio       double precision NOT NULL GENERATED ALWAYS AS (errors::double precision / events) STORED,
    events_per_second double precision NOT NULL GENERATED ALWAYS AS (events / 3600.0::double precision) STORED,
    PRIMARY KEY (hour_start, entity, service, type)
);
CREATE INDEX ON report.event_hourly (service, hour_start);
COMMENT ON TABLE report.event_hourly IS 'One row for each UTC hour, entity, service and type of which events happened';
COMMENT ON COLUMN report.event_hourly.hour_start IS 'The hour (UTC) in which the events happened';
COMMENT ON COLUMN report.event_hourly.entity IS 'What kind of thing their cases are';
COMMENT ON COLUMN report.event_hourly.service IS 'Who emitted them';
COMMENT ON COLUMN report.event_hourly.type IS 'What happened, namespaced by dots';
COMMENT ON COLUMN report.event_hourly.events IS 'Events, each by its latest version; additive';
COMMENT ON COLUMN report.event_hourly.errors IS 'Of these, errors, as report.is_error tells them; additive';
COMMENT ON COLUMN report.event_hourly.error_ratio IS 'Share of errors: errors / events, 0 to 1; not additive';
COMMENT ON COLUMN report.event_hourly.events_per_second IS 'Throughput: events / 3600; additive over types and services, not over hours';

-- Steps ----------------------------------------------------------------------------------------------------------------

CREATE TABLE report.step_hourly (
    hour_start    timestamptz NOT NULL,
    entity        text NOT NULL,
    from_type     text NOT NULL,
    to_type       text NOT NULL,
    steps         bigint NOT NULL,
    total_seconds numeric NOT NULL,
    avg_seconds   double precision NOT NULL GENERATED ALWAYS AS ((total_seconds / steps)::double precision) STORED,
    PRIMARY KEY (hour_start, entity, from_type, to_type)
);
COMMENT ON TABLE report.step_hourly IS 'The process map: one row for each UTC hour, entity and step from one event of a case to the next';
COMMENT ON COLUMN report.step_hourly.hour_start IS 'The hour (UTC) in which the steps arrived';
COMMENT ON COLUMN report.step_hourly.entity IS 'What kind of thing the cases are';
COMMENT ON COLUMN report.step_hourly.from_type IS 'The type of the event that a step leads from';
COMMENT ON COLUMN report.step_hourly.to_type IS 'The type of the event that follows it in the same case';
COMMENT ON COLUMN report.step_hourly.steps IS 'How often it was gone; additive';
COMMENT ON COLUMN report.step_hourly.total_seconds IS 'Seconds from the one event to the other, of all steps; additive';
COMMENT ON COLUMN report.step_hourly.avg_seconds IS 'Mean seconds from the one event to the other: total_seconds / steps; not additive';

-- An exponential histogram of scale 3, as OpenTelemetry defines it (Metrics Data Model, ExponentialHistogram): bucket i
-- holds durations above 2^(i / 8) and up to 2^((i + 1) / 8) seconds, which are 9% apart; at or below the threshold of zero,
-- a millisecond, all are one bucket. A duration found by its logarithm may fall into another bucket with another
-- version of the C library, and what was added to one bucket would be taken from another: so the bounds are whole
-- microseconds, made once of exact arithmetic.
DO $do$
BEGIN
    EXECUTE format($sql$
        CREATE FUNCTION daybook.duration_bucket(seconds double precision) RETURNS smallint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
        RETURN (-81 + width_bucket(round(seconds * 1000000) - 1, %L::double precision[]))::smallint
        $sql$,
        (
            -- A duration of so many whole microseconds is the last of its bucket; as a floating number it is exact enough to
            -- be rounded to them up to a century. To ten years, beyond which all are one.
            SELECT array_agg(floor(power(2::numeric, i / 8.0) * 1000000)::double precision ORDER BY i)
            FROM generate_series(-80, 227) AS i
        ));
END
$do$;
COMMENT ON FUNCTION daybook.duration_bucket IS 'The bucket of a duration in an exponential histogram of scale 3: i where 2^(i/8) < seconds <= 2^((i+1)/8); -81 up to 2^-10 seconds';

CREATE TABLE report.step_durations (
    entity    text NOT NULL,
    from_type text NOT NULL,
    day       date NOT NULL,
    to_type   text NOT NULL,
    bucket    smallint NOT NULL,
    steps     bigint NOT NULL,
    PRIMARY KEY (entity, from_type, day, to_type, bucket)
);
CREATE INDEX ON report.step_durations (entity, day);
COMMENT ON TABLE report.step_durations IS 'How long steps took, as a histogram from which any percentile of any period can be told within a few percent; see report.usual_steps';
COMMENT ON COLUMN report.step_durations.entity IS 'What kind of thing the cases are';
COMMENT ON COLUMN report.step_durations.from_type IS 'The type of the event that a step leads from';
COMMENT ON COLUMN report.step_durations.day IS 'The UTC day on which the steps arrived';
COMMENT ON COLUMN report.step_durations.to_type IS 'The type of the event that follows it in the same case';
COMMENT ON COLUMN report.step_durations.bucket IS 'Number i of a bucket of an exponential histogram of scale 3: of steps that took more than 2^(i/8) and at most 2^((i+1)/8) seconds; -81: at most a millisecond';
COMMENT ON COLUMN report.step_durations.steps IS 'How many took so long; additive';

-- The days are found one by one from the latest back, each by a look into the index.
CREATE FUNCTION report.usual_steps(entity text, from_type text DEFAULT NULL, to_type text DEFAULT NULL)
RETURNS TABLE (
    entity text, from_type text, to_type text, steps bigint, p50_seconds double precision, p95_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $function$
    WITH RECURSIVE days (day, nth) AS (
        SELECT max(s.day), 1 FROM report.step_durations AS s WHERE s.entity = $1
        UNION ALL
        SELECT (SELECT max(s.day) FROM report.step_durations AS s WHERE s.entity = $1 AND s.day < d.day), d.nth + 1
        FROM days AS d
        WHERE d.day IS NOT NULL AND d.nth < 90
    ),
    since AS MATERIALIZED (SELECT min(day) AS day FROM days),
    buckets AS (
        SELECT s.from_type, s.to_type, s.bucket, sum(s.steps) AS steps
        FROM (
            -- Each by its own index, whether or not the planner knows what is asked for.
            SELECT i.from_type, i.to_type, i.bucket, i.steps
            FROM report.step_durations AS i
            WHERE $2 IS NULL AND i.entity = $1 AND i.day >= (SELECT day FROM since)
            UNION ALL
            SELECT i.from_type, i.to_type, i.bucket, i.steps
            FROM report.step_durations AS i
            WHERE $2 IS NOT NULL AND i.entity = $1 AND i.from_type = $2 AND i.day >= (SELECT day FROM since)
        ) AS s
        WHERE $3 IS NULL OR s.to_type = $3
        GROUP BY s.from_type, s.to_type, s.bucket
    ),
    ranked AS (
        SELECT b.*, sum(b.steps) OVER (step ORDER BY b.bucket) AS up_to, sum(b.steps) OVER step AS total
        FROM buckets AS b
        WINDOW step AS (PARTITION BY b.from_type, b.to_type)
    ),
    placed AS (
        -- Between the bounds of its bucket a rank lies as far as there are durations below it there, by a logarithmic scale.
        SELECT r.from_type, r.to_type, r.total, q.share,
            CASE
                WHEN r.bucket <= -81 THEN 0
                ELSE power(2, (r.bucket + ((q.share * r.total - (r.up_to - r.steps)) / r.steps)::double precision) / 8)
            END AS seconds
        FROM ranked AS r
        JOIN (VALUES (0.5), (0.95)) AS q (share)
            ON q.share * r.total > r.up_to - r.steps AND q.share * r.total <= r.up_to
    )
    SELECT $1, p.from_type, p.to_type, max(p.total)::bigint,
        max(p.seconds) FILTER (WHERE p.share = 0.5), max(p.seconds) FILTER (WHERE p.share = 0.95)
    FROM placed AS p
    GROUP BY p.from_type, p.to_type
$function$;
COMMENT ON FUNCTION report.usual_steps IS 'How long steps of an entity usually take, from one type of event, or any, to another, or any: median and 95th percentile in seconds, within 5%, over the latest 90 days on which any arrived';

-- Users ----------------------------------------------------------------------------------------------------------------

CREATE TABLE daybook.user_days (
    day     date NOT NULL,
    entity  text NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    events  bigint NOT NULL,
    PRIMARY KEY (day, entity, user_id)
);
COMMENT ON TABLE daybook.user_days IS 'One row for each UTC day, entity and user of whom there are events';
COMMENT ON COLUMN daybook.user_days.day IS 'The UTC day on which the events happened';
COMMENT ON COLUMN daybook.user_days.entity IS 'What kind of thing their cases are';
COMMENT ON COLUMN daybook.user_days.user_id IS 'The user';
COMMENT ON COLUMN daybook.user_days.events IS 'How many events; additive';

CREATE TABLE report.active_users_daily (
    day          date NOT NULL,
    entity       text NOT NULL,
    active_users bigint NOT NULL,
    PRIMARY KEY (day, entity)
);
COMMENT ON TABLE report.active_users_daily IS 'One row for each UTC day and entity with events that name a user';
COMMENT ON COLUMN report.active_users_daily.day IS 'The UTC day on which the events happened';
COMMENT ON COLUMN report.active_users_daily.entity IS 'What kind of thing their cases are';
COMMENT ON COLUMN report.active_users_daily.active_users IS 'Different users; not additive: one may be there on several days';

-- Dimensions -----------------------------------------------------------------------------------------------------------

CREATE TABLE daybook.calendar (
    is_only       boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    time_zone     text NOT NULL DEFAULT 'UTC',
    locale        text NOT NULL DEFAULT 'en',
    weekday_names text[] NOT NULL
    DEFAULT ARRAY['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
    month_names   text[] NOT NULL
    DEFAULT ARRAY[
        'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November',
        'December'
    ],
    weekend       integer[] NOT NULL DEFAULT ARRAY[6, 7]
);
INSERT INTO daybook.calendar DEFAULT VALUES;
ANALYZE daybook.calendar;
COMMENT ON TABLE daybook.calendar IS 'One row: by whose clocks, and with whose names, report.dim_hour and report.dim_day tell of local time';
COMMENT ON COLUMN daybook.calendar.is_only IS 'Keeps it to one row';
COMMENT ON COLUMN daybook.calendar.time_zone IS 'The zone, as IANA names it';
COMMENT ON COLUMN daybook.calendar.locale IS 'Whose names days and months have';
COMMENT ON COLUMN daybook.calendar.weekday_names IS 'The names of the days, from Monday';
COMMENT ON COLUMN daybook.calendar.month_names IS 'The names of the months, from January';
COMMENT ON COLUMN daybook.calendar.weekend IS 'The days of the weekend, 1 for Monday to 7 for Sunday';

CREATE TABLE report.dim_sla (
    sla                text PRIMARY KEY,
    name               text NOT NULL,
    description        text,
    entity             text,
    pipeline           text,
    within_seconds     double precision,
    target             double precision,
    owner              text,
    definition_version integer,
    is_defined         boolean NOT NULL
);
COMMENT ON TABLE report.dim_sla IS 'One row for each SLA: what it promises, and who answers for it';
COMMENT ON COLUMN report.dim_sla.sla IS 'The SLA, as the other tables name it';
COMMENT ON COLUMN report.dim_sla.name IS 'The same to be shown: order_paid is Order paid';
COMMENT ON COLUMN report.dim_sla.description IS 'What it promises, in words; null where nothing is said';
COMMENT ON COLUMN report.dim_sla.entity IS 'What kind of thing the cases are that it judges';
COMMENT ON COLUMN report.dim_sla.pipeline IS 'The pipeline that defines it';
COMMENT ON COLUMN report.dim_sla.within_seconds IS 'Seconds allowed from start to end';
COMMENT ON COLUMN report.dim_sla.target IS 'The share of cases that are to be met, 0 to 1; null where there is none; not additive';
COMMENT ON COLUMN report.dim_sla.owner IS 'Who answers for it; null where nobody is named';
COMMENT ON COLUMN report.dim_sla.definition_version IS 'Counts the changes of what it means, from 1';
COMMENT ON COLUMN report.dim_sla.is_defined IS 'Whether it still is; false where only what it judged before is there';

CREATE TABLE report.dim_day (
    day          date PRIMARY KEY,
    year         smallint NOT NULL,
    quarter      smallint NOT NULL,
    month        smallint NOT NULL,
    month_name   text NOT NULL,
    day_of_month smallint NOT NULL,
    iso_year     smallint NOT NULL,
    iso_week     smallint NOT NULL,
    week_start   date NOT NULL,
    weekday      smallint NOT NULL,
    weekday_name text NOT NULL,
    is_weekend   boolean NOT NULL
);
COMMENT ON TABLE report.dim_day IS 'One row for each day from the first to the last that is reported, without gaps of less than five years';
COMMENT ON COLUMN report.dim_day.day IS 'The day';
COMMENT ON COLUMN report.dim_day.year IS 'Its year';
COMMENT ON COLUMN report.dim_day.quarter IS 'Its quarter, 1 to 4';
COMMENT ON COLUMN report.dim_day.month IS 'Its month, 1 to 12';
COMMENT ON COLUMN report.dim_day.month_name IS 'The month''s name, in the project''s language';
COMMENT ON COLUMN report.dim_day.day_of_month IS 'Which day of the month, 1 to 31';
COMMENT ON COLUMN report.dim_day.iso_year IS 'The year that its week belongs to (ISO 8601)';
COMMENT ON COLUMN report.dim_day.iso_week IS 'The number of its week (ISO 8601), 1 to 53';
COMMENT ON COLUMN report.dim_day.week_start IS 'The Monday of its week';
COMMENT ON COLUMN report.dim_day.weekday IS 'Which day of the week, 1 for Monday to 7 for Sunday';
COMMENT ON COLUMN report.dim_day.weekday_name IS 'The day''s name, in the project''s language';
COMMENT ON COLUMN report.dim_day.is_weekend IS 'Whether it is of the weekend, where the project''s language is spoken';

CREATE TABLE report.dim_hour (
    hour_start         timestamptz PRIMARY KEY,
    day                date NOT NULL REFERENCES report.dim_day DEFERRABLE INITIALLY DEFERRED,
    hour               smallint NOT NULL,
    local_start        timestamp NOT NULL,
    utc_offset_minutes integer NOT NULL,
    local_day          date NOT NULL,
    local_hour         smallint NOT NULL,
    local_weekday      smallint NOT NULL,
    local_weekday_name text NOT NULL,
    local_month        smallint NOT NULL,
    local_month_name   text NOT NULL,
    local_is_weekend   boolean NOT NULL
);
CREATE INDEX ON report.dim_hour (day);
COMMENT ON TABLE report.dim_hour IS 'One row for each hour of the days of report.dim_day, with the time of the project''s zone';
COMMENT ON COLUMN report.dim_hour.hour_start IS 'The hour (UTC)';
COMMENT ON COLUMN report.dim_hour.day IS 'The UTC day that it is in';
COMMENT ON COLUMN report.dim_hour.hour IS 'Which hour of that day, 0 to 23';
COMMENT ON COLUMN report.dim_hour.local_start IS 'When it began by the clocks of the project''s zone; twice the same where they are set back';
COMMENT ON COLUMN report.dim_hour.utc_offset_minutes IS 'Minutes by which those clocks are ahead of UTC';
COMMENT ON COLUMN report.dim_hour.local_day IS 'The day that it began on there';
COMMENT ON COLUMN report.dim_hour.local_hour IS 'Which hour of that day, 0 to 23';
COMMENT ON COLUMN report.dim_hour.local_weekday IS 'Which day of the week that is, 1 for Monday to 7 for Sunday';
COMMENT ON COLUMN report.dim_hour.local_weekday_name IS 'That day''s name, in the project''s language';
COMMENT ON COLUMN report.dim_hour.local_month IS 'The month of that day, 1 to 12';
COMMENT ON COLUMN report.dim_hour.local_month_name IS 'That month''s name, in the project''s language';
COMMENT ON COLUMN report.dim_hour.local_is_weekend IS 'Whether that day is of the weekend, where the project''s language is spoken';

CREATE TABLE report.dim_service (
    service    text PRIMARY KEY,
    first_hour timestamptz NOT NULL,
    last_hour  timestamptz NOT NULL
);
COMMENT ON TABLE report.dim_service IS 'One row for each service whose events are reported';
COMMENT ON COLUMN report.dim_service.service IS 'The service, as its events name it';
COMMENT ON COLUMN report.dim_service.first_hour IS 'The hour (UTC) of its first events';
COMMENT ON COLUMN report.dim_service.last_hour IS 'The hour (UTC) of its last events';

-- The days as they are to be, from the calendar. One event of the year 1 is to make one day, and not 700,000.

CREATE FUNCTION daybook.bridged_days(days date[]) RETURNS SETOF date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT (g.day + n.nth)::date
    FROM (
        SELECT u.day, lead(u.day) OVER (ORDER BY u.day) - u.day AS gap
        FROM (SELECT DISTINCT d.day FROM unnest(days) AS d (day) WHERE isfinite(d.day)) AS u
    ) AS g
    CROSS JOIN LATERAL generate_series(0, CASE WHEN g.gap <= 1827 THEN g.gap - 1 ELSE 0 END) AS n (nth);
END;
COMMENT ON FUNCTION daybook.bridged_days IS 'Days, and all between two of them where that is at most five years';

CREATE FUNCTION daybook.describe_days(days date[]) RETURNS SETOF report.dim_day
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT d.day, extract(year FROM d.day)::smallint, extract(quarter FROM d.day)::smallint,
        extract(month FROM d.day)::smallint, c.month_names[extract(month FROM d.day)::integer],
        extract(day FROM d.day)::smallint, extract(isoyear FROM d.day)::smallint, extract(week FROM d.day)::smallint,
        d.day + 1 - extract(isodow FROM d.day)::integer, extract(isodow FROM d.day)::smallint,
        c.weekday_names[extract(isodow FROM d.day)::integer], extract(isodow FROM d.day)::integer = ANY (c.weekend)
    FROM unnest(days) AS d (day)
    CROSS JOIN daybook.calendar AS c;
END;
COMMENT ON FUNCTION daybook.describe_days IS 'What report.dim_day is to say of days';

CREATE FUNCTION daybook.describe_hours(days date[]) RETURNS SETOF report.dim_hour
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT l.hour_start, l.day, l.hour::smallint, l.local_start,
        (extract(epoch FROM l.local_start - (l.hour_start AT TIME ZONE 'UTC')) / 60)::integer,
        l.local_start::date, extract(hour FROM l.local_start)::smallint,
        extract(isodow FROM l.local_start)::smallint, l.weekday_names[extract(isodow FROM l.local_start)::integer],
        extract(month FROM l.local_start)::smallint, l.month_names[extract(month FROM l.local_start)::integer],
        extract(isodow FROM l.local_start)::integer = ANY (l.weekend)
    FROM (
        SELECT h.*, c.*, h.hour_start AT TIME ZONE c.time_zone AS local_start
        FROM (
            SELECT d.day, o.hour, (d.day::timestamp + make_interval(hours => o.hour)) AT TIME ZONE 'UTC' AS hour_start
            FROM unnest(days) AS d (day)
            CROSS JOIN generate_series(0, 23) AS o (hour)
        ) AS h
        CROSS JOIN daybook.calendar AS c
    ) AS l;
END;
COMMENT ON FUNCTION daybook.describe_hours IS 'What report.dim_hour is to say of the hours of days';

CREATE FUNCTION daybook.add_days(days date[]) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    added CONSTANT date[] := ARRAY(
        SELECT b.day
        FROM daybook.bridged_days(days || ARRAY(SELECT d.day FROM report.dim_day AS d)) AS b (day)
        EXCEPT
        SELECT d.day FROM report.dim_day AS d
    );
BEGIN
    INSERT INTO report.dim_day SELECT * FROM daybook.describe_days(added);
    INSERT INTO report.dim_hour SELECT * FROM daybook.describe_hours(added);
END
$function$;
COMMENT ON FUNCTION daybook.add_days IS 'Adds days to report.dim_day, with those between and their hours';

-- Only what differs is written, and what is there is never seen gone.
CREATE FUNCTION daybook.describe_again() RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    days CONSTANT date[] := ARRAY(SELECT d.day FROM report.dim_day AS d);
BEGIN
    UPDATE report.dim_day AS d
    SET month_name = n.month_name, weekday_name = n.weekday_name, is_weekend = n.is_weekend
    FROM daybook.describe_days(days) AS n
    WHERE n.day = d.day AND n IS DISTINCT FROM d;
    UPDATE report.dim_hour AS h
    SET local_start = n.local_start, utc_offset_minutes = n.utc_offset_minutes, local_day = n.local_day,
        local_hour = n.local_hour, local_weekday = n.local_weekday, local_weekday_name = n.local_weekday_name,
        local_month = n.local_month, local_month_name = n.local_month_name, local_is_weekend = n.local_is_weekend
    FROM daybook.describe_hours(days) AS n
    WHERE n.hour_start = h.hour_start AND n IS DISTINCT FROM h;
END
$function$;
COMMENT ON FUNCTION daybook.describe_again IS 'Brings report.dim_day and report.dim_hour in line with daybook.calendar';

-- What SLAs and services are --------------------------------------------------------------------------------------------

CREATE FUNCTION daybook.keep_slas() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO report.dim_sla AS d (
        sla, name, description, entity, pipeline, within_seconds, target, owner, definition_version, is_defined)
    SELECT s.sla, upper(left(s.sla, 1)) || translate(substr(s.sla, 2), '_', ' '), s.description, s.entity, s.pipeline,
        extract(epoch FROM s.within)::double precision, s.target, s.owner, s.definition_version, true
    FROM daybook.slas AS s
    ON CONFLICT (sla) DO UPDATE
    SET name = excluded.name, description = excluded.description, entity = excluded.entity,
        pipeline = excluded.pipeline, within_seconds = excluded.within_seconds, target = excluded.target,
        owner = excluded.owner, definition_version = excluded.definition_version, is_defined = true
    WHERE d IS DISTINCT FROM excluded;
    IF EXISTS (SELECT FROM report.dim_sla AS d WHERE d.sla NOT IN (SELECT s.sla FROM daybook.slas AS s)) THEN
        DELETE FROM report.dim_sla AS d
        WHERE d.sla NOT IN (SELECT s.sla FROM daybook.slas AS s)
            AND NOT EXISTS (SELECT FROM report.fact_sla AS f WHERE f.sla = d.sla)
            AND NOT EXISTS (SELECT FROM report.sla_hourly AS h WHERE h.sla = d.sla)
            AND NOT EXISTS (SELECT FROM report.sla_hourly_by_end AS h WHERE h.sla = d.sla)
            AND NOT EXISTS (SELECT FROM report.sla_hourly_by_breach AS h WHERE h.sla = d.sla);
        UPDATE report.dim_sla AS d SET is_defined = false
        WHERE d.is_defined AND d.sla NOT IN (SELECT s.sla FROM daybook.slas AS s);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.keep_slas IS 'Brings report.dim_sla in line with daybook.slas; what is defined no more stays while anything tells of it';

CREATE FUNCTION daybook.keep_services(services text[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    DELETE FROM report.dim_service AS d
    WHERE d.service = ANY (services) AND NOT EXISTS (SELECT FROM report.event_hourly AS e WHERE e.service = d.service);
    INSERT INTO report.dim_service AS d (service, first_hour, last_hour)
    SELECT s.service, h.first_hour, h.last_hour
    FROM unnest(services) AS s (service)
    CROSS JOIN LATERAL (
        SELECT (SELECT min(e.hour_start) FROM report.event_hourly AS e WHERE e.service = s.service) AS first_hour,
            (SELECT max(e.hour_start) FROM report.event_hourly AS e WHERE e.service = s.service) AS last_hour
    ) AS h
    WHERE h.first_hour IS NOT NULL
    ON CONFLICT (service) DO UPDATE SET first_hour = excluded.first_hour, last_hour = excluded.last_hour
    WHERE d IS DISTINCT FROM excluded;
END
$function$;
COMMENT ON FUNCTION daybook.keep_services IS 'Brings the rows of services in report.dim_service in line with report.event_hourly';

-- The facts know what they are joined by --------------------------------------------------------------------------------

ALTER TABLE report.fact_sla
ADD COLUMN entity text,
ADD COLUMN start_hour timestamptz GENERATED ALWAYS AS (report.hour(started_at)) STORED;
UPDATE report.fact_sla AS f SET entity = s.entity FROM daybook.slas AS s WHERE s.sla = f.sla;
COMMENT ON COLUMN report.fact_sla.entity IS 'What kind of thing the case is; with case_id it joins report.cases';
COMMENT ON COLUMN report.fact_sla.start_hour IS 'The hour (UTC) in which it started, which joins report.dim_hour; null where an end has no start';

CREATE INDEX ON report.sla_hourly (hour_start);
CREATE INDEX ON report.sla_hourly_by_end (hour_start);
CREATE INDEX ON report.sla_hourly_by_breach (hour_start);
CREATE INDEX ON report.step_hourly (entity, from_type, hour_start);
CREATE INDEX ON report.step_durations (day);

CREATE FUNCTION daybook.refresh_dimensions() RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    kept date[];
BEGIN
    PERFORM daybook.keep_slas();
    PERFORM daybook.keep_services(ARRAY(
        SELECT e.service FROM report.event_hourly AS e UNION SELECT d.service FROM report.dim_service AS d));
    kept := ARRAY(
        SELECT daybook.bridged_days(ARRAY(
            SELECT (e.hour_start AT TIME ZONE 'UTC')::date
            FROM (
                SELECT hour_start FROM report.event_hourly
                UNION
                SELECT hour_start FROM report.step_hourly
                UNION
                SELECT hour_start FROM report.sla_hourly
                UNION
                SELECT hour_start FROM report.sla_hourly_by_end
                UNION
                SELECT hour_start FROM report.sla_hourly_by_breach
                UNION
                SELECT start_hour FROM report.fact_sla WHERE start_hour IS NOT NULL
            ) AS e
            UNION
            SELECT day FROM report.step_durations
            UNION
            SELECT day FROM report.active_users_daily
        ))
    );
    DELETE FROM report.dim_hour AS h WHERE h.day IN (SELECT d.day FROM report.dim_day AS d EXCEPT SELECT unnest(kept));
    DELETE FROM report.dim_day AS d WHERE d.day IN (SELECT o.day FROM report.dim_day AS o EXCEPT SELECT unnest(kept));
    PERFORM daybook.add_days(kept);
    PERFORM daybook.describe_again();
END
$function$;
COMMENT ON FUNCTION daybook.refresh_dimensions IS 'Makes report.dim_sla, dim_service, dim_day and dim_hour anew of what the report tables hold, writing only what differs';

-- What an older Daybook has reported. Of an SLA that is defined no more its name is all that is known.
INSERT INTO report.dim_sla (sla, name, is_defined)
SELECT h.sla, upper(left(h.sla, 1)) || translate(substr(h.sla, 2), '_', ' '), false
FROM (
    SELECT sla FROM report.sla_hourly
    UNION
    SELECT sla FROM report.sla_hourly_by_end
    UNION
    SELECT sla FROM report.sla_hourly_by_breach
    UNION
    SELECT sla FROM report.fact_sla
) AS h;
SELECT daybook.refresh_dimensions();

-- Keys, by which BI tools join by themselves. The dimensions are written last in a transform, so all wait for its end.
-- Facts have none to their case and hour: to look these up for each takes as long as to write it (20,000 facts: 0.47 s,
-- with the key of the SLA 0.6 s, with all three 1.3 s).
ALTER TABLE report.fact_sla
ADD FOREIGN KEY (sla) REFERENCES report.dim_sla DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.sla_hourly
ADD FOREIGN KEY (sla) REFERENCES report.dim_sla DEFERRABLE INITIALLY DEFERRED,
ADD FOREIGN KEY (hour_start) REFERENCES report.dim_hour DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.sla_hourly_by_end
ADD FOREIGN KEY (sla) REFERENCES report.dim_sla DEFERRABLE INITIALLY DEFERRED,
ADD FOREIGN KEY (hour_start) REFERENCES report.dim_hour DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.sla_hourly_by_breach
ADD FOREIGN KEY (sla) REFERENCES report.dim_sla DEFERRABLE INITIALLY DEFERRED,
ADD FOREIGN KEY (hour_start) REFERENCES report.dim_hour DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.event_hourly
ADD FOREIGN KEY (hour_start) REFERENCES report.dim_hour DEFERRABLE INITIALLY DEFERRED,
ADD FOREIGN KEY (service) REFERENCES report.dim_service DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.step_hourly
ADD FOREIGN KEY (hour_start) REFERENCES report.dim_hour DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.step_durations
ADD FOREIGN KEY (day) REFERENCES report.dim_day DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report.active_users_daily
ADD FOREIGN KEY (day) REFERENCES report.dim_day DEFERRABLE INITIALLY DEFERRED;

-- Days and weeks: percentiles and means of hours cannot be averaged, so all is counted from the facts.

CREATE VIEW report.sla_daily AS
WITH facts AS (
    SELECT f.sla, (f.start_hour AT TIME ZONE 'UTC')::date AS day,
        count(*) AS started,
        count(*) FILTER (WHERE f.status = 'completed') AS completed,
        count(*) FILTER (WHERE f.status = 'completed' AND NOT f.breached) AS met,
        count(*) FILTER (WHERE f.status = 'completed' AND f.breached) AS late,
        count(*) FILTER (WHERE f.status = 'in_progress') AS open,
        count(*) FILTER (WHERE f.status = 'in_progress' AND f.breached) AS overdue,
        count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE f.anomaly IS NOT NULL) AS anomalous,
        count(*) FILTER (WHERE f.breached) AS breached,
        -- Summed as whole microseconds, so that the order of rows never shows.
        sum(round(f.elapsed_seconds * 1e6)::bigint) / count(f.elapsed_seconds) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS percentiles,
        max(f.elapsed_seconds) AS max_seconds,
        min(f.started_at) FILTER (WHERE f.status = 'in_progress') AS oldest_open_started_at
    FROM report.fact_sla AS f
    WHERE f.started_at IS NOT NULL
    GROUP BY f.sla, (f.start_hour AT TIME ZONE 'UTC')::date
),
hours AS (
    SELECT sla, (hour_start AT TIME ZONE 'UTC')::date AS day, bool_and(is_final) AS is_final,
        max(restated_at) AS restated_at
    FROM report.sla_hourly
    GROUP BY sla, (hour_start AT TIME ZONE 'UTC')::date
)
SELECT sla, day, f.started, f.completed, f.met, f.late, f.open, f.overdue, f.cancelled, f.anomalous, f.breached,
    f.met::double precision / nullif(f.met + f.breached, 0) AS attainment,
    f.avg_seconds::double precision AS avg_seconds,
    f.percentiles[1] AS p50_seconds,
    f.percentiles[2] AS p90_seconds,
    f.percentiles[3] AS p95_seconds,
    f.percentiles[4] AS p99_seconds,
    f.max_seconds, f.oldest_open_started_at, h.is_final, h.restated_at
FROM facts AS f
-- Past its retention a day is gone with its hours, though a case that went on is there.
JOIN hours AS h USING (sla, day);
COMMENT ON VIEW report.sla_daily IS 'One row for each SLA and UTC day in which cases started, counted from report.fact_sla: its percentiles are those of all its cases';
COMMENT ON COLUMN report.sla_daily.sla IS 'The SLA';
COMMENT ON COLUMN report.sla_daily.day IS 'The UTC day on which the cases started';
COMMENT ON COLUMN report.sla_daily.started IS 'Cases that started; additive';
COMMENT ON COLUMN report.sla_daily.completed IS 'Of these, completed by now: met + late; additive';
COMMENT ON COLUMN report.sla_daily.met IS 'Completed in time; additive';
COMMENT ON COLUMN report.sla_daily.late IS 'Completed after the deadline; additive';
COMMENT ON COLUMN report.sla_daily.open IS 'Neither completed nor cancelled; additive';
COMMENT ON COLUMN report.sla_daily.overdue IS 'Open past the deadline; additive';
COMMENT ON COLUMN report.sla_daily.cancelled IS 'Cancelled before completion; additive';
COMMENT ON COLUMN report.sla_daily.anomalous IS 'Cases whose times contradict each other; additive';
COMMENT ON COLUMN report.sla_daily.breached IS 'Deadline missed: late + overdue; additive';
COMMENT ON COLUMN report.sla_daily.attainment IS 'Share met of those due: met / (met + breached), 0 to 1; null where nothing is due; not additive';
COMMENT ON COLUMN report.sla_daily.avg_seconds IS 'Mean seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_daily.p50_seconds IS 'Median seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_daily.p90_seconds IS '90th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_daily.p95_seconds IS '95th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_daily.p99_seconds IS '99th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_daily.max_seconds IS 'Most seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_daily.oldest_open_started_at IS 'Start of the case that is open longest';
COMMENT ON COLUMN report.sla_daily.is_final IS 'Whether only late data can still change the counts';
COMMENT ON COLUMN report.sla_daily.restated_at IS 'When any of its hours last changed';

CREATE VIEW report.sla_weekly AS
WITH facts AS (
    SELECT f.sla, (date_trunc('week', f.start_hour AT TIME ZONE 'UTC'))::date AS week_start,
        count(*) AS started,
        count(*) FILTER (WHERE f.status = 'completed') AS completed,
        count(*) FILTER (WHERE f.status = 'completed' AND NOT f.breached) AS met,
        count(*) FILTER (WHERE f.status = 'completed' AND f.breached) AS late,
        count(*) FILTER (WHERE f.status = 'in_progress') AS open,
        count(*) FILTER (WHERE f.status = 'in_progress' AND f.breached) AS overdue,
        count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE f.anomaly IS NOT NULL) AS anomalous,
        count(*) FILTER (WHERE f.breached) AS breached,
        -- Summed as whole microseconds, so that the order of rows never shows.
        sum(round(f.elapsed_seconds * 1e6)::bigint) / count(f.elapsed_seconds) / 1e6 AS avg_seconds,
        percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS percentiles,
        max(f.elapsed_seconds) AS max_seconds,
        min(f.started_at) FILTER (WHERE f.status = 'in_progress') AS oldest_open_started_at
    FROM report.fact_sla AS f
    WHERE f.started_at IS NOT NULL
    GROUP BY f.sla, (date_trunc('week', f.start_hour AT TIME ZONE 'UTC'))::date
),
hours AS (
    SELECT sla, (date_trunc('week', hour_start AT TIME ZONE 'UTC'))::date AS week_start, bool_and(is_final) AS is_final,
        max(restated_at) AS restated_at
    FROM report.sla_hourly
    GROUP BY sla, (date_trunc('week', hour_start AT TIME ZONE 'UTC'))::date
)
SELECT sla, week_start, f.started, f.completed, f.met, f.late, f.open, f.overdue, f.cancelled, f.anomalous, f.breached,
    f.met::double precision / nullif(f.met + f.breached, 0) AS attainment,
    f.avg_seconds::double precision AS avg_seconds,
    f.percentiles[1] AS p50_seconds,
    f.percentiles[2] AS p90_seconds,
    f.percentiles[3] AS p95_seconds,
    f.percentiles[4] AS p99_seconds,
    f.max_seconds, f.oldest_open_started_at, h.is_final, h.restated_at
FROM facts AS f
-- Past its retention a week is gone with its hours, though a case that went on is there.
JOIN hours AS h USING (sla, week_start);
COMMENT ON VIEW report.sla_weekly IS 'One row for each SLA and ISO week in which cases started, counted from report.fact_sla: its percentiles are those of all its cases';
COMMENT ON COLUMN report.sla_weekly.sla IS 'The SLA';
COMMENT ON COLUMN report.sla_weekly.week_start IS 'The Monday (UTC) of the week in which the cases started';
COMMENT ON COLUMN report.sla_weekly.started IS 'Cases that started; additive';
COMMENT ON COLUMN report.sla_weekly.completed IS 'Of these, completed by now: met + late; additive';
COMMENT ON COLUMN report.sla_weekly.met IS 'Completed in time; additive';
COMMENT ON COLUMN report.sla_weekly.late IS 'Completed after the deadline; additive';
COMMENT ON COLUMN report.sla_weekly.open IS 'Neither completed nor cancelled; additive';
COMMENT ON COLUMN report.sla_weekly.overdue IS 'Open past the deadline; additive';
COMMENT ON COLUMN report.sla_weekly.cancelled IS 'Cancelled before completion; additive';
COMMENT ON COLUMN report.sla_weekly.anomalous IS 'Cases whose times contradict each other; additive';
COMMENT ON COLUMN report.sla_weekly.breached IS 'Deadline missed: late + overdue; additive';
COMMENT ON COLUMN report.sla_weekly.attainment IS 'Share met of those due: met / (met + breached), 0 to 1; null where nothing is due; not additive';
COMMENT ON COLUMN report.sla_weekly.avg_seconds IS 'Mean seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_weekly.p50_seconds IS 'Median seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_weekly.p90_seconds IS '90th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_weekly.p95_seconds IS '95th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_weekly.p99_seconds IS '99th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_weekly.max_seconds IS 'Most seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_weekly.oldest_open_started_at IS 'Start of the case that is open longest';
COMMENT ON COLUMN report.sla_weekly.is_final IS 'Whether only late data can still change the counts';
COMMENT ON COLUMN report.sla_weekly.restated_at IS 'When any of its hours last changed';

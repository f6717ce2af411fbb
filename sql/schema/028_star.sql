-- The star: what analysts join the SLA figures with, and what all events tell beside them: how many came, how many were
-- errors, how long a case takes from one step to the next, and who was there. sql/transforms fills the tables, and
-- sql/dimensions the dimensions.

-- The path of a case ---------------------------------------------------------------------------------------------------

CREATE TABLE daybook.event_kinds (
    kind_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    type    text NOT NULL,
    UNIQUE (type, service)
);
COMMENT ON TABLE daybook.event_kinds IS 'Every type that a service has ever told of, by a number; rows stay, for what is stored names them';
COMMENT ON COLUMN daybook.event_kinds.kind_id IS 'The number';
COMMENT ON COLUMN daybook.event_kinds.service IS 'Who emits it';
COMMENT ON COLUMN daybook.event_kinds.type IS 'What happens';

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

-- One look at the details tells of most events that they have none of these fields.
CREATE FUNCTION report.is_error(type text, details jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN type ~ '(^|[._:/ -])([Ff]ailed|[Ff]ailure|[Ee]rror|[Ee]rrored|[Ee]xception|[Cc]rashed|[Ff]atal|[Pp]anic|[Aa]borted|[Tt]imed_?out|[Tt]imeout)$'
        OR type ~ '[a-z](Failed|Failure|Error|Errored|Exception|Crashed|Fatal|Panic|Aborted|TimedOut|Timeout)$'
        THEN true
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
        CREATE FUNCTION daybook.duration_bucket(seconds numeric) RETURNS smallint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
        RETURN (-81 + width_bucket((seconds * 1000000 - 1)::double precision, %L::double precision[]))::smallint
        $sql$,
        (
            -- A duration of so many whole microseconds is the last of its bucket. To ten years, beyond which all are one.
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

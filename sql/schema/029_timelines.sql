-- Where a case is, and how it came there: its events in order, the steps between them against the usual, and the cases that
-- wait; and the declared keys by which cases are found.

-- Keys -----------------------------------------------------------------------------------------------------------------

CREATE TABLE daybook.key_definitions (
    pipeline text NOT NULL,
    key      text NOT NULL,
    paths    jsonb NOT NULL,
    PRIMARY KEY (pipeline, key)
);
COMMENT ON TABLE daybook.key_definitions IS 'The keys by which cases are found, as they are defined now; written from the pipeline files before each transform';
COMMENT ON COLUMN daybook.key_definitions.pipeline IS 'The pipeline that defines it; it holds for the events of this one';
COMMENT ON COLUMN daybook.key_definitions.key IS 'Its name';
COMMENT ON COLUMN daybook.key_definitions.paths IS 'Where the value stands: paths of names, the first of each a column of raw.events; the first path that is present counts';

-- What is longer than an index takes is kept by its beginning and a hash.
CREATE FUNCTION report.key_value(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN octet_length(value) <= 1000 THEN value
    ELSE left(value, 200) || '...' || encode(sha256(convert_to(value, 'UTF8')), 'hex')
END;
COMMENT ON FUNCTION report.key_value IS 'A value as report.case_keys holds it: as it is up to 1,000 bytes; of a longer one its first 200 characters, ... and its SHA-256';

CREATE TABLE report.case_keys (
    entity     text NOT NULL,
    case_id    text COLLATE "C" NOT NULL,
    key        text NOT NULL,
    value_hash uuid NOT NULL,
    value      text COLLATE "C" NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    events     bigint NOT NULL,
    PRIMARY KEY (case_id, entity, key, value_hash)
);
CREATE INDEX ON report.case_keys (key, value);
COMMENT ON TABLE report.case_keys IS 'By which values of declared keys (keys in a pipeline) which cases are found: one row for each case, key and value';
COMMENT ON COLUMN report.case_keys.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.case_keys.case_id IS 'Which one';
COMMENT ON COLUMN report.case_keys.key IS 'The name of the key';
COMMENT ON COLUMN report.case_keys.value_hash IS 'Hash of the value: what makes a row one of its kind, however long the value is';
COMMENT ON COLUMN report.case_keys.value IS 'The value as text; of one longer than 1,000 bytes what report.key_value makes of it';
COMMENT ON COLUMN report.case_keys.first_at IS 'Time of the first event of the case that has the value';
COMMENT ON COLUMN report.case_keys.last_at IS 'Time of the last event of the case that has the value';
COMMENT ON COLUMN report.case_keys.events IS 'Number of events of the case that have the value; additive';

-- Time lines -----------------------------------------------------------------------------------------------------------

-- Those that report.cases tells, those of superseded versions, and those of loads that no transform has seen.
CREATE FUNCTION daybook.days_of_case(case_id text) RETURNS date[]
LANGUAGE sql STABLE AS $function$
    SELECT coalesce(array_agg(day ORDER BY day), '{}')
    FROM (
        SELECT generate_series(
            (c.first_at AT TIME ZONE 'UTC')::date::timestamp, (c.last_at AT TIME ZONE 'UTC')::date::timestamp,
            interval '1 day')::date AS day
        FROM report.cases AS c
        -- Each entity by itself: the key begins with it.
        WHERE c.entity = ANY (ARRAY(SELECT entity FROM daybook.entities)) AND c.case_id = days_of_case.case_id
        UNION
        SELECT generate_series(w.first_day::timestamp, w.last_day::timestamp, interval '1 day')::date
        FROM daybook.wide_cases AS w
        WHERE w.case_id = days_of_case.case_id
        UNION
        SELECT unnest(u.event_days) FROM daybook.unseen_loads AS u
    ) AS d
$function$;
COMMENT ON FUNCTION daybook.days_of_case IS 'The UTC days that may hold events of a case, of whatever entity';

-- How many wait at a step.
CREATE INDEX ON report.cases (entity, last_type, case_id) INCLUDE (last_at);
CREATE INDEX ON report.fact_sla (case_id, sla) WHERE status = 'in_progress';

CREATE TYPE report.timeline_event AS (
    nth               bigint,
    occurred_at       timestamptz,
    sequence          bigint,
    entity            text,
    case_id           text,
    type              text,
    service           text,
    event_id          text,
    user_id           text,
    correlation_id    text,
    pipeline          text,
    source            text,
    object            text,
    start_position    bigint,
    load_id           bigint,
    gap_seconds       double precision,
    usual_p50_seconds double precision,
    usual_p95_seconds double precision,
    is_dead_letter    boolean,
    is_out_of_order   boolean,
    details           jsonb
);
COMMENT ON TYPE report.timeline_event IS 'A row of report.case_timeline: one event of a case';
COMMENT ON COLUMN report.timeline_event.nth IS 'Counts the events of the case, from 1';
COMMENT ON COLUMN report.timeline_event.occurred_at IS 'When it happened (event time), by the latest version';
COMMENT ON COLUMN report.timeline_event.sequence IS 'The emitter''s own order, where it has one';
COMMENT ON COLUMN report.timeline_event.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.timeline_event.case_id IS 'Which one';
COMMENT ON COLUMN report.timeline_event.type IS 'What happened, namespaced by dots';
COMMENT ON COLUMN report.timeline_event.service IS 'Who emitted it';
COMMENT ON COLUMN report.timeline_event.event_id IS 'The event, from the source or derived';
COMMENT ON COLUMN report.timeline_event.user_id IS 'The user it concerns, where the source says';
COMMENT ON COLUMN report.timeline_event.correlation_id IS 'Request or trace id, where the source says';
COMMENT ON COLUMN report.timeline_event.pipeline IS 'The pipeline that loaded it';
COMMENT ON COLUMN report.timeline_event.source IS 'The source of the pipeline that it came from';
COMMENT ON COLUMN report.timeline_event.object IS 'The file or URL it came from';
COMMENT ON COLUMN report.timeline_event.start_position IS 'Where in that object it stands: byte offset of the record, or number of the item';
COMMENT ON COLUMN report.timeline_event.load_id IS 'The batch that brought it';
COMMENT ON COLUMN report.timeline_event.gap_seconds IS 'Seconds since the event before it, of the same entity; null of the first';
COMMENT ON COLUMN report.timeline_event.usual_p50_seconds IS 'Median seconds of this step, from the type before to this one, over all cases; null where it is not known';
COMMENT ON COLUMN report.timeline_event.usual_p95_seconds IS '95th percentile of the seconds of this step; null where it is not known';
COMMENT ON COLUMN report.timeline_event.is_dead_letter IS 'Whether it tells of a message that a broker could not deliver';
COMMENT ON COLUMN report.timeline_event.is_out_of_order IS 'Whether the clock contradicts the sequence: an event of the same source that is stamped before it has a higher one; of the same service, where services of the source count each for themselves';
COMMENT ON COLUMN report.timeline_event.details IS 'Everything else that came';

-- An event that came again with another time is a new version; the latest to arrive is the one that counts.
CREATE FUNCTION daybook.current_events_of_case(case_id text) RETURNS SETOF raw.events
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    days CONSTANT date[] := daybook.days_of_case(case_id);
    columns CONSTANT text := 'occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, '
        'type, service, user_id, correlation_id, details';
    segments bigint[];
BEGIN
    IF days = '{}' THEN
        RETURN;
    END IF;
    segments := ARRAY(
        SELECT s.segment_id
        FROM raw.event_segments AS s
        WHERE s.event_day = ANY (days) AND current_events_of_case.case_id BETWEEN s.min_case_id AND s.max_case_id
            AND daybook.holds_any_case(s.case_ids, s.case_uuids, ARRAY[current_events_of_case.case_id])
    );
    -- Days as literals, so that the planner opens no other leaf.
    RETURN QUERY EXECUTE format($sql$
        SELECT DISTINCT ON (source_id, event_id) %1$s
        FROM (
            SELECT %1$s FROM raw.events_by_day WHERE case_id = $1 AND event_day = ANY (%2$L::date[])
            %3$s
        ) AS found
        ORDER BY source_id, event_id, load_id DESC, position DESC
        $sql$, columns, days, CASE WHEN segments <> '{}' THEN format(
            'UNION ALL SELECT %s FROM daybook.segment_events '
            'WHERE case_id = $1 AND segment_id = ANY ($2) AND event_day = ANY (%L::date[])', columns, days) END)
    USING case_id, segments;
END
$function$;
COMMENT ON FUNCTION daybook.current_events_of_case IS 'The events of a case, of whatever entity, without superseded versions, those that no transform has seen included; opens only the days that may hold any';

-- In the order of the transforms: by time, of equal times by sequence where all of these have one, then by id.
CREATE FUNCTION report.case_timeline(case_id text, entity text DEFAULT NULL) RETURNS SETOF report.timeline_event
LANGUAGE plpgsql STABLE
-- To compile takes ten times as long as to look up, and the planner cannot tell.
SET jit = off AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH tied AS (
        SELECT *,
            CASE WHEN bool_and(sequence IS NOT NULL) OVER (PARTITION BY entity, occurred_at) THEN sequence END
                AS tie_sequence
        FROM daybook.current_events_of_case(case_timeline.case_id)
        WHERE case_timeline.entity IS NULL OR entity = case_timeline.entity
    ),
    ordered AS (
        SELECT *, row_number() OVER (ORDER BY occurred_at, entity, tie_sequence, event_id, source_id) AS nth,
            sequence IS NOT NULL AND count(*) OVER (PARTITION BY entity, source_id, sequence) > 1 AS is_repeated
        FROM tied
    ),
    counted AS (
        -- Who counts: the source as a whole, unless the same number comes twice in it; then each of its services.
        SELECT *, CASE WHEN bool_or(is_repeated) OVER (PARTITION BY entity, source_id) THEN service END AS counter
        FROM ordered
    ),
    stepped AS MATERIALIZED (
        SELECT *,
            lag(type) OVER of_entity AS type_before,
            extract(epoch FROM occurred_at - lag(occurred_at) OVER of_entity)::double precision AS gap_seconds,
            coalesce(
                sequence < max(sequence) OVER (
                    PARTITION BY entity, source_id, counter ORDER BY nth ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), false
            ) AS is_out_of_order
        FROM counted
        WINDOW of_entity AS (PARTITION BY entity ORDER BY nth)
    ),
    steps AS MATERIALIZED (
        SELECT s.entity, s.type_before, s.type, u.p50_seconds, u.p95_seconds
        FROM (SELECT DISTINCT entity, type_before, type FROM stepped WHERE type_before IS NOT NULL) AS s
        CROSS JOIN LATERAL report.usual_steps(s.entity, s.type_before, s.type)
            AS u (entity, from_type, to_type, steps, p50_seconds, p95_seconds)
    )
    SELECT e.nth, e.occurred_at, e.sequence, e.entity, e.case_id::text, e.type, e.service, e.event_id::text, e.user_id,
        e.correlation_id, l.pipeline, o.name, l.object, e.position, e.load_id,
        e.gap_seconds, u.p50_seconds, u.p95_seconds,
        coalesce(o.role = 'dead_letter', false), e.is_out_of_order, e.details
    FROM stepped AS e
    LEFT JOIN steps AS u ON u.entity = e.entity AND u.type_before = e.type_before AND u.type = e.type
    LEFT JOIN daybook.loads AS l ON l.load_id = e.load_id
    LEFT JOIN daybook.sources AS o ON o.source_id = l.source_id
    ORDER BY e.nth;
END
$function$;
COMMENT ON FUNCTION report.case_timeline IS 'The events of a case in order, of one entity or of all, with the time since the one before and what is usual; opens only the days that may hold any';

-- Where a case is ------------------------------------------------------------------------------------------------------

CREATE FUNCTION daybook.clock_of(entity text) RETURNS timestamptz
LANGUAGE sql STABLE AS $function$
    SELECT coalesce(
        (
            SELECT e.latest
            FROM daybook.entities AS e
            WHERE e.entity = clock_of.entity
                AND (SELECT bool_and(s.clock = 'data') FROM daybook.slas AS s WHERE s.entity = clock_of.entity)
        ), now())
$function$;
COMMENT ON FUNCTION daybook.clock_of IS 'The time by which cases of an entity wait: now; or its latest event, where all its SLAs follow the data';

CREATE VIEW daybook.sla_states AS
SELECT s.entity, f.sla, f.case_id, f.cycle, f.status, f.started_at, f.completed_at, f.cancelled_at, f.elapsed_seconds,
    f.within_seconds, f.breach_at, f.anomaly, f.definition_version,
    CASE
        WHEN f.status = 'cancelled' THEN 'cancelled'
        WHEN f.started_at IS NULL THEN 'not started'
        WHEN f.status = 'completed' AND f.breached THEN 'late'
        WHEN f.status = 'completed' THEN 'met'
        WHEN f.breach_at < c.clock THEN 'overdue'
        ELSE 'open'
    END AS state,
    extract(epoch FROM c.clock - f.breach_at)::double precision AS overdue_seconds,
    c.clock
FROM report.fact_sla AS f
JOIN daybook.slas AS s USING (sla)
CROSS JOIN LATERAL (SELECT CASE WHEN s.clock = 'data' THEN daybook.clock_of(s.entity) ELSE now() END AS clock) AS c;
COMMENT ON VIEW daybook.sla_states IS 'The facts of report.fact_sla in a word, by the clock as it stands: met, late, open, overdue, cancelled or not started';
COMMENT ON COLUMN daybook.sla_states.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN daybook.sla_states.sla IS 'The SLA that judges';
COMMENT ON COLUMN daybook.sla_states.case_id IS 'The case that is judged';
COMMENT ON COLUMN daybook.sla_states.cycle IS 'Counts the times that the case went through, from 1';
COMMENT ON COLUMN daybook.sla_states.status IS 'in_progress, completed or cancelled';
COMMENT ON COLUMN daybook.sla_states.started_at IS 'Time of the start event; null where an end has no start';
COMMENT ON COLUMN daybook.sla_states.completed_at IS 'Time of the end event; null while open or when cancelled';
COMMENT ON COLUMN daybook.sla_states.cancelled_at IS 'Time of the cancel event; null where it was not cancelled';
COMMENT ON COLUMN daybook.sla_states.elapsed_seconds IS 'Seconds from start to end; null while open';
COMMENT ON COLUMN daybook.sla_states.within_seconds IS 'Seconds allowed from start to end';
COMMENT ON COLUMN daybook.sla_states.breach_at IS 'The deadline: start plus the time allowed';
COMMENT ON COLUMN daybook.sla_states.anomaly IS 'end_before_start, end_without_start or clock_skew; null where all is in order';
COMMENT ON COLUMN daybook.sla_states.definition_version IS 'The version of the SLA''s definition that judged it';
COMMENT ON COLUMN daybook.sla_states.state IS 'met, late, open, overdue, cancelled, or not started: an end came without a start';
COMMENT ON COLUMN daybook.sla_states.overdue_seconds IS 'Seconds since the deadline, by the clock; negative while there is time left';
COMMENT ON COLUMN daybook.sla_states.clock IS 'The time by which an open case is overdue';

CREATE VIEW report.open_cases AS
SELECT f.entity, f.case_id, f.sla, f.started_at, c.last_type, c.last_service, c.last_at,
    greatest(extract(epoch FROM f.clock - c.last_at), 0)::double precision AS waiting_seconds,
    f.breach_at, f.state = 'overdue' AS is_overdue
FROM daybook.sla_states AS f
JOIN report.cases AS c ON c.entity = f.entity AND c.case_id = f.case_id
WHERE f.status = 'in_progress';
COMMENT ON VIEW report.open_cases IS 'The cases that are open for an SLA, and where they wait: one row for each SLA, case and cycle';
COMMENT ON COLUMN report.open_cases.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.open_cases.case_id IS 'Which one';
COMMENT ON COLUMN report.open_cases.sla IS 'The SLA for which it is open';
COMMENT ON COLUMN report.open_cases.started_at IS 'Time of the start event';
COMMENT ON COLUMN report.open_cases.last_type IS 'Type of its last event: the step at which it waits';
COMMENT ON COLUMN report.open_cases.last_service IS 'Service that emitted its last event';
COMMENT ON COLUMN report.open_cases.last_at IS 'Time of its last event';
COMMENT ON COLUMN report.open_cases.waiting_seconds IS 'Seconds since its last event, by the clock of the SLA: now, or the latest event of the entity; not additive';
COMMENT ON COLUMN report.open_cases.breach_at IS 'The deadline: start plus the time allowed';
COMMENT ON COLUMN report.open_cases.is_overdue IS 'Whether the deadline has passed';

CREATE TYPE report.located_case AS (
    entity                text,
    case_id               text,
    first_at              timestamptz,
    last_at               timestamptz,
    events                bigint,
    last_type             text,
    last_service          text,
    last_is_dead_letter   boolean,
    waiting_seconds       double precision,
    is_waiting            boolean,
    next_type             text,
    next_share            double precision,
    next_p50_seconds      double precision,
    next_p95_seconds      double precision,
    next_steps            jsonb,
    others_waiting        bigint,
    others_median_seconds double precision,
    slas                  jsonb,
    dead_letters          jsonb
);
COMMENT ON TYPE report.located_case IS 'A row of report.locate: where a case is';
COMMENT ON COLUMN report.located_case.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.located_case.case_id IS 'Which one';
COMMENT ON COLUMN report.located_case.first_at IS 'Time of its first event';
COMMENT ON COLUMN report.located_case.last_at IS 'Time of its last event';
COMMENT ON COLUMN report.located_case.events IS 'Number of its events';
COMMENT ON COLUMN report.located_case.last_type IS 'Type of its last event: the step at which it is';
COMMENT ON COLUMN report.located_case.last_service IS 'Service that emitted its last event';
COMMENT ON COLUMN report.located_case.last_is_dead_letter IS 'Whether the last event is a message that a broker could not deliver; what comes next is then told of the event before';
COMMENT ON COLUMN report.located_case.waiting_seconds IS 'Seconds since its last event, by the clock of the entity''s SLAs: now, or the latest event of the entity';
COMMENT ON COLUMN report.located_case.is_waiting IS 'Whether something is to follow: it is open for an SLA, or, where no SLA knows the case, its last type was more often followed than not';
COMMENT ON COLUMN report.located_case.next_type IS 'What most often follows its last event; null where nothing ever did';
COMMENT ON COLUMN report.located_case.next_share IS 'Share of next_type in what followed, 0 to 1';
COMMENT ON COLUMN report.located_case.next_p50_seconds IS 'Median seconds until next_type follows';
COMMENT ON COLUMN report.located_case.next_p95_seconds IS '95th percentile of the seconds until next_type follows';
COMMENT ON COLUMN report.located_case.next_steps IS 'What follows, the most frequent first, five at most: objects of type, steps, share, p50_seconds and p95_seconds';
COMMENT ON COLUMN report.located_case.others_waiting IS 'How many other cases wait at the same step: of the same last type, and open for an SLA as this one, or known to none as this one; counted up to 10,000; null where this one does not wait';
COMMENT ON COLUMN report.located_case.others_median_seconds IS 'Median seconds that these have waited';
COMMENT ON COLUMN report.located_case.slas IS 'What its SLAs say: objects of sla, cycle, state (met, late, open, overdue, cancelled, not started), times, overdue_seconds (negative while there is time left) and anomaly';
COMMENT ON COLUMN report.located_case.dead_letters IS 'Its messages that a broker could not deliver: objects of occurred_at, type, service, source, object, start_position, queue and error where the details tell, and details';

-- Of the same last type, and waiting for the same reason; a scan ends at the limit.
CREATE FUNCTION daybook.others_waiting(entity text, case_id text, last_type text, open_for text[])
RETURNS TABLE (others bigint, median_at timestamptz)
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    max_counted CONSTANT integer := 10000;
    slas CONSTANT text[] := ARRAY(SELECT s.sla FROM daybook.slas AS s WHERE s.entity = others_waiting.entity);
BEGIN
    IF open_for <> '{}' THEN
        RETURN QUERY
        SELECT count(*), to_timestamp(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.last_at)))
        FROM (
            SELECT c.last_at
            FROM report.cases AS c
            WHERE c.entity = others_waiting.entity AND c.last_type = others_waiting.last_type
                AND c.case_id <> others_waiting.case_id
                AND c.case_id IN (
                    SELECT f.case_id FROM report.fact_sla AS f WHERE f.status = 'in_progress' AND f.sla = ANY (open_for)
                )
            LIMIT max_counted
        ) AS w;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT count(*), to_timestamp(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.last_at)))
    FROM (
        SELECT c.last_at
        FROM report.cases AS c
        WHERE c.entity = others_waiting.entity AND c.last_type = others_waiting.last_type
            AND c.case_id <> others_waiting.case_id
            AND NOT EXISTS (SELECT FROM report.fact_sla AS f WHERE f.sla = ANY (slas) AND f.case_id = c.case_id)
        LIMIT max_counted
    ) AS w;
END
$function$;
COMMENT ON FUNCTION daybook.others_waiting IS 'How many other cases of an entity wait at a type, up to 10,000, and the median time of their last events: those open for one of some SLAs, or, where none is given, known to none';

-- A row for each entity that has the case; none where nobody has.
CREATE FUNCTION report.locate(case_id text) RETURNS SETOF report.located_case
LANGUAGE plpgsql STABLE
-- To compile takes ten times as long as to look up, and the planner cannot tell.
SET jit = off AS $function$
DECLARE
    located report.located_case;
    line report.timeline_event[];
    step text;
    followed bigint;
    open_for text[];
    clock timestamptz;
BEGIN
    line := ARRAY(SELECT e FROM report.case_timeline(locate.case_id) AS e);
    FOR located IN
        -- What raw holds, and what the reports keep of a case whose events were dropped.
        SELECT coalesce(l.entity, c.entity), locate.case_id, least(l.first_at, c.first_at), coalesce(l.last_at, c.last_at),
            greatest(l.events, CASE WHEN f.case_id IS NOT NULL THEN c.events END, CASE WHEN l.entity IS NULL THEN c.events END),
            coalesce(l.last_type, c.last_type), coalesce(l.last_service, c.last_service),
            coalesce(l.last_is_dead_letter, false)
        FROM (
            SELECT e.entity, min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at, count(*) AS events,
                (array_agg(e.type ORDER BY e.nth DESC))[1] AS last_type,
                (array_agg(e.service ORDER BY e.nth DESC))[1] AS last_service,
                (array_agg(e.is_dead_letter ORDER BY e.nth DESC))[1] AS last_is_dead_letter
            FROM unnest(line) AS e
            GROUP BY e.entity
        ) AS l
        FULL JOIN (
            SELECT * FROM report.cases AS k
            WHERE k.entity = ANY (ARRAY(SELECT e.entity FROM daybook.entities AS e)) AND k.case_id = locate.case_id
        ) AS c ON c.entity = l.entity
        LEFT JOIN daybook.frozen_cases AS f ON f.entity = c.entity AND f.case_id = locate.case_id
        ORDER BY coalesce(l.last_at, c.last_at) DESC, 1
    LOOP
        clock := daybook.clock_of(located.entity);
        located.waiting_seconds := greatest(extract(epoch FROM clock - located.last_at), 0);
        -- What follows is told of things that happened.
        step := coalesce(
            (
                SELECT e.type FROM unnest(line) AS e
                WHERE e.entity = located.entity AND NOT e.is_dead_letter
                ORDER BY e.nth DESC LIMIT 1
            ), located.last_type);
        SELECT n.steps, n.next_steps, n.next_steps -> 0 ->> 'type',
            (n.next_steps -> 0 ->> 'share')::double precision, (n.next_steps -> 0 ->> 'p50_seconds')::double precision,
            (n.next_steps -> 0 ->> 'p95_seconds')::double precision
        INTO followed, located.next_steps, located.next_type, located.next_share, located.next_p50_seconds,
            located.next_p95_seconds
        FROM (
            SELECT sum(s.steps) AS steps,
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'type', s.to_type, 'steps', s.steps, 'share', round(s.steps / s.of_all, 6),
                            'p50_seconds', s.p50_seconds, 'p95_seconds', s.p95_seconds)
                        ORDER BY s.steps DESC, s.to_type) FILTER (WHERE s.rank <= 5),
                    '[]') AS next_steps
            FROM (
                SELECT u.*, sum(u.steps) OVER () AS of_all, row_number() OVER (ORDER BY u.steps DESC, u.to_type) AS rank
                FROM report.usual_steps(located.entity, step)
                    AS u (entity, from_type, to_type, steps, p50_seconds, p95_seconds)
            ) AS s
        ) AS n;
        SELECT
            coalesce(
                jsonb_agg(
                    to_jsonb(s) - '{entity,case_id,clock,definition_version}'::text[]
                    ORDER BY s.started_at, s.sla, s.cycle),
                '[]'),
            coalesce(array_agg(DISTINCT s.sla) FILTER (WHERE s.status = 'in_progress'), '{}')
        INTO located.slas, open_for
        FROM daybook.sla_states AS s
        WHERE s.sla = ANY (ARRAY(SELECT d.sla FROM daybook.slas AS d WHERE d.entity = located.entity))
            AND s.case_id = locate.case_id;
        located.is_waiting := open_for <> '{}' OR located.last_is_dead_letter
            OR located.slas = '[]' AND coalesce(followed, 0) > (
                SELECT count(*)
                FROM (
                    SELECT FROM report.cases AS c
                    WHERE c.entity = located.entity AND c.last_type = located.last_type
                    LIMIT coalesce(followed, 0) + 1
                ) AS resting
            );
        located.others_waiting := NULL;
        located.others_median_seconds := NULL;
        IF located.is_waiting THEN
            SELECT w.others, greatest(extract(epoch FROM clock - w.median_at), 0)
            INTO located.others_waiting, located.others_median_seconds
            FROM daybook.others_waiting(located.entity, located.case_id, located.last_type, open_for) AS w;
        END IF;
        located.dead_letters := (
            SELECT coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'occurred_at', e.occurred_at, 'type', e.type, 'service', e.service, 'source', e.source,
                        'object', e.object, 'start_position', e.start_position,
                        -- Where brokers and those who write down what they give up put these.
                        'queue', coalesce(
                            e.details ->> 'queue', e.details ->> 'topic', e.details #>> '{x-death,0,queue}',
                            e.details #>> '{headers,x-death,0,queue}', e.details #>> '{headers,x-first-death-queue}'),
                        'error', coalesce(
                            e.details #>> '{error,message}', e.details ->> 'error', e.details ->> 'reason',
                            e.details ->> 'exception', e.details #>> '{x-death,0,reason}',
                            e.details #>> '{headers,x-death,0,reason}'),
                        'details', e.details)
                    ORDER BY e.nth),
                '[]')
            FROM unnest(line) AS e
            WHERE e.entity = located.entity AND e.is_dead_letter
        );
        RETURN NEXT located;
    END LOOP;
END
$function$;
COMMENT ON FUNCTION report.locate IS 'Where a case is, of each entity that has it: its last event, what normally comes next, how long it has waited, how many others wait there, what its SLAs say';

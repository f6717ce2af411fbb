-- Where a case is, at the pace of a question: what is usual of the latest four weeks, and no more of those that wait than
-- tells how many they are.

CREATE OR REPLACE FUNCTION report.usual_steps(entity text, from_type text DEFAULT NULL, to_type text DEFAULT NULL)
RETURNS TABLE (
    entity text, from_type text, to_type text, steps bigint, p50_seconds double precision, p95_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20 AS $function$
    WITH RECURSIVE days (day, nth) AS (
        SELECT max(s.day), 1 FROM report.step_durations AS s WHERE s.entity = $1
        UNION ALL
        SELECT (SELECT max(s.day) FROM report.step_durations AS s WHERE s.entity = $1 AND s.day < d.day), d.nth + 1
        FROM days AS d
        WHERE d.day IS NOT NULL AND d.nth < 28
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
COMMENT ON FUNCTION report.usual_steps IS 'How long steps of an entity usually take, from one type of event, or any, to another, or any: median and 95th percentile in seconds, within 5%, over the latest 28 days on which any arrived';

-- Of the same last type, and waiting for the same reason; a scan ends at the limit. Where many of those that came to a step
-- wait there, it is met among the first of them; where few do, among those that wait somewhere.
CREATE OR REPLACE FUNCTION daybook.others_waiting(entity text, case_id text, last_type text, open_for text[])
RETURNS TABLE (others bigint, median_at timestamptz)
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    max_counted CONSTANT integer := 1000;
    max_looked CONSTANT integer := 5000;
    slas CONSTANT text[] := ARRAY(SELECT s.sla FROM daybook.slas AS s WHERE s.entity = others_waiting.entity);
BEGIN
    IF open_for <> '{}' THEN
        SELECT count(*), to_timestamp(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.last_at)))
        INTO others, median_at
        FROM (
            SELECT c.last_at
            FROM (
                SELECT k.case_id, k.last_at
                FROM report.cases AS k
                WHERE k.entity = others_waiting.entity AND k.last_type = others_waiting.last_type
                    AND k.case_id <> others_waiting.case_id
                LIMIT max_looked
            ) AS c
            -- LIMIT keeps it to looking each case up.
            CROSS JOIN LATERAL (
                SELECT FROM report.fact_sla AS f
                WHERE f.case_id = c.case_id AND f.status = 'in_progress' AND f.sla = ANY (open_for)
                LIMIT 1
            ) AS is_open
            LIMIT max_counted
        ) AS w;
        IF others < max_counted AND (
            SELECT count(*) > max_looked
            FROM (
                SELECT FROM report.cases AS k
                WHERE k.entity = others_waiting.entity AND k.last_type = others_waiting.last_type
                LIMIT max_looked + 2
            ) AS all_there
        ) THEN
            SELECT count(*), to_timestamp(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.last_at)))
            INTO others, median_at
            FROM (
                -- A case may be open for several of them.
                SELECT DISTINCT found.case_id, found.last_at
                FROM (
                    SELECT f.case_id, c.last_at
                    FROM report.fact_sla AS f
                    CROSS JOIN LATERAL (
                        SELECT k.last_at
                        FROM report.cases AS k
                        WHERE k.entity = others_waiting.entity AND k.case_id = f.case_id
                            AND k.last_type = others_waiting.last_type
                        LIMIT 1
                    ) AS c
                    WHERE f.status = 'in_progress' AND f.sla = ANY (open_for) AND f.case_id <> others_waiting.case_id
                    LIMIT max_counted * cardinality(open_for)
                ) AS found
                LIMIT max_counted
            ) AS w;
        END IF;
        RETURN NEXT;
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
COMMENT ON FUNCTION daybook.others_waiting IS 'How many other cases of an entity wait at a type, up to 1,000, and the median time of their last events: those open for one of some SLAs, or, where none is given, known to none';
COMMENT ON COLUMN report.located_case.others_waiting IS 'How many other cases wait at the same step: of the same last type, and open for an SLA as this one, or known to none as this one; counted up to 1,000; null where this one does not wait';
COMMENT ON COLUMN report.located_case.others_median_seconds IS 'Median seconds that these, or the first of them, have waited';

-- Beside a dead letter, what came before it is the step at which a case waits.
CREATE OR REPLACE FUNCTION report.locate(case_id text) RETURNS SETOF report.located_case
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
                    WHERE c.entity = located.entity AND c.last_type = daybook.label(step)
                    LIMIT coalesce(followed, 0) + 1
                ) AS resting
            );
        located.others_waiting := NULL;
        located.others_median_seconds := NULL;
        IF located.is_waiting THEN
            SELECT w.others, greatest(extract(epoch FROM clock - w.median_at), 0)
            INTO located.others_waiting, located.others_median_seconds
            FROM daybook.others_waiting(located.entity, located.case_id, daybook.label(step), open_for) AS w;
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

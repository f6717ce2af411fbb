-- How long steps usually take is asked with every case that is looked at, and changes with each transform at most.

CREATE TABLE report.usual_steps (
    entity      text NOT NULL,
    from_type   text NOT NULL,
    to_type     text NOT NULL,
    steps       bigint NOT NULL,
    p50_seconds double precision NOT NULL,
    p95_seconds double precision NOT NULL,
    PRIMARY KEY (entity, from_type, to_type)
);
COMMENT ON TABLE report.usual_steps IS 'How long steps of cases usually take, within 5%, over the latest 28 days on which any of the entity arrived: one row for each pair of types; of other days see report.step_durations';
COMMENT ON COLUMN report.usual_steps.entity IS 'What kind of thing the cases are';
COMMENT ON COLUMN report.usual_steps.from_type IS 'The type of the event that a step leads from';
COMMENT ON COLUMN report.usual_steps.to_type IS 'The type of the event that follows it in the same case';
COMMENT ON COLUMN report.usual_steps.steps IS 'How many arrived in these days; additive';
COMMENT ON COLUMN report.usual_steps.p50_seconds IS 'Median seconds from one to the other; not additive';
COMMENT ON COLUMN report.usual_steps.p95_seconds IS '95th percentile of the seconds from one to the other; not additive';

CREATE FUNCTION daybook.count_usual_steps(entity text) RETURNS SETOF report.usual_steps
LANGUAGE sql STABLE AS $function$
    WITH buckets AS (
        SELECT s.from_type, s.to_type, s.bucket, sum(s.steps) AS steps
        FROM report.step_durations AS s
        WHERE s.entity = count_usual_steps.entity AND s.day >= (
            SELECT min(d.day)
            FROM (
                SELECT DISTINCT l.day
                FROM report.step_durations AS l
                WHERE l.entity = count_usual_steps.entity
                ORDER BY l.day DESC
                LIMIT 28
            ) AS d
        )
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
    SELECT count_usual_steps.entity, p.from_type, p.to_type, max(p.total)::bigint,
        max(p.seconds) FILTER (WHERE p.share = 0.5), max(p.seconds) FILTER (WHERE p.share = 0.95)
    FROM placed AS p
    GROUP BY p.from_type, p.to_type
$function$;
COMMENT ON FUNCTION daybook.count_usual_steps IS 'What report.usual_steps is to hold of an entity, by report.step_durations';

CREATE FUNCTION daybook.keep_usual_steps(entities text[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    CREATE TEMPORARY TABLE usual ON COMMIT DROP AS
    SELECT u.* FROM unnest(entities) AS e (entity) CROSS JOIN LATERAL daybook.count_usual_steps(e.entity) AS u;
    DELETE FROM report.usual_steps AS old
    WHERE old.entity = ANY (entities) AND NOT EXISTS (
        SELECT FROM pg_temp.usual AS new
        WHERE (new.entity, new.from_type, new.to_type) = (old.entity, old.from_type, old.to_type));
    INSERT INTO report.usual_steps AS old
    TABLE pg_temp.usual
    ON CONFLICT (entity, from_type, to_type) DO UPDATE
    SET steps = excluded.steps, p50_seconds = excluded.p50_seconds, p95_seconds = excluded.p95_seconds
    WHERE old IS DISTINCT FROM excluded;
    DROP TABLE pg_temp.usual;
END
$function$;
COMMENT ON FUNCTION daybook.keep_usual_steps IS 'Brings the rows of entities in report.usual_steps in line with report.step_durations';

CREATE FUNCTION daybook.refresh_usual_steps() RETURNS void
LANGUAGE sql AS $function$
    SELECT daybook.keep_usual_steps(ARRAY(
        SELECT entity FROM report.usual_steps UNION SELECT entity FROM report.step_durations
    ))
$function$;
COMMENT ON FUNCTION daybook.refresh_usual_steps IS 'Brings report.usual_steps in line with report.step_durations';

CREATE OR REPLACE FUNCTION report.usual_steps(entity text, from_type text DEFAULT NULL, to_type text DEFAULT NULL)
RETURNS TABLE (
    entity text, from_type text, to_type text, steps bigint, p50_seconds double precision, p95_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5 AS $function$
    SELECT u.entity, u.from_type, u.to_type, u.steps, u.p50_seconds, u.p95_seconds
    FROM report.usual_steps AS u
    WHERE u.entity = $1 AND ($2 IS NULL OR u.from_type = $2) AND ($3 IS NULL OR u.to_type = $3)
$function$;
COMMENT ON FUNCTION report.usual_steps IS 'The rows of the table report.usual_steps that tell of an entity, from one type of event, or any, to another, or any';

SELECT daybook.refresh_usual_steps();

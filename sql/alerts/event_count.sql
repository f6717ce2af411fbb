-- Whether too few or too many events of a kind happened in the window, which ends where the pipeline's sources were last
-- asked.
WITH rules AS (
    SELECT r.rule, r.pipeline, r.defined_at, p.*, l.until
    FROM daybook.alert_rules AS r
    CROSS JOIN jsonb_to_record(r.parameters) AS p (
        event text, is_namespace boolean, service text, entity text, window_seconds double precision, below bigint,
        above bigint, clock text)
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN p.clock = 'data' THEN (SELECT max(latest) FROM daybook.entities WHERE entity = p.entity)
            ELSE (
                SELECT started_at
                FROM daybook.runs
                WHERE pipeline = r.pipeline AND has_loaded
                ORDER BY run_id DESC
                LIMIT 1
            )
        END AS until
    ) AS l
    WHERE r.type = 'event_count' AND r.retired_at IS NULL
),
counted AS (
    SELECT r.*, c.events, coalesce(r.event || CASE WHEN r.is_namespace THEN '*' ELSE '' END, 'all types') AS subject
    FROM rules AS r
    CROSS JOIN LATERAL (
        SELECT count(*) AS events
        FROM raw.events AS e
        WHERE e.occurred_at > r.until - r.window_seconds * interval '1 second' AND e.occurred_at <= r.until
            AND e.event_day >= ((r.until - r.window_seconds * interval '1 second') AT TIME ZONE 'UTC')::date
            AND e.event_day <= (r.until AT TIME ZONE 'UTC')::date
            AND e.entity = r.entity
            AND (r.event IS NULL OR e.type = r.event OR r.is_namespace AND starts_with(e.type, r.event))
            AND (r.service IS NULL OR e.service = r.service)
    ) AS c
    WHERE r.until IS NOT NULL
)
INSERT INTO pg_temp.judged (rule, case_id, is_breached, since, value, summary, details)
SELECT rule, subject,
    CASE
        -- Of what was before the rule nobody knows whether all was loaded.
        WHEN clock = 'wall' AND until - window_seconds * interval '1 second' < defined_at AND events < below THEN NULL
        ELSE events < coalesce(below, 0) OR events > coalesce(above, events)
    END, until, events,
    format('%s%s: %s events in the %s before %s UTC; it should be %s', subject, ' of ' || service, events,
        daybook.duration_text(window_seconds), to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        concat_ws(' and ', below || ' at least', above || ' at most')),
    jsonb_build_object('events', events, 'below', below, 'above', above, 'window_seconds', window_seconds)
FROM counted

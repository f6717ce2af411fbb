-- Whether a source, or a service, has told of nothing for too long.
WITH rules AS (
    SELECT r.rule, r.pipeline, r.defined_at, p.*
    FROM daybook.alert_rules AS r
    CROSS JOIN jsonb_to_record(r.parameters) AS p (source text, service text, for_seconds double precision)
    WHERE r.type = 'freshness' AND r.retired_at IS NULL
),
watched AS (
    SELECT r.rule, o.pipeline || '.' || o.name AS subject, 'source' AS kind, coalesce(o.latest_event, s.created_at) AS latest,
        coalesce(r.for_seconds, o.error_seconds) AS patience
    FROM rules AS r
    JOIN daybook.source_freshness AS o ON o.pipeline = r.pipeline AND (r.source IS NULL OR o.name = r.source)
    JOIN daybook.sources AS s USING (source_id)
    WHERE r.service IS NULL
    UNION ALL
    -- One that is not known yet is as old as the rule.
    SELECT r.rule, r.service, 'service', coalesce(l.latest, r.defined_at), r.for_seconds
    FROM rules AS r
    CROSS JOIN LATERAL (
        -- Beyond its patience it is no matter when it was; a day more tells it for most.
        SELECT max(e.occurred_at) AS latest
        FROM raw.events AS e
        WHERE e.service = r.service
            AND e.event_day >= (now() AT TIME ZONE 'UTC')::date - 1 - ceil(r.for_seconds / 86400)::int
    ) AS l
    WHERE r.service IS NOT NULL
)
INSERT INTO pg_temp.judged (rule, case_id, is_breached, since, value, summary, details, ending)
SELECT rule, subject, coalesce(now() - latest > patience * interval '1 second', true),
    coalesce(latest + patience * interval '1 second', now()), extract(epoch FROM now() - latest),
    format('the %s %s has told of nothing %s', kind, subject,
        coalesce(
            'since ' || to_char(latest AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC, which is longer than '
                || daybook.duration_text(patience),
            'for longer than ' || daybook.duration_text(patience + 86400))),
    jsonb_build_object('latest_event', latest, 'patience_seconds', patience),
    format('it told of an event at %s UTC', to_char(latest AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
FROM watched
WHERE patience IS NOT NULL

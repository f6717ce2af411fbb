-- Cases whose last event is of a kind that something should follow, and did not for too long.
WITH rules AS MATERIALIZED (
    SELECT r.rule, p.*, l.until
    FROM daybook.alert_rules AS r
    CROSS JOIN jsonb_to_record(r.parameters)
        AS p (entity text, types text[], namespaces text[], for_seconds double precision, clock text)
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN p.clock = 'data' THEN (SELECT max(latest) FROM daybook.entities WHERE entity = p.entity)
            ELSE (
                -- All sources that tell of these cases were asked.
                SELECT CASE
                    WHEN bool_and(asked.at IS NOT NULL AND f.freshness IS DISTINCT FROM 'stale')
                        THEN min(asked.at - o.lateness)
                END
                FROM daybook.sources AS o
                JOIN daybook.source_freshness AS f USING (source_id)
                LEFT JOIN LATERAL (
                    SELECT started_at AS at
                    FROM daybook.runs
                    WHERE pipeline = o.pipeline AND has_loaded
                    ORDER BY run_id DESC
                    LIMIT 1
                ) AS asked ON true
                WHERE o.retired_at IS NULL
                    AND (
                        o.entity = p.entity
                        OR EXISTS (
                            SELECT FROM daybook.source_entities AS t
                            WHERE t.source_id = o.source_id AND t.entity = p.entity
                        )
                    )
            )
        END AS until
    ) AS l
    WHERE r.type = 'stuck' AND r.retired_at IS NULL
)
INSERT INTO pg_temp.judged (rule, case_id, is_breached, since, value, summary, details)
SELECT r.rule, c.case_id, true, c.last_at + r.for_seconds * interval '1 second', extract(epoch FROM r.until - c.last_at),
    format('%s %s: nothing after %s (%s) for longer than %s', r.entity, c.case_id, c.last_type, c.last_service,
        daybook.duration_text(r.for_seconds)),
    jsonb_build_object('entity', r.entity, 'last_at', c.last_at, 'last_type', c.last_type, 'last_service', c.last_service)
FROM rules AS r
JOIN report.cases AS c ON c.entity = r.entity
WHERE c.last_at < r.until - r.for_seconds * interval '1 second'
    AND (c.last_type = ANY (r.types) OR EXISTS (SELECT FROM unnest(r.namespaces) AS n WHERE starts_with(c.last_type, n)))

-- How fresh the sources are that tell of an SLA's cases.
-- $1: the SLA
SELECT o.pipeline || '.' || o.name AS source, f.age_seconds, f.warn_seconds, f.error_seconds, f.freshness,
    to_char(f.latest_event, 'DD Mon YYYY, HH24:MI') AS latest_text,
    to_char(f.last_load, 'DD Mon YYYY, HH24:MI') AS loaded_text,
    coalesce(o.source_id = w.held_by, false) AS holds_back
FROM daybook.slas AS s
JOIN daybook.sources AS o
    ON o.retired_at IS NULL
    -- A dead letter is no event of its case.
    AND o.role = 'events'
    AND (
        o.entity = s.entity
        OR EXISTS (
            SELECT FROM daybook.source_entities AS t WHERE t.source_id = o.source_id AND t.entity = s.entity
        )
    )
JOIN daybook.source_freshness AS f USING (source_id)
LEFT JOIN daybook.watermarks AS w USING (sla)
WHERE s.sla = $1
ORDER BY 1

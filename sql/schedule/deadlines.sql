-- When each pipeline should look for what has come of open cases, though its schedule does not say so: at the first deadline
-- (and what its sources may be late by) after it has last read them. How long after one such look the next may follow is
-- a tenth of the time that the SLA allows, from a second to five minutes.
WITH feeders AS (
    -- The pipelines whose sources tell of an SLA's cases.
    SELECT s.sla, o.pipeline, s.within, max(o.lateness) AS lateness
    FROM daybook.slas AS s
    JOIN daybook.sources AS o
        ON o.retired_at IS NULL
        AND (
            o.entity = s.entity
            OR EXISTS (
                SELECT FROM daybook.source_entities AS t WHERE t.source_id = o.source_id AND t.entity = s.entity
            )
        )
    WHERE s.clock = 'wall'
    GROUP BY s.sla, o.pipeline, s.within
),
looks AS (
    SELECT f.pipeline, extract(epoch FROM f.within) / 10 AS spacing,
        least(
            (
                SELECT min(breach_at)
                FROM report.fact_sla
                WHERE sla = f.sla AND status = 'in_progress' AND breached IS NULL AND breach_at >= last.began_at - f.lateness
            ),
            -- Another pipeline's run has judged it, and this one's sources were not asked since.
            (
                SELECT min(breach_at)
                FROM report.fact_sla
                WHERE sla = f.sla AND status = 'in_progress' AND breached AND breach_at >= last.began_at - f.lateness
            )
        ) + f.lateness AS at
    FROM feeders AS f
    CROSS JOIN LATERAL (
        SELECT started_at AS began_at
        FROM daybook.runs
        WHERE pipeline = f.pipeline AND has_loaded
        ORDER BY run_id DESC
        LIMIT 1
    ) AS last
)
SELECT pipeline, (extract(epoch FROM min(at)) * 1000000)::bigint AS at,
    least(300, greatest(1, min(spacing)))::double precision AS spacing_seconds
FROM looks
WHERE at IS NOT NULL
GROUP BY pipeline

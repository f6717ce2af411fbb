-- Touches the cases of some pipelines ($1) that had events between two days ($2, $3): by raw, and by what is reported,
-- which somebody may have changed. For the same reason the days of their events are looked up in raw itself.
INSERT INTO daybook.touched_cases AS t (case_id, first_day, last_day)
WITH entities AS (
    SELECT entity FROM daybook.slas WHERE pipeline = ANY ($1::text[])
    UNION
    SELECT entity FROM daybook.sources WHERE pipeline = ANY ($1::text[])
),
bounds AS (
    SELECT $2::date::timestamp AT TIME ZONE 'UTC' AS first_at, ($3::date + 1)::timestamp AT TIME ZONE 'UTC' AS end_at
),
touched AS (
    SELECT case_id
    FROM raw.events
    WHERE event_day BETWEEN $2::date AND $3::date
        AND (
            load_id IN (SELECT load_id FROM daybook.loads WHERE pipeline = ANY ($1::text[]))
            OR entity IN (TABLE entities)
        )
    UNION
    SELECT c.case_id
    FROM report.cases AS c, bounds AS b
    WHERE c.first_at < b.end_at AND c.last_at >= b.first_at AND c.entity IN (TABLE entities)
    UNION
    SELECT f.case_id
    FROM report.fact_sla AS f, bounds AS b
    WHERE (f.started_at >= b.first_at AND f.started_at < b.end_at OR f.completed_at >= b.first_at AND f.completed_at < b.end_at)
        AND f.sla IN (SELECT sla FROM daybook.slas WHERE pipeline = ANY ($1::text[]))
)
SELECT case_id, min(e.event_day), max(e.event_day)
FROM touched
LEFT JOIN raw.events AS e USING (case_id)
GROUP BY case_id
ON CONFLICT (case_id) DO UPDATE
SET first_day = least(t.first_day, excluded.first_day), last_day = greatest(t.last_day, excluded.last_day)

-- Touches the cases of some pipelines ($1) that had events between two days ($2, $3), by raw and by what is reported.
INSERT INTO daybook.touched_cases (case_id)
SELECT case_id
FROM raw.events
WHERE event_day BETWEEN $2::date AND $3::date
    AND (
        load_id IN (SELECT load_id FROM daybook.loads WHERE pipeline = ANY ($1::text[]))
        OR entity IN (SELECT entity FROM daybook.slas WHERE pipeline = ANY ($1::text[]))
    )
UNION
SELECT case_id
FROM report.cases
WHERE first_at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC' AND last_at >= $2::date::timestamp AT TIME ZONE 'UTC'
    AND entity IN (
        SELECT entity FROM daybook.slas WHERE pipeline = ANY ($1::text[])
        UNION
        SELECT entity FROM daybook.sources WHERE pipeline = ANY ($1::text[])
    )
ON CONFLICT DO NOTHING

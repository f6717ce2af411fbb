-- What is sent of an event ($1 case, $2 event, $3 source, $4 time, $5 day): as a CloudEvent 1.0 in JSON, or the record as it
-- came where $6. The ids of events that came as CloudEvents begin with their source.
SELECT CASE
    WHEN $6::boolean THEN convert_from(raw.original(e.load_id, e.position), 'UTF8')
    ELSE (
        jsonb_build_object(
            'specversion', '1.0',
            'id', CASE
                WHEN starts_with(e.event_id, e.service || ' ') THEN substr(e.event_id, length(e.service) + 2)
                ELSE e.event_id
            END,
            'source', coalesce(daybook.uri_reference(e.service), '/'),
            'type', e.type,
            'subject', e.case_id,
            'time', to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        )
        || CASE
            WHEN e.details IS NULL THEN '{}'
            ELSE jsonb_build_object('datacontenttype', 'application/json', 'data', e.details)
        END
        || CASE WHEN e.sequence IS NULL THEN '{}' ELSE jsonb_build_object('sequence', e.sequence::text) END
        || CASE WHEN t.traceparent IS NULL THEN '{}' ELSE jsonb_build_object('traceparent', t.traceparent) END
    )::text
END AS body
FROM raw.events_of_case($1, $5::date, $5::date) AS e
CROSS JOIN LATERAL (
    SELECT min(candidate) AS traceparent
    FROM (VALUES (e.correlation_id), (e.details ->> 'traceparent')) AS given (candidate)
    WHERE candidate ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
) AS t
WHERE e.event_id = $2 AND e.source_id = $3::int AND e.occurred_at = $4::timestamptz

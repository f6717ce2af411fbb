-- The cases of an hour, each with the events that started, ended or cancelled it and where they were read.
-- $1: the SLA   $2: the hour   $3: at most so many
-- The hour is that of the start; of the end or the missed deadline where report.hour(started_at) is replaced by theirs.
SELECT f.case_id, f.cycle, f.status, f.breached, f.anomaly, f.elapsed_seconds, f.within_seconds,
    f.definition_version,
    to_char(f.started_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS started_at,
    to_char(f.breach_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS breach_at,
    to_char(f.completed_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS completed_at,
    to_char(f.cancelled_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS cancelled_at,
    e.start_place, e.end_place, e.cancel_place
FROM (
    SELECT *
    FROM report.fact_sla
    WHERE sla = $1 AND report.hour(started_at) = $2::timestamptz
    ORDER BY coalesce(started_at, completed_at), case_id, cycle
    LIMIT $3::bigint
) AS f
LEFT JOIN daybook.slas AS s USING (sla)
CROSS JOIN LATERAL (
    -- An id may stand for events of several sources: the one whose time is the fact's comes first.
    SELECT
        (array_agg(p.place ORDER BY p.occurred_at = f.started_at DESC, p.occurred_at)
            FILTER (WHERE p.event_id = f.start_event_id))[1] AS start_place,
        (array_agg(p.place ORDER BY p.occurred_at = f.completed_at DESC, p.occurred_at)
            FILTER (WHERE p.event_id = f.end_event_id))[1] AS end_place,
        (array_agg(p.place ORDER BY p.event_id) FILTER (WHERE p.occurred_at = f.cancelled_at AND p.is_cancel))[1]
            AS cancel_place
    FROM (
        SELECT c.occurred_at, c.event_id,
            EXISTS (
                SELECT
                FROM daybook.sla_types AS t
                WHERE t.sla = f.sla AND t.role = 'cancel'
                    AND CASE WHEN t.is_namespace THEN starts_with(c.type, t.type) ELSE c.type = t.type END
            ) AS is_cancel,
            jsonb_build_object(
                'event_id', c.event_id, 'type', c.type, 'service', c.service,
                'occurred_at', to_char(c.occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'),
                'source', o.pipeline || '.' || o.name, 'object', l.object, 'position', c.position,
                'load_id', c.load_id, 'loaded_at', to_char(l.loaded_at, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'),
                'run_id', l.run_id, 'start_position', l.start_position, 'end_position', l.end_position,
                'first_line', l.first_line, 'end_line', l.end_line
            ) AS place
        FROM (
            SELECT DISTINCT ON (source_id, event_id) *
            FROM raw.events_of_case(f.case_id)
            WHERE entity = s.entity
            ORDER BY source_id, event_id, load_id DESC, position DESC
        ) AS c
        JOIN daybook.loads AS l USING (load_id)
        JOIN daybook.sources AS o ON o.source_id = l.source_id
    ) AS p
) AS e
ORDER BY coalesce(f.started_at, f.completed_at), f.case_id, f.cycle

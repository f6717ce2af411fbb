-- The events of several cases at once: days and segments that they share are opened once.

CREATE FUNCTION daybook.days_of_cases(case_ids text[]) RETURNS date[]
LANGUAGE sql STABLE AS $function$
    SELECT coalesce(array_agg(day ORDER BY day), '{}')
    FROM (
        SELECT generate_series(
            (c.first_at AT TIME ZONE 'UTC')::date::timestamp, (c.last_at AT TIME ZONE 'UTC')::date::timestamp,
            interval '1 day')::date AS day
        FROM report.cases AS c
        -- Each entity by itself: the key begins with it.
        WHERE c.entity = ANY (ARRAY(SELECT entity FROM daybook.entities)) AND c.case_id = ANY (days_of_cases.case_ids)
        UNION
        SELECT generate_series(w.first_day::timestamp, w.last_day::timestamp, interval '1 day')::date
        FROM daybook.wide_cases AS w
        WHERE w.case_id = ANY (days_of_cases.case_ids)
        UNION
        SELECT unnest(u.event_days) FROM daybook.unseen_loads AS u
    ) AS d
$function$;
COMMENT ON FUNCTION daybook.days_of_cases IS 'The UTC days that may hold events of some cases, of whatever entity: those that report.cases tells, those of superseded versions, and those of loads that no transform has seen';

-- An event that came again with another time is a new version; the latest to arrive in its case is the one that counts.
CREATE FUNCTION daybook.current_events_of_cases(case_ids text[]) RETURNS SETOF raw.events
LANGUAGE plpgsql STABLE AS $function$
#variable_conflict use_column
DECLARE
    days CONSTANT date[] := daybook.days_of_cases(case_ids);
    columns CONSTANT text := 'occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, '
        'type, service, user_id, correlation_id, details';
    segments bigint[];
BEGIN
    IF days = '{}' THEN
        RETURN;
    END IF;
    -- Of the cases that may be in a segment its list is asked, where they are few.
    segments := ARRAY(
        SELECT s.segment_id
        FROM raw.event_segments AS s
        CROSS JOIN LATERAL (
            SELECT array_agg(c.case_id) AS case_ids
            FROM unnest(current_events_of_cases.case_ids) AS c (case_id)
            WHERE c.case_id BETWEEN s.min_case_id AND s.max_case_id
        ) AS wanted
        WHERE s.event_day = ANY (days)
            AND CASE
                WHEN wanted.case_ids IS NULL THEN false
                WHEN cardinality(wanted.case_ids) > 32 THEN true
                ELSE daybook.holds_any_case(s.case_ids, s.case_uuids, wanted.case_ids)
            END
    );
    -- Days as literals, so that the planner opens no other leaf.
    RETURN QUERY EXECUTE format($sql$
        SELECT DISTINCT ON (case_id, source_id, event_id) %1$s
        FROM (
            SELECT %1$s FROM raw.events_by_day WHERE case_id = ANY ($1) AND event_day = ANY (%2$L::date[])
            %3$s
        ) AS found
        ORDER BY case_id, source_id, event_id, load_id DESC, position DESC
        $sql$, columns, days, CASE WHEN segments <> '{}' THEN format(
            'UNION ALL SELECT %s FROM daybook.segment_events '
            'WHERE case_id = ANY ($1) AND segment_id = ANY ($2) AND event_day = ANY (%L::date[])', columns, days) END)
    USING current_events_of_cases.case_ids, segments;
END
$function$;
COMMENT ON FUNCTION daybook.current_events_of_cases IS 'The events of some cases, of whatever entity, without superseded versions, those that no transform has seen included; opens only the days that may hold any';

CREATE OR REPLACE FUNCTION daybook.current_events_of_case(case_id text) RETURNS SETOF raw.events
LANGUAGE sql STABLE AS $function$
    SELECT * FROM daybook.current_events_of_cases(ARRAY[case_id])
$function$;

DROP FUNCTION daybook.days_of_case;

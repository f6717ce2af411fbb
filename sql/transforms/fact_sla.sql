-- model: report.fact_sla
-- key: sla, case_id, cycle
-- from: raw.current_events, daybook.slas, daybook.sla_types
-- description: One row for each SLA and case, from its earliest start to the first or last end after it.
WITH marks AS (
    -- Every event that starts, ends or cancels an SLA; one event may do several of these.
    SELECT t.sla, e.case_id, t.role, e.occurred_at, e.sequence, e.event_id
    FROM raw.current_events AS e
    JOIN daybook.sla_types AS t ON t.type = e.type AND NOT t.is_namespace
    JOIN daybook.slas AS s ON s.sla = t.sla AND s.entity = e.entity
    UNION
    SELECT t.sla, e.case_id, t.role, e.occurred_at, e.sequence, e.event_id
    FROM daybook.sla_types AS t
    JOIN daybook.slas AS s ON s.sla = t.sla
    JOIN raw.current_events AS e ON e.entity = s.entity AND starts_with(e.type, t.type)
    WHERE t.is_namespace
),
starts AS (
    SELECT DISTINCT ON (sla, case_id) sla, case_id, occurred_at, sequence, event_id
    FROM marks
    WHERE role = 'start'
    ORDER BY sla, case_id, occurred_at, sequence, event_id
),
-- Ends and cancels, and whether they stand at or after the start: by time; at equal times by sequence where
-- both have it, and else the start comes first.
closers AS (
    SELECT m.sla, m.case_id, m.role, m.occurred_at, m.sequence, m.event_id,
        s.sla IS NOT NULL AS has_start,
        m.occurred_at > s.occurred_at
            OR m.occurred_at = s.occurred_at AND coalesce(m.sequence >= s.sequence, true) AS follows
    FROM marks AS m
    LEFT JOIN starts AS s USING (sla, case_id)
    WHERE m.role IN ('end', 'cancel')
),
first_ends AS (
    SELECT DISTINCT ON (sla, case_id) sla, case_id, occurred_at, sequence, event_id
    FROM closers
    WHERE role = 'end' AND (follows OR NOT has_start)
    ORDER BY sla, case_id, occurred_at, sequence, event_id
),
last_ends AS (
    SELECT DISTINCT ON (sla, case_id) sla, case_id, occurred_at, event_id
    FROM closers
    WHERE role = 'end' AND (follows OR NOT has_start)
    ORDER BY sla, case_id, occurred_at DESC, sequence DESC NULLS FIRST, event_id DESC
),
first_cancels AS (
    SELECT DISTINCT ON (sla, case_id) sla, case_id, occurred_at, sequence
    FROM closers
    WHERE role = 'cancel' AND follows
    ORDER BY sla, case_id, occurred_at, sequence, event_id
),
-- The latest end before the start: an anomaly, or the end itself where the clocks may differ that much.
early_ends AS (
    SELECT DISTINCT ON (sla, case_id) sla, case_id, occurred_at, event_id
    FROM closers
    WHERE role = 'end' AND has_start AND NOT follows
    ORDER BY sla, case_id, occurred_at DESC, sequence DESC NULLS FIRST, event_id DESC
),
paired AS (
    SELECT sla, case_id, d.within, d.as_of, d.definition_version,
        s.occurred_at AS started_at,
        s.event_id AS start_event_id,
        -- A cancel counts where it stands before every end.
        CASE WHEN f.occurred_at IS NULL
                OR c.occurred_at < f.occurred_at
                OR c.occurred_at = f.occurred_at AND c.sequence < f.sequence
            THEN c.occurred_at END AS cancelled_at,
        CASE d.occurrence WHEN 'first' THEN f.occurred_at ELSE l.occurred_at END AS ended_at,
        CASE d.occurrence WHEN 'first' THEN f.event_id ELSE l.event_id END AS end_event_id,
        b.occurred_at AS early_at,
        b.event_id AS early_event_id,
        f.occurred_at IS NULL AND c.occurred_at IS NULL
            AND d.clock_skew > interval '0' AND s.occurred_at - b.occurred_at <= d.clock_skew AS is_skewed
    FROM starts AS s
    FULL JOIN first_ends AS f USING (sla, case_id)
    LEFT JOIN last_ends AS l USING (sla, case_id)
    LEFT JOIN first_cancels AS c USING (sla, case_id)
    LEFT JOIN early_ends AS b USING (sla, case_id)
    JOIN daybook.slas AS d USING (sla)
),
judged AS (
    SELECT sla, case_id, within, as_of, definition_version, started_at, start_event_id, cancelled_at,
        CASE WHEN cancelled_at IS NOT NULL THEN NULL
            WHEN is_skewed THEN started_at
            ELSE ended_at END AS completed_at,
        CASE WHEN cancelled_at IS NOT NULL THEN NULL
            WHEN is_skewed THEN early_event_id
            ELSE end_event_id END AS end_event_id,
        CASE WHEN started_at IS NULL THEN 'end_without_start'
            WHEN is_skewed THEN 'clock_skew'
            WHEN early_at IS NOT NULL AND ended_at IS NULL AND cancelled_at IS NULL THEN 'end_before_start'
            END AS anomaly,
        started_at + within AS breach_at
    FROM paired
)
SELECT sla, case_id, 1 AS cycle, started_at, completed_at, cancelled_at,
    extract(epoch FROM completed_at - started_at)::double precision AS elapsed_seconds,
    extract(epoch FROM within)::double precision AS within_seconds,
    breach_at,
    CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN completed_at IS NOT NULL THEN 'completed'
        ELSE 'in_progress' END AS status,
    CASE WHEN started_at IS NULL OR cancelled_at IS NOT NULL THEN NULL
        WHEN completed_at IS NOT NULL THEN completed_at > breach_at
        WHEN breach_at < as_of THEN true
        END AS breached,
    anomaly, start_event_id, end_event_id, definition_version
FROM judged

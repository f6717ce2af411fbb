-- model: report.fact_sla
-- key: sla, case_id, cycle
-- from: raw.current_events, raw.events, daybook.slas, daybook.sla_types
-- description: One row for each SLA and case, from its earliest start to the first or last end after it.
WITH roles AS MATERIALIZED (
    -- What each type that occurs does to which SLA; one type may do several things.
    SELECT t.sla, s.entity, e.type, t.role
    FROM (SELECT DISTINCT entity, type FROM raw.events) AS e
    JOIN daybook.slas AS s USING (entity)
    JOIN daybook.sla_types AS t
        ON t.sla = s.sla AND CASE WHEN t.is_namespace THEN starts_with(e.type, t.type) ELSE e.type = t.type END
),
sequenced AS (
    -- The events that start, end or cancel an SLA; the sequence decides a tie only where all of it have one.
    SELECT r.sla, e.case_id, r.role, e.occurred_at, e.event_id,
        CASE WHEN bool_and(e.sequence IS NOT NULL) OVER tie THEN e.sequence END AS sequence
    FROM raw.current_events AS e
    JOIN roles AS r USING (entity, type)
    WINDOW tie AS (PARTITION BY r.sla, e.case_id, e.occurred_at)
),
marks AS (
    -- Each beside the earliest start of its case.
    SELECT sla, case_id, role, occurred_at, sequence, event_id,
        first_value(role) OVER starts_first = 'start' AS has_start,
        first_value(occurred_at) OVER starts_first AS started_at,
        first_value(sequence) OVER starts_first AS start_sequence,
        first_value(event_id) OVER starts_first AS start_event_id
    FROM sequenced
    WINDOW starts_first AS (
        PARTITION BY sla, case_id
        ORDER BY role <> 'start', occurred_at, sequence, event_id
    )
),
placed AS (
    -- Whether a mark stands at or after the start: by time; at equal times by sequence where both have it, and
    -- else the start comes first.
    SELECT *,
        has_start AND (
            occurred_at > started_at
            OR occurred_at = started_at AND coalesce(sequence >= start_sequence, true)
        ) AS follows
    FROM marks
),
ranked AS (
    SELECT *,
        row_number() OVER (
            PARTITION BY sla, case_id, role, follows
            ORDER BY occurred_at, sequence, event_id
        ) AS nth,
        row_number() OVER (
            PARTITION BY sla, case_id, role, follows
            ORDER BY occurred_at DESC, sequence DESC NULLS FIRST, event_id DESC
        ) AS nth_last
    FROM placed
),
gathered AS (
    SELECT sla, case_id, has_start,
        CASE WHEN has_start THEN min(started_at) END AS started_at,
        CASE WHEN has_start THEN min(start_event_id) END AS start_event_id,
        -- The first and the last end after the start; without a start, of all ends.
        max(occurred_at) FILTER (WHERE role = 'end' AND follows = has_start AND nth = 1) AS first_end_at,
        max(sequence) FILTER (WHERE role = 'end' AND follows = has_start AND nth = 1) AS first_end_sequence,
        max(event_id) FILTER (WHERE role = 'end' AND follows = has_start AND nth = 1) AS first_end_id,
        max(occurred_at) FILTER (WHERE role = 'end' AND follows = has_start AND nth_last = 1) AS last_end_at,
        max(event_id) FILTER (WHERE role = 'end' AND follows = has_start AND nth_last = 1) AS last_end_id,
        -- The latest end before the start: an anomaly, or the end itself where clocks may differ that much.
        max(occurred_at) FILTER (WHERE role = 'end' AND NOT follows AND has_start AND nth_last = 1) AS early_end_at,
        max(event_id) FILTER (WHERE role = 'end' AND NOT follows AND has_start AND nth_last = 1) AS early_end_id,
        max(occurred_at) FILTER (WHERE role = 'cancel' AND follows AND nth = 1) AS cancel_at,
        max(sequence) FILTER (WHERE role = 'cancel' AND follows AND nth = 1) AS cancel_sequence
    FROM ranked
    GROUP BY sla, case_id, has_start
    -- A cancel alone is no case of the SLA.
    HAVING has_start OR bool_or(role = 'end')
),
paired AS (
    SELECT g.sla, g.case_id, d.within, d.as_of, d.definition_version, g.started_at, g.start_event_id,
        -- A cancel counts where it stands before every end.
        CASE
            WHEN g.first_end_at IS NULL
                OR g.cancel_at < g.first_end_at
                OR g.cancel_at = g.first_end_at AND g.cancel_sequence < g.first_end_sequence
                THEN g.cancel_at
        END AS cancelled_at,
        CASE d.occurrence WHEN 'first' THEN g.first_end_at ELSE g.last_end_at END AS end_at,
        CASE d.occurrence WHEN 'first' THEN g.first_end_id ELSE g.last_end_id END AS end_id,
        g.early_end_at, g.early_end_id,
        coalesce(
            g.first_end_at IS NULL AND g.cancel_at IS NULL
                AND d.clock_skew > interval '0' AND g.started_at - g.early_end_at <= d.clock_skew,
            false
        ) AS is_skewed
    FROM gathered AS g
    JOIN daybook.slas AS d USING (sla)
),
judged AS (
    SELECT sla, case_id, within, as_of, definition_version, started_at, start_event_id, cancelled_at,
        CASE
            WHEN cancelled_at IS NOT NULL THEN NULL
            WHEN is_skewed THEN started_at
            ELSE end_at
        END AS completed_at,
        CASE
            WHEN cancelled_at IS NOT NULL THEN NULL
            WHEN is_skewed THEN early_end_id
            ELSE end_id
        END AS end_event_id,
        CASE
            WHEN started_at IS NULL THEN 'end_without_start'
            WHEN is_skewed THEN 'clock_skew'
            WHEN early_end_at IS NOT NULL AND end_at IS NULL AND cancelled_at IS NULL THEN 'end_before_start'
        END AS anomaly,
        started_at + within AS breach_at
    FROM paired
)
SELECT sla, case_id, 1 AS cycle, started_at, completed_at, cancelled_at,
    extract(epoch FROM completed_at - started_at)::double precision AS elapsed_seconds,
    extract(epoch FROM within)::double precision AS within_seconds,
    breach_at,
    CASE
        WHEN cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN completed_at IS NOT NULL THEN 'completed'
        ELSE 'in_progress'
    END AS status,
    CASE
        WHEN started_at IS NULL OR cancelled_at IS NOT NULL THEN NULL
        WHEN completed_at IS NOT NULL THEN completed_at > breach_at
        WHEN breach_at < as_of THEN true
    END AS breached,
    anomaly, start_event_id, end_event_id, definition_version
FROM judged

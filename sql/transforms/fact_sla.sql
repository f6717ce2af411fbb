-- model: report.fact_sla
-- key: sla, case_id, cycle
-- from: raw.current_events, raw.events, daybook.slas, daybook.sla_types
-- time: greatest(started_at, completed_at, cancelled_at, breach_at)
-- description: One row for each SLA, case and cycle: from a start to the end that counts.
WITH roles AS MATERIALIZED (
    -- What each type that occurs does to which SLA; one type may do several things.
    SELECT t.sla, s.occurrence, s.order_by, s.entity, e.type, t.role,
        array_position(ARRAY['start', 'end', 'cancel'], t.role) AS role_order
    FROM (SELECT DISTINCT entity, type FROM raw.events) AS e
    JOIN daybook.slas AS s USING (entity)
    JOIN daybook.sla_types AS t
        ON t.sla = s.sla AND CASE WHEN t.is_namespace THEN starts_with(e.type, t.type) ELSE e.type = t.type END
),
marks AS (
    -- The events that start, end or cancel an SLA. Their sequence decides a tie where all of it have one; and comes
    -- before the clock where the SLA says so and all of the case have one.
    SELECT r.sla, r.occurrence, e.case_id, r.role, r.role_order, e.occurred_at, e.event_id,
        CASE WHEN r.order_by = 'sequence' AND bool_and(e.sequence IS NOT NULL) OVER whole THEN e.sequence END
            AS sequence,
        CASE WHEN bool_and(e.sequence IS NOT NULL) OVER tie THEN e.sequence END AS tie_sequence
    FROM raw.current_events AS e
    JOIN roles AS r USING (entity, type)
    WINDOW
        -- By case first, here and below: its ids differ early, so that they sort fast.
        whole AS (PARTITION BY e.case_id, r.sla),
        tie AS (PARTITION BY e.case_id, r.sla, e.occurred_at)
),
ordered AS (
    SELECT *,
        lag(role) OVER so_far AS role_before,
        count(*) FILTER (WHERE role = 'start') OVER so_far > 0 AS is_begun,
        count(*) FILTER (WHERE role = 'end') OVER so_far AS nth_end
    FROM marks
    WINDOW so_far AS (
        PARTITION BY case_id, sla
        ORDER BY sequence, occurred_at, tie_sequence, role_order, event_id
        ROWS UNBOUNDED PRECEDING
    )
),
cycled AS (
    -- A start opens a cycle where none is open: where it is the first mark, or an end or a cancel stands before it.
    -- The next end or cancel closes it.
    SELECT *,
        role = 'start' AND role_before IS DISTINCT FROM 'start' AS opens,
        role <> 'start' AND role_before = 'start' AS closes,
        count(*) FILTER (WHERE role = 'start' AND role_before IS DISTINCT FROM 'start') OVER so_far AS nth_cycle,
        count(*) FILTER (WHERE role = 'end') OVER whole AS ends,
        count(*) FILTER (WHERE role = 'end' AND NOT is_begun) OVER whole AS early_ends
    FROM ordered
    WINDOW
        whole AS (PARTITION BY case_id, sla),
        so_far AS (
            PARTITION BY case_id, sla
            ORDER BY sequence, occurred_at, tie_sequence, role_order, event_id
            ROWS UNBOUNDED PRECEDING
        )
),
gathered AS (
    -- What stands before the first cycle counts to it. Where not each counts, it is the only one; of what follows
    -- it, the last end may count.
    SELECT sla, case_id, cycle,
        bool_or(sequence IS NOT NULL) AS is_by_sequence,
        min(occurred_at) FILTER (WHERE opens) AS started_at,
        min(event_id) FILTER (WHERE opens) AS start_event_id,
        min(occurred_at) FILTER (WHERE closes AND role = 'end') AS end_at,
        min(event_id) FILTER (WHERE closes AND role = 'end') AS end_id,
        min(occurred_at) FILTER (WHERE closes AND role = 'cancel') AS cancelled_at,
        min(occurred_at) FILTER (WHERE role = 'end' AND nth_end = 1 AND NOT is_begun) AS first_early_end_at,
        min(event_id) FILTER (WHERE role = 'end' AND nth_end = 1 AND NOT is_begun) AS first_early_end_id,
        min(occurred_at) FILTER (WHERE role = 'end' AND nth_end = early_ends AND NOT is_begun) AS early_end_at,
        min(event_id) FILTER (WHERE role = 'end' AND nth_end = early_ends AND NOT is_begun) AS early_end_id,
        min(occurred_at) FILTER (WHERE role = 'end' AND nth_end = ends) AS last_end_at,
        min(event_id) FILTER (WHERE role = 'end' AND nth_end = ends) AS last_end_id
    FROM (
        SELECT sla, case_id, sequence, occurred_at, event_id, role, is_begun, nth_end, ends, early_ends,
            CASE occurrence WHEN 'each' THEN greatest(nth_cycle, 1) ELSE 1 END AS cycle,
            opens AND (occurrence = 'each' OR nth_cycle = 1) AS opens,
            closes AND (occurrence = 'each' OR nth_cycle = 1) AS closes
        FROM cycled
    ) AS c
    GROUP BY case_id, sla, cycle
    -- A cancel alone is no case of the SLA.
    HAVING bool_or(opens OR role = 'end')
),
paired AS (
    SELECT g.sla, g.case_id, d.entity, g.cycle, d.within, d.as_of, d.definition_version, g.started_at, g.start_event_id,
        g.cancelled_at, g.early_end_at, g.early_end_id,
        CASE
            WHEN g.started_at IS NULL AND d.occurrence = 'last' THEN g.early_end_at
            WHEN g.started_at IS NULL THEN g.first_early_end_at
            WHEN g.end_at IS NOT NULL AND d.occurrence = 'last' THEN g.last_end_at
            ELSE g.end_at
        END AS end_at,
        CASE
            WHEN g.started_at IS NULL AND d.occurrence = 'last' THEN g.early_end_id
            WHEN g.started_at IS NULL THEN g.first_early_end_id
            WHEN g.end_at IS NOT NULL AND d.occurrence = 'last' THEN g.last_end_id
            ELSE g.end_id
        END AS end_id,
        -- The case would stay open: an end of a clock that is behind closes it. A sequence knows better.
        coalesce(
            g.end_at IS NULL AND g.cancelled_at IS NULL AND NOT g.is_by_sequence
                AND d.clock_skew > interval '0' AND g.started_at - g.early_end_at <= d.clock_skew,
            false
        ) AS is_skewed
    FROM gathered AS g
    JOIN daybook.slas AS d USING (sla)
),
judged AS (
    SELECT sla, case_id, entity, cycle, within, as_of, definition_version, started_at, start_event_id, cancelled_at,
        -- By its sequence an end may follow a start that is stamped later.
        CASE WHEN is_skewed OR end_at < started_at THEN started_at ELSE end_at END AS completed_at,
        CASE WHEN is_skewed THEN early_end_id ELSE end_id END AS end_event_id,
        CASE
            WHEN started_at IS NULL THEN 'end_without_start'
            WHEN is_skewed OR end_at < started_at THEN 'clock_skew'
            WHEN early_end_at IS NOT NULL AND end_at IS NULL AND cancelled_at IS NULL THEN 'end_before_start'
        END AS anomaly,
        started_at + within AS breach_at
    FROM paired
)
SELECT sla, case_id, cycle::integer AS cycle, started_at, completed_at, cancelled_at,
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
    anomaly, start_event_id, end_event_id, definition_version, entity
FROM judged

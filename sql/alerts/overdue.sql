-- Cases that have passed their deadline: each that no alert tells of yet, or one that was withdrawn. Where a source of the SLA is stale,
-- or was not asked since the deadline, it is too early to say so. What was over before the rule was there is not told.
WITH rules AS (
    SELECT r.rule, r.sla, r.told_from, e.at, s.entity, s.within,
        (
            SELECT string_agg(t.type || CASE WHEN t.is_namespace THEN '*' ELSE '' END, ' or ' ORDER BY t.type)
            FROM daybook.sla_types AS t
            WHERE t.sla = r.sla AND t.role = 'end'
        ) AS ends
    FROM daybook.alert_rules AS r
    JOIN daybook.slas AS s USING (sla)
    JOIN daybook.sla_evidence AS e USING (sla)
    WHERE r.type = 'overdue' AND r.retired_at IS NULL AND e.stale_sources IS NULL AND NOT e.is_unknown
),
breaches AS (
    SELECT r.rule, r.entity, r.ends, r.within, f.case_id, f.cycle, f.started_at, f.breach_at, f.start_event_id
    FROM rules AS r
    JOIN report.fact_sla AS f ON f.sla = r.sla
    WHERE f.status = 'in_progress' AND f.breached AND f.breach_at < r.at
    UNION ALL
    SELECT r.rule, r.entity, r.ends, r.within, f.case_id, f.cycle, f.started_at, f.breach_at, f.start_event_id
    FROM rules AS r
    JOIN report.fact_sla AS f ON f.sla = r.sla
    -- As the index has it.
    WHERE CASE WHEN f.breached THEN report.hour(f.breach_at) END >= report.hour(r.told_from)
        AND f.status = 'completed' AND f.breached AND f.breach_at >= r.told_from AND f.breach_at < r.at
    UNION ALL
    -- Of what was told before, and withdrawn, the end is told, however old it is.
    SELECT r.rule, r.entity, r.ends, r.within, f.case_id, f.cycle, f.started_at, f.breach_at, f.start_event_id
    FROM rules AS r
    JOIN daybook.alerts AS a ON a.rule = r.rule AND a.state = 'withdrawn'
    JOIN report.fact_sla AS f ON f.sla = r.sla AND f.case_id = a.case_id AND f.cycle = a.cycle
    WHERE f.status = 'completed' AND f.breached AND f.breach_at < r.told_from AND f.breach_at < r.at
)
INSERT INTO daybook.alerts (rule, case_id, cycle, state, since, detected_late_seconds, summary, details)
SELECT b.rule, b.case_id, b.cycle, 'firing', b.breach_at,
    greatest(0, extract(epoch FROM clock_timestamp() - b.breach_at)),
    format('%s %s: no %s within %s', b.entity, b.case_id, b.ends, daybook.duration_text(extract(epoch FROM b.within))),
    jsonb_build_object('entity', b.entity, 'started_at', b.started_at, 'start_event_id', b.start_event_id)
FROM breaches AS b
WHERE NOT EXISTS (
    SELECT FROM daybook.alerts AS a
    WHERE a.rule = b.rule AND a.case_id = b.case_id AND a.cycle = b.cycle AND a.state <> 'withdrawn'
)
-- What was withdrawn was no breach; this is one.
ON CONFLICT (rule, case_id, cycle) DO UPDATE
SET state = excluded.state, since = excluded.since, detected_at = excluded.detected_at,
    detected_late_seconds = excluded.detected_late_seconds, ended_at = NULL, reason = NULL, summary = excluded.summary,
    details = excluded.details, acknowledged_at = NULL, acknowledged_by = NULL, fired = alerts.fired + 1
WHERE alerts.state = 'withdrawn'

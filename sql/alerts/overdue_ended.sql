-- Cases that an alert said to be overdue, and that are so no longer: they have come to an end, or it turned out that they
-- never were.
WITH ended AS (
    SELECT a.alert_id,
        CASE
            WHEN f.breached AND f.status = 'completed' OR f.cancelled_at > a.since THEN 'resolved'
            ELSE 'withdrawn'
        END AS state,
        CASE
            WHEN f.sla IS NULL THEN 'its events tell of no such case any more'
            WHEN f.status = 'cancelled'
                THEN 'it was cancelled at ' || to_char(f.cancelled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            WHEN f.status = 'completed' AND f.breached
                THEN 'it was completed ' || daybook.duration_text(extract(epoch FROM f.completed_at - f.breach_at)) || ' late'
            WHEN f.status = 'completed'
                THEN 'it was completed in time, at ' || to_char(f.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
            ELSE 'its deadline is now ' || to_char(f.breach_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
        END AS reason
    FROM daybook.alerts AS a
    JOIN daybook.alert_rules AS r USING (rule)
    LEFT JOIN report.fact_sla AS f ON f.sla = r.sla AND f.case_id = a.case_id AND f.cycle = a.cycle
    WHERE r.type = 'overdue' AND r.retired_at IS NULL AND a.state = 'firing'
        AND (f.status = 'in_progress' AND f.breached) IS NOT TRUE
)
UPDATE daybook.alerts AS a
SET state = e.state, reason = e.reason, ended_at = clock_timestamp()
FROM ended AS e
WHERE a.alert_id = e.alert_id

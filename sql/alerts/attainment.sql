-- Whether the share of cases that were met, of those whose deadline lies in the window, is below what it should be.
WITH rules AS (
    SELECT r.rule, r.sla, p.*, s.within, s.entity, coalesce(p.below, s.target) AS floor, e.at
    FROM daybook.alert_rules AS r
    CROSS JOIN jsonb_to_record(r.parameters) AS p (window_seconds double precision, below double precision, min_cases bigint)
    JOIN daybook.slas AS s USING (sla)
    JOIN daybook.sla_evidence AS e USING (sla)
    WHERE r.type = 'attainment' AND r.retired_at IS NULL AND e.at IS NOT NULL AND e.stale_sources IS NULL AND NOT e.is_unknown
),
counted AS (
    SELECT r.rule, r.sla, r.floor, r.min_cases, r.window_seconds, r.at, c.met, c.due
    FROM rules AS r
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT f.breached) AS met, count(*) AS due
        FROM report.fact_sla AS f
        WHERE f.sla = r.sla AND f.breached IS NOT NULL
            -- Deadlines in the window, by the hours of their starts, as the index has them.
            AND report.hour(f.started_at) >= report.hour(r.at - r.within - r.window_seconds * interval '1 second')
            AND report.hour(f.started_at) <= report.hour(r.at - r.within)
            AND f.breach_at > r.at - r.window_seconds * interval '1 second' AND f.breach_at <= r.at
    ) AS c
)
INSERT INTO pg_temp.judged (rule, case_id, is_breached, since, value, summary, details, ending)
SELECT rule, sla, CASE
        WHEN due = 0 THEN false
        WHEN due >= min_cases THEN met::double precision / due < floor
    END, at,
    met::double precision / nullif(due, 0),
    coalesce(format('%s: %s%% of the %s cases due in the last %s were met, and it should be %s%%', sla,
        round(100 * met::numeric / nullif(due, 0), 2), due, daybook.duration_text(window_seconds),
        round(100 * floor::numeric, 2)), sla),
    jsonb_build_object('met', met, 'due', due, 'floor', floor, 'window_seconds', window_seconds),
    CASE WHEN due = 0 THEN 'no case was due in the last ' || daybook.duration_text(window_seconds) END
FROM counted

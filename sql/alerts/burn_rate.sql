-- Whether the error budget of an SLA, which is what its target leaves, burns too fast: over a long window, and over a short
-- one, so that it ends soon after it gets better. After "The Site Reliability Workbook", chapter 5.
WITH pairs AS (
    SELECT r.rule, r.sla, r.min_cases, w.*, s.within, 1 - s.target AS budget, e.at
    FROM (
        SELECT rule, sla, (parameters ->> 'min_cases')::bigint AS min_cases, parameters -> 'windows' AS windows
        FROM daybook.alert_rules
        WHERE type = 'burn_rate' AND retired_at IS NULL
    ) AS r
    CROSS JOIN jsonb_to_recordset(r.windows)
        AS w (long_seconds double precision, short_seconds double precision, rate double precision)
    JOIN daybook.slas AS s USING (sla)
    JOIN daybook.sla_evidence AS e USING (sla)
    WHERE e.at IS NOT NULL AND e.stale_sources IS NULL AND NOT e.is_unknown AND s.target < 1
),
counted AS (
    SELECT p.rule, p.sla, p.min_cases, p.long_seconds, p.short_seconds, p.rate, p.at, c.due,
        c.breached / nullif(c.due, 0)::double precision / p.budget AS long_rate,
        c.breached_shortly / nullif(c.due_shortly, 0)::double precision / p.budget AS short_rate
    FROM pairs AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS due, count(*) FILTER (WHERE f.breached) AS breached,
            count(*) FILTER (WHERE f.breach_at > p.at - p.short_seconds * interval '1 second') AS due_shortly,
            count(*) FILTER (WHERE f.breached AND f.breach_at > p.at - p.short_seconds * interval '1 second')
                AS breached_shortly
        FROM report.fact_sla AS f
        WHERE f.sla = p.sla AND f.breached IS NOT NULL
            AND report.hour(f.started_at) >= report.hour(p.at - p.within - p.long_seconds * interval '1 second')
            AND report.hour(f.started_at) <= report.hour(p.at - p.within)
            AND f.breach_at > p.at - p.long_seconds * interval '1 second' AND f.breach_at <= p.at
    ) AS c
),
judged AS (
    SELECT *,
        CASE
            WHEN due = 0 THEN false
            WHEN due >= min_cases THEN long_rate > rate AND coalesce(short_rate > rate, false)
        END AS is_breached
    FROM counted
),
worst AS (
    -- Of several pairs the one that burns fastest of those that burn.
    SELECT DISTINCT ON (rule) *
    FROM judged
    ORDER BY rule, is_breached DESC NULLS LAST, rate DESC
)
INSERT INTO pg_temp.judged (rule, case_id, is_breached, since, value, summary, details, ending)
SELECT rule, sla, is_breached, at, long_rate,
    format('%s: its error budget burns %s times as fast as it may over the last %s (%s times over the last %s)', sla,
        round(long_rate::numeric, 1), daybook.duration_text(long_seconds), round(short_rate::numeric, 1),
        daybook.duration_text(short_seconds)),
    jsonb_build_object('long_seconds', long_seconds, 'short_seconds', short_seconds, 'rate', rate,
        'long_rate', long_rate, 'short_rate', short_rate, 'due', due),
    CASE WHEN due = 0 THEN 'no case was due in the last ' || daybook.duration_text(long_seconds) END
FROM worst

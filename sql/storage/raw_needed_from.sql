-- The earliest day whose events are still needed, and for what; no row where none is.
SELECT day, reason
FROM (
    SELECT least((c.first_at AT TIME ZONE 'UTC')::date, w.first_day) AS day,
        format('%s of %s is provisional%s, and case %s began on %s',
            to_char(p.hour_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), p.sla,
            -- The source that is furthest behind.
            (
                SELECT format(' (held back by %s.%s)', o.pipeline, o.name)
                FROM daybook.watermarks AS m
                JOIN daybook.slas AS s USING (sla)
                JOIN daybook.sources AS o ON o.source_id = m.held_by
                WHERE m.sla = p.sla AND m.watermark < s.as_of
            ),
            c.case_id, (c.first_at AT TIME ZONE 'UTC')::date) AS reason
    FROM (
        -- The facts of hours that are not final.
        SELECT f.case_id, h.sla, h.hour_start
        FROM report.sla_hourly AS h
        JOIN report.fact_sla AS f ON f.sla = h.sla AND report.hour(f.started_at) = h.hour_start
        WHERE NOT h.is_final
        UNION ALL
        SELECT f.case_id, h.sla, h.hour_start
        FROM report.sla_hourly_by_end AS h
        JOIN report.fact_sla AS f ON f.sla = h.sla AND report.hour(f.completed_at) = h.hour_start
        WHERE NOT h.is_final
        UNION ALL
        SELECT f.case_id, h.sla, h.hour_start
        FROM report.sla_hourly_by_breach AS h
        JOIN report.fact_sla AS f
            ON f.sla = h.sla AND CASE WHEN f.breached THEN report.hour(f.breach_at) END = h.hour_start
        WHERE NOT h.is_final
    ) AS p
    JOIN report.cases AS c USING (case_id)
    LEFT JOIN daybook.wide_cases AS w USING (case_id)
    -- Of a frozen case no event is asked for any more.
    WHERE NOT EXISTS (SELECT FROM daybook.frozen_cases AS f WHERE f.case_id = c.case_id AND f.entity = c.entity)
    UNION ALL
    -- Its cases may have begun on any day.
    SELECT (SELECT min(event_day) FROM daybook.stored_days),
        format('load %s is not transformed yet: daybook transform', min(load_id))
    FROM daybook.unseen_loads
    WHERE cardinality(event_days) > 0
    HAVING count(*) > 0
    UNION ALL
    SELECT least(t.first_day, (c.first_at AT TIME ZONE 'UTC')::date), 'cases are to be computed anew: daybook transform'
    FROM daybook.touched_cases AS t
    LEFT JOIN report.cases AS c USING (case_id)
) AS needs
WHERE day IS NOT NULL
ORDER BY day
LIMIT 1

-- Days, weeks and months: percentiles and means of hours cannot be averaged, so all is counted from the facts, in one place.

CREATE FUNCTION report.sla_periods(unit text, zone text DEFAULT 'UTC')
RETURNS TABLE (
    sla text, period_start date, started bigint, completed bigint, met bigint, late bigint, open bigint, overdue bigint,
    cancelled bigint, anomalous bigint, breached bigint, attainment double precision, avg_seconds double precision,
    p50_seconds double precision, p90_seconds double precision, p95_seconds double precision,
    p99_seconds double precision, max_seconds double precision, oldest_open_started_at timestamptz, is_final boolean,
    restated_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH periods AS (
        SELECT f.sla, date_trunc(unit, f.started_at AT TIME ZONE zone)::date AS period_start,
            count(*) AS started,
            count(*) FILTER (WHERE f.status = 'completed') AS completed,
            count(*) FILTER (WHERE f.status = 'completed' AND NOT f.breached) AS met,
            count(*) FILTER (WHERE f.status = 'completed' AND f.breached) AS late,
            count(*) FILTER (WHERE f.status = 'in_progress') AS open,
            count(*) FILTER (WHERE f.status = 'in_progress' AND f.breached) AS overdue,
            count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE f.anomaly IS NOT NULL) AS anomalous,
            count(*) FILTER (WHERE f.breached) AS breached,
            -- Summed as whole microseconds, so that the order of rows never shows.
            sum(round(f.elapsed_seconds * 1e6)::bigint) / count(f.elapsed_seconds) / 1e6 AS avg_seconds,
            percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS percentiles,
            max(f.elapsed_seconds) AS max_seconds,
            min(f.started_at) FILTER (WHERE f.status = 'in_progress') AS oldest_open_started_at,
            bool_and(h.is_final) AS is_final,
            max(h.restated_at) AS restated_at
        FROM report.fact_sla AS f
        LEFT JOIN report.sla_hourly AS h ON h.sla = f.sla AND h.hour_start = f.start_hour
        -- Past its retention a day is gone, though a case that went on is there.
        WHERE f.start_hour >= (SELECT r.report_from::timestamp AT TIME ZONE 'UTC' FROM daybook.retention AS r)
        GROUP BY f.sla, date_trunc(unit, f.started_at AT TIME ZONE zone)::date
    )
    SELECT p.sla, p.period_start, p.started, p.completed, p.met, p.late, p.open, p.overdue, p.cancelled, p.anomalous,
        p.breached, p.met::double precision / nullif(p.met + p.breached, 0), p.avg_seconds::double precision,
        p.percentiles[1], p.percentiles[2], p.percentiles[3], p.percentiles[4], p.max_seconds, p.oldest_open_started_at,
        p.is_final, p.restated_at
    FROM periods AS p;
END;
COMMENT ON FUNCTION report.sla_periods IS 'The SLA figures of each day, week, month, quarter or year of a zone in which cases started, counted from the facts; of a period that began before reports are kept, what is left of it';

CREATE OR REPLACE VIEW report.sla_daily AS
SELECT sla, period_start AS day, started, completed, met, late, open, overdue, cancelled, anomalous, breached, attainment,
    avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds, oldest_open_started_at, is_final,
    restated_at
FROM report.sla_periods('day');

CREATE OR REPLACE VIEW report.sla_weekly AS
SELECT sla, period_start AS week_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached,
    attainment, avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds, oldest_open_started_at,
    is_final, restated_at
FROM report.sla_periods('week');

CREATE OR REPLACE FUNCTION report.sla_daily_local(zone text)
RETURNS TABLE (
    sla text, local_day date, day_start timestamptz, day_end timestamptz, hours double precision, started bigint,
    completed bigint, met bigint, late bigint, open bigint, overdue bigint, cancelled bigint, anomalous bigint,
    breached bigint, attainment double precision, avg_seconds double precision, p50_seconds double precision,
    p90_seconds double precision, p95_seconds double precision, p99_seconds double precision,
    max_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.sla, p.period_start, b.day_start, b.day_end,
        extract(epoch FROM b.day_end - b.day_start)::double precision / 3600,
        p.started, p.completed, p.met, p.late, p.open, p.overdue, p.cancelled, p.anomalous, p.breached, p.attainment,
        p.avg_seconds, p.p50_seconds, p.p90_seconds, p.p95_seconds, p.p99_seconds, p.max_seconds
    FROM report.sla_periods('day', zone) AS p
    CROSS JOIN LATERAL (
        SELECT p.period_start::timestamp AT TIME ZONE zone AS day_start,
            (p.period_start + 1)::timestamp AT TIME ZONE zone AS day_end
    ) AS b;
END;

-- The hours in which cases end and in which deadlines are missed; how late a source's events may come; local time.

ALTER TABLE daybook.sources ADD COLUMN lateness interval NOT NULL DEFAULT '0';
COMMENT ON COLUMN daybook.sources.lateness IS 'How much later than its latest event the source may still tell of others';

CREATE OR REPLACE VIEW daybook.watermarks AS
SELECT s.sla,
    CASE WHEN bool_and(l.latest IS NOT NULL) THEN least(min(l.latest - o.lateness), s.as_of) END AS watermark,
    (array_agg(o.source_id ORDER BY l.latest - o.lateness NULLS FIRST, o.source_id))[1] AS held_by
FROM daybook.slas AS s
JOIN daybook.sources AS o ON o.entity = s.entity
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest FROM daybook.loads WHERE source_id = o.source_id
) AS l
GROUP BY s.sla;
COMMENT ON COLUMN daybook.watermarks.watermark IS 'The least of its sources'' latest events, each less the source''s lateness, and of as_of; null while a source has not reported at all';
COMMENT ON COLUMN daybook.watermarks.held_by IS 'The source whose latest event it is; a source that has not reported, where there is one';

CREATE TABLE report.sla_hourly_by_end (LIKE report.sla_hourly INCLUDING ALL);
COMMENT ON TABLE report.sla_hourly_by_end IS 'One row for each SLA and UTC hour in which cases were completed';
COMMENT ON COLUMN report.sla_hourly_by_end.hour_start IS 'The hour (UTC) in which the cases were completed';
COMMENT ON COLUMN report.sla_hourly_by_end.started IS 'Cases completed in the hour that have a start: as completed; additive';
COMMENT ON COLUMN report.sla_hourly_by_end.completed IS 'Cases completed in the hour: met + late; additive';
COMMENT ON COLUMN report.sla_hourly_by_end.open IS 'Always 0: what is open has no end';
COMMENT ON COLUMN report.sla_hourly_by_end.overdue IS 'Always 0: what is open has no end';
COMMENT ON COLUMN report.sla_hourly_by_end.cancelled IS 'Always 0: what is cancelled has no end';
COMMENT ON COLUMN report.sla_hourly_by_end.anomalous IS 'Cases whose times contradict each other, ends without a start among them; additive';
COMMENT ON COLUMN report.sla_hourly_by_end.breached IS 'Completed after the deadline: as late; additive';
COMMENT ON COLUMN report.sla_hourly_by_end.oldest_open_started_at IS 'Always null: what is open has no end';

CREATE TABLE report.sla_hourly_by_breach (LIKE report.sla_hourly INCLUDING ALL);
COMMENT ON TABLE report.sla_hourly_by_breach IS 'One row for each SLA and UTC hour in which deadlines were missed';
COMMENT ON COLUMN report.sla_hourly_by_breach.hour_start IS 'The hour (UTC) of the deadlines that were missed';
COMMENT ON COLUMN report.sla_hourly_by_breach.started IS 'Cases that missed a deadline of the hour: completed + open; additive';
COMMENT ON COLUMN report.sla_hourly_by_breach.completed IS 'Of these, completed by now: as late; additive';
COMMENT ON COLUMN report.sla_hourly_by_breach.met IS 'Always 0: each missed its deadline';
COMMENT ON COLUMN report.sla_hourly_by_breach.open IS 'Of these, not completed: as overdue; additive';
COMMENT ON COLUMN report.sla_hourly_by_breach.cancelled IS 'Always 0: what is cancelled misses no deadline';
COMMENT ON COLUMN report.sla_hourly_by_breach.attainment IS 'Always 0: each missed its deadline';

CREATE INDEX ON report.fact_sla (sla, report.hour(completed_at));
CREATE INDEX ON report.fact_sla (sla, (CASE WHEN breached THEN report.hour(breach_at) END));

CREATE FUNCTION report.sla_hourly_local(zone text)
RETURNS TABLE (
    sla text, local_hour timestamp, utc_offset interval, hour_start timestamptz, started bigint, completed bigint,
    met bigint, late bigint, open bigint, overdue bigint, cancelled bigint, anomalous bigint, breached bigint,
    attainment double precision, avg_seconds double precision, p50_seconds double precision,
    p90_seconds double precision, p95_seconds double precision, p99_seconds double precision,
    max_seconds double precision, oldest_open_started_at timestamptz, is_final boolean, restated_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT h.sla, h.hour_start AT TIME ZONE zone, (h.hour_start AT TIME ZONE zone) - (h.hour_start AT TIME ZONE 'UTC'),
        h.hour_start, h.started, h.completed, h.met, h.late, h.open, h.overdue, h.cancelled, h.anomalous,
        h.breached, h.attainment, h.avg_seconds, h.p50_seconds, h.p90_seconds, h.p95_seconds, h.p99_seconds,
        h.max_seconds, h.oldest_open_started_at, h.is_final, h.restated_at
    FROM report.sla_hourly AS h;
END;
COMMENT ON FUNCTION report.sla_hourly_local IS 'report.sla_hourly with each hour in a zone''s time; where clocks are set back a local hour occurs twice, with another offset';

CREATE FUNCTION report.sla_daily_local(zone text)
RETURNS TABLE (
    sla text, local_day date, day_start timestamptz, day_end timestamptz, hours double precision, started bigint,
    completed bigint, met bigint, late bigint, open bigint, overdue bigint, cancelled bigint, anomalous bigint,
    breached bigint, attainment double precision, avg_seconds double precision, p50_seconds double precision,
    p90_seconds double precision, p95_seconds double precision, p99_seconds double precision,
    max_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH days AS (
        SELECT f.sla, (f.started_at AT TIME ZONE zone)::date AS local_day,
            count(*) AS started,
            count(*) FILTER (WHERE f.status = 'completed') AS completed,
            count(*) FILTER (WHERE f.status = 'completed' AND NOT f.breached) AS met,
            count(*) FILTER (WHERE f.status = 'completed' AND f.breached) AS late,
            count(*) FILTER (WHERE f.status = 'in_progress') AS open,
            count(*) FILTER (WHERE f.status = 'in_progress' AND f.breached) AS overdue,
            count(*) FILTER (WHERE f.status = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE f.anomaly IS NOT NULL) AS anomalous,
            count(*) FILTER (WHERE f.breached) AS breached,
            sum(round(f.elapsed_seconds * 1e6)::bigint) / count(f.elapsed_seconds) / 1e6 AS avg_seconds,
            percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY f.elapsed_seconds) AS percentiles,
            max(f.elapsed_seconds) AS max_seconds
        FROM report.fact_sla AS f
        WHERE f.started_at IS NOT NULL
        GROUP BY f.sla, (f.started_at AT TIME ZONE zone)::date
    ),
    bounds AS (
        SELECT d.*, d.local_day::timestamp AT TIME ZONE zone AS day_start,
            (d.local_day + 1)::timestamp AT TIME ZONE zone AS day_end
        FROM days AS d
    )
    SELECT b.sla, b.local_day, b.day_start, b.day_end,
        extract(epoch FROM b.day_end - b.day_start)::double precision / 3600,
        b.started, b.completed, b.met, b.late, b.open, b.overdue, b.cancelled, b.anomalous, b.breached,
        b.met::double precision / nullif(b.met + b.breached, 0), b.avg_seconds::double precision,
        b.percentiles[1], b.percentiles[2], b.percentiles[3], b.percentiles[4], b.max_seconds
    FROM bounds AS b;
END;
COMMENT ON FUNCTION report.sla_daily_local IS 'The SLA figures of each day of a zone in which cases started, from the facts: percentiles of hours cannot be averaged; a day has 23 or 25 hours where clocks are set';

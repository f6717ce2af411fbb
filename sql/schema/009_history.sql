-- Every version of every hour's row: what it was, what it is, when, and what made it so.
CREATE TABLE report.sla_hourly_history (
    LIKE report.sla_hourly INCLUDING COMMENTS,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz,
    load_ids   bigint[],
    cause      text NOT NULL CHECK (cause IN ('load', 'clock', 'definition', 'erase')),
    PRIMARY KEY (sla, hour_start, valid_from)
);
ALTER TABLE report.sla_hourly_history DROP COLUMN restated_at;
CREATE UNIQUE INDEX ON report.sla_hourly_history (sla, hour_start) WHERE valid_to IS NULL;
COMMENT ON TABLE report.sla_hourly_history IS 'Every version of every row of report.sla_hourly';
COMMENT ON COLUMN report.sla_hourly_history.valid_from IS 'When this version was written';
COMMENT ON COLUMN report.sla_hourly_history.valid_to IS 'When the next one was, or the row deleted; null while it holds';
COMMENT ON COLUMN report.sla_hourly_history.load_ids IS 'The loads that brought the change; null where it came with a rebuild of the whole table, or without a load';
COMMENT ON COLUMN report.sla_hourly_history.cause IS 'load: events came; clock: time passed; definition: the SLA or its SQL changed; erase: events were deleted';

INSERT INTO report.sla_hourly_history (
    sla, hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached,
    attainment, avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds,
    oldest_open_started_at, is_final,
    valid_from, cause)
SELECT sla, hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached,
    attainment, avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds,
    oldest_open_started_at, is_final,
    restated_at, 'load'
FROM report.sla_hourly;

CREATE VIEW report.sla_restatements AS
SELECT old.sla, old.hour_start, old.valid_to AS restated_at, new.cause, new.load_ids,
    old.started AS started_before, new.started AS started_after,
    old.completed AS completed_before, new.completed AS completed_after,
    old.met AS met_before, new.met AS met_after,
    old.breached AS breached_before, new.breached AS breached_after,
    old.cancelled AS cancelled_before, new.cancelled AS cancelled_after,
    old.attainment AS attainment_before, new.attainment AS attainment_after
FROM report.sla_hourly_history AS old
LEFT JOIN report.sla_hourly_history AS new
    ON new.sla = old.sla AND new.hour_start = old.hour_start AND new.valid_from = old.valid_to
WHERE old.is_final AND old.valid_to IS NOT NULL;
COMMENT ON VIEW report.sla_restatements IS 'Changes of hours that were final';
COMMENT ON COLUMN report.sla_restatements.sla IS 'The SLA';
COMMENT ON COLUMN report.sla_restatements.hour_start IS 'The hour (UTC) in which the cases started';
COMMENT ON COLUMN report.sla_restatements.restated_at IS 'When the hour changed';
COMMENT ON COLUMN report.sla_restatements.cause IS 'What changed it, as in report.sla_hourly_history; null where the hour is gone';
COMMENT ON COLUMN report.sla_restatements.load_ids IS 'The loads that did it';
COMMENT ON COLUMN report.sla_restatements.started_before IS 'Cases that started, before the change';
COMMENT ON COLUMN report.sla_restatements.started_after IS 'Cases that started, after the change';
COMMENT ON COLUMN report.sla_restatements.completed_before IS 'Cases completed, before the change';
COMMENT ON COLUMN report.sla_restatements.completed_after IS 'Cases completed, after the change';
COMMENT ON COLUMN report.sla_restatements.met_before IS 'Cases completed in time, before the change';
COMMENT ON COLUMN report.sla_restatements.met_after IS 'Cases completed in time, after the change';
COMMENT ON COLUMN report.sla_restatements.breached_before IS 'Deadlines missed, before the change';
COMMENT ON COLUMN report.sla_restatements.breached_after IS 'Deadlines missed, after the change';
COMMENT ON COLUMN report.sla_restatements.cancelled_before IS 'Cases cancelled, before the change';
COMMENT ON COLUMN report.sla_restatements.cancelled_after IS 'Cases cancelled, after the change';
COMMENT ON COLUMN report.sla_restatements.attainment_before IS 'Share met of those due, 0 to 1, before the change';
COMMENT ON COLUMN report.sla_restatements.attainment_after IS 'Share met of those due, 0 to 1, after the change';

CREATE FUNCTION report.sla_hourly_as_of(at timestamptz) RETURNS SETOF report.sla_hourly
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT sla, hour_start, started, completed, met, late, open, overdue, cancelled, anomalous, breached,
        attainment, avg_seconds, p50_seconds, p90_seconds, p95_seconds, p99_seconds, max_seconds,
        oldest_open_started_at, is_final,
        valid_from
    FROM report.sla_hourly_history
    WHERE valid_from <= at AND (valid_to > at OR valid_to IS NULL);
END;
COMMENT ON FUNCTION report.sla_hourly_as_of IS 'report.sla_hourly as it was known at a time';

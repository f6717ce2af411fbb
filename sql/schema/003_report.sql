-- The report tables; sql/transforms fills them.
CREATE TABLE report.cases (
    entity       text NOT NULL,
    case_id      text COLLATE "C" NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    events       bigint NOT NULL,
    last_type    text NOT NULL,
    last_service text NOT NULL,
    PRIMARY KEY (entity, case_id)
);
COMMENT ON TABLE report.cases IS 'One row for each entity and case: when it was seen first and last';
COMMENT ON COLUMN report.cases.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN report.cases.case_id IS 'Which one';
COMMENT ON COLUMN report.cases.first_at IS 'Time of its first event';
COMMENT ON COLUMN report.cases.last_at IS 'Time of its last event';
COMMENT ON COLUMN report.cases.events IS 'Number of its events';
COMMENT ON COLUMN report.cases.last_type IS 'Type of its last event';
COMMENT ON COLUMN report.cases.last_service IS 'Service that emitted its last event';

CREATE TABLE report.fact_sla (
    sla                text NOT NULL,
    case_id            text COLLATE "C" NOT NULL,
    cycle              integer NOT NULL,
    started_at         timestamptz,
    completed_at       timestamptz,
    cancelled_at       timestamptz,
    elapsed_seconds    double precision,
    within_seconds     double precision NOT NULL,
    breach_at          timestamptz,
    status             text NOT NULL CHECK (status IN ('in_progress', 'completed', 'cancelled')),
    breached           boolean,
    anomaly            text CHECK (anomaly IN ('end_before_start', 'end_without_start', 'clock_skew')),
    start_event_id     text COLLATE "C",
    end_event_id       text COLLATE "C",
    definition_version integer NOT NULL,
    PRIMARY KEY (sla, case_id, cycle)
);
COMMENT ON TABLE report.fact_sla IS 'One row for each SLA, case and cycle: from start to end';
COMMENT ON COLUMN report.fact_sla.sla IS 'The SLA that judges';
COMMENT ON COLUMN report.fact_sla.case_id IS 'The case that is judged';
COMMENT ON COLUMN report.fact_sla.cycle IS 'Counts the times that the case went through, from 1';
COMMENT ON COLUMN report.fact_sla.started_at IS 'Time of the start event; null where an end has no start';
COMMENT ON COLUMN report.fact_sla.completed_at IS 'Time of the end event; null while open or when cancelled';
COMMENT ON COLUMN report.fact_sla.cancelled_at IS 'Time of the cancel event; null where it was not cancelled';
COMMENT ON COLUMN report.fact_sla.elapsed_seconds IS 'Seconds from start to end; null while open';
COMMENT ON COLUMN report.fact_sla.within_seconds IS 'Seconds allowed from start to end';
COMMENT ON COLUMN report.fact_sla.breach_at IS 'The deadline: start plus the time allowed';
COMMENT ON COLUMN report.fact_sla.status IS 'in_progress, completed or cancelled';
COMMENT ON COLUMN report.fact_sla.breached IS 'Whether the deadline was missed; null while it is not yet due, or cannot be judged';
COMMENT ON COLUMN report.fact_sla.anomaly IS 'end_before_start, end_without_start or clock_skew; null where all is in order';
COMMENT ON COLUMN report.fact_sla.start_event_id IS 'The event that started it';
COMMENT ON COLUMN report.fact_sla.end_event_id IS 'The event that completed it';
COMMENT ON COLUMN report.fact_sla.definition_version IS 'The version of the SLA''s definition that judged it';

CREATE TABLE report.sla_hourly (
    sla                    text NOT NULL,
    hour_start             timestamptz NOT NULL,
    started                bigint NOT NULL,
    completed              bigint NOT NULL,
    met                    bigint NOT NULL,
    late                   bigint NOT NULL,
    open                   bigint NOT NULL,
    overdue                bigint NOT NULL,
    cancelled              bigint NOT NULL,
    anomalous              bigint NOT NULL,
    breached               bigint NOT NULL,
    attainment             double precision,
    avg_seconds            double precision,
    p50_seconds            double precision,
    p90_seconds            double precision,
    p95_seconds            double precision,
    p99_seconds            double precision,
    max_seconds            double precision,
    oldest_open_started_at timestamptz,
    is_final               boolean NOT NULL,
    restated_at            timestamptz NOT NULL,
    PRIMARY KEY (sla, hour_start)
);
COMMENT ON TABLE report.sla_hourly IS 'One row for each SLA and UTC hour in which cases started; started = completed + open + cancelled';
COMMENT ON COLUMN report.sla_hourly.sla IS 'The SLA';
COMMENT ON COLUMN report.sla_hourly.hour_start IS 'The hour (UTC) in which the cases started';
COMMENT ON COLUMN report.sla_hourly.started IS 'Cases that started; additive';
COMMENT ON COLUMN report.sla_hourly.completed IS 'Of these, completed by now: met + late; additive';
COMMENT ON COLUMN report.sla_hourly.met IS 'Completed in time; additive';
COMMENT ON COLUMN report.sla_hourly.late IS 'Completed after the deadline; additive';
COMMENT ON COLUMN report.sla_hourly.open IS 'Neither completed nor cancelled; additive';
COMMENT ON COLUMN report.sla_hourly.overdue IS 'Open past the deadline; additive';
COMMENT ON COLUMN report.sla_hourly.cancelled IS 'Cancelled before completion; additive';
COMMENT ON COLUMN report.sla_hourly.anomalous IS 'Cases whose times contradict each other; additive';
COMMENT ON COLUMN report.sla_hourly.breached IS 'Deadline missed: late + overdue; additive';
COMMENT ON COLUMN report.sla_hourly.attainment IS 'Share met of those due: met / (met + breached), 0 to 1; null where nothing is due; not additive';
COMMENT ON COLUMN report.sla_hourly.avg_seconds IS 'Mean seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_hourly.p50_seconds IS 'Median seconds from start to end of completed cases; not additive';
COMMENT ON COLUMN report.sla_hourly.p90_seconds IS '90th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_hourly.p95_seconds IS '95th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_hourly.p99_seconds IS '99th percentile of seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_hourly.max_seconds IS 'Most seconds from start to end; not additive';
COMMENT ON COLUMN report.sla_hourly.oldest_open_started_at IS 'Start of the case that is open longest';
COMMENT ON COLUMN report.sla_hourly.is_final IS 'Whether only late data can still change the counts';
COMMENT ON COLUMN report.sla_hourly.restated_at IS 'When this row last changed';

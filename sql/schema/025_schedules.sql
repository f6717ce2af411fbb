-- Runs that a schedule began, and the times at which it meant them.
CREATE TABLE daybook.schedules (
    pipeline        text PRIMARY KEY,
    schedule        text NOT NULL,
    accounted_until timestamptz NOT NULL,
    defined_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE daybook.schedules IS 'Up to which time each schedule is accounted for: what it meant before was run, skipped or caught up';
COMMENT ON COLUMN daybook.schedules.pipeline IS 'The pipeline that it runs';
COMMENT ON COLUMN daybook.schedules.schedule IS 'The schedule as it is defined; another one is accounted for from when it is first seen';
COMMENT ON COLUMN daybook.schedules.accounted_until IS 'The latest time of the schedule that a row of daybook.runs stands for';
COMMENT ON COLUMN daybook.schedules.defined_at IS 'When this schedule was first seen';

ALTER TABLE daybook.runs
    DROP CONSTRAINT runs_status_check,
    ADD CONSTRAINT runs_status_check CHECK (status IN ('running', 'succeeded', 'failed', 'skipped')),
    ADD COLUMN started_by text NOT NULL DEFAULT 'hand',
    ADD COLUMN nominal_at timestamptz,
    ADD COLUMN nominal_from timestamptz,
    ADD COLUMN nominal_times integer,
    ADD COLUMN attempt integer,
    ADD COLUMN has_loaded boolean NOT NULL DEFAULT false,
    ADD COLUMN may_pass boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT runs_nominal CHECK (
        (nominal_at IS NULL AND nominal_from IS NULL AND nominal_times IS NULL)
        OR (nominal_from <= nominal_at AND nominal_times > 0)
    );
COMMENT ON TABLE daybook.runs IS 'Every run of a pipeline, and those that a schedule skipped; one that was killed stays "running" until the next run of the pipeline marks it failed';
COMMENT ON COLUMN daybook.runs.status IS 'running, succeeded, failed or skipped';
COMMENT ON COLUMN daybook.runs.started_at IS 'When the run began, or was skipped';
COMMENT ON COLUMN daybook.runs.error IS 'Why the run failed, or was skipped';
COMMENT ON COLUMN daybook.runs.started_by IS 'hand, schedule, deadline (of an open case), or what --started-by said';
COMMENT ON COLUMN daybook.runs.nominal_at IS 'The time of the schedule that the run stands for; of several that it caught up or that were skipped the last; null where no schedule meant it';
COMMENT ON COLUMN daybook.runs.nominal_from IS 'The first of these times';
COMMENT ON COLUMN daybook.runs.nominal_times IS 'How many they are; of another attempt at the same times as many again';
COMMENT ON COLUMN daybook.runs.attempt IS 'Counts the attempts at these times, from 1; null where no schedule meant it';
COMMENT ON COLUMN daybook.runs.has_loaded IS 'Whether it has read all of its sources to their ends';
COMMENT ON COLUMN daybook.runs.may_pass IS 'Whether it failed for a reason that may pass, so that another attempt is worth it';
UPDATE daybook.runs SET has_loaded = true WHERE status = 'succeeded';
CREATE INDEX ON daybook.runs (pipeline, run_id);
CREATE INDEX ON daybook.runs (pipeline) WHERE status = 'running';
CREATE INDEX ON daybook.runs (pipeline, nominal_at) WHERE nominal_at IS NOT NULL;

-- How old the latest event of a source may be.
ALTER TABLE daybook.sources
    ADD COLUMN freshness_warn interval,
    ADD COLUMN freshness_error interval;
COMMENT ON COLUMN daybook.sources.freshness_warn IS 'Older than this, its latest event is worth a look; null: however old it is';
COMMENT ON COLUMN daybook.sources.freshness_error IS 'Older than this, the source is stale; null: it never is';

CREATE VIEW daybook.source_freshness AS
SELECT o.source_id, o.pipeline, o.name, l.latest_event, l.last_load,
    -- One that has told nothing yet is as old as we know it.
    greatest(0, extract(epoch FROM now() - coalesce(l.latest_event, o.created_at)))::double precision AS age_seconds,
    extract(epoch FROM o.freshness_warn)::double precision AS warn_seconds,
    extract(epoch FROM o.freshness_error)::double precision AS error_seconds,
    CASE
        WHEN o.freshness_warn IS NULL AND o.freshness_error IS NULL THEN NULL
        WHEN now() - coalesce(l.latest_event, o.created_at) > o.freshness_error THEN 'stale'
        WHEN now() - coalesce(l.latest_event, o.created_at) > o.freshness_warn THEN 'late'
        ELSE 'fresh'
    END AS freshness
FROM daybook.sources AS o
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest_event, max(loaded_at) FILTER (WHERE loaded > 0) AS last_load
    FROM daybook.loads
    WHERE source_id = o.source_id
) AS l
WHERE o.retired_at IS NULL;
COMMENT ON VIEW daybook.source_freshness IS 'How old the latest event of each source is, and whether that is too old';
COMMENT ON COLUMN daybook.source_freshness.source_id IS 'The source';
COMMENT ON COLUMN daybook.source_freshness.pipeline IS 'Its pipeline';
COMMENT ON COLUMN daybook.source_freshness.name IS 'Its name';
COMMENT ON COLUMN daybook.source_freshness.latest_event IS 'Time of its latest event; null where none was loaded';
COMMENT ON COLUMN daybook.source_freshness.last_load IS 'When something of it was loaded last';
COMMENT ON COLUMN daybook.source_freshness.age_seconds IS 'Seconds since its latest event; where none was loaded, since the source is known';
COMMENT ON COLUMN daybook.source_freshness.warn_seconds IS 'From which age on it is late';
COMMENT ON COLUMN daybook.source_freshness.error_seconds IS 'From which age on it is stale';
COMMENT ON COLUMN daybook.source_freshness.freshness IS 'fresh, late or stale; null where its definition does not say';

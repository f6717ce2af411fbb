-- The catalogue: sources, runs, the ledger of loads, rejects, definitions.
CREATE SCHEMA daybook;
CREATE SCHEMA raw;
CREATE SCHEMA report;
COMMENT ON SCHEMA daybook IS 'Daybook''s catalogue: sources, runs, loads, rejects, definitions';
COMMENT ON SCHEMA raw IS 'Events as they came, one leaf a day; written by Daybook''s loader only';
COMMENT ON SCHEMA report IS 'What analysts read: cases, SLA facts and hourly SLA tables';

CREATE TABLE daybook.schema_files (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE daybook.schema_files IS 'The files of sql/schema that built this database, in order';
COMMENT ON COLUMN daybook.schema_files.version IS 'The number that the file''s name begins with';
COMMENT ON COLUMN daybook.schema_files.name IS 'The file''s name';
COMMENT ON COLUMN daybook.schema_files.sha256 IS 'Hash of the file as it was applied, in hex';
COMMENT ON COLUMN daybook.schema_files.applied_at IS 'When it was applied';

CREATE TABLE daybook.sources (
    source_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline   text NOT NULL,
    name       text NOT NULL,
    entity     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pipeline, name)
);
COMMENT ON TABLE daybook.sources IS 'Every source that ever loaded; a source is a pipeline and a name';
COMMENT ON COLUMN daybook.sources.source_id IS 'The scope in which event ids are unique; never 0';
COMMENT ON COLUMN daybook.sources.pipeline IS 'The pipeline whose definition declares the source';
COMMENT ON COLUMN daybook.sources.name IS 'The source''s name within its pipeline';
COMMENT ON COLUMN daybook.sources.entity IS 'The entity of the pipeline: what kind of thing its cases are';
COMMENT ON COLUMN daybook.sources.created_at IS 'When the source first ran';

CREATE TABLE daybook.runs (
    run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline    text NOT NULL,
    status      text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed')),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    read        bigint NOT NULL DEFAULT 0,
    loaded      bigint NOT NULL DEFAULT 0,
    duplicate   bigint NOT NULL DEFAULT 0,
    conflicting bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    filtered    bigint NOT NULL DEFAULT 0,
    error       text,
    host        text NOT NULL,
    process_id  integer NOT NULL,
    version     text NOT NULL
);
COMMENT ON TABLE daybook.runs IS 'Every run of a pipeline; one that was killed stays "running" until the next run of the pipeline marks it failed';
COMMENT ON COLUMN daybook.runs.run_id IS 'The run';
COMMENT ON COLUMN daybook.runs.pipeline IS 'The pipeline that ran';
COMMENT ON COLUMN daybook.runs.status IS 'running, succeeded or failed';
COMMENT ON COLUMN daybook.runs.started_at IS 'When the run began';
COMMENT ON COLUMN daybook.runs.ended_at IS 'When the run ended; null while it runs';
COMMENT ON COLUMN daybook.runs.read IS 'Events read: loaded + duplicate + rejected + filtered';
COMMENT ON COLUMN daybook.runs.loaded IS 'New rows in raw.events';
COMMENT ON COLUMN daybook.runs.duplicate IS 'Events that were there already';
COMMENT ON COLUMN daybook.runs.conflicting IS 'Duplicates whose content differs from the row that is there';
COMMENT ON COLUMN daybook.runs.rejected IS 'Records that could not become events; see daybook.rejects';
COMMENT ON COLUMN daybook.runs.filtered IS 'Records that yielded no event';
COMMENT ON COLUMN daybook.runs.error IS 'Why the run failed';
COMMENT ON COLUMN daybook.runs.host IS 'The machine that ran it';
COMMENT ON COLUMN daybook.runs.process_id IS 'The process that ran it, on that machine';
COMMENT ON COLUMN daybook.runs.version IS 'The version of Daybook';

CREATE TABLE daybook.loads (
    load_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id          bigint NOT NULL REFERENCES daybook.runs,
    pipeline        text NOT NULL,
    source_id       integer NOT NULL REFERENCES daybook.sources,
    object          text NOT NULL,
    object_identity text NOT NULL,
    start_position  bigint NOT NULL,
    end_position    bigint NOT NULL CHECK (end_position > start_position),
    tail_hash       text NOT NULL,
    first_line      bigint NOT NULL,
    end_line        bigint NOT NULL,
    read            bigint NOT NULL,
    loaded          bigint NOT NULL,
    duplicate       bigint NOT NULL,
    conflicting     bigint NOT NULL,
    rejected        bigint NOT NULL,
    filtered        bigint NOT NULL,
    min_occurred_at timestamptz,
    max_occurred_at timestamptz,
    loaded_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (source_id, object_identity, start_position),
    CONSTRAINT loads_conserve CHECK (read = loaded + duplicate + rejected + filtered)
);
COMMENT ON TABLE daybook.loads IS 'The ledger: a row for every batch, written in the transaction that copied it';
COMMENT ON COLUMN daybook.loads.load_id IS 'The batch; ids follow the order of the source';
COMMENT ON COLUMN daybook.loads.run_id IS 'The run that loaded it';
COMMENT ON COLUMN daybook.loads.pipeline IS 'The pipeline that loaded it';
COMMENT ON COLUMN daybook.loads.source_id IS 'The source it came from';
COMMENT ON COLUMN daybook.loads.object IS 'The file or URL, as it was named when it was read';
COMMENT ON COLUMN daybook.loads.object_identity IS 'What makes the object the same under another name: length and hash of its beginning, with an ordinal where that is taken';
COMMENT ON COLUMN daybook.loads.start_position IS 'Byte offset of the uncompressed object at which the batch begins';
COMMENT ON COLUMN daybook.loads.end_position IS 'Byte offset behind the batch; the next one begins here';
COMMENT ON COLUMN daybook.loads.tail_hash IS 'Hash of the last KiB before end_position';
COMMENT ON COLUMN daybook.loads.first_line IS 'The physical line, from 1, at start_position';
COMMENT ON COLUMN daybook.loads.end_line IS 'The physical line, from 1, at end_position';
COMMENT ON COLUMN daybook.loads.read IS 'Events read: loaded + duplicate + rejected + filtered';
COMMENT ON COLUMN daybook.loads.loaded IS 'New rows in raw.events';
COMMENT ON COLUMN daybook.loads.duplicate IS 'Events that were there already';
COMMENT ON COLUMN daybook.loads.conflicting IS 'Duplicates whose content differs from the row that is there';
COMMENT ON COLUMN daybook.loads.rejected IS 'Records that could not become events; see daybook.rejects';
COMMENT ON COLUMN daybook.loads.filtered IS 'Records that yielded no event';
COMMENT ON COLUMN daybook.loads.min_occurred_at IS 'The earliest event that was loaded';
COMMENT ON COLUMN daybook.loads.max_occurred_at IS 'The latest event that was loaded';
COMMENT ON COLUMN daybook.loads.loaded_at IS 'When the batch was committed';

CREATE TABLE daybook.rejects (
    reject_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id        bigint NOT NULL REFERENCES daybook.loads,
    pipeline       text NOT NULL,
    source_id      integer NOT NULL REFERENCES daybook.sources,
    object         text NOT NULL,
    line           bigint NOT NULL,
    byte_offset    bigint NOT NULL,
    reason_code    text NOT NULL,
    reason         text NOT NULL,
    raw            bytea NOT NULL,
    rejected_at    timestamptz NOT NULL DEFAULT now(),
    replayed_at    timestamptz,
    replay_load_id bigint REFERENCES daybook.loads,
    attempts       integer NOT NULL DEFAULT 1
);
CREATE INDEX ON daybook.rejects (load_id);
COMMENT ON TABLE daybook.rejects IS 'Records that could not become events, with their bytes and the reason';
COMMENT ON COLUMN daybook.rejects.reject_id IS 'The reject';
COMMENT ON COLUMN daybook.rejects.load_id IS 'The batch it came with';
COMMENT ON COLUMN daybook.rejects.pipeline IS 'The pipeline that read it';
COMMENT ON COLUMN daybook.rejects.source_id IS 'The source it came from';
COMMENT ON COLUMN daybook.rejects.object IS 'The file or URL it came from';
COMMENT ON COLUMN daybook.rejects.line IS 'Its first physical line, from 1';
COMMENT ON COLUMN daybook.rejects.byte_offset IS 'Its first byte in the uncompressed object, from 0';
COMMENT ON COLUMN daybook.rejects.reason_code IS 'The kind of reason, from the list in the README';
COMMENT ON COLUMN daybook.rejects.reason IS 'The reason in words';
COMMENT ON COLUMN daybook.rejects.raw IS 'The record as it came';
COMMENT ON COLUMN daybook.rejects.rejected_at IS 'When it was rejected';
COMMENT ON COLUMN daybook.rejects.replayed_at IS 'When it was loaded after all; null where it was not';
COMMENT ON COLUMN daybook.rejects.replay_load_id IS 'The batch that loaded it after all';
COMMENT ON COLUMN daybook.rejects.attempts IS 'How often it was tried';

CREATE TABLE daybook.slas (
    sla                text PRIMARY KEY,
    pipeline           text NOT NULL,
    entity             text NOT NULL,
    within             interval NOT NULL,
    target             double precision,
    occurrence         text NOT NULL CHECK (occurrence IN ('first', 'last')),
    clock_skew         interval NOT NULL,
    clock              text NOT NULL CHECK (clock IN ('wall', 'data')),
    definition_version integer NOT NULL,
    as_of              timestamptz
);
COMMENT ON TABLE daybook.slas IS 'The SLAs as they are defined now; written from the pipeline files before each transform';
COMMENT ON COLUMN daybook.slas.sla IS 'The SLA''s name, unique in the project';
COMMENT ON COLUMN daybook.slas.pipeline IS 'The pipeline that defines it';
COMMENT ON COLUMN daybook.slas.entity IS 'The kind of case it judges; it sees that entity''s events from all pipelines';
COMMENT ON COLUMN daybook.slas.within IS 'The time allowed from start to end, in hours, minutes and seconds';
COMMENT ON COLUMN daybook.slas.target IS 'The share of cases that are to be met, 0 to 1; null where there is none';
COMMENT ON COLUMN daybook.slas.occurrence IS 'Which end counts: first or last';
COMMENT ON COLUMN daybook.slas.clock_skew IS 'How much earlier than its start an end may be stamped and still count';
COMMENT ON COLUMN daybook.slas.clock IS 'What as_of follows: the wall clock, or the latest event';
COMMENT ON COLUMN daybook.slas.definition_version IS 'Counts the changes of what the SLA means, from 1';
COMMENT ON COLUMN daybook.slas.as_of IS 'The time at which open cases were last judged';

CREATE TABLE daybook.sla_types (
    sla          text NOT NULL REFERENCES daybook.slas ON DELETE CASCADE,
    role         text NOT NULL CHECK (role IN ('start', 'end', 'cancel')),
    type         text NOT NULL,
    is_namespace boolean NOT NULL,
    PRIMARY KEY (sla, role, type, is_namespace)
);
COMMENT ON TABLE daybook.sla_types IS 'The event types that start, end or cancel an SLA';
COMMENT ON COLUMN daybook.sla_types.sla IS 'The SLA';
COMMENT ON COLUMN daybook.sla_types.role IS 'start, end or cancel';
COMMENT ON COLUMN daybook.sla_types.type IS 'A type; of a namespace (order.*) the part before the star';
COMMENT ON COLUMN daybook.sla_types.is_namespace IS 'Whether every type that begins so is meant';

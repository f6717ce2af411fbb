-- What a transform has seen, so that the next one computes only what changed since.

ALTER TABLE daybook.loads ADD COLUMN event_days date[];
COMMENT ON COLUMN daybook.loads.event_days IS 'The UTC days of its events; null where it was loaded before this was noted';
CREATE INDEX ON daybook.loads (source_id, max_occurred_at);

CREATE TABLE daybook.transforms (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    seen    int8multirange NOT NULL DEFAULT '{}'
);
INSERT INTO daybook.transforms DEFAULT VALUES;
COMMENT ON TABLE daybook.transforms IS 'One row: what the report tables have seen';
COMMENT ON COLUMN daybook.transforms.is_only IS 'Keeps it one row';
COMMENT ON COLUMN daybook.transforms.seen IS 'The ids of the loads that the report tables hold; not only the highest, for batches are committed in any order';

CREATE TABLE daybook.models (
    model    text PRIMARY KEY,
    sha256   text NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE daybook.models IS 'The models that are built; another text builds one anew';
COMMENT ON COLUMN daybook.models.model IS 'The table that it fills';
COMMENT ON COLUMN daybook.models.sha256 IS 'Hash of its files, in hex';
COMMENT ON COLUMN daybook.models.built_at IS 'When it was last built as a whole';

CREATE TABLE daybook.judged_slas (
    sla                text PRIMARY KEY,
    definition_version integer NOT NULL
);
COMMENT ON TABLE daybook.judged_slas IS 'The definitions that the report tables were judged by';
COMMENT ON COLUMN daybook.judged_slas.sla IS 'The SLA';
COMMENT ON COLUMN daybook.judged_slas.definition_version IS 'The version of its definition, as in daybook.slas';

CREATE TABLE daybook.touched_cases (
    case_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE daybook.touched_cases IS 'Cases that lost events, or are to be computed anew for another reason; whoever deletes from raw writes them here';
COMMENT ON COLUMN daybook.touched_cases.case_id IS 'The case, of whatever entity';

CREATE TABLE daybook.wide_cases (
    case_id   text COLLATE "C" PRIMARY KEY,
    first_day date NOT NULL,
    last_day  date NOT NULL
);
COMMENT ON TABLE daybook.wide_cases IS 'Cases with superseded versions of events on days beyond those that report.cases tells';
COMMENT ON COLUMN daybook.wide_cases.case_id IS 'The case, of whatever entity';
COMMENT ON COLUMN daybook.wide_cases.first_day IS 'The first of these days';
COMMENT ON COLUMN daybook.wide_cases.last_day IS 'The last of these days';

CREATE TABLE daybook.entities (
    entity text PRIMARY KEY,
    latest timestamptz NOT NULL
);
COMMENT ON TABLE daybook.entities IS 'The kinds of cases that raw holds';
COMMENT ON COLUMN daybook.entities.entity IS 'What kind of thing the cases are';
COMMENT ON COLUMN daybook.entities.latest IS 'The latest occurred_at among their events: what a data clock follows';

CREATE FUNCTION report.hour(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN date_bin('1 hour', at, timestamptz '1970-01-01 00:00:00+00');
COMMENT ON FUNCTION report.hour IS 'The UTC hour that a time is in; unlike date_trunc it may stand in an index';

CREATE VIEW daybook.watermarks AS
SELECT s.sla,
    CASE WHEN bool_and(l.latest IS NOT NULL) THEN least(min(l.latest), s.as_of) END AS watermark
FROM daybook.slas AS s
JOIN daybook.sources AS o ON o.entity = s.entity
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest FROM daybook.loads WHERE source_id = o.source_id
) AS l
GROUP BY s.sla;
COMMENT ON VIEW daybook.watermarks IS 'Up to when every source of an SLA has reported and open cases are judged';
COMMENT ON COLUMN daybook.watermarks.sla IS 'The SLA';
COMMENT ON COLUMN daybook.watermarks.watermark IS 'The least of its sources'' latest events and of as_of; null while a source has not reported at all';

-- The ways by which changed cases and hours are found: a case's rows (the keys begin with it), an hour's cases, and
-- deadlines that pass.
ALTER TABLE report.cases DROP CONSTRAINT cases_pkey, ADD PRIMARY KEY (case_id, entity);
ALTER TABLE report.fact_sla DROP CONSTRAINT fact_sla_pkey, ADD PRIMARY KEY (case_id, sla, cycle);
CREATE INDEX ON report.fact_sla (sla, report.hour(started_at));
CREATE INDEX ON report.fact_sla (sla, breached, breach_at) WHERE status = 'in_progress';

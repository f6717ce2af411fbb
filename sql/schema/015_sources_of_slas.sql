-- Which sources an SLA waits for: those that tell of its entity. That is the entity of their pipeline, and those that
-- their mapping gives; and no source that is no longer defined.
ALTER TABLE daybook.sources ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN daybook.sources.retired_at IS 'When a transform found that it is no longer defined; null while it is';

CREATE TABLE daybook.source_entities (
    source_id integer NOT NULL REFERENCES daybook.sources,
    entity    text NOT NULL,
    PRIMARY KEY (source_id, entity)
);
COMMENT ON TABLE daybook.source_entities IS 'The entities that each source has told of';
COMMENT ON COLUMN daybook.source_entities.source_id IS 'The source';
COMMENT ON COLUMN daybook.source_entities.entity IS 'What kind of thing some of its cases are';
INSERT INTO daybook.source_entities (source_id, entity)
SELECT DISTINCT l.source_id, e.entity
FROM raw.events AS e
JOIN daybook.loads AS l USING (load_id);

CREATE OR REPLACE VIEW daybook.watermarks AS
SELECT s.sla,
    CASE WHEN bool_and(l.latest IS NOT NULL) THEN least(min(l.latest - o.lateness), s.as_of) END AS watermark,
    (array_agg(o.source_id ORDER BY l.latest - o.lateness NULLS FIRST, o.source_id))[1] AS held_by
FROM daybook.slas AS s
JOIN daybook.sources AS o
    ON o.retired_at IS NULL
    AND (
        o.entity = s.entity
        OR EXISTS (
            SELECT FROM daybook.source_entities AS t WHERE t.source_id = o.source_id AND t.entity = s.entity
        )
    )
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest FROM daybook.loads WHERE source_id = o.source_id
) AS l
GROUP BY s.sla;

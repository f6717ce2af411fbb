-- What definitions say for the people who read and mend: what an SLA promises and who answers for it, which sources are
-- dead letters, and whose bytes are kept.

ALTER TABLE daybook.slas
ADD COLUMN description text,
ADD COLUMN owner text;
COMMENT ON COLUMN daybook.slas.description IS 'What it promises, in words for the reader of a report; null where nothing is said';
COMMENT ON COLUMN daybook.slas.owner IS 'Who answers for it; null where nobody is named';

ALTER TABLE daybook.sources
ADD COLUMN role text NOT NULL DEFAULT 'events' CHECK (role IN ('events', 'dead_letter')),
ADD COLUMN keeps_originals boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN daybook.sources.role IS 'events: things that happened; dead_letter: messages that a broker could not deliver';
COMMENT ON COLUMN daybook.sources.keeps_originals IS 'Whether the bytes of each record are kept beside its events';

-- Sources that are no files: passages through the pages of an API.
CREATE TABLE daybook.pulls (
    pull_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id    integer NOT NULL REFERENCES daybook.sources,
    object       text NOT NULL,
    request_hash text NOT NULL,
    mark_hash    text NOT NULL,
    since        text,
    mark         text,
    moves_mark   boolean NOT NULL,
    validators   jsonb,
    began_at     timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    abandoned_at timestamptz,
    reason       text
);
CREATE INDEX ON daybook.pulls (source_id, pull_id);
COMMENT ON TABLE daybook.pulls IS 'Passages through the pages of an API: one that was broken off goes on at its last checkpoint';
COMMENT ON COLUMN daybook.pulls.pull_id IS 'The pull; its loads have the object_identity pull-<pull_id>';
COMMENT ON COLUMN daybook.pulls.source_id IS 'The source that it reads';
COMMENT ON COLUMN daybook.pulls.object IS 'The address that is asked, without secrets';
COMMENT ON COLUMN daybook.pulls.request_hash IS 'Tells one way of asking from another: a checkpoint holds for its own only';
COMMENT ON COLUMN daybook.pulls.mark_hash IS 'Tells one kind of mark from another';
COMMENT ON COLUMN daybook.pulls.since IS 'What it asks from, as JSON; null where it asks for all';
COMMENT ON COLUMN daybook.pulls.mark IS 'The highest value of the cursor field that was met so far, as JSON; the next pull asks from before it';
COMMENT ON COLUMN daybook.pulls.moves_mark IS 'False of a backfill, behind which the mark stays where it is';
COMMENT ON COLUMN daybook.pulls.validators IS 'ETag and Last-Modified of the answer, to ask later whether it has changed';
COMMENT ON COLUMN daybook.pulls.began_at IS 'When it began';
COMMENT ON COLUMN daybook.pulls.finished_at IS 'When its last page was loaded; null while there are more';
COMMENT ON COLUMN daybook.pulls.abandoned_at IS 'When it was given up, because its checkpoint means nothing any more; another begins where it began';
COMMENT ON COLUMN daybook.pulls.reason IS 'Why it was given up';

ALTER TABLE daybook.loads ADD COLUMN checkpoint jsonb;
COMMENT ON COLUMN daybook.loads.checkpoint IS 'Of an API: the page, and the place in it, at which reading goes on behind this batch';
CREATE INDEX ON daybook.loads (source_id, object_identity, start_position);

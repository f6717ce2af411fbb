-- The id of a load is the place of its content among the comings of an event. A batch that is lost, while later ones
-- are committed, is read again after them: it is to be the load that it was, or an older content would pass for the
-- newer one.
CREATE TABLE daybook.claims (
    source_id       integer NOT NULL REFERENCES daybook.sources,
    object_identity text NOT NULL,
    start_position  bigint NOT NULL,
    load_id         bigint NOT NULL,
    PRIMARY KEY (source_id, object_identity, start_position)
);
COMMENT ON TABLE daybook.claims IS 'Batches that were begun and are not committed; whoever reads one again loads it under the same id';
COMMENT ON COLUMN daybook.claims.source_id IS 'The source it comes from';
COMMENT ON COLUMN daybook.claims.object_identity IS 'The object, as in daybook.loads';
COMMENT ON COLUMN daybook.claims.start_position IS 'Byte offset at which the batch begins';
COMMENT ON COLUMN daybook.claims.load_id IS 'The id that its load has';

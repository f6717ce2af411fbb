-- Files that hold nothing new need not be opened, be they a hundred thousand.
CREATE TABLE daybook.files (
    source_id       integer NOT NULL REFERENCES daybook.sources,
    object          text NOT NULL,
    node            text NOT NULL,
    size            bigint NOT NULL,
    modified_ns     bigint NOT NULL,
    object_identity text NOT NULL,
    damage          text,
    read_bytes      bigint NOT NULL,
    seen_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, object)
);
COMMENT ON TABLE daybook.files IS 'The files of a source as they were when they were last read to their ends: one that is still so is not opened';
COMMENT ON COLUMN daybook.files.source_id IS 'The source';
COMMENT ON COLUMN daybook.files.object IS 'The name of the file';
COMMENT ON COLUMN daybook.files.node IS 'Device and inode, which stay when a file is renamed';
COMMENT ON COLUMN daybook.files.size IS 'Bytes, as the file lay on the disk';
COMMENT ON COLUMN daybook.files.modified_ns IS 'When it was modified, in nanoseconds since 1970; 0 where its next change might not show in that';
COMMENT ON COLUMN daybook.files.object_identity IS 'The object of daybook.loads that it is';
COMMENT ON COLUMN daybook.files.damage IS 'Why its end could not be read; null where it could';
COMMENT ON COLUMN daybook.files.read_bytes IS 'How much of it the ledger held then, uncompressed: where it holds another amount now, the file is looked into again';
COMMENT ON COLUMN daybook.files.seen_at IS 'When it was read';

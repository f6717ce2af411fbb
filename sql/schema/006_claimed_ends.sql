-- A lost batch is read again to where it ended: batches are not all of one size, and what followed it has an id that
-- is higher.
ALTER TABLE daybook.claims ADD COLUMN end_position bigint;
COMMENT ON COLUMN daybook.claims.end_position IS 'Byte offset behind the batch; null where it was begun before this was noted';

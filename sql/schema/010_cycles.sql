-- SLAs that a case goes through several times, and the emitter's own order.
ALTER TABLE daybook.slas
    DROP CONSTRAINT slas_occurrence_check,
    ADD CONSTRAINT slas_occurrence_check CHECK (occurrence IN ('first', 'last', 'each')),
    ADD COLUMN order_by text NOT NULL DEFAULT 'time' CHECK (order_by IN ('time', 'sequence'));
COMMENT ON COLUMN daybook.slas.occurrence IS 'Which end counts: the first or the last after the earliest start; or each start and the next end';
COMMENT ON COLUMN daybook.slas.order_by IS 'What orders the events of a case: time, or sequence before time where all of them have one';

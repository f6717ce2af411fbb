-- Which deadlines the clock has passed is a matter of two times. With both, the planner knows that few lie between them;
-- with one, it took a third of all open cases for passed, and read the facts as a whole.
ALTER TABLE daybook.judged_slas ADD COLUMN as_of timestamptz;
COMMENT ON COLUMN daybook.judged_slas.as_of IS 'The time at which open cases were judged, as in daybook.slas; null: not known';

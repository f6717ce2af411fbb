-- A case that is computed anew because report tables are not as they should be: its days are known from raw, not from
-- report.cases.
ALTER TABLE daybook.touched_cases
    ADD COLUMN first_day date,
    ADD COLUMN last_day date;
COMMENT ON COLUMN daybook.touched_cases.first_day IS 'The first day of its events, where report.cases may not tell it; null: it does';
COMMENT ON COLUMN daybook.touched_cases.last_day IS 'The last day of its events, where report.cases may not tell it; null: it does';

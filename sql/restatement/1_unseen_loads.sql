-- The loads that the report tables have not seen.
CREATE TEMPORARY TABLE unseen_loads ON COMMIT DROP AS TABLE daybook.unseen_loads

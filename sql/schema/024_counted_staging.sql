-- A leaf may have been counted when it held nothing but rows that were rolled back. The planner takes it for empty ever
-- after, and compares each staged row with each other, unless it knows how many are staged. To count them takes a moment,
-- which is spent only where it matters.
CREATE FUNCTION daybook.count_staging(days date[]) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(days) AS day
        JOIN pg_catalog.pg_class AS c ON c.oid = daybook.find_leaf(day)
        WHERE c.reltuples = 0
    ) THEN
        ANALYZE pg_temp.staging (event_day, case_id);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.count_staging IS 'Tells the planner how many rows are staged, where it takes the leaf of one of these days for empty';

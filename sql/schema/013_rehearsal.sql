-- A run can be rehearsed: all of it in one transaction, which is taken back. Then the staging table is not emptied by
-- the end of each batch.
CREATE OR REPLACE FUNCTION daybook.open_staging() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF to_regclass('pg_temp.staging') IS NULL THEN
        CREATE TEMPORARY TABLE staging (LIKE raw.events_by_day) ON COMMIT DELETE ROWS;
        CREATE INDEX staging_day ON pg_temp.staging (event_day);
    ELSIF EXISTS (SELECT FROM pg_temp.staging) THEN
        TRUNCATE pg_temp.staging;
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.open_staging IS 'Makes the session''s staging table, or empties it';

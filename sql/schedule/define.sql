-- Takes the schedules that are defined now ($1: pipelines, $2: schedules). A schedule that is new, or another than before, is
-- accounted for from now on; so is one that a clock far ahead has accounted for.
WITH gone AS (
    DELETE FROM daybook.schedules WHERE pipeline <> ALL ($1::text[])
)
INSERT INTO daybook.schedules AS s (pipeline, schedule, accounted_until)
SELECT pipeline, schedule, now() FROM unnest($1::text[], $2::text[]) AS d (pipeline, schedule)
ON CONFLICT (pipeline) DO UPDATE
SET schedule = excluded.schedule, accounted_until = excluded.accounted_until, defined_at = excluded.accounted_until
WHERE (s.schedule <> excluded.schedule AND s.accounted_until < excluded.accounted_until)
    OR s.accounted_until > excluded.accounted_until + interval '1 hour'

-- Marks by which definitions, and at which time, the report tables were judged.
DELETE FROM daybook.judged_slas WHERE sla NOT IN (SELECT sla FROM daybook.slas);
INSERT INTO daybook.judged_slas AS j (sla, definition_version, as_of)
SELECT sla, definition_version, as_of FROM daybook.slas
ON CONFLICT (sla) DO UPDATE
SET definition_version = excluded.definition_version, as_of = excluded.as_of
WHERE (j.definition_version, j.as_of) IS DISTINCT FROM (excluded.definition_version, excluded.as_of)

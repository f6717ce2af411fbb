-- What services tell of that they have not told of before.
INSERT INTO daybook.event_kinds (service, type, is_error)
SELECT e.service, e.type, daybook.is_error_type(e.type)
FROM (
    SELECT DISTINCT daybook.label(service) AS service, daybook.label(type) AS type
    FROM (SELECT DISTINCT service, type FROM raw.events) AS told
) AS e
LEFT JOIN daybook.event_kinds AS k USING (service, type)
WHERE k.kind_id IS NULL
ORDER BY e.service, e.type

-- Makes the rules of these pipelines ($1) equal to their definitions ($2: an array of objects), and retires those that
-- are no longer defined. A rule that comes back begins anew.
WITH defined AS (
    SELECT *
    FROM jsonb_to_recordset($2::jsonb) AS d (
        rule text, pipeline text, type text, sla text, parameters jsonb, severity text, channels text[], description text)
),
retired AS (
    UPDATE daybook.alert_rules
    SET retired_at = now()
    WHERE pipeline = ANY ($1::text[]) AND retired_at IS NULL AND rule NOT IN (SELECT rule FROM defined)
)
INSERT INTO daybook.alert_rules AS r (rule, pipeline, type, sla, parameters, severity, channels, description)
SELECT rule, pipeline, type, sla, parameters, severity, channels, description FROM defined
ON CONFLICT (rule) DO UPDATE
SET pipeline = excluded.pipeline, type = excluded.type, sla = excluded.sla, parameters = excluded.parameters,
    severity = excluded.severity, channels = excluded.channels, description = excluded.description,
    told_from = CASE
        WHEN r.retired_at IS NULL AND (r.type, r.sla, r.parameters) IS NOT DISTINCT FROM
            (excluded.type, excluded.sla, excluded.parameters) THEN r.told_from
    END, retired_at = NULL
WHERE (r.pipeline, r.type, r.sla, r.parameters, r.severity, r.channels, r.description, r.retired_at)
    IS DISTINCT FROM (excluded.pipeline, excluded.type, excluded.sla, excluded.parameters, excluded.severity,
        excluded.channels, excluded.description, NULL)

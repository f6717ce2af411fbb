-- severity: error
-- description: started = completed + open + cancelled, completed = met + late, breached = late + overdue, in every hour.
SELECT hours, sla, hour_start, started, completed, met, late, open, overdue, cancelled, breached
FROM (
    SELECT 'by start' AS hours, * FROM report.sla_hourly
    UNION ALL
    SELECT 'by end', * FROM report.sla_hourly_by_end
    UNION ALL
    SELECT 'by breach', * FROM report.sla_hourly_by_breach
) AS all_hours
WHERE started <> completed + open + cancelled
    OR completed <> met + late
    OR breached <> late + overdue
    OR overdue > open
    OR attainment IS DISTINCT FROM met::double precision / nullif(met + breached, 0)
ORDER BY sla, hour_start, hours

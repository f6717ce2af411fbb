-- severity: error
-- description: No case is completed before it starts, and no duration is negative.
SELECT sla, case_id, cycle, started_at, completed_at, elapsed_seconds, within_seconds
FROM report.fact_sla
WHERE elapsed_seconds < 0 OR completed_at < started_at OR within_seconds <= 0
ORDER BY sla, case_id, cycle

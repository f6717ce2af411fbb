-- What was so by a type of rule ($1), and is not any more. What could not be judged stays as it is; what is watched no more (a source that is
-- gone) is over.
WITH ended AS (
    SELECT a.alert_id, coalesce(j.ending, 'now ' || j.summary, 'it is watched no more') AS reason
    FROM daybook.alerts AS a
    JOIN daybook.alert_rules AS r USING (rule)
    LEFT JOIN pg_temp.judged AS j ON j.rule = a.rule AND j.case_id = a.case_id
    WHERE a.state = 'firing' AND r.retired_at IS NULL AND r.type = $1
        AND (j.is_breached = false OR j.rule IS NULL AND r.type IN ('freshness', 'event_count'))
)
UPDATE daybook.alerts AS a
SET state = 'resolved', ended_at = clock_timestamp(), reason = e.reason
FROM ended AS e
WHERE a.alert_id = e.alert_id

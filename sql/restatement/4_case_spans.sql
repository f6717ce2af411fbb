-- From which day to which events of the wanted cases may lie: of those that are not here yet.
INSERT INTO pg_temp.case_spans (case_id, first_day, last_day, round)
SELECT w.case_id, least(min(w.first_day), min(c.first_at AT TIME ZONE 'UTC')::date, min(v.first_day)),
    greatest(max(w.last_day), max(c.last_at AT TIME ZONE 'UTC')::date, max(v.last_day)), $1::int
FROM pg_temp.wanted_cases AS w
LEFT JOIN report.cases AS c USING (case_id)
LEFT JOIN daybook.wide_cases AS v USING (case_id)
WHERE NOT EXISTS (SELECT FROM pg_temp.case_spans AS s WHERE s.case_id = w.case_id)
GROUP BY w.case_id

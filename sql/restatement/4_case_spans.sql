-- From which day to which events of the touched cases may lie.
UPDATE pg_temp.touched_cases AS t
SET first_day = least(t.first_day, s.first_day), last_day = greatest(t.last_day, s.last_day)
FROM (
    SELECT case_id, min(first_day) AS first_day, max(last_day) AS last_day
    FROM (
        SELECT c.case_id, (c.first_at AT TIME ZONE 'UTC')::date AS first_day,
            (c.last_at AT TIME ZONE 'UTC')::date AS last_day
        FROM report.cases AS c
        JOIN pg_temp.touched_cases USING (case_id)
        UNION ALL
        SELECT w.case_id, w.first_day, w.last_day
        FROM daybook.wide_cases AS w
        JOIN pg_temp.touched_cases USING (case_id)
    ) AS known
    GROUP BY case_id
) AS s
WHERE t.case_id = s.case_id AND NOT t.is_fetched

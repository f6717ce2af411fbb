-- What reports tell of a user ($1) beside events that are there: of cases of which events were dropped. They stay as they
-- are but for the user; how many there are.
WITH named AS (
    SELECT daybook.label($1) AS user_id
),
paths AS (
    UPDATE daybook.case_paths AS p
    SET user_ids = CASE
        WHEN array_remove(array_remove(p.user_ids, n.user_id), NULL) <> '{}' THEN array_replace(p.user_ids, n.user_id, NULL)
    END
    FROM named AS n
    WHERE n.user_id = ANY (p.user_ids)
    RETURNING p.case_id
),
keys AS (
    DELETE FROM report.case_keys
    WHERE value = report.key_value($1)
        AND key IN (SELECT key FROM daybook.key_definitions WHERE paths @> '[["user_id"]]')
    RETURNING case_id
),
days AS (
    DELETE FROM daybook.user_days WHERE user_id = (SELECT user_id FROM named) RETURNING day, entity
),
fewer AS (
    UPDATE report.active_users_daily AS a SET active_users = a.active_users - 1
    FROM days AS d
    WHERE a.day = d.day AND a.entity = d.entity AND a.active_users > 1
),
none AS (
    DELETE FROM report.active_users_daily AS a
    USING days AS d
    WHERE a.day = d.day AND a.entity = d.entity AND a.active_users = 1
)
SELECT count(*) AS cases
FROM (SELECT case_id FROM paths UNION SELECT case_id FROM keys) AS told
WHERE case_id NOT IN (SELECT case_id FROM pg_temp.erased)

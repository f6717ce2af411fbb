-- raw.events, with the days that are being filled, holds as many rows of each load as the ledger says, but for those that
-- are past their retention, and none of a load that it does not know.
SELECT CASE
        WHEN l.load_id IS NULL
            THEN format('raw.events holds %s rows of load %s, which the ledger does not know', e.rows, e.load_id)
        ELSE format('load %s of %s: the ledger says %s rows, raw.events holds %s',
            l.load_id, l.object, l.loaded - l.dropped, coalesce(e.rows, 0))
    END AS problem
FROM daybook.loads AS l
FULL JOIN (
    SELECT load_id, sum(rows) AS rows
    FROM (
        SELECT load_id, count(*) AS rows FROM raw.events GROUP BY load_id
        UNION ALL
        SELECT load_id, count(*) AS rows FROM raw.building GROUP BY load_id
    ) AS stores
    GROUP BY load_id
) AS e USING (load_id)
WHERE l.load_id IS NULL OR l.loaded - l.dropped <> coalesce(e.rows, 0)
ORDER BY problem

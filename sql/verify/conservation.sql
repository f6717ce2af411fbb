-- Every event read ended in exactly one of four places, and the rejects that were counted are there, but for those that
-- are past their retention.
SELECT format('load %s of %s: read %s, but loaded %s + duplicate %s + rejected %s + filtered %s',
    load_id, object, read, loaded, duplicate, rejected, filtered) AS problem
FROM daybook.loads
WHERE read <> loaded + duplicate + rejected + filtered
UNION ALL
SELECT format('load %s of %s: the ledger counts %s rejects, daybook.rejects holds %s',
    l.load_id, l.object, l.rejected - l.rejects_dropped, count(r.reject_id))
FROM daybook.loads AS l
-- A value that did not convert is told of an event that was loaded.
LEFT JOIN daybook.rejects AS r ON r.load_id = l.load_id AND r.reason_code <> 'conversion'
GROUP BY l.load_id
HAVING l.rejected - l.rejects_dropped <> count(r.reject_id)
ORDER BY problem

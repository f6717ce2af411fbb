-- The files and addresses that a run has read, in the order in which it came to them. $1: the run
SELECT o.name AS source, l.object, count(*) AS batches, sum(l.read)::bigint AS read, sum(l.loaded)::bigint AS loaded,
    sum(l.duplicate)::bigint AS duplicate, sum(l.conflicting)::bigint AS conflicting,
    sum(l.rejected)::bigint AS rejected, sum(l.filtered)::bigint AS filtered,
    min(l.min_occurred_at) AS earliest_event, max(l.max_occurred_at) AS latest_event
FROM daybook.loads AS l
JOIN daybook.sources AS o USING (source_id)
WHERE l.run_id = $1::bigint
GROUP BY o.name, l.object
ORDER BY o.name, min(l.load_id)

-- The ranges read of each object begin at 0, follow each other, and neither overlap nor leave a hole. A hole is no
-- problem until a run has succeeded since: while one is running its batches are committed in any order, and what a
-- killed one left is read by the next.
SELECT format('%s (%s): load %s begins at byte %s, where the one before ends at %s: %s',
    object, object_identity, load_id, start_position, previous_end,
    CASE WHEN start_position > previous_end THEN 'a hole' ELSE 'an overlap' END) AS problem
FROM (
    SELECT pipeline, run_id, object, object_identity, load_id, start_position,
        coalesce(lag(end_position) OVER (
            PARTITION BY source_id, object_identity ORDER BY start_position
        ), 0) AS previous_end
    FROM daybook.loads
) AS ranges
WHERE start_position < previous_end
    OR start_position > previous_end AND EXISTS (
        SELECT FROM daybook.runs AS r
        WHERE r.pipeline = ranges.pipeline AND r.run_id >= ranges.run_id AND r.status = 'succeeded'
    )
ORDER BY problem

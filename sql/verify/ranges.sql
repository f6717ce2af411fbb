-- The ranges read of each object begin at 0, follow each other, and neither overlap nor leave a hole.
SELECT format('%s (%s): load %s begins at byte %s, where the one before ends at %s: %s',
    object, object_identity, load_id, start_position, previous_end,
    CASE WHEN start_position > previous_end THEN 'a hole' ELSE 'an overlap' END) AS problem
FROM (
    SELECT object, object_identity, load_id, start_position,
        coalesce(lag(end_position) OVER (
            PARTITION BY source_id, object_identity ORDER BY start_position
        ), 0) AS previous_end
    FROM daybook.loads
) AS ranges
WHERE start_position <> previous_end
ORDER BY problem

-- The tables in whose files lies what was deleted: the leaves of some days ($1), rejects, and models that changed ($2).
SELECT c.oid::regclass::text
FROM pg_catalog.pg_class AS c
WHERE c.relkind = 'r'
    AND c.oid IN (
        SELECT daybook.find_leaf(day) FROM unnest($1::date[]) AS day
        UNION ALL
        SELECT to_regclass(model) FROM unnest($2::text[]) AS model
        UNION ALL
        SELECT * FROM unnest(ARRAY['daybook.rejects', 'daybook.alerts', 'daybook.notifications', 'raw.original_packs', 'raw.event_segments', 'daybook.touched_cases', 'daybook.case_paths', 'daybook.user_days', 'report.case_keys']::regclass[])
    )
ORDER BY 1

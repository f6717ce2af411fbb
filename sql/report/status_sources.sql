-- How fresh each source is.
SELECT o.pipeline || '.' || o.name AS source, l.latest_event, l.last_load,
    extract(epoch FROM o.lateness)::double precision AS lateness_seconds,
    l.loaded, l.rejected,
    extract(epoch FROM now() - l.last_load)::double precision AS silent_seconds,
    f.age_seconds, f.warn_seconds, f.error_seconds, f.freshness
FROM daybook.sources AS o
JOIN daybook.source_freshness AS f USING (source_id)
CROSS JOIN LATERAL (
    SELECT max(max_occurred_at) AS latest_event, max(loaded_at) FILTER (WHERE loaded > 0) AS last_load,
        coalesce(sum(loaded), 0)::bigint AS loaded, coalesce(sum(rejected), 0)::bigint AS rejected
    FROM daybook.loads
    WHERE source_id = o.source_id
) AS l
ORDER BY source

-- Removes them from their days ($1, so that no other leaf is opened), and has the ledger know that they are gone.
WITH gone AS (
    DELETE FROM raw.events_by_day AS r
    USING pg_temp.erased AS e
    WHERE r.event_day = ANY ($1::date[]) AND r.event_day = e.event_day AND r.case_id = e.case_id AND r.event_id = e.event_id
        AND r.source_id = e.source_id AND r.occurred_at = e.occurred_at
    RETURNING r.load_id, r.source_id, r.case_id, r.event_id
),
noted AS (
    INSERT INTO daybook.erased_events (digest)
    SELECT DISTINCT daybook.erasure_digest(source_id, case_id, event_id) FROM gone
    ON CONFLICT DO NOTHING
),
counted AS (
    UPDATE daybook.loads AS l
    SET dropped = l.dropped + g.events
    FROM (SELECT load_id, count(*) AS events FROM gone GROUP BY load_id) AS g
    WHERE l.load_id = g.load_id
    RETURNING g.events
)
SELECT coalesce(sum(events), 0)::bigint AS events FROM counted

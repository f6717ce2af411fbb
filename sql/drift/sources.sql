-- The sources whose events are looked at, and the times between which that is done. Fills pg_temp.drift_sources.
-- $1: pipelines, null for all   $2: the length of the window
--
-- What events are like is looked at in the last of them that a source has told, from from_hour on: a source whose
-- batches come later than those of others has not vanished. How many came is looked at up to until: where a source is
-- further behind than it usually is, up to what the other sources of its pipeline have told, or to when its pipeline
-- last ran. Usual is what was so of nine in ten of the runs that brought something.
WITH runs AS (
    SELECT source_id, run_id, min(min_occurred_at) AS earliest, least(max(max_occurred_at), now()) AS latest,
        max(loaded_at) AS arrived_at
    FROM daybook.loads
    WHERE loaded > 0
        -- What waits for its day to be finished is not in raw.events yet.
        AND load_id NOT IN (SELECT load_id FROM daybook.building)
    GROUP BY source_id, run_id
),
paces AS (
    SELECT source_id, earliest, latest, arrived_at,
        arrived_at - lag(arrived_at) OVER arrivals AS pause,
        arrived_at - max(latest) OVER arrivals AS age
    FROM runs
    WINDOW arrivals AS (PARTITION BY source_id ORDER BY arrived_at)
),
usual AS (
    SELECT source_id, min(earliest) AS earliest, max(latest) AS latest,
        coalesce(percentile_disc(0.9) WITHIN GROUP (ORDER BY pause), '0') AS pause,
        percentile_disc(0.9) WITHIN GROUP (ORDER BY age) AS age
    FROM paces
    GROUP BY source_id
),
told AS (
    SELECT o.source_id, o.pipeline || '.' || o.name AS source, u.earliest, u.latest,
        -- Events that are older when they come are a history; no clock but their own says how far it goes.
        greatest(
            max(u.latest) OVER (PARTITION BY o.pipeline),
            CASE WHEN u.pause > '0' AND u.age < '1 day' THEN ran.last_at - u.age END
        ) AS expected_until,
        o.lateness + 2 * u.pause AS patience
    FROM daybook.sources AS o
    JOIN usual AS u USING (source_id)
    CROSS JOIN LATERAL (
        SELECT max(started_at) AS last_at
        FROM daybook.runs
        WHERE pipeline = o.pipeline AND status = 'succeeded'
    ) AS ran
    WHERE o.retired_at IS NULL AND ($1::text[] IS NULL OR o.pipeline = ANY ($1::text[]))
),
windows AS (
    SELECT *, CASE WHEN expected_until - latest > patience THEN expected_until ELSE latest END AS until
    FROM told
)
SELECT source_id, source, earliest, latest, until,
    floor(extract(epoch FROM until - latest) / 604800)::int AS silent_weeks,
    report.hour(latest - $2::interval) AS from_hour,
    -- The hour of the latest event is not over.
    report.hour(until - $2::interval) AS volume_from, report.hour(until) AS volume_to
FROM windows

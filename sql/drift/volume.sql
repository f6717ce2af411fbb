-- Stretches of hours in which a source told nothing, or much less or much more than in the same hours of the weeks
-- before; of a source that has been silent for weeks, before that. The hour that is not over is left out.
-- $1: a silence tells something where so many events were to be expected; and more than usual, where it is so many more
WITH hours AS (
    SELECT source_id, hour_start, sum(events) AS events
    FROM pg_temp.drift_hours
    GROUP BY source_id, hour_start
),
compared AS (
    SELECT s.source_id, hour_start,
        (
            SELECT coalesce(sum(events), 0) FROM hours AS h
            WHERE h.source_id = s.source_id AND h.hour_start = hour.hour_start
        ) AS events,
        ARRAY(
            SELECT coalesce(h.events, 0)
            FROM generate_series(s.silent_weeks + 1, s.silent_weeks + s.weeks) AS week
            LEFT JOIN hours AS h
                ON h.source_id = s.source_id AND h.hour_start = hour.hour_start - week * interval '168 hours'
        ) AS events_before
    FROM pg_temp.drift_judged AS s
    CROSS JOIN LATERAL generate_series(s.volume_from, s.volume_to - interval '1 hour', interval '1 hour')
        AS hour (hour_start)
    WHERE s.weeks >= 2
),
spread AS (
    SELECT c.*, m.median, m.least, m.most,
        (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(before - m.median))
            FROM unnest(events_before) AS before
        ) AS deviation
    FROM compared AS c
    CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY before) AS median, min(before) AS least, max(before) AS most
        FROM unnest(events_before) AS before
    ) AS m
),
-- What differs by half may do so where the weeks differ too, or where few events come: of those that come by chance the
-- root of their number is the spread.
verdicts AS (
    SELECT *,
        CASE
            WHEN events = 0 AND least > 0 THEN 'silent'
            WHEN events < median - margin THEN 'volume low'
            WHEN events > median + margin AND events - median >= $1::bigint THEN 'volume high'
        END AS kind
    FROM spread
    CROSS JOIN LATERAL (SELECT greatest(5 * deviation, median / 2, 5 * sqrt(median)) AS margin) AS m
),
stretches AS (
    -- Hours that follow each other are as far from their numbers.
    SELECT *,
        hour_start - row_number() OVER (PARTITION BY source_id, kind ORDER BY hour_start) * interval '1 hour' AS stretch
    FROM verdicts
    WHERE kind IS NOT NULL
)
SELECT s.source, t.kind, min(t.hour_start) AS from_hour, max(t.hour_start) + interval '1 hour' AS to_hour,
    count(*) AS hours, sum(t.events) AS events, round(sum(t.median))::bigint AS expected, s.weeks, s.latest
FROM stretches AS t
JOIN pg_temp.drift_judged AS s USING (source_id)
GROUP BY s.source_id, s.source, s.weeks, s.latest, t.kind, t.stretch
HAVING t.kind <> 'silent' OR sum(t.median) >= $1::bigint
ORDER BY s.source, from_hour

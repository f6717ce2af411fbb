-- Alerts: rules, what they found, and the outbox of what is to be said about it.
CREATE TABLE daybook.channels (
    channel         text PRIMARY KEY,
    kind            text NOT NULL,
    group_wait      interval NOT NULL,
    group_interval  interval NOT NULL,
    repeat_interval interval,
    quiet_from      time,
    quiet_to        time,
    quiet_zone      text,
    quiet_days      integer[]
);
COMMENT ON TABLE daybook.channels IS 'The channels of the project, as it defines them now, without their secrets';
COMMENT ON COLUMN daybook.channels.channel IS 'The channel';
COMMENT ON COLUMN daybook.channels.kind IS 'mail, webhook, slack or command';
COMMENT ON COLUMN daybook.channels.group_wait IS 'How long the first news of a rule waits for others';
COMMENT ON COLUMN daybook.channels.group_interval IS 'How long after a message of a rule the next may follow';
COMMENT ON COLUMN daybook.channels.repeat_interval IS 'After how long what still fires is told again; null: never';
COMMENT ON COLUMN daybook.channels.quiet_from IS 'From when in the day only critical news is told; null: no hours are quiet';
COMMENT ON COLUMN daybook.channels.quiet_to IS 'Until when; before quiet_from, or equal to it, it is of the next day';
COMMENT ON COLUMN daybook.channels.quiet_zone IS 'The time zone of both';
COMMENT ON COLUMN daybook.channels.quiet_days IS 'The days on which quiet hours begin, 1 (Monday) to 7; null: every day';

CREATE TABLE daybook.alert_rules (
    rule        text PRIMARY KEY,
    pipeline    text NOT NULL,
    type        text NOT NULL
        CHECK (type IN ('overdue', 'attainment', 'burn_rate', 'stuck', 'freshness', 'event_count')),
    sla         text,
    parameters  jsonb NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    channels    text[],
    description text,
    defined_at  timestamptz NOT NULL DEFAULT now(),
    told_from   timestamptz,
    retired_at  timestamptz
);
COMMENT ON TABLE daybook.alert_rules IS 'What is to be told to whom; written from the pipeline files before each transform';
COMMENT ON COLUMN daybook.alert_rules.rule IS 'The rule''s name, unique in the project';
COMMENT ON COLUMN daybook.alert_rules.pipeline IS 'The pipeline that defines it';
COMMENT ON COLUMN daybook.alert_rules.type IS 'overdue, attainment, burn_rate, stuck, freshness or event_count';
COMMENT ON COLUMN daybook.alert_rules.sla IS 'The SLA that it watches; null where it watches none';
COMMENT ON COLUMN daybook.alert_rules.parameters IS 'What else its type needs; durations in seconds';
COMMENT ON COLUMN daybook.alert_rules.severity IS 'info, warning or critical';
COMMENT ON COLUMN daybook.alert_rules.channels IS 'To whom it is told; null: to every channel of the project';
COMMENT ON COLUMN daybook.alert_rules.description IS 'What its reader should know, in the words of who defined it';
COMMENT ON COLUMN daybook.alert_rules.defined_at IS 'When it was first seen';
COMMENT ON COLUMN daybook.alert_rules.told_from IS 'Deadlines that were passed before this, by the SLA''s clock, are told only where they still are; null until it was first judged';
COMMENT ON COLUMN daybook.alert_rules.retired_at IS 'When it was found to be no longer defined; null while it is';

CREATE TABLE daybook.alerts (
    alert_id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule                  text NOT NULL REFERENCES daybook.alert_rules,
    case_id               text COLLATE "C" NOT NULL,
    cycle                 integer NOT NULL,
    state                 text NOT NULL CHECK (state IN ('firing', 'resolved', 'withdrawn')),
    since                 timestamptz NOT NULL,
    detected_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    detected_late_seconds double precision NOT NULL,
    ended_at              timestamptz,
    reason                text,
    value                 double precision,
    summary               text NOT NULL,
    details               jsonb NOT NULL,
    acknowledged_at       timestamptz,
    acknowledged_by       text,
    fired                 integer NOT NULL DEFAULT 1,
    CHECK ((state = 'firing') = (ended_at IS NULL)),
    UNIQUE (rule, case_id, cycle)
);
CREATE INDEX ON daybook.alerts (rule, case_id) WHERE state = 'firing';
CREATE INDEX ON daybook.alerts (rule) WHERE state = 'withdrawn';
CREATE INDEX ON daybook.alerts (detected_at);
COMMENT ON TABLE daybook.alerts IS 'Every breach that a rule found, once: a row for each rule, case and cycle';
COMMENT ON COLUMN daybook.alerts.alert_id IS 'The alert';
COMMENT ON COLUMN daybook.alerts.rule IS 'The rule that found it';
COMMENT ON COLUMN daybook.alerts.case_id IS 'The case; of rules that watch no cases the SLA, source, service or type';
COMMENT ON COLUMN daybook.alerts.cycle IS 'The cycle of the case, as in report.fact_sla; of rules that watch no cases the count of times that it came to this';
COMMENT ON COLUMN daybook.alerts.state IS 'firing; then resolved, or withdrawn where it turned out that it never was so';
COMMENT ON COLUMN daybook.alerts.since IS 'Since when it is so: of overdue the deadline';
COMMENT ON COLUMN daybook.alerts.detected_at IS 'When a run found it';
COMMENT ON COLUMN daybook.alerts.detected_late_seconds IS 'Seconds from since to detected_at';
COMMENT ON COLUMN daybook.alerts.ended_at IS 'When a run found that it is over';
COMMENT ON COLUMN daybook.alerts.reason IS 'Why it is over';
COMMENT ON COLUMN daybook.alerts.value IS 'The number that was judged: seconds, a share, a rate or a count; null of overdue';
COMMENT ON COLUMN daybook.alerts.summary IS 'What is wrong, in a line';
COMMENT ON COLUMN daybook.alerts.details IS 'What else is known of it';
COMMENT ON COLUMN daybook.alerts.acknowledged_at IS 'When somebody took it on: it is not told again until it is over';
COMMENT ON COLUMN daybook.alerts.acknowledged_by IS 'Who did';
COMMENT ON COLUMN daybook.alerts.fired IS 'How often it fired: again where it was withdrawn, and then came to this after all';

CREATE TABLE daybook.silences (
    silence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule       text,
    case_id    text COLLATE "C",
    until      timestamptz NOT NULL,
    reason     text,
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE daybook.silences IS 'What is not to be told for a while';
COMMENT ON COLUMN daybook.silences.silence_id IS 'The silence';
COMMENT ON COLUMN daybook.silences.rule IS 'The rule whose alerts are not told; null: of all';
COMMENT ON COLUMN daybook.silences.case_id IS 'The case of which nothing is told; null: of all';
COMMENT ON COLUMN daybook.silences.until IS 'Until when';
COMMENT ON COLUMN daybook.silences.reason IS 'Why';
COMMENT ON COLUMN daybook.silences.made_by IS 'Who said so';
COMMENT ON COLUMN daybook.silences.made_at IS 'When';

CREATE TABLE daybook.notifications (
    notification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel         text NOT NULL,
    rule            text NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    is_repeat       boolean NOT NULL,
    body            jsonb NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at        timestamptz,
    sent_at         timestamptz,
    error           text
);
CREATE INDEX ON daybook.notifications (channel, notification_id) WHERE sent_at IS NULL;
CREATE INDEX ON daybook.notifications (channel, rule, notification_id);
COMMENT ON TABLE daybook.notifications IS 'The outbox: a message to a channel, written before it is sent';
COMMENT ON COLUMN daybook.notifications.notification_id IS 'The message';
COMMENT ON COLUMN daybook.notifications.channel IS 'The channel that it goes to';
COMMENT ON COLUMN daybook.notifications.rule IS 'The rule of whose alerts it tells';
COMMENT ON COLUMN daybook.notifications.idempotency_key IS 'Goes with it on every attempt: a message that comes twice has the same key';
COMMENT ON COLUMN daybook.notifications.is_repeat IS 'Whether it tells again what was told before';
COMMENT ON COLUMN daybook.notifications.body IS 'What it tells';
COMMENT ON COLUMN daybook.notifications.made_at IS 'When it was written';
COMMENT ON COLUMN daybook.notifications.attempts IS 'How often it was sent in vain, or once more where it was sent';
COMMENT ON COLUMN daybook.notifications.next_attempt_at IS 'When it is to be tried next';
COMMENT ON COLUMN daybook.notifications.tried_at IS 'When it was tried last';
COMMENT ON COLUMN daybook.notifications.sent_at IS 'When the channel took it; null until then';
COMMENT ON COLUMN daybook.notifications.error IS 'Why the last attempt failed';

CREATE TABLE daybook.alert_news (
    alert_id        bigint NOT NULL REFERENCES daybook.alerts,
    fired           integer NOT NULL,
    channel         text NOT NULL,
    state           text NOT NULL CHECK (state IN ('firing', 'resolved', 'withdrawn')),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    notification_id bigint REFERENCES daybook.notifications,
    dropped_at      timestamptz,
    PRIMARY KEY (alert_id, fired, channel, state)
);
CREATE INDEX ON daybook.alert_news (channel) WHERE notification_id IS NULL AND dropped_at IS NULL;
CREATE INDEX ON daybook.alert_news (notification_id);
COMMENT ON TABLE daybook.alert_news IS 'What has happened to alerts, for each channel that is to hear of it';
COMMENT ON COLUMN daybook.alert_news.alert_id IS 'The alert';
COMMENT ON COLUMN daybook.alert_news.fired IS 'Which time that it fired this is about';
COMMENT ON COLUMN daybook.alert_news.channel IS 'The channel';
COMMENT ON COLUMN daybook.alert_news.state IS 'What the alert became';
COMMENT ON COLUMN daybook.alert_news.at IS 'When';
COMMENT ON COLUMN daybook.alert_news.notification_id IS 'The message that tells it; null while it waits for one';
COMMENT ON COLUMN daybook.alert_news.dropped_at IS 'When it was decided not to tell it: it was over before its silence was';

-- How old what is known is: who asks for the end of a case has to have asked its sources after the deadline.
CREATE VIEW daybook.sla_evidence AS
SELECT s.sla, s.clock, s.as_of,
    CASE WHEN s.clock = 'data' THEN s.as_of ELSE least(s.as_of, min(asked.at - o.lateness)) END AS at,
    -- Nobody has asked them yet.
    count(*) FILTER (WHERE asked.at IS NULL) > 0 AND s.clock = 'wall' AS is_unknown,
    array_agg(o.pipeline || '.' || o.name ORDER BY o.pipeline, o.name)
        FILTER (WHERE f.freshness = 'stale' AND s.clock = 'wall') AS stale_sources
FROM daybook.slas AS s
JOIN daybook.sources AS o
    ON o.retired_at IS NULL
    AND (
        o.entity = s.entity
        OR EXISTS (
            SELECT FROM daybook.source_entities AS t WHERE t.source_id = o.source_id AND t.entity = s.entity
        )
    )
JOIN daybook.source_freshness AS f USING (source_id)
LEFT JOIN LATERAL (
    SELECT r.started_at AS at
    FROM daybook.runs AS r
    WHERE r.pipeline = o.pipeline AND r.has_loaded
    ORDER BY r.run_id DESC
    LIMIT 1
) AS asked ON true
GROUP BY s.sla, s.clock, s.as_of;
COMMENT ON VIEW daybook.sla_evidence IS 'Up to when the sources of an SLA were asked, and which of them are stale';
COMMENT ON COLUMN daybook.sla_evidence.sla IS 'The SLA';
COMMENT ON COLUMN daybook.sla_evidence.clock IS 'wall or data';
COMMENT ON COLUMN daybook.sla_evidence.as_of IS 'The time at which open cases were last judged';
COMMENT ON COLUMN daybook.sla_evidence.at IS 'Deadlines before this are known to be missed where no end was loaded';
COMMENT ON COLUMN daybook.sla_evidence.is_unknown IS 'Whether a source was never asked';
COMMENT ON COLUMN daybook.sla_evidence.stale_sources IS 'Those whose latest event is too old; null where none is';

-- 90 seconds are 1m 30s.
CREATE FUNCTION daybook.duration_text(seconds double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT CASE
        WHEN seconds < 1 THEN round(seconds::numeric, 3)::float8 || 's'
        ELSE coalesce(
            (
                SELECT string_agg(part, ' ' ORDER BY place)
                FROM (
                    SELECT place, part
                    FROM (
                        VALUES (1, floor(seconds / 86400), 'd'), (2, mod(floor(seconds / 3600)::bigint, 24), 'h'),
                            (3, mod(floor(seconds / 60)::bigint, 60), 'm'), (4, mod(floor(seconds)::bigint, 60), 's')
                    ) AS units (place, amount, unit)
                    CROSS JOIN LATERAL (SELECT amount::bigint || unit AS part) AS texts
                    WHERE amount > 0
                    ORDER BY place
                    LIMIT 2
                ) AS greatest
            ),
            '0s')
    END;
END;
COMMENT ON FUNCTION daybook.duration_text IS 'Seconds in the two greatest units: 3d, 1h 30m';

CREATE FUNCTION daybook.iso_time(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
COMMENT ON FUNCTION daybook.iso_time IS 'A time as ISO 8601 has it, UTC, to the millisecond';

-- When what is due at a time may be told: at once, or at the end of the quiet hours that it falls into.
CREATE FUNCTION daybook.after_quiet_hours(
    at timestamptz, quiet_from time, quiet_to time, zone text, days integer[]
) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    local_at timestamp;
    quiet_until timestamp;
BEGIN
    IF quiet_from IS NULL THEN
        RETURN at;
    END IF;
    -- Where one ends another may begin: of a week at most.
    FOR round IN 1..8 LOOP
        local_at := at AT TIME ZONE zone;
        SELECT max(began + CASE WHEN quiet_to > quiet_from THEN quiet_to - quiet_from
                ELSE quiet_to - quiet_from + interval '1 day' END)
        INTO quiet_until
        FROM unnest(ARRAY[local_at::date - 1, local_at::date]) AS day
        CROSS JOIN LATERAL (SELECT day + quiet_from AS began) AS b
        WHERE (days IS NULL OR extract(isodow FROM day)::int = ANY (days))
            AND began <= local_at
            AND local_at < began + CASE WHEN quiet_to > quiet_from THEN quiet_to - quiet_from
                ELSE quiet_to - quiet_from + interval '1 day' END;
        EXIT WHEN quiet_until IS NULL;
        at := quiet_until AT TIME ZONE zone;
    END LOOP;
    RETURN at;
END
$function$;
COMMENT ON FUNCTION daybook.after_quiet_hours IS 'A time, or the end of the quiet hours that it falls into';

-- Which messages are to be composed, and when: news of a rule for a channel, or what still fires once more.
CREATE VIEW daybook.due_messages AS
WITH silenced AS (
    SELECT rule, case_id FROM daybook.silences WHERE until > now()
),
news AS (
    SELECT n.channel, a.rule, min(n.at) AS since
    FROM daybook.alert_news AS n
    JOIN daybook.alerts AS a USING (alert_id)
    WHERE n.notification_id IS NULL AND n.dropped_at IS NULL
        AND NOT EXISTS (
            SELECT FROM silenced AS s
            WHERE (s.rule IS NULL OR s.rule = a.rule) AND (s.case_id IS NULL OR s.case_id = a.case_id)
        )
    GROUP BY n.channel, a.rule
),
firing AS (
    SELECT n.channel, a.rule
    FROM daybook.alerts AS a
    JOIN daybook.alert_news AS n USING (alert_id, fired)
    -- What is told once needs no look.
    JOIN daybook.channels AS c ON c.channel = n.channel AND c.repeat_interval IS NOT NULL
    WHERE a.state = 'firing' AND a.acknowledged_at IS NULL AND n.state = 'firing' AND n.notification_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM silenced AS s
            WHERE (s.rule IS NULL OR s.rule = a.rule) AND (s.case_id IS NULL OR s.case_id = a.case_id)
        )
    GROUP BY n.channel, a.rule
),
due AS (
    SELECT c.*, r.rule, r.severity, news.since IS NULL AS is_repeat,
        CASE
            WHEN news.since IS NOT NULL THEN greatest(news.since + c.group_wait, last.made_at + c.group_interval)
            ELSE last.made_at + c.repeat_interval
        END AS at
    FROM (
        SELECT channel, rule FROM news
        UNION
        SELECT channel, rule FROM firing
    ) AS groups
    JOIN daybook.channels AS c USING (channel)
    JOIN daybook.alert_rules AS r USING (rule)
    LEFT JOIN news USING (channel, rule)
    LEFT JOIN LATERAL (
        SELECT max(n.made_at) AS made_at, bool_or(n.sent_at IS NULL) AS is_waiting
        FROM daybook.notifications AS n
        WHERE n.channel = groups.channel AND n.rule = groups.rule
    ) AS last ON true
    -- What waits for its channel is not to be repeated.
    WHERE news.since IS NOT NULL OR NOT last.is_waiting
)
SELECT channel, rule, is_repeat,
    CASE
        WHEN severity = 'critical' THEN at
        ELSE daybook.after_quiet_hours(at, quiet_from, quiet_to, quiet_zone, quiet_days)
    END AS due_at
FROM due
WHERE at IS NOT NULL;
COMMENT ON VIEW daybook.due_messages IS 'Messages that are to be composed, and when';
COMMENT ON COLUMN daybook.due_messages.channel IS 'The channel that the message is for';
COMMENT ON COLUMN daybook.due_messages.rule IS 'The rule of whose alerts it tells';
COMMENT ON COLUMN daybook.due_messages.is_repeat IS 'Whether it tells what was told before';
COMMENT ON COLUMN daybook.due_messages.due_at IS 'When';

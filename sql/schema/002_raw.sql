-- Raw events: one leaf a day below raw.events_by_day; readers use the views.
CREATE TABLE raw.events_by_day (
    occurred_at    timestamptz NOT NULL,
    load_id        bigint NOT NULL,
    position       bigint NOT NULL,
    sequence       bigint,
    event_day      date NOT NULL,
    source_id      integer NOT NULL,
    entity         text NOT NULL,
    case_id        text COLLATE "C" NOT NULL,
    event_id       text COLLATE "C" NOT NULL,
    type           text NOT NULL,
    service        text NOT NULL,
    user_id        text,
    correlation_id text,
    details        jsonb
) PARTITION BY RANGE (event_day);
COMMENT ON TABLE raw.events_by_day IS 'The storage beneath raw.events: one leaf for each UTC day';
COMMENT ON COLUMN raw.events_by_day.occurred_at IS 'When it happened (event time)';
COMMENT ON COLUMN raw.events_by_day.load_id IS 'The batch that brought it; see daybook.loads';
COMMENT ON COLUMN raw.events_by_day.position IS 'Where in that object: byte offset of the record';
COMMENT ON COLUMN raw.events_by_day.sequence IS 'The emitter''s own order, where it has one';
COMMENT ON COLUMN raw.events_by_day.event_day IS 'UTC day of occurred_at';
COMMENT ON COLUMN raw.events_by_day.source_id IS 'The scope in which event_id is unique; see daybook.sources';
COMMENT ON COLUMN raw.events_by_day.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN raw.events_by_day.case_id IS 'Which one; the event_id where the source names none';
COMMENT ON COLUMN raw.events_by_day.event_id IS 'The event, from the source or derived; stable across re-reads';
COMMENT ON COLUMN raw.events_by_day.type IS 'What happened, namespaced by dots';
COMMENT ON COLUMN raw.events_by_day.service IS 'Who emitted it';
COMMENT ON COLUMN raw.events_by_day.user_id IS 'The user it concerns, where the source says';
COMMENT ON COLUMN raw.events_by_day.correlation_id IS 'Request or trace id, where the source says';
COMMENT ON COLUMN raw.events_by_day.details IS 'Everything else that came';

CREATE VIEW raw.events AS
SELECT occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
    service, user_id, correlation_id, details
FROM raw.events_by_day;
COMMENT ON VIEW raw.events IS 'Every event as it came; filter on event_day or occurred_at to read few days';
COMMENT ON COLUMN raw.events.occurred_at IS 'When it happened (event time)';
COMMENT ON COLUMN raw.events.load_id IS 'The batch that brought it; see daybook.loads';
COMMENT ON COLUMN raw.events.position IS 'Where in that object: byte offset of the record';
COMMENT ON COLUMN raw.events.sequence IS 'The emitter''s own order, where it has one';
COMMENT ON COLUMN raw.events.event_day IS 'UTC day of occurred_at';
COMMENT ON COLUMN raw.events.source_id IS 'The scope in which event_id is unique; see daybook.sources';
COMMENT ON COLUMN raw.events.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN raw.events.case_id IS 'Which one; the event_id where the source names none';
COMMENT ON COLUMN raw.events.event_id IS 'The event, from the source or derived; stable across re-reads';
COMMENT ON COLUMN raw.events.type IS 'What happened, namespaced by dots';
COMMENT ON COLUMN raw.events.service IS 'Who emitted it';
COMMENT ON COLUMN raw.events.user_id IS 'The user it concerns, where the source says';
COMMENT ON COLUMN raw.events.correlation_id IS 'Request or trace id, where the source says';
COMMENT ON COLUMN raw.events.details IS 'Everything else that came';

-- An event that came again with another time is a new version; the latest to arrive is the one that counts.
CREATE VIEW raw.current_events AS
SELECT DISTINCT ON (case_id, source_id, event_id)
    occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type,
    service, user_id, correlation_id, details
FROM raw.events
ORDER BY case_id, source_id, event_id, load_id DESC, position DESC;
COMMENT ON VIEW raw.current_events IS 'raw.events without superseded versions: one row for each event';
COMMENT ON COLUMN raw.current_events.occurred_at IS 'When it happened (event time), by the latest version';
COMMENT ON COLUMN raw.current_events.load_id IS 'The batch that brought it; see daybook.loads';
COMMENT ON COLUMN raw.current_events.position IS 'Where in that object: byte offset of the record';
COMMENT ON COLUMN raw.current_events.sequence IS 'The emitter''s own order, where it has one';
COMMENT ON COLUMN raw.current_events.event_day IS 'UTC day of occurred_at';
COMMENT ON COLUMN raw.current_events.source_id IS 'The scope in which event_id is unique; see daybook.sources';
COMMENT ON COLUMN raw.current_events.entity IS 'What kind of thing the case is';
COMMENT ON COLUMN raw.current_events.case_id IS 'Which one; the event_id where the source names none';
COMMENT ON COLUMN raw.current_events.event_id IS 'The event, from the source or derived; stable across re-reads';
COMMENT ON COLUMN raw.current_events.type IS 'What happened, namespaced by dots';
COMMENT ON COLUMN raw.current_events.service IS 'Who emitted it';
COMMENT ON COLUMN raw.current_events.user_id IS 'The user it concerns, where the source says';
COMMENT ON COLUMN raw.current_events.correlation_id IS 'Request or trace id, where the source says';
COMMENT ON COLUMN raw.current_events.details IS 'Everything else that came';

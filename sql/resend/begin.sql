-- Notes that an event is about to be sent, for the nth time; no row where somebody else has begun so.
INSERT INTO daybook.resent (target, format, case_id, event_id, source_id, occurred_at, type, nth, state, sent_by)
VALUES ($1, $2, $3, $4, $5::int, $6::timestamptz, $7, $8::int, 'sending', $9)
ON CONFLICT DO NOTHING
RETURNING resend_id

-- What was sent on, latest first: $1 of a case, or all; $2 so many.
SELECT r.resend_id, to_char(r.begun_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begun_at,
    to_char(r.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS ended_at,
    r.state, r.target, r.format, r.nth, r.case_id, r.event_id, r.type,
    to_char(r.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
    r.sent_by, r.attempts, r.answer
FROM daybook.resent AS r
WHERE $1::text IS NULL OR r.case_id = $1::text
ORDER BY r.resend_id DESC
LIMIT $2::bigint

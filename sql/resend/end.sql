-- Notes what came of a sending ($1): the state, the attempts, and what the target said.
UPDATE daybook.resent
SET state = $2, attempts = $3::int, answer = $4, ended_at = clock_timestamp()
WHERE resend_id = $1::bigint

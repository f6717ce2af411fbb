-- The same span some time before, by the calendar of the session's zone.
-- $1: from   $2: to   $3: how long before
SELECT $1::timestamptz - $3::interval AS from_hour, $2::timestamptz - $3::interval AS until_hour,
    to_char($1::timestamptz - $3::interval, 'DD Mon YYYY, HH24:MI') AS from_text,
    to_char($2::timestamptz - $3::interval, 'DD Mon YYYY, HH24:MI') AS until_text

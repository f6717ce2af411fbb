-- That it was done: what ($1), by whom ($2), why ($3); cases ($4), rejects ($5), events ($6), alerts ($7), messages ($8).
INSERT INTO daybook.erasures (kind, erased_by, reason, cases, rejects, events, alerts, messages)
SELECT $1, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint,
    $8::bigint

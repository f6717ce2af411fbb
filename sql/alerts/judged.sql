-- What rules that watch no deadlines find: whether it is so (null where that cannot be said now), and since when.
CREATE TEMPORARY TABLE judged (
    rule        text NOT NULL,
    case_id     text COLLATE "C" NOT NULL,
    is_breached boolean,
    since       timestamptz NOT NULL,
    value       double precision,
    summary     text NOT NULL,
    details     jsonb NOT NULL,
    ending      text
) ON COMMIT DROP

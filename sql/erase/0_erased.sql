-- The keys of what is to go.
CREATE TEMPORARY TABLE erased (
    event_day   date NOT NULL,
    case_id     text COLLATE "C" NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    source_id   integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    entity      text NOT NULL,
    load_id     bigint NOT NULL,
    position    bigint NOT NULL
) ON COMMIT DROP

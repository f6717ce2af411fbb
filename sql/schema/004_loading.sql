-- What the loader leaves to the database: making a day's leaf, dropping events that are there, and days that are
-- filled without an index and finished later.

ALTER TABLE daybook.sources
    ADD COLUMN identity text NOT NULL DEFAULT 'source' CHECK (identity IN ('source', 'project')),
    ADD COLUMN on_change text NOT NULL DEFAULT 'keep_first' CHECK (on_change IN ('keep_first', 'keep_last'));
COMMENT ON COLUMN daybook.sources.identity IS 'Where its event ids are unique: within the source, or in the whole project (source_id 0)';
COMMENT ON COLUMN daybook.sources.on_change IS 'Which content stays where an event comes again with another: that of its first or of its last coming';

-- A replaced row stays the row of the load that brought it, so that the ledger's counts hold; here stands whose
-- content it shows.
CREATE TABLE daybook.replacements (
    case_id     text COLLATE "C" NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    source_id   integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_day   date NOT NULL,
    load_id     bigint NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (case_id, event_id, source_id, occurred_at)
);
CREATE INDEX ON daybook.replacements (load_id);
COMMENT ON TABLE daybook.replacements IS 'Events whose content in raw.events is not that of the load that brought the row, but of another coming of the same event (on_change)';
COMMENT ON COLUMN daybook.replacements.case_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.replacements.event_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.replacements.source_id IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.replacements.occurred_at IS 'The event''s key in raw.events';
COMMENT ON COLUMN daybook.replacements.event_day IS 'The leaf in which it lies';
COMMENT ON COLUMN daybook.replacements.load_id IS 'The load whose content the row shows';
COMMENT ON COLUMN daybook.replacements.position IS 'Where that content stood in its object';

-- An index that grows row by row is what a large load mostly waits for. A day that is new to it is therefore filled
-- without one, as a child of this table, and becomes a leaf of raw.events_by_day when the load ends. Rows of this
-- table itself came twice as it seems, and wait for their day's index to tell.
CREATE TABLE raw.building (LIKE raw.events_by_day INCLUDING COMMENTS);
CREATE INDEX ON raw.building (event_day);
COMMENT ON TABLE raw.building IS 'Events of days that a load is filling; they reach raw.events when the day is finished';

CREATE TABLE daybook.building (
    event_day date NOT NULL,
    load_id   bigint NOT NULL,
    PRIMARY KEY (event_day, load_id)
);
COMMENT ON TABLE daybook.building IS 'Loads with events that wait in raw.building, written in the transaction that copied them';
COMMENT ON COLUMN daybook.building.event_day IS 'The day that is to be finished';
COMMENT ON COLUMN daybook.building.load_id IS 'The load whose events wait for it';

CREATE FUNCTION daybook.leaf(day date) RETURNS text
LANGUAGE sql STABLE STRICT
RETURN 'raw.events_' || to_char(day, 'YYYYMMDD');
COMMENT ON FUNCTION daybook.leaf IS 'The table of a day''s events; of digits only, so it needs no quoting';

-- Not to_regclass: it may answer from before a wait for an advisory lock; a query sees what others committed since.
CREATE FUNCTION daybook.find_leaf(day date) RETURNS oid
LANGUAGE sql STABLE STRICT
RETURN (
    SELECT oid FROM pg_catalog.pg_class
    WHERE relnamespace = 'raw'::regnamespace AND relname = split_part(daybook.leaf(day), '.', 2)
);
COMMENT ON FUNCTION daybook.find_leaf IS 'The table of a day''s events; null where there is none yet';

CREATE FUNCTION daybook.is_building(day date) RETURNS boolean
LANGUAGE sql STABLE STRICT
RETURN EXISTS (
    SELECT FROM pg_catalog.pg_inherits
    WHERE inhrelid = daybook.find_leaf(day) AND inhparent = 'raw.building'::regclass
);
COMMENT ON FUNCTION daybook.is_building IS 'Whether a day is being filled without an index';

-- Two workers may meet here: the lock lets one pass, and the other finds the leaf made. A leaf is made apart and
-- attached, for ATTACH takes no lock that a SELECT minds.
CREATE FUNCTION daybook.make_leaf(day date, building boolean) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    leaf CONSTANT text := daybook.leaf(day);
BEGIN
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    IF daybook.find_leaf(day) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format($sql$
        CREATE TABLE %1$s (
            LIKE raw.events_by_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS,
            CHECK (occurred_at >= '%2$s 00:00:00+00' AND occurred_at < '%3$s 00:00:00+00')
        ) %4$s
        $sql$, leaf, day, day + 1, CASE WHEN building THEN 'INHERITS (raw.building)' END);
    EXECUTE format('COMMENT ON TABLE %s IS %L', leaf, format('Events of %s (UTC)', day));
    IF NOT building THEN
        PERFORM daybook.index_leaf(day);
        PERFORM daybook.attach_leaf(day);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.make_leaf IS 'Makes the table of a day''s events where it is missing: a leaf of raw.events_by_day, or a child of raw.building';

CREATE FUNCTION daybook.index_leaf(day date) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    EXECUTE format('ALTER TABLE %s ADD UNIQUE (case_id, event_id, source_id, occurred_at)', daybook.leaf(day));
    EXECUTE format('CREATE INDEX ON %s USING brin (load_id)', daybook.leaf(day));
END
$function$;
COMMENT ON FUNCTION daybook.index_leaf IS 'Gives a leaf the key that drops duplicates, and what finds the rows of a load';

CREATE FUNCTION daybook.attach_leaf(day date) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    EXECUTE format('ALTER TABLE raw.events_by_day ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
        daybook.leaf(day), day, day + 1);
END
$function$;
COMMENT ON FUNCTION daybook.attach_leaf IS 'Makes a day''s table a leaf of raw.events_by_day';

CREATE FUNCTION daybook.open_staging() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    IF to_regclass('pg_temp.staging') IS NULL THEN
        CREATE TEMPORARY TABLE staging (LIKE raw.events_by_day) ON COMMIT DELETE ROWS;
        CREATE INDEX staging_day ON pg_temp.staging (event_day);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.open_staging IS 'Makes the session''s staging table, which is empty in each new transaction';

-- Moves the rows of pg_temp.staging that are of this day into its leaf, dropping those that are there.
--
-- Where the content differs from what is there, on_change decides which stays: that of the first or of the last
-- coming, in the order of load and position, in whatever order parallel batches are committed. Null: each row goes
-- by the rule of its own source.
CREATE FUNCTION daybook.merge_staging(day date, on_change text)
RETURNS TABLE (load_id bigint, loaded bigint, duplicate bigint, conflicting bigint)
LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
    inserted jsonb;
BEGIN
    EXECUTE format($sql$
        WITH inserted AS (
            INSERT INTO %s AS leaf
            SELECT * FROM pg_temp.staging
            WHERE event_day = $1
            ORDER BY case_id, event_id, source_id, occurred_at, load_id, position
            ON CONFLICT DO NOTHING
            RETURNING load_id
        )
        SELECT jsonb_object_agg(load_id, rows)
        FROM (SELECT load_id, count(*) AS rows FROM inserted GROUP BY load_id) AS by_load
        $sql$, daybook.leaf(day))
    INTO inserted USING day;

    RETURN QUERY EXECUTE format($sql$
        WITH differing AS (
            SELECT new.*, coalesce(shown.load_id, old.load_id) AS old_load_id,
                coalesce(shown.position, old.position) AS old_position,
                coalesce($2, source.on_change) = 'keep_last' AS keeps_last
            FROM pg_temp.staging AS new
            JOIN %1$s AS old USING (case_id, event_id, source_id, occurred_at)
            LEFT JOIN daybook.replacements AS shown USING (case_id, event_id, source_id, occurred_at)
            LEFT JOIN daybook.loads AS load ON $2 IS NULL AND load.load_id = new.load_id
            LEFT JOIN daybook.sources AS source ON source.source_id = load.source_id
            WHERE new.event_day = $1
                AND (new.load_id, new.position) <> (old.load_id, old.position)
                AND (new.sequence, new.entity, new.type, new.service, new.user_id, new.correlation_id, new.details)
                IS DISTINCT FROM
                (old.sequence, old.entity, old.type, old.service, old.user_id, old.correlation_id, old.details)
        ),
        -- Of several comings of an event the one that may stay.
        candidate AS (
            SELECT DISTINCT ON (case_id, event_id, source_id, occurred_at) *
            FROM differing
            ORDER BY case_id, event_id, source_id, occurred_at,
                CASE WHEN keeps_last THEN load_id END DESC NULLS LAST,
                CASE WHEN keeps_last THEN position END DESC NULLS LAST,
                load_id, position
        ),
        staying AS (
            SELECT * FROM candidate
            WHERE CASE
                WHEN keeps_last THEN (load_id, position) > (old_load_id, old_position)
                ELSE (load_id, position) < (old_load_id, old_position)
            END
        ),
        replaced AS (
            UPDATE %1$s AS old
            SET sequence = new.sequence, entity = new.entity, type = new.type, service = new.service,
                user_id = new.user_id, correlation_id = new.correlation_id, details = new.details
            FROM staying AS new
            WHERE old.event_day = $1 AND old.case_id = new.case_id AND old.event_id = new.event_id
                AND old.source_id = new.source_id AND old.occurred_at = new.occurred_at
        ),
        noted AS (
            INSERT INTO daybook.replacements AS noted
                (case_id, event_id, source_id, occurred_at, event_day, load_id, position)
            SELECT case_id, event_id, source_id, occurred_at, event_day, load_id, position FROM staying
            ON CONFLICT (case_id, event_id, source_id, occurred_at)
            DO UPDATE SET load_id = excluded.load_id, position = excluded.position
        )
        SELECT staged.load_id, staged.loaded, staged.rows - staged.loaded, coalesce(differ.rows, 0)
        FROM (
            SELECT load_id, count(*) AS rows, coalesce(($3 ->> load_id::text)::bigint, 0) AS loaded
            FROM pg_temp.staging WHERE event_day = $1 GROUP BY load_id
        ) AS staged
        LEFT JOIN (SELECT load_id, count(*) AS rows FROM differing GROUP BY load_id) AS differ USING (load_id)
        ORDER BY load_id
        $sql$, daybook.leaf(day))
    USING day, on_change, inserted;
END
$function$;
COMMENT ON FUNCTION daybook.merge_staging IS 'Moves a day''s rows from staging into its leaf and counts, by load, the new ones, the duplicates, and of these the ones with another content';

-- Finishes a day that was filled without an index: the key, the rows that seemed to be there already, the ledger's
-- counts, and its place below raw.events_by_day, in the transaction of the caller, which is to be READ COMMITTED.
-- Whoever writes to the day at this moment is waited for, and finds a leaf as any other.
CREATE FUNCTION daybook.finish_day(day date) RETURNS void
LANGUAGE plpgsql AS $function$
DECLARE
    leaf CONSTANT text := daybook.leaf(day);
    merged record;
    is_building boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(1684109683, day - date '1970-01-01');
    is_building := daybook.is_building(day);
    IF is_building THEN
        EXECUTE format('ALTER TABLE %s NO INHERIT raw.building', leaf);
        BEGIN
            PERFORM daybook.index_leaf(day);
        EXCEPTION WHEN unique_violation THEN
            -- Of each event the first to come stays; the others join those that seemed to be there.
            EXECUTE format($sql$
                WITH ranked AS (
                    SELECT ctid AS place, row_number() OVER (
                        PARTITION BY case_id, event_id, source_id, occurred_at ORDER BY load_id, position
                    ) AS coming
                    FROM %1$s
                ),
                aside AS (
                    DELETE FROM %1$s AS leaf USING ranked
                    WHERE leaf.ctid = ranked.place AND ranked.coming > 1
                    RETURNING leaf.*
                )
                INSERT INTO raw.building SELECT * FROM aside
                $sql$, leaf);
            PERFORM daybook.index_leaf(day);
        END;
    END IF;

    -- In this order: what is written meanwhile keeps its note, and is finished with it later.
    DELETE FROM daybook.building WHERE event_day = day;
    PERFORM daybook.open_staging();
    WITH waiting AS (
        DELETE FROM ONLY raw.building WHERE event_day = day RETURNING *
    )
    INSERT INTO pg_temp.staging SELECT * FROM waiting;
    FOR merged IN SELECT * FROM daybook.merge_staging(day, NULL) LOOP
        -- They were counted as loaded when they were put aside.
        UPDATE daybook.loads AS l
        SET loaded = l.loaded - merged.duplicate, duplicate = l.duplicate + merged.duplicate,
            conflicting = l.conflicting + merged.conflicting
        WHERE l.load_id = merged.load_id AND merged.duplicate > 0;
    END LOOP;
    IF is_building THEN
        PERFORM daybook.attach_leaf(day);
    END IF;
END
$function$;
COMMENT ON FUNCTION daybook.finish_day IS 'Makes a day that a load filled without an index a leaf of raw.events_by_day';

CREATE INDEX ON daybook.loads (run_id);

-- Compares the rows of pg_temp.staging that are of this day, read again from their source, with what is stored.
CREATE FUNCTION daybook.compare_staging(day date)
RETURNS TABLE (load_id bigint, case_id text, event_id text, "position" bigint, difference text)
LANGUAGE plpgsql AS $function$
#variable_conflict use_column
BEGIN
    IF daybook.find_leaf(day) IS NULL THEN
        RETURN QUERY SELECT load_id, case_id, event_id, position, 'is missing from raw.events'
        FROM pg_temp.staging
        WHERE event_day = day;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        SELECT source.load_id, source.case_id, source.event_id, source.position,
            CASE WHEN stored.load_id IS NULL THEN 'is missing from raw.events' ELSE 'has another content in raw.events' END
        FROM pg_temp.staging AS source
        LEFT JOIN (
            SELECT * FROM %s
            UNION ALL
            SELECT * FROM ONLY raw.building WHERE event_day = $1
        ) AS stored USING (case_id, event_id, source_id, occurred_at)
        WHERE source.event_day = $1
            AND (
                stored.load_id IS NULL
                OR (stored.load_id, stored.position) = (source.load_id, source.position)
                AND (stored.sequence, stored.entity, stored.type, stored.service, stored.user_id,
                    stored.correlation_id, stored.details)
                IS DISTINCT FROM
                (source.sequence, source.entity, source.type, source.service, source.user_id,
                    source.correlation_id, source.details)
                AND NOT EXISTS (
                    SELECT FROM daybook.replacements AS shown
                    WHERE shown.case_id = source.case_id AND shown.event_id = source.event_id
                        AND shown.source_id = source.source_id AND shown.occurred_at = source.occurred_at
                )
            )
        $sql$, daybook.leaf(day))
    USING day;
END
$function$;
COMMENT ON FUNCTION daybook.compare_staging IS 'Events that a source holds and raw.events does not, or not so';

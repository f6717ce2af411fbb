-- Roles with no more rights than they need: readers for BI tools and analysts, and the role that loads.

-- What a reader may see of the catalogue: what an SLA is, how fresh a source is, where an event comes from. Not what was
-- rejected, who is told of what, nor where an API's pages stand. Functions of report and raw read some of it, too.
CREATE FUNCTION daybook.readable_relations() RETURNS SETOF regclass
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT c.oid::regclass
    FROM pg_class AS c
    WHERE c.relnamespace = 'daybook'::regnamespace
        AND c.relname IN (
            'slas', 'sla_types', 'sla_states', 'sources', 'entities', 'source_entities', 'source_freshness', 'event_fields',
            'key_definitions', 'loads', 'unseen_loads', 'watermarks', 'retention', 'segment_events', 'stored_days',
            'wide_cases', 'frozen_cases', 'event_kinds', 'calendar'
        );
END;
COMMENT ON FUNCTION daybook.readable_relations IS 'The tables and views of the catalogue that readers see';

-- Privileges on what is there, and on what its owner makes later. The caller is a superuser, or the owner and may make roles.
CREATE FUNCTION daybook.grant_reader(reader text, verifier text, report_only boolean, timeout interval) RETURNS boolean
LANGUAGE plpgsql AS $function$
DECLARE
    owner name := (SELECT r.rolname FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner WHERE n.nspname = 'report');
    is_new boolean := NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader);
    schema_name text;
    relation regclass;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = reader AND (rolsuper OR rolbypassrls OR rolreplication)) THEN
        RAISE EXCEPTION '% may do everything already, so that no privilege would bind it', reader
            USING HINT = 'Give the reader a role of its own.';
    END IF;
    IF NOT is_new AND pg_has_role(reader, owner, 'MEMBER') THEN
        RAISE EXCEPTION '% loads, or is a member of %, and can write', reader, owner
            USING HINT = 'Give the reader a role of its own.';
    END IF;
    IF is_new THEN
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', reader, verifier);
    END IF;
    FOREACH schema_name IN ARRAY ARRAY['report', 'raw', 'daybook'] LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', schema_name, reader);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', schema_name, reader);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I REVOKE ALL ON TABLES FROM %I', owner, schema_name, reader);
    END LOOP;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader);
    EXECUTE format('GRANT USAGE ON SCHEMA daybook TO %I', reader);
    FOR relation IN SELECT * FROM daybook.readable_relations() LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', relation, reader);
    END LOOP;
    FOREACH schema_name IN ARRAY CASE WHEN report_only THEN ARRAY['report'] ELSE ARRAY['report', 'raw'] END LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, reader);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', schema_name, reader);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I', owner, schema_name, reader);
    END LOOP;
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = on', reader, current_database());
    EXECUTE format(
        'ALTER ROLE %I IN DATABASE %I SET statement_timeout = %L', reader, current_database(),
        (extract(epoch FROM timeout) * 1000)::bigint);
    -- A reader who forgets a transaction would keep the days that it has read from being dropped.
    EXECUTE format(
        'ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = ''10min''', reader, current_database());
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = report, raw', reader, current_database());
    RETURN is_new;
END
$function$;
COMMENT ON FUNCTION daybook.grant_reader IS 'Lets a role read report, and raw unless report_only, and do nothing else here; makes it, with a password by its SCRAM verifier, where there is none: whether it did';

-- What PostgreSQL lets everybody do in a database, though it writes: for one that is Daybook's alone.
CREATE FUNCTION daybook.close_database() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC;
END
$function$;
COMMENT ON FUNCTION daybook.close_database IS 'Takes from everybody who has no right of their own what writes: temporary tables, large objects, tables in public';

-- Makes a role the owner of all that is Daybook's here, so that it can do all that loading takes, and nothing beside.
CREATE FUNCTION daybook.grant_loader(loader text, verifier text) RETURNS boolean
LANGUAGE plpgsql AS $function$
DECLARE
    old_owner oid := (SELECT nspowner FROM pg_namespace WHERE nspname = 'report');
    is_new boolean := NOT EXISTS (SELECT FROM pg_roles WHERE rolname = loader);
    change text;
    reader record;
BEGIN
    IF is_new THEN
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', loader, verifier);
    ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = loader AND rolsuper) THEN
        RAISE EXCEPTION '% may do everything already', loader USING HINT = 'Give the loader a role of its own.';
    ELSIF has_schema_privilege(loader, 'report', 'USAGE') AND old_owner <> (SELECT oid FROM pg_roles WHERE rolname = loader) THEN
        RAISE EXCEPTION '% is a reader', loader USING HINT = 'Give the loader a role of its own.';
    END IF;
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), loader);
    FOR change IN
        SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, loader)
        FROM pg_namespace
        WHERE nspname IN ('daybook', 'raw', 'report')
        UNION ALL
        -- The sequence of a column goes with its table.
        SELECT format('ALTER %s %s OWNER TO %I', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass, loader)
        FROM pg_class AS c
        WHERE c.relnamespace IN ('daybook'::regnamespace, 'raw'::regnamespace, 'report'::regnamespace)
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relowner = old_owner
            AND NOT EXISTS (
                SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S' AND d.deptype IN ('a', 'i')
            )
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, loader)
        FROM pg_proc AS p
        WHERE p.pronamespace IN ('daybook'::regnamespace, 'raw'::regnamespace, 'report'::regnamespace)
            AND p.proowner = old_owner
    LOOP
        EXECUTE change;
    END LOOP;
    -- What the new owner makes is to be read by those who read what the old one made.
    FOR reader IN
        SELECT r.rolname, NOT has_schema_privilege(r.rolname, 'raw', 'USAGE') AS report_only,
            coalesce((
                SELECT split_part(setting, '=', 2)::bigint * interval '1 millisecond'
                FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS setting
                WHERE s.setrole = r.oid AND s.setdatabase = d.oid AND starts_with(setting, 'statement_timeout=')
            ), interval '1 minute') AS timeout
        FROM pg_database AS d
        JOIN pg_namespace AS n ON n.nspname = 'report'
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS acl
        JOIN pg_roles AS r ON r.oid = acl.grantee
        WHERE d.datname = current_database() AND r.rolname <> loader AND r.oid <> old_owner AND acl.privilege_type = 'USAGE'
    LOOP
        PERFORM daybook.grant_reader(reader.rolname, NULL, reader.report_only, reader.timeout);
    END LOOP;
    RETURN is_new;
END
$function$;
COMMENT ON FUNCTION daybook.grant_loader IS 'Makes a role the owner of Daybook''s schemas and of what is in them, and lets it connect; makes it, with a password by its SCRAM verifier, where there is none: whether it did';

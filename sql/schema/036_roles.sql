-- Readers of report alone see nothing of raw, compacted days included; a loader owns the types of report, too, and other
-- roles that may read here keep what they have.

-- What fails is told without the statement, which holds the verifier.
CREATE FUNCTION daybook.make_role(name text, verifier text) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', name, verifier);
EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION '%', SQLERRM USING ERRCODE = SQLSTATE;
END
$function$;
COMMENT ON FUNCTION daybook.make_role IS 'Makes a role that may connect, with a password by its SCRAM verifier';

CREATE OR REPLACE FUNCTION daybook.grant_reader(reader text, verifier text, report_only boolean, timeout interval) RETURNS boolean
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
        PERFORM daybook.make_role(reader, verifier);
    END IF;
    FOREACH schema_name IN ARRAY ARRAY['report', 'raw', 'daybook'] LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', schema_name, reader);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', schema_name, reader);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I REVOKE ALL ON TABLES FROM %I', owner, schema_name, reader);
    END LOOP;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader);
    EXECUTE format('GRANT USAGE ON SCHEMA daybook TO %I', reader);
    FOR relation IN
        SELECT r FROM daybook.readable_relations() AS r WHERE NOT report_only OR r <> 'daybook.segment_events'::regclass
    LOOP
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

CREATE OR REPLACE FUNCTION daybook.grant_loader(loader text, verifier text) RETURNS boolean
LANGUAGE plpgsql AS $function$
DECLARE
    old_owner oid := (SELECT nspowner FROM pg_namespace WHERE nspname = 'report');
    is_new boolean := NOT EXISTS (SELECT FROM pg_roles WHERE rolname = loader);
    change text;
    reader record;
BEGIN
    IF is_new THEN
        PERFORM daybook.make_role(loader, verifier);
    ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = loader AND rolsuper) THEN
        RAISE EXCEPTION '% may do everything already', loader USING HINT = 'Give the loader a role of its own.';
    ELSIF has_schema_privilege(loader, 'report', 'USAGE') AND old_owner <> (SELECT oid FROM pg_roles WHERE rolname = loader) THEN
        RAISE EXCEPTION '% is a reader', loader USING HINT = 'Give the loader a role of its own.';
    END IF;
    -- Who gives something to a role must be of it.
    IF NOT pg_has_role(loader, 'MEMBER') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', loader);
    END IF;
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I', current_database(), loader);
    FOR change IN
        SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, loader)
        FROM pg_namespace
        WHERE nspname IN ('daybook', 'raw', 'report')
        UNION ALL
        -- The sequence of a column goes with its table.
        SELECT format('ALTER %s %s OWNER TO %I', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, c.oid::regclass, loader)
        FROM pg_class AS c
        WHERE c.relnamespace IN ('daybook'::regnamespace, 'raw'::regnamespace, 'report'::regnamespace)
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relowner = old_owner
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
            -- Others that may read here have their rights of somebody else.
            AND EXISTS (
                SELECT FROM pg_db_role_setting AS s
                WHERE s.setrole = r.oid AND s.setdatabase = d.oid AND 'default_transaction_read_only=on' = ANY (s.setconfig)
            )
    LOOP
        PERFORM daybook.grant_reader(reader.rolname, NULL, reader.report_only, reader.timeout);
    END LOOP;
    RETURN is_new;
END
$function$;

DO $do$
DECLARE
    reader name;
BEGIN
    FOR reader IN
        SELECT r.rolname
        FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
        JOIN pg_roles AS r ON r.oid = acl.grantee
        WHERE c.oid = 'daybook.segment_events'::regclass AND acl.privilege_type = 'SELECT' AND r.oid <> c.relowner
            AND NOT has_schema_privilege(r.oid, 'raw', 'USAGE')
    LOOP
        EXECUTE format('REVOKE SELECT ON daybook.segment_events FROM %I', reader);
    END LOOP;
END
$do$;

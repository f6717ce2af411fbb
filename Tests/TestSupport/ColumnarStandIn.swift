import Postgres

/// A stand-in for a server's columnar tables: the access method of the name, which keeps rows as heaps do, and refuses what
/// columnar tables refuse.
package enum ColumnarStandIn {
    package static func install(_ connection: Connection) throws {
        try connection.execute(
            """
            CREATE ACCESS METHOD columnar TYPE TABLE HANDLER heap_tableam_handler;
            CREATE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $function$
            BEGIN
                RAISE 'columnar tables know no %', TG_OP;
            END
            $function$;
            CREATE FUNCTION public.guard_columnar() RETURNS event_trigger LANGUAGE plpgsql AS $function$
            DECLARE
                made regclass;
            BEGIN
                FOR made IN
                    SELECT d.objid FROM pg_event_trigger_ddl_commands() AS d
                    JOIN pg_class AS c ON c.oid = d.objid
                    JOIN pg_am AS a ON a.oid = c.relam
                    WHERE d.classid = 'pg_class'::regclass AND a.amname = 'columnar'
                LOOP
                    EXECUTE format(
                        'CREATE OR REPLACE TRIGGER refuse BEFORE UPDATE OR DELETE ON %s EXECUTE FUNCTION public.refuse_change()', made);
                END LOOP;
            END
            $function$;
            CREATE EVENT TRIGGER guard_columnar ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
            EXECUTE FUNCTION public.guard_columnar();
            """)
    }
}

-- A search reads with several processes while nobody else works with events; beside others they would be in each other's
-- way, and who came first would keep the rest waiting. $1: the advisory lock that each search holds from before it looks
-- here: of those that begin in the same instant, none has a lock on events yet
SELECT set_config(
    'max_parallel_workers_per_gather',
    CASE
        WHEN EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            JOIN pg_catalog.pg_database AS d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.pid <> pg_backend_pid()
                AND (
                    l.relation = 'raw.events_by_day'::regclass
                    OR (
                        l.locktype = 'advisory' AND l.objsubid = 1
                        AND (l.classid::bigint << 32) | l.objid::bigint = $1::bigint
                    )
                )
        ) THEN '0'
        ELSE '4'
    END,
    false)
